"""Writes on masking rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidMask
from apps.tracing.masking import PatternError, compile_mask
from apps.tracing.models import MaskingKind, MaskingRule


@dataclass(frozen=True, slots=True)
class MaskValues:
    """What a rule says."""

    name: str
    kind: str
    pattern: str = ""
    replacement: str = ""
    enabled: bool = True

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "MaskValues":
        """From the cleaned values of a form."""
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})


@transaction.atomic
def create_masking_rule(*, actor: Actor, workspace: Workspace, values: MaskValues) -> MaskingRule:
    """Make a rule; it counts for spans that arrive a few seconds later. Raises InvalidMask."""
    permissions.require_in(actor, "add", MaskingRule, workspace)
    return _save(actor, MaskingRule(workspace=workspace), values, "tracing.masking_rule.create", None)


@transaction.atomic
def update_masking_rule(*, actor: Actor, rule: MaskingRule, values: MaskValues) -> MaskingRule:
    """Change a rule; what is stored already stays as it is."""
    permissions.require(actor, "change", rule)
    stored = MaskingRule.objects.select_for_update().get(pk=rule.pk)
    return _save(actor, stored, values, "tracing.masking_rule.update", audit.snapshot(stored))


@transaction.atomic
def delete_masking_rule(*, actor: Actor, rule: MaskingRule) -> None:
    """Delete a rule."""
    permissions.require(actor, "delete", rule)
    audit.record(actor=actor, action="tracing.masking_rule.delete", obj=rule, before=audit.snapshot(rule))
    rule.delete()


def check_mask(values: MaskValues) -> None:
    """Raise InvalidMask when the rule could not work."""
    if values.kind not in MaskingKind.values:
        raise InvalidMask(_("Choose what the rule looks for."))
    if (values.kind == MaskingKind.PATTERN) != bool(values.pattern):
        raise InvalidMask(_("A pattern is for “a pattern of your own”, which needs one."))
    try:
        compile_mask(values.kind, values.pattern, values.replacement)
    except PatternError as error:
        raise InvalidMask(
            _("The pattern is no usable regular expression: %(reason)s.") % {"reason": error}
        ) from None


def _save(
    actor: Actor, rule: MaskingRule, values: MaskValues, action: str, before: dict[str, Any] | None
) -> MaskingRule:
    check_mask(values)
    for name in MaskValues.__slots__:
        setattr(rule, name, getattr(values, name))
    rule.save()
    audit.record(actor=actor, action=action, obj=rule, before=before, after=audit.snapshot(rule))
    return rule
