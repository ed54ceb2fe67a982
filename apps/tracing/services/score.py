"""Recording and deleting scores."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidScore
from apps.tracing.ids import is_span_id, is_trace_id
from apps.tracing.mapping import clean
from apps.tracing.models import Score, ScoreConfig, ScoreDataType, ScoreSource

MAX_TEXT = 5_000
MAX_NAME = 100
MAX_SUBJECT = 200
MAX_QUEUE_ID = 64


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """A value that fits its type: numbers and booleans in `value`, the other two in `string_value`."""

    value: float | None
    string_value: str


@dataclass(frozen=True, slots=True)
class ScoreContext:
    """What else is known of a score: when and where it was given, in which annotation queue, and anything else."""

    timestamp: datetime | None = None
    environment: str = ""
    queue_id: str = ""
    metadata: Any = None

    def as_fields(self) -> dict[str, Any]:
        """Model field values, within the limits of the columns."""
        return {
            "timestamp": self.timestamp or timezone.now(),
            "environment": clean.text(self.environment, clean.MAX_LABEL),
            "queue_id": clean.text(self.queue_id, MAX_QUEUE_ID),
            "metadata": clean.json_value(self.metadata),
        }


@transaction.atomic
def record_score(  # noqa: PLR0913 - keyword-only, each named at the call
    *,
    actor: Actor,
    workspace: Workspace,
    trace_id: str,
    name: str,
    data_type: str,
    value: float | None = None,
    string_value: str = "",
    comment: str = "",
    source: str,
    session_id: str = "",
    observation_id: str = "",
    dataset_run_id: str = "",
    author_ref: str = "",
    context: ScoreContext = ScoreContext(),
) -> Score:
    """Score a trace, one of its observations, a session or a run over a dataset; the same author scoring again
    replaces the value.

    What is scored need not be stored yet. Raises InvalidScore for a value that does not fit its type or the
    workspace's definition of `name`, NotAllowed for a role that may not score.
    """
    permissions.require_in(actor, "feedback" if source == ScoreSource.USER else "add", Score, workspace)
    name = name.strip()
    _check_name(name, source)
    _check_subject(trace_id, observation_id, session_id, dataset_run_id)
    config = ScoreConfig.objects.in_workspace(workspace).filter(name=name, archived=False).first()
    checked = check_value(data_type=data_type, value=value, string_value=string_value, config=config)
    score, created = Score.objects.update_or_create(
        workspace=workspace,
        trace_id=trace_id,
        observation_id=observation_id,
        session_id=session_id,
        dataset_run_id=dataset_run_id,
        name=name,
        source=source,
        author_ref=author_ref or author_reference(actor),
        defaults={
            "data_type": data_type,
            "value": checked.value,
            "string_value": checked.string_value,
            "comment": comment.replace("\0", "")[:MAX_TEXT],
            "author": actor.user,
            "config": config,
            **context.as_fields(),
        },
    )
    action = "tracing.score.create" if created else "tracing.score.update"
    audit.record(actor=actor, action=action, obj=score, after=audit.snapshot(score))
    return score


@transaction.atomic
def delete_score(*, actor: Actor, score: Score) -> None:
    """Delete a score; its author may always take it back."""
    if actor.user is None or score.author_id != actor.user.pk:
        permissions.require(actor, "delete", score)
    audit.record(actor=actor, action="tracing.score.delete", obj=score, before=audit.snapshot(score))
    score.delete()


def check_value(
    *, data_type: str, value: float | None, string_value: str, config: ScoreConfig | None
) -> ScoreValue:
    """The value in the form it is stored in; raises InvalidScore with a sentence."""
    if config is not None and config.data_type != data_type:
        raise InvalidScore(
            _("“%(name)s” takes values of the type “%(type)s”.")
            % {"name": config.name, "type": config.get_data_type_display()}
        )
    if data_type == ScoreDataType.NUMERIC:
        return ScoreValue(_number(value, config), "")
    if data_type == ScoreDataType.BOOLEAN:
        if value not in (0, 1):
            raise InvalidScore(_("A yes-or-no score is 1 or 0."))
        return ScoreValue(float(value), "")
    if data_type in (ScoreDataType.CATEGORICAL, ScoreDataType.TEXT):
        return ScoreValue(None, _text(string_value, config))
    raise InvalidScore(_("The type is numeric, boolean, categorical or text."))


def _number(value: float | None, config: ScoreConfig | None) -> float:
    if value is None or not math.isfinite(value):
        raise InvalidScore(_("A numeric score needs a finite number."))
    if config is not None and config.min_value is not None and value < config.min_value:
        raise InvalidScore(_("The lowest value is %(limit)g.") % {"limit": config.min_value})
    if config is not None and config.max_value is not None and value > config.max_value:
        raise InvalidScore(_("The highest value is %(limit)g.") % {"limit": config.max_value})
    return float(value)


def _text(string_value: str, config: ScoreConfig | None) -> str:
    text = string_value.replace("\0", "").strip()
    if not text or len(text) > MAX_TEXT:
        raise InvalidScore(
            _("A category or text of 1 to %(limit)d characters is needed.") % {"limit": MAX_TEXT}
        )
    if config is not None and config.categories and text not in config.categories:
        known = ", ".join(map(str, config.categories))
        raise InvalidScore(_("The categories are: %(known)s.") % {"known": known})
    return text


def _check_name(name: str, source: str) -> None:
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise InvalidScore(_("A score needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})
    if source not in ScoreSource.values:
        raise InvalidScore(_("The source is annotation, evaluator, api or user."))


def _check_subject(trace_id: str, observation_id: str, session_id: str, dataset_run_id: str) -> None:
    if not trace_id and not session_id and not dataset_run_id:
        raise InvalidScore(_("Name a trace, a session or a dataset run."))
    if trace_id and not is_trace_id(trace_id):
        raise InvalidScore(_("A trace id has 32 hexadecimal digits."))
    if observation_id and not (trace_id and is_span_id(observation_id)):
        raise InvalidScore(_("An observation id has 16 hexadecimal digits and belongs to a trace."))
    for subject in (session_id, dataset_run_id):
        if len(subject) > MAX_SUBJECT or "\0" in subject:
            raise InvalidScore(
                _("The id of a session or dataset run has at most %(limit)d characters.")
                % {"limit": MAX_SUBJECT}
            )


def author_reference(actor: Actor) -> str:
    """Tells authors apart, also when their account is gone."""
    return f"user:{actor.user.pk}" if actor.user else actor.label[:200]
