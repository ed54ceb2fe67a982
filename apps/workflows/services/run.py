"""Starting, stopping and answering runs. Executing them is the runner's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, events, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import StreamEvent
from apps.core.streams import command_now
from apps.workflows import dsl, engine
from apps.workflows.exceptions import (
    ArchivedError,
    LedgerGoneError,
    NotPublishableError,
    NotPublishedError,
    RunEndedError,
)
from apps.workflows.models import (
    RunMode,
    RunState,
    Trigger,
    TriggerKind,
    Workflow,
    WorkflowRun,
    WorkflowVersion,
)
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services.document import checksum_of
from apps.workflows.services.inputs import checked_inputs
from apps.workflows.services.outcome import stop_now
from apps.workflows.services.run_file import claim_files
from apps.workflows.services.workflow import problems_of

#: NOTIFY channel on which executors hear of runs to take; the payload is the run's mode.
QUEUE_CHANNEL: Final = "workflows_queue"
#: Commands to whoever executes a run, see `core.streams.command_now`.
STOP, ANSWER = "stop", "answer"
#: Topic of `core.events` on which open lists hear of new runs, by workspace.
TOPIC: Final = "workflows.runs"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run comes from. system: further variables below `$.sys`; callback_url: told of the run's end."""

    kind: TriggerKind = TriggerKind.API
    trigger: Trigger | None = None
    parent: WorkflowRun | None = None
    external_user: str = ""
    callback_url: str = ""
    system: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def start_run(
    *,
    actor: Actor,
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    version: WorkflowVersion | None = None,
    draft: bool = False,
    mode: RunMode = RunMode.BACKGROUND,
    origin: Origin | None = None,
    query: str = "",
    files: Sequence[Mapping[str, Any]] = (),
    conversation_id: UUID | None = None,
) -> WorkflowRun:
    """Put a run into the queue; an executor takes it up when the transaction commits.

    It runs `version`, else the published version; with `draft` the draft as it stands, which needs the right to
    change the workflow. Raises NotPublishedError, NotPublishableError, ArchivedError, InputsInvalidError.
    """
    origin = origin or Origin()
    permissions.require(actor, "change" if draft else "run", workflow)
    if workflow.archived:
        raise ArchivedError(_("An archived workflow does not run."))
    chosen = None if draft else _version(workflow, version)
    document = workflow.draft if chosen is None else chosen.document
    if draft:
        _require_runnable(workflow)
    run = WorkflowRun.objects.create(
        workspace_id=workflow.workspace_id,
        workflow=workflow,
        version=chosen,
        document=document if chosen is None else None,
        checksum=checksum_of(document) if chosen is None else chosen.checksum,
        mode=mode,
        inputs=checked_inputs(document, inputs or {}),
        system={**origin.system, **_given(query, files)},
        trigger_kind=origin.kind,
        trigger=origin.trigger,
        user=actor.user,
        external_user=origin.external_user[:128],
        conversation_id=conversation_id,
        parent=origin.parent,
        queued_at=timezone.now(),
        callback_url=_callback(origin.callback_url),
        callback_state="pending" if origin.callback_url else "",
    )
    claim_files(run=run)
    audit.record(
        actor=actor,
        action="workflows.run.start",
        obj=run,
        after={"workflow": str(workflow.pk), "version": chosen.number if chosen else None, "by": str(origin.kind)},
    )  # fmt: skip
    wake_executors(mode)
    if run.parent_id is None:
        _tell_lists(run)
    return run


