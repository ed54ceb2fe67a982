"""Writes on many traces at once, in a few statements. Whoever calls them writes one audit entry for all."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import Workspace
from apps.core.permissions import require_in
from apps.tracing.exceptions import InvalidScore, InvalidTag
from apps.tracing.models import Score, ScoreConfig, Trace
from apps.tracing.selection import Selected
from apps.tracing.services.known_value import note_value
from apps.tracing.services.score import MAX_NAME, ScoreValue, author_reference, check_value
from apps.tracing.services.trace import erase

MAX_TAG: Final = 100

# in the rows themselves: the writer may be adding tags of its own; the rollups count the steps under the tag, too
_ADD_TAG: Final = """
WITH tagged AS (
    UPDATE tracing_trace SET tags = ARRAY(SELECT DISTINCT unnest(tags || %s::text) ORDER BY 1), updated_at = now()
    WHERE id = ANY (%s) AND NOT tags @> ARRAY[%s]
    RETURNING workspace_id, trace_id
)
INSERT INTO tracing_tagchange (workspace_id, trace_id) SELECT workspace_id, trace_id FROM tagged
"""
_REMOVE_TAG: Final = """
UPDATE tracing_trace SET tags = array_remove(tags, %s::text), updated_at = now()
WHERE id = ANY (%s) AND tags @> ARRAY[%s]
"""


def clean_tag(tag: str) -> str:
    """The tag as it is stored; raises InvalidTag."""
    tag = tag.replace("\0", "").strip()
    if not tag or len(tag) > MAX_TAG:
        raise InvalidTag(_("A tag has 1 to %(limit)d characters.") % {"limit": MAX_TAG})
    return tag


def tag_traces(*, actor: Actor, traces: Sequence[Trace], tag: str) -> int:
    """Tag traces of one workspace; returns how many did not carry the tag before. Raises NotAllowed."""
    with transaction.atomic():
        changed = _change_tags(_ADD_TAG, actor, traces, tag)
        if changed:
            moments = (trace.start_time for trace in traces)
            note_value(workspace_id=traces[0].workspace_id, field="tags", value=tag, moments=moments)
    return changed


def untag_traces(*, actor: Actor, traces: Sequence[Trace], tag: str) -> int:
    """Take a tag away; returns how many carried it. Raises NotAllowed."""
    return _change_tags(_REMOVE_TAG, actor, traces, tag)


@transaction.atomic
def _change_tags(statement: str, actor: Actor, traces: Sequence[Trace], tag: str) -> int:
    ids = _require_each(actor, "change", traces)
    with connection.cursor() as cursor:
        cursor.execute(statement, [tag, sorted(ids), tag])
        return int(cursor.rowcount)


@transaction.atomic
def bookmark_traces(*, actor: Actor, traces: Sequence[Trace], bookmarked: bool) -> int:
    """Mark traces, or take the mark away; returns how many changed. Raises NotAllowed."""
    ids = _require_each(actor, "change", traces)
    return Trace.objects.filter(pk__in=ids).exclude(bookmarked=bookmarked).update(bookmarked=bookmarked)


@transaction.atomic
def delete_traces(*, actor: Actor, workspace: Workspace, traces: Sequence[Trace]) -> int:
    """Delete traces with all that they hold; returns how many. Raises NotAllowed."""
    _require_each(actor, "delete", traces)
    return erase(workspace, traces)


@transaction.atomic
def score_rows(
    *,
    actor: Actor,
    workspace: Workspace,
    rows: Sequence[Selected],
    name: str,
    data_type: str,
    value: ScoreValue,
    config: ScoreConfig | None,
) -> int:
    """Give traces or steps one score of the actor's; one of the same name is replaced. Raises NotAllowed."""
    require_in(actor, "add", Score, workspace)
    scores = [
        Score(
            workspace=workspace,
            trace_id=row.trace.trace_id,
            observation_id=row.observation_id,
            name=name,
            data_type=data_type,
            value=value.value,
            string_value=value.string_value,
            source="annotation",
            author=actor.user,
            author_ref=author_reference(actor),
            config=config,
        )
        for row in rows
    ]
    once = next(one for one in Score._meta.constraints if one.name == "tracing_score_once")
    Score.objects.bulk_create(
        scores,
        update_conflicts=True,
        unique_fields=once.fields,  # type: ignore[attr-defined]  # it is a UniqueConstraint
        update_fields=["data_type", "value", "string_value", "author", "config", "timestamp", "updated_at"],
    )
    return len(scores)


def read_score(
    *, workspace: Workspace, name: str, text: str
) -> tuple[str, str, ScoreValue, ScoreConfig | None]:
    """A score from what a person typed: its name, type, value and definition. Raises InvalidScore.

    Without a definition a number is numeric, and anything else a category.
    """
    name, text = name.replace("\0", "").strip(), text.strip()
    if not name or len(name) > MAX_NAME:
        raise InvalidScore(_("A score needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})
    config = ScoreConfig.objects.in_workspace(workspace).filter(name=name, archived=False).first()
    try:
        number: float | None = float(text)
    except ValueError:
        number = None
    data_type = config.data_type if config else ("categorical" if number is None else "numeric")
    value = check_value(data_type=data_type, value=number, string_value=text, config=config)
    return name, data_type, value, config


def _require_each(actor: Actor, action: str, traces: Sequence[Trace]) -> set[UUID]:
    """Primary keys of the traces, when `actor` may do `action` on each of them: by role, or by a grant."""
    ids: set[UUID] = {trace.pk for trace in traces}
    if actor.user is None:
        return ids
    allowed = Trace.objects.filter(pk__in=ids).visible_to(actor.user, action).count()
    if allowed < len(ids):
        raise NotAllowed(_("You may not do this to each of these traces."))
    return ids
