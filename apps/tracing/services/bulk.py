"""Doing something to many rows: at once for a few, as a job that can be stopped and survives its process for more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models, transaction
from django.utils.translation import gettext as _

from apps.core import audit, jobs
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError, NotAllowed
from apps.core.jobs import JobCancelled, JobContext, JobFailed, JobLost
from apps.core.models import Job, User, Workspace
from apps.tracing.bulk import BulkAction, Values, find, may
from apps.tracing.exceptions import InvalidSelection
from apps.tracing.explorer.bounded import LIST_TIMEOUT_S, at_most
from apps.tracing.models import Trace
from apps.tracing.selection import Selected, Selection, order_of, walk

JOB: Final = "tracing.bulk"
#: So many rows are done while the person waits.
INLINE_ROWS: Final = 200
#: Rows that one action may be done to.
MAX_ROWS: Final = 50_000
#: Rows of one transaction of a job.
STEP: Final = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the person is told, and the job where there is one."""

    sentence: str
    job: Job | None = None


def act(
    *, actor: Actor, workspace: Workspace, name: str, action: BulkAction, selection: Selection, values: Values
) -> Outcome:
    """Do an action to a selection. Over INLINE_ROWS rows become a job.

    Raises NotAllowed, InvalidSelection for nothing or for too many rows, SearchTooSlow, and what the action raises.
    """
    if actor.user is None or not may(actor, workspace, action):
        raise NotAllowed(_("Your role in the workspace does not include this."))
    selection = selection.fixed()
    if action.start is not None:
        return Outcome(action.start(actor, workspace, selection, values))
    count = count_rows(selection, actor.user, workspace)
    if not count:
        raise InvalidSelection(_("No row is chosen, or none matches any more."))
    if count > MAX_ROWS:
        raise InvalidSelection(
            _("More than %(limit)d rows match. Narrow the time range or add a filter.") % {"limit": MAX_ROWS}
        )
    if action.prepare is not None:
        values = action.prepare(actor, workspace, values)
    if count <= INLINE_ROWS:
        return Outcome(_act_now(actor, workspace, name, action, selection, values))
    job = jobs.enqueue(
        JOB,
        actor=actor,
        workspace=workspace,
        args={"action": name, "selection": selection.to_json(), "values": values},
        title=f"{action.title} ({count})",
    )
    return Outcome(_("%(count)d rows are worked on in the background.") % {"count": count}, job)


def count_rows(selection: Selection, user: User, workspace: Workspace) -> int:
    """How many rows there are, at most MAX_ROWS + 1. Raises SearchTooSlow."""
    with at_most(LIST_TIMEOUT_S):
        return selection.count(user=user, workspace=workspace, limit=MAX_ROWS)


@transaction.atomic
def _act_now(
    actor: Actor, workspace: Workspace, name: str, action: BulkAction, selection: Selection, values: Values
) -> str:
    assert actor.user is not None and action.run is not None and action.told is not None  # noqa: PT018, S101  # by `act`
    rows = list(order_of(selection.kind).apply(_rows(selection, actor.user, workspace))[:INLINE_ROWS])
    items = _items(selection, rows, actor.user, workspace)
    changed = action.run(actor, workspace, items, values)
    _record(actor, workspace, name, selection, values, len(rows), changed)
    return action.told(changed, len(rows))


def run_job(
    *,
    context: JobContext,
    name: str,
    selection: Selection,
    values: Values,
    place: Sequence[Any],
    changed: int,
) -> None:
    """Do the action step by step. Each step and the job's place are one transaction: a killed worker's successor goes
    on behind the last step that was done, and no row is done twice.
    """
    job, user, workspace = context.job, context.job.created_by, context.job.workspace
    action = find(name, selection.kind.name)
    if action is None or action.run is None or action.told is None:
        raise JobFailed(_("This version does not know the action “%(name)s”.") % {"name": name})
    if user is None or not user.is_active:
        raise JobFailed(_("Whoever started this has no account any more."))
    actor = Actor.for_user(user)
    if not may(actor, workspace, action):
        raise NotAllowed(_("The role in the workspace does not include this any more."))
    order = order_of(selection.kind)
    after = order.parse(selection.kind.model, place)
    done, total = job.done, job.total or count_rows(selection, user, workspace)
    try:
        for rows in walk(_rows(selection, user, workspace), order, size=STEP, after=after):
            with transaction.atomic():
                changed += action.run(actor, workspace, _items(selection, rows, user, workspace), values)
                done += len(rows)
                _keep_place(context, order.dump(rows[-1]), changed, done, max(total, done))
            context.progress(done, max(total, done + 1))
            context.checkpoint()
            if done >= MAX_ROWS:
                break
    except (JobCancelled, FlywheelError):
        _record(actor, workspace, name, selection, values, done, changed, ended_early=True)
        raise
    _record(actor, workspace, name, selection, values, done, changed)
    context.progress(done, done, action.told(changed, done))


def _keep_place(context: JobContext, place: Sequence[str], changed: int, done: int, total: int) -> None:
    args = {**context.job.args, "place": list(place), "changed": changed}
    held = Job.objects.filter(pk=context.job.pk, lease_token=context.token)
    if not held.update(args=args, done=done, total=total):
        raise JobLost
    context.job.args = args


def _rows(selection: Selection, user: User, workspace: Workspace) -> models.QuerySet[Any]:
    return selection.rows(user=user, workspace=workspace).defer(*selection.kind.deferred)


def _items(selection: Selection, rows: Sequence[Any], user: User, workspace: Workspace) -> list[Selected]:
    """Rows of a list as what actions take: each with its trace."""
    if selection.kind.model is Trace:
        for row in rows:
            row.workspace = workspace
        return [Selected(row) for row in rows]
    traces = Trace.objects.in_workspace(workspace).visible_to(user)
    by_id = {trace.trace_id: trace for trace in traces.filter(trace_id__in={row.trace_id for row in rows})}
    for trace in by_id.values():
        trace.workspace = workspace
    return [Selected(by_id[row.trace_id], row.span_id) for row in rows if row.trace_id in by_id]


def _record(
    actor: Actor,
    workspace: Workspace,
    name: str,
    selection: Selection,
    values: Values,
    rows: int,
    changed: int,
    *,
    ended_early: bool = False,
) -> None:
    """One entry for all rows: what was done, to which rows, with what, and to how many."""
    told = {**selection.to_json(), "values": values, "rows": rows, "changed": changed}
    if ended_early:
        told["ended_early"] = True
    audit.record(actor=actor, action=f"tracing.bulk.{name}", obj=workspace, after=told)
