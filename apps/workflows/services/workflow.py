"""Workflows: drafts, published versions, files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import AuditEntry, Workspace
from apps.core.streams import purge
from apps.workflows import dsl
from apps.workflows.exceptions import ArchivedError, DraftChangedError, NotPublishableError
from apps.workflows.models import Workflow, WorkflowKind, WorkflowVersion
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services.document import (
    checksum_of,
    new_document,
    read_document,
    secret_names,
    shown_problems,
    take_secrets,
)
from apps.workflows.services.environment import WorkspaceEnvironment

_AUDITED: Final = (
    "name",
    "description",
    "icon",
    "kind",
    "concurrency",
    "keep_runs_days",
    "archived",
    "draft_revision",
    "published",
)
SAVE_DRAFT: Final = "workflows.workflow.save_draft"
#: Saves of one person within this time after the one that was audited are one edit.
ONE_EDIT: Final = timedelta(minutes=10)
_EDITABLE: Final = ("name", "description", "icon", "concurrency", "keep_runs_days")
_IN_DOCUMENT: Final = ("name", "description", "icon")
_PURGE_AT_ONCE: Final = 500


@transaction.atomic
def create_workflow(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    kind: str = WorkflowKind.WORKFLOW,
    description: str = "",
    icon: str = "account_tree",
    document: str | Mapping[str, Any] | None = None,
) -> Workflow:
    """Create a workflow with a draft: the given document, else a start and an end. Raises DocumentInvalidError."""
    permissions.require_in(actor, "add", Workflow, workspace)
    name = _named(name)
    draft = read_document(document if document is not None else new_document(name, kind, description, icon))
    draft["name"] = name
    secrets = take_secrets(draft)
    workflow = Workflow(
        workspace=workspace,
        secrets=secrets,
        draft=draft,
        draft_text="" if secrets else _text_of(document, draft),
    )
    _describe(workflow, draft)
    workflow.save(force_insert=True)
    audit.record(actor=actor, action="workflows.workflow.create", obj=workflow, after=_snapshot(workflow))
    return workflow


@transaction.atomic
def import_document(
    *, actor: Actor, workspace: Workspace, content: str | bytes | Mapping[str, Any], name: str = ""
) -> Workflow:
    """Create a workflow from a file (YAML or JSON). Raises DocumentInvalidError with all problems of its form."""
    permissions.require_in(actor, "add", Workflow, workspace)
    document = read_document(content)
    return create_workflow(
        actor=actor,
        workspace=workspace,
        name=name or str(document.get("name") or _("Imported workflow")),
        document=document,
    )


@transaction.atomic
def update_workflow(*, actor: Actor, workflow: Workflow, changes: Mapping[str, Any]) -> Workflow:
    """Change name, description, icon, concurrency or retention."""
    permissions.require(actor, "change", workflow)
    unknown = set(changes) - set(_EDITABLE)
    if unknown:
        raise TypeError(f"Workflows have no editable field {', '.join(sorted(unknown))}.")
    locked = _locked(workflow)
    before = _snapshot(locked)
    for field, value in changes.items():
        setattr(locked, field, _named(value) if field == "name" else value)
    for field in _IN_DOCUMENT:
        if field in changes and locked.draft.get(field) != getattr(locked, field):
            locked.draft[field] = getattr(locked, field)
            locked.draft_text = ""
    locked.save()
    audit.record(
        actor=actor, action="workflows.workflow.update", obj=locked, before=before, after=_snapshot(locked)
    )
    return locked


@transaction.atomic
def save_draft(
    *, actor: Actor, workflow: Workflow, document: str | Mapping[str, Any], revision: int | None
) -> Workflow:
    """Replace the draft. revision: the one the editor started from; None overwrites whatever is there.

    A draft may have errors of content, `problems_of` lists them; its form must be right. Raises DraftChangedError,
    DocumentInvalidError.
    """
    permissions.require(actor, "change", workflow)
    draft = read_document(document)
    text = _text_of(document, draft)
    return _replace_draft(actor, workflow, draft, revision, SAVE_DRAFT, text)


@transaction.atomic
def restore_version(
    *, actor: Actor, workflow: Workflow, version: WorkflowVersion, revision: int | None = None
) -> Workflow:
    """Make an earlier version the draft again."""
    permissions.require(actor, "change", workflow)
    if version.workflow_id != workflow.pk:
        raise Invalid(_("This is a version of another workflow."))
    draft = read_document(version.document)
    return _replace_draft(actor, workflow, draft, revision, "workflows.workflow.restore")


@transaction.atomic
def publish(
    *, actor: Actor, workflow: Workflow, name: str = "", note: str = "", revision: int | None = None
) -> WorkflowVersion:
    """Make the draft the version that runs use. Raises NotPublishableError with all problems, DraftChangedError.

    A draft that equals the published version only gives that version its new name and note.
    """
    permissions.require(actor, "change", workflow)
    locked = _locked(workflow)
    _require_revision(locked, revision)
    problems = problems_of(locked)
    errors = [problem for problem in problems if problem["severity"] == "error"]
    if errors:
        raise NotPublishableError(
            _("Correct the errors first: %(first)s") % {"first": errors[0]["message"]}, problems=problems
        )
    checksum = checksum_of(locked.draft)
    current = locked.published
    if current is not None and current.checksum == checksum:
        return _rename_version(actor, current, name, note)
    newest = locked.versions.order_by("-number").values_list("number", flat=True).first()
    version = WorkflowVersion.objects.create(
        workspace_id=locked.workspace_id,
        workflow=locked,
        number=(newest or 0) + 1,
        document=locked.draft,
        checksum=checksum,
        name=name[:120],
        note=note,
        created_by=actor.user,
    )
    before = _snapshot(locked)
    locked.published = version
    locked.save(update_fields=["published", "updated_at"])
    workflow.published = version
    audit.record(
        actor=actor, action="workflows.workflow.publish", obj=locked, before=before, after=_snapshot(locked)
    )
    return version


def problems_of(workflow: Workflow, document: str | Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """All that is wrong with a document (default: the draft), each with its place; errors and warnings."""
    source = workflow.draft if document is None else document
    try:
        parsed = dsl.parse(source if isinstance(source, str) else dict(source))
    except dsl.DocumentError as error:
        return shown_problems(error.problems)
    environment = WorkspaceEnvironment(workflow.workspace, workflow)
    return shown_problems(dsl.validate(parsed, catalogue(), environment=environment))


@transaction.atomic
def rename_version(*, actor: Actor, version: WorkflowVersion, name: str, note: str) -> WorkflowVersion:
    """Give a version another name and note; nothing else of it ever changes."""
    permissions.require(actor, "change", version)
    return _rename_version(actor, version, name, note)


@transaction.atomic
def set_secrets(*, actor: Actor, workflow: Workflow, values: Mapping[str, str | None]) -> Workflow:
    """Set secret environment variables by name; None or "" deletes one. They are encrypted and never given out.

    Raises Invalid for a name that neither the draft nor the published version declares.
    """
    permissions.require(actor, "change", workflow)
    locked = _locked(workflow)
    declared = {*secret_names(locked.draft)}
    if locked.published is not None:
        declared |= {*secret_names(locked.published.document)}
    unknown = sorted(name for name, value in values.items() if value and name not in declared)
    if unknown:
        raise Invalid(
            _("The workflow declares no secret variable %(name)s.") % {"name": unknown[0]},
            errors={name: [_("Declare it in the document first.")] for name in unknown},
        )
    kept = {name: value for name, value in {**locked.secrets, **values}.items() if value}
    before, after = sorted(locked.secrets), sorted(kept)
    locked.secrets = kept
    locked.save(update_fields=["secrets", "updated_at"])
    audit.record(
        actor=actor,
        action="workflows.workflow.set_secrets",
        obj=locked,
        before={"secrets": before},
        after={"secrets": after, "written": sorted(name for name, value in values.items() if value)},
    )
    workflow.secrets = locked.secrets
    return locked


@transaction.atomic
def duplicate_workflow(*, actor: Actor, workflow: Workflow, name: str = "") -> Workflow:
    """A new workflow with the same draft; versions, runs, triggers and secrets stay behind."""
    permissions.require(actor, "view", workflow)
    return create_workflow(
        actor=actor,
        workspace=workflow.workspace,
        name=name or _("%(name)s (copy)") % {"name": workflow.name[:110]},
        document=workflow.draft,
    )


@transaction.atomic
def archive_workflow(*, actor: Actor, workflow: Workflow, archived: bool = True) -> Workflow:
    """Take a workflow out of use, or back: archived ones neither run nor fire, and keep their history."""
    permissions.require(actor, "change", workflow)
    locked = Workflow.objects.select_for_update(of=("self",)).get(pk=workflow.pk)
    before = _snapshot(locked)
    locked.archived = archived
    locked.save(update_fields=["archived", "updated_at"])
    action = "workflows.workflow.archive" if archived else "workflows.workflow.unarchive"
    audit.record(actor=actor, action=action, obj=locked, before=before, after=_snapshot(locked))
    return locked


@transaction.atomic
def delete_workflow(*, actor: Actor, workflow: Workflow) -> None:
    """Delete a workflow with its versions, triggers, runs and their ledgers. Traces stay."""
    permissions.require(actor, "delete", workflow)
    audit.record(actor=actor, action="workflows.workflow.delete", obj=workflow, before=_snapshot(workflow))
    ledgers = list(workflow.runs.filter(ledger_kept=True).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        for first in range(0, len(ledgers), _PURGE_AT_ONCE):
            purge(cursor, ledgers[first : first + _PURGE_AT_ONCE])
    workflow.delete()


def _replace_draft(
    actor: Actor, workflow: Workflow, draft: dict[str, Any], revision: int | None, action: str, text: str = ""
) -> Workflow:
    locked = _locked(workflow)
    _require_revision(locked, revision)
    before = _snapshot(locked)
    entered = take_secrets(draft)
    if entered:
        locked.secrets = {**locked.secrets, **entered}
    # a text that holds a secret is not kept: it is written anew from the draft, which has none
    locked.draft, locked.draft_text = draft, "" if entered else text
    locked.draft_revision += 1
    _describe(locked, draft)
    locked.save()
    after = _snapshot(locked)
    if action != SAVE_DRAFT or entered or not _goes_on(actor, locked, before, after):
        audit.record(actor=actor, action=action, obj=locked, before=before, after=after)
    return locked


def _goes_on(actor: Actor, workflow: Workflow, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a save only goes on with what the workflow's latest audit entry tells: the editor saves as one types.

    The same person from the same place saved the draft within `ONE_EDIT`, and nothing but its revision changes.
    """
    if actor.user is None or set(audit.changes_between(before, after)) - {"draft_revision"}:
        return False
    newest = (
        AuditEntry.objects.filter(object_type=workflow._meta.label_lower, object_id=str(workflow.pk))
        .order_by("-created_at")
        .first()
    )
    return (
        newest is not None
        and newest.action == SAVE_DRAFT
        and newest.created_at > timezone.now() - ONE_EDIT
        and (newest.actor_id, newest.api_key_id, newest.ip) == (actor.user.pk, actor.api_key_id, actor.ip)
    )


