"""Limits of user code: changing them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import SandboxPolicy, Workspace
from apps.core.models.sandbox_policy import POLICY_FIELDS
from apps.core.sandbox.policy import forget_policies


@transaction.atomic
def change_sandbox_policy(*, actor: Actor, workspace: Workspace, **changes: Any) -> SandboxPolicy:
    """Change what the code of `workspace` may use; names of `changes` are in `POLICY_FIELDS`.

    Raises:
        NotAllowed: the actor is no administrator of the workspace.
        Invalid: a value is outside its range; `errors` names the fields.
    """
    permissions.require_in(actor, "change", SandboxPolicy, workspace)
    if unknown := set(changes) - set(POLICY_FIELDS):
        raise Invalid(errors={name: ["This is not a limit."] for name in sorted(unknown)})
    SandboxPolicy.objects.get_or_create(workspace=workspace)
    policy = SandboxPolicy.objects.select_for_update().get(workspace=workspace)
    before = audit.snapshot(policy, POLICY_FIELDS)
    for name, value in changes.items():
        setattr(policy, name, value)
    try:
        policy.full_clean(exclude=["workspace"])
    except ValidationError as error:
        raise Invalid(errors=error.message_dict) from None
    policy.save(update_fields=[*changes, "updated_at"])
    audit.record(
        actor=actor,
        action="core.sandbox_policy.update",
        obj=policy,
        before=before,
        after=audit.snapshot(policy, POLICY_FIELDS),
    )
    transaction.on_commit(forget_policies)
    return policy
