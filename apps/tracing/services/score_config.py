"""Writes on score definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidScore
from apps.tracing.models import ScoreConfig, ScoreDataType


@dataclass(frozen=True, slots=True)
class ScoreRules:
    """What scores of a name are held to."""

    name: str
    data_type: str
    description: str = ""
    min_value: float | None = None
    max_value: float | None = None
    categories: Sequence[str] = ()
    archived: bool = False

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ScoreRules":
        """Rules from the cleaned values of a form."""
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})


def create_score_config(*, actor: Actor, workspace: Workspace, rules: ScoreRules) -> ScoreConfig:
    """Define a score; raises InvalidScore when the rules contradict each other or the name is taken."""
    permissions.require_in(actor, "add", ScoreConfig, workspace)
    return _save(actor, ScoreConfig(workspace=workspace), rules, "tracing.score_config.create", None)


def update_score_config(*, actor: Actor, config: ScoreConfig, rules: ScoreRules) -> ScoreConfig:
    """Change a definition; scores recorded before are kept as they are."""
    permissions.require(actor, "change", config)
    stored = ScoreConfig.objects.get(pk=config.pk)
    return _save(actor, stored, rules, "tracing.score_config.update", audit.snapshot(stored))


@transaction.atomic
def delete_score_config(*, actor: Actor, config: ScoreConfig) -> None:
    """Delete a definition; its scores stay."""
    permissions.require(actor, "delete", config)
    audit.record(actor=actor, action="tracing.score_config.delete", obj=config, before=audit.snapshot(config))
    config.delete()


def _save(
    actor: Actor, config: ScoreConfig, rules: ScoreRules, action: str, before: dict[str, Any] | None
) -> ScoreConfig:
    check_rules(rules)
    for name in ScoreRules.__slots__:
        setattr(config, name, getattr(rules, name))
    config.categories = list(rules.categories)
    try:
        with transaction.atomic():
            config.save()
            audit.record(actor=actor, action=action, obj=config, before=before, after=audit.snapshot(config))
    except IntegrityError:
        raise InvalidScore(_("A score of this name is defined already.")) from None
    return config


def check_rules(rules: ScoreRules) -> None:
    """Raise InvalidScore when the rules contradict each other."""
    low, high = rules.min_value, rules.max_value
    if low is not None and high is not None and low > high:
        raise InvalidScore(_("The lowest value is above the highest."))
    if rules.data_type != ScoreDataType.NUMERIC and (low is not None or high is not None):
        raise InvalidScore(_("Only a number has a lowest and a highest value."))
    if rules.data_type == ScoreDataType.CATEGORICAL and not rules.categories:
        raise InvalidScore(_("Name the categories."))
    if rules.data_type != ScoreDataType.CATEGORICAL and rules.categories:
        raise InvalidScore(_("Only a category score has categories."))
