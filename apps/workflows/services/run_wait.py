"""What runs wait for, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.streams import append_now, command_now
from apps.workflows.exceptions import WaitClosedError
from apps.workflows.models import RunState, RunWait, WaitState, WorkflowRun
from apps.workflows.services.run import ANSWER, wake_executors
from apps.workflows.services.wait_mail import announce

_AT_ONCE: Final = 100
_ANSWERED: Final = (WaitState.ANSWERED, WaitState.EXPIRED)


@transaction.atomic
def answer_wait(*, actor: Actor, wait: RunWait, answer: Mapping[str, Any], by_token: bool = False) -> RunWait:
    """Answer a question, form or approval: its run goes on, on whichever process takes it.

    by_token: the actor came by the form's address, which is the permission. Raises WaitClosedError.
    """
    if not by_token:
        permissions.require(actor, "answer", wait)
    if not isinstance(answer, Mapping):
        raise Invalid(_("An answer is an object of names and values."))
    run = WorkflowRun.objects.select_for_update(of=("self",)).get(pk=wait.run_id)
    locked = RunWait.objects.select_for_update(of=("self",)).get(pk=wait.pk)
    now = timezone.now()
    if locked.state != WaitState.OPEN or run.is_final:
        raise WaitClosedError(_("It was answered already, or the run has ended."), state=locked.state)
    if locked.expires_at is not None and locked.expires_at <= now:
        raise WaitClosedError(_("The time to answer is over."), state=WaitState.EXPIRED)
    locked.state, locked.answer = WaitState.ANSWERED, dict(answer)
    locked.answered_by, locked.answered_at = actor.user, now
    locked.save(update_fields=["state", "answer", "answered_by", "answered_at", "updated_at"])
    audit.record(
        actor=actor,
        action="workflows.run_wait.answer",
        obj=locked,
        after={"run": str(run.pk), "path": wait.path},
    )
    _take_up(run)
    return locked


def expire_waits() -> int:
    """Go on with runs whose waits were not answered in time; returns how many waits that were."""
    overdue = RunWait.objects.overdue(timezone.now()).order_by("expires_at").values_list("pk", "run_id")
    return sum(_expire(wait_id, run_id) for wait_id, run_id in list(overdue[:_AT_ONCE]))


@transaction.atomic
def _expire(wait_id: UUID, run_id: UUID) -> int:
    run = WorkflowRun.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=run_id).first()
    if run is None:
        return 0
    now = timezone.now()
    closed = (
        RunWait.objects.overdue(now)
        .filter(pk=wait_id)
        .update(state=WaitState.EXPIRED, answer={"timeout": True}, answered_at=now)
    )
    if closed:
        _take_up(run)
    return closed


def _take_up(run: WorkflowRun) -> None:
    """Have a run, whose row the caller has locked, take up its answers."""
    if run.state == RunState.WAITING:
        run.state, run.queued_at = RunState.QUEUED, timezone.now()
        run.save(update_fields=["state", "queued_at", "updated_at"])
        wake_executors(run.mode)
    elif run.state == RunState.RUNNING:
        with connection.cursor() as cursor:
            command_now(cursor, run.pk, ANSWER)


# -- for whoever executes the run


def answers_of(run_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The answers that were given to a run, by path, oldest first. A node may ask again, on the same path."""
    found: dict[str, list[dict[str, Any]]] = {}
    rows = RunWait.objects.filter(run_id=run_id, state__in=_ANSWERED).order_by("id")
    for path, answer in rows.values_list("path", "answer"):
        found.setdefault(path, []).append(answer or {})
    return found


@transaction.atomic
def open_wait(run_id: UUID, owner: str, wait: Mapping[str, Any], taken: int) -> bool:
    """Let people answer a wait while the rest of its run goes on; False when `owner` lost the run.

    wait: path, kind, payload, expires_at. taken: answers on this path that the run has taken up.
    """
    run = _held(run_id, owner)
    if run is not None:
        _open(run, wait, taken)
    return run is not None


@transaction.atomic
def park(run_id: UUID, owner: str, data: Mapping[str, Any], taken: Mapping[str, int], root_span: str) -> bool:
    """Give a run up until somebody answers; False when `owner` lost it.

    data: of the event `run.waiting`. taken: by path, how many answers the run has taken up. When there are more by
    now, it is queued again at once.
    """
    run = _held(run_id, owner)
    if run is None:
        return False
    for wait in data["waits"]:
        _open(run, wait, taken.get(wait["path"], 0))
    more = any(
        len(answers) > taken.get(path, 0)
        for path, answers in answers_of(run_id).items()
        if any(wait["path"] == path for wait in data["waits"])
    )
    usage = data.get("usage") or {}
    run.state = RunState.QUEUED if more else RunState.WAITING
    run.lease_owner, run.lease_until = "", None
    run.queued_at = timezone.now() if more else run.queued_at
    run.root_span = run.root_span or root_span
    run.input_tokens = usage.get("input_tokens", 0)
    run.output_tokens = usage.get("output_tokens", 0)
    run.cost = usage.get("cost", 0)
    run.steps, run.elapsed_ms = data.get("steps", 0), round(data.get("ms", 0))
    run.save()
    with connection.cursor() as cursor:
        append_now(cursor, run.pk, "run.waiting", data)
    if more:
        wake_executors(run.mode)
    return True


def _held(run_id: UUID, owner: str) -> WorkflowRun | None:
    return (
        WorkflowRun.objects.select_for_update(of=("self",))
        .filter(pk=run_id, lease_owner=owner, state=RunState.RUNNING)
        .first()
    )


def _open(run: WorkflowRun, wait: Mapping[str, Any], taken: int) -> None:
    asked = run.waits.filter(path=wait["path"])
    if asked.count() > taken:  # it is open already, or its answer is on the way
        return
    created = RunWait.objects.create(
        workspace_id=run.workspace_id,
        run=run,
        path=wait["path"],
        kind=wait["kind"],
        payload=wait.get("payload") or {},
        expires_at=_moment(wait.get("expires_at")),
    )
    announce(created)


def _moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None