def wake_executors(mode: str) -> None:
    """Tell executors that there is something to take, when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [QUEUE_CHANNEL, mode])


def _tell_lists(run: WorkflowRun) -> None:
    data = {"run": str(run.pk), "workflow": str(run.workflow_id), "trigger": str(run.trigger_kind)}
    events.publish(f"{TOPIC}:{run.workspace_id}", "started", data)


@transaction.atomic
def rerun(
    *,
    actor: Actor,
    run: WorkflowRun,
    from_path: str | None = None,
    edited: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    mode: RunMode = RunMode.INTERACTIVE,
) -> WorkflowRun:
    """Run the same document again: from the beginning (perhaps with other inputs), or from a node.

    from_path: what came before that node is taken over; edited: outputs put in the place of those, by reference
    without the leading ``$.`` (``node.output``). The run has to have ended. Raises RunEndedError, LedgerGoneError.
    """
    require_starter_or(actor, "change", run)
    if run.workflow.archived:
        raise ArchivedError(_("An archived workflow does not run."))
    if from_path:
        require_ledger(run)
        _check_edits(run, from_path, edited or {})
    elif edited:
        raise Invalid(_("Edited values need a node to begin at."))
    again = WorkflowRun.objects.create(
        workspace_id=run.workspace_id,
        workflow_id=run.workflow_id,
        version_id=run.version_id,
        document=run.document,
        checksum=run.checksum,
        mode=mode,
        inputs=run.inputs if inputs is None else checked_inputs(run.source, inputs),
        system=run.system,
        trigger_kind=TriggerKind.RERUN,
        user=actor.user,
        external_user=run.external_user,
        conversation_id=run.conversation_id,
        rerun_of=run,
        rerun_from=from_path or "",
        rerun_edits=dict(edited or {}),
        queued_at=timezone.now(),
    )
    audit.record(
        actor=actor,
        action="workflows.run.rerun",
        obj=again,
        after={"of": str(run.pk), "from": from_path or "", "edited": sorted(edited or ())},
    )
    wake_executors(mode)
    _tell_lists(again)
    return again


@transaction.atomic
def cancel_run(*, actor: Actor, run: WorkflowRun, reason: str = "") -> WorkflowRun:
    """End a run. One that nobody executes ends at once, another within a tenth of a second; its starter or an
    editor may. Nothing happens when it has ended already."""
    require_starter_or(actor, "change", run)
    locked = WorkflowRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if locked.is_final or locked.stop_requested:
        return locked
    locked.stop_requested = True
    locked.stop_reason = reason[:300]
    locked.save(update_fields=["stop_requested", "stop_reason", "updated_at"])
    audit.record(actor=actor, action="workflows.run.cancel", obj=locked, after={"reason": reason[:300]})
    if locked.state == RunState.RUNNING:
        with connection.cursor() as cursor:
            command_now(cursor, locked.pk, STOP)
    else:
        stop_now(locked)
    return locked


def require_starter_or(actor: Actor, action: str, run: WorkflowRun) -> None:
    """Raise `NotAllowed` unless the actor started the run or may do `action` on it."""
    if actor.user is not None and run.user_id == actor.user.pk:
        permissions.require(actor, "run", run.workflow)
        return
    permissions.require(actor, action, run)


def require_ledger(run: WorkflowRun) -> None:
    """Raise unless the run has ended and what its nodes did is still known."""
    if not run.is_final:
        raise RunEndedError(_("The run has not ended yet; stop it first."))
    if not run.ledger_kept:
        raise LedgerGoneError(_("Start the workflow anew: what its nodes did is not known any more."))


def _check_edits(run: WorkflowRun, from_path: str, edited: Mapping[str, Any]) -> None:
    """Raise Invalid when a value is edited that the run does not have."""
    if not edited:
        return
    rows = StreamEvent.objects.filter(stream_id=run.pk).order_by("seq").values_list("type", "data")
    graph = engine.compile(dsl.parse(run.source), catalogue())
    try:
        engine.RunState.rerun_from(graph, (engine.Event(*row) for row in rows), from_path, edited)
    except KeyError as error:
        name = str(error.args[0]) if error.args else ""
        raise Invalid(
            _("The run has no value %(name)s.") % {"name": name}, errors={"edited": [name]}
        ) from None


def _version(workflow: Workflow, version: WorkflowVersion | None) -> WorkflowVersion:
    chosen = version or workflow.published
    if chosen is None:
        raise NotPublishedError(_("Publish the workflow first, or run its draft."))
    if chosen.workflow_id != workflow.pk:
        raise Invalid(_("This is a version of another workflow."))
    return chosen


def _require_runnable(workflow: Workflow) -> None:
    problems = [p for p in problems_of(workflow) if p["severity"] == "error"]
    if problems:
        raise NotPublishableError(
            _("Correct the errors first: %(first)s") % {"first": problems[0]["message"]}, problems=problems
        )


def _given(query: str, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if query:
        given["query"] = query
    if files:
        given["files"] = [dict(file) for file in files]
    return given


def _callback(url: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > 2_000:
        raise Invalid(
            _("The callback address must be an http or https URL."),
            errors={"callback_url": [_("Not an http or https URL.")]},
        )
    return url