def _text_of(document: str | Mapping[str, Any] | None, draft: Mapping[str, Any]) -> str:
    """The text of a draft that was given as YAML and says exactly what the draft says."""
    if not isinstance(document, str) or document.lstrip()[:1] == "{":
        return ""
    return document if read_document(document) == draft else ""


def _rename_version(actor: Actor, version: WorkflowVersion, name: str, note: str) -> WorkflowVersion:
    before = {"name": version.name, "note": version.note}
    version.name, version.note = name[:120] or version.name, note or version.note
    after = {"name": version.name, "note": version.note}
    if before != after:
        version.save(update_fields=["name", "note", "updated_at"])
        audit.record(actor=actor, action="workflows.version.update", obj=version, before=before, after=after)
    return version


def _locked(workflow: Workflow) -> Workflow:
    locked = (
        Workflow.objects.select_for_update(of=("self",))
        .select_related("published", "workspace")
        .get(pk=workflow.pk)
    )
    if locked.archived:
        raise ArchivedError(_("Bring the workflow back from the archive first."))
    return locked


def _require_revision(workflow: Workflow, revision: int | None) -> None:
    if revision is not None and revision != workflow.draft_revision:
        raise DraftChangedError(
            _("Somebody else saved the draft meanwhile. Load it again, then put your change in."),
            revision=workflow.draft_revision,
        )


def _describe(workflow: Workflow, draft: Mapping[str, Any]) -> None:
    """Take over what the document says about itself: lists read the row."""
    workflow.name = _named(str(draft.get("name") or workflow.name))
    workflow.description = str(draft.get("description") or "")[:1_000]
    workflow.icon = str(draft.get("icon") or "account_tree")[:60]
    workflow.kind = WorkflowKind(draft.get("kind") or WorkflowKind.WORKFLOW)


def _named(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid(_("Give the workflow a name."), errors={"name": [_("This is empty.")]})
    return name[:120]


def _snapshot(workflow: Workflow) -> dict[str, Any]:
    return audit.snapshot(workflow, _AUDITED)
