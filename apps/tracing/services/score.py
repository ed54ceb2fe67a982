"""Recording and deleting scores."""

import math
import re
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidScore
from apps.tracing.models import Score, ScoreConfig, ScoreDataType, ScoreSource

_HEX = re.compile(r"[0-9a-f]+")
MAX_TEXT = 5_000
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """A value that fits its type: numbers and booleans in `value`, the other two in `string_value`."""

    value: float | None
    string_value: str


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
    author_ref: str = "",
) -> Score:
    """Score a trace, one of its observations, or a session; the same author scoring again replaces the value.

    The trace need not be stored yet. Raises InvalidScore for a value that does not fit its type or the
    workspace's definition of `name`, NotAllowed for a role that may not score.
    """
    permissions.require_in(actor, "feedback" if source == ScoreSource.USER else "add", Score, workspace)
    name = name.strip()
    _check_subject(name, source, trace_id, observation_id, session_id)
    config = ScoreConfig.objects.in_workspace(workspace).filter(name=name, archived=False).first()
    checked = check_value(data_type=data_type, value=value, string_value=string_value, config=config)
    score, created = Score.objects.update_or_create(
        workspace=workspace,
        trace_id=trace_id,
        observation_id=observation_id,
        session_id=session_id,
        name=name,
        source=source,
        author_ref=author_ref or _reference(actor),
        defaults={
            "data_type": data_type,
            "value": checked.value,
            "string_value": checked.string_value,
            "comment": comment.replace("\0", "")[:MAX_TEXT],
            "author": actor.user,
            "config": config,
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


def _check_subject(name: str, source: str, trace_id: str, observation_id: str, session_id: str) -> None:
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise InvalidScore(_("A score needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})
    if source not in ScoreSource.values:
        raise InvalidScore(_("The source is annotation, evaluator, api or user."))
    if not trace_id and not session_id:
        raise InvalidScore(_("Name a trace or a session."))
    if trace_id and not (len(trace_id) == 32 and _HEX.fullmatch(trace_id)):
        raise InvalidScore(_("A trace id has 32 hexadecimal digits."))
    if observation_id and not (trace_id and len(observation_id) == 16 and _HEX.fullmatch(observation_id)):
        raise InvalidScore(_("An observation id has 16 hexadecimal digits and belongs to a trace."))
    if len(session_id) > 200 or "\0" in session_id:
        raise InvalidScore(_("A session id has at most 200 characters."))


def _reference(actor: Actor) -> str:
    return f"user:{actor.user.pk}" if actor.user else actor.label[:200]
