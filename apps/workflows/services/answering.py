"""Taking an answer from a person: whether it is theirs to give, whether it fits the form, and who it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.core import permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import User, Workspace
from apps.workflows.models import RunWait
from apps.workflows.nodes.support.forms import check_answer
from apps.workflows.querysets import RunWaitQuerySet
from apps.workflows.services.run_wait import answer_wait

_ROLES = "payload__assignees__roles"
_USERS = "payload__assignees__users"


def waits_for(user: User, workspace: Workspace) -> RunWaitQuerySet:
    """What the person may answer here: what names nobody, their role, or their address."""
    found = RunWait.objects.in_workspace(workspace).visible_to(user, "answer")
    if user.is_superuser:
        return found
    mine = Q(**{f"{_USERS}__contains": [user.email]})
    role = permissions.role_in(user, workspace)
    if role is not None:
        mine |= Q(**{f"{_ROLES}__contains": [role.value]})
    nobody_named = Q(**{_ROLES: []}, **{_USERS: []}) | Q(payload__assignees__isnull=True)
    return found.filter(nobody_named | mine)


def may_answer(user: User, wait: RunWait) -> bool:
    """Whether the person was asked."""
    return waits_for(user, wait.workspace).filter(pk=wait.pk).exists()


def give_answer(
    *, actor: Actor, wait: RunWait, action: str, values: Mapping[str, Any], by_token: bool = False
) -> RunWait:
    """Answer a wait with an action and the values of its form. Raises NotAllowed, Invalid with `errors` by field."""
    if not by_token and (actor.user is None or not may_answer(actor.user, wait)):
        raise NotAllowed(_("Somebody else was asked."))
    answer: dict[str, Any] = {"action": action, "values": dict(values)}
    errors = check_answer(wait.payload, answer)
    if errors:
        raise Invalid(_("Look at the marked fields."), errors={name: [text] for name, text in errors.items()})
    if actor.user is not None:
        answer["by"] = {"id": str(actor.user.pk), "name": actor.user.email}
    return answer_wait(actor=actor, wait=wait, answer=answer, by_token=by_token)
