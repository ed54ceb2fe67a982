"""What a queue's item asks about: an agent's answer in its conversation, or the output of a trace or step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.agents.models import Message
from apps.annotations.exceptions import SubjectGone
from apps.annotations.models import QueueItem
from apps.annotations.trace_content import Reading, read
from apps.annotations.transcripts import training_input
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.tracing.exchanges import Exchange, read_exchanges
from apps.tracing.models import Trace
from apps.tracing.selection import Selected

#: The source of traces that an agent's answer left.
MESSAGE_SOURCE = "agents.message"

#: Messages and tools of the input, in OpenAI's shape.
Example = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: `answer` as text, whose scores go to `trace_id` (and `observation_id`); "" has none.

    `example` reads the input when a correction is to become an example.
    """

    workspace: Workspace
    answer: str
    trace_id: str
    observation_id: str
    message_id: UUID | None
    example: Callable[[], Example]


def subject_of(item: QueueItem) -> Subject:
    """The subject of an item; raises SubjectGone when its trace is no longer stored."""
    if item.message_id is not None:
        message = Message.objects.select_related("workspace").get(pk=item.message_id)
        return Subject(
            workspace=message.workspace,
            answer=message.content,
            trace_id=message.trace_id,
            observation_id="",
            message_id=message.pk,
            example=lambda: (training_input(message), []),
        )
    reading = read(exchange_of(item))
    return Subject(
        workspace=item.workspace,
        answer=reading.shown_answer,
        trace_id=item.trace_id,
        observation_id=item.observation_id,
        message_id=None,
        example=lambda: _example(reading),
    )


def exchange_of(item: QueueItem) -> Exchange:
    """Input and output behind an item on a trace; raises SubjectGone."""
    trace = Trace.objects.filter(workspace=item.workspace_id, trace_id=item.trace_id).first()
    rows = [] if trace is None else [Selected(trace, item.observation_id)]
    found = next(read_exchanges(item.workspace, rows), None)
    if found is None:
        raise SubjectGone(
            _("The trace is no longer stored: it was deleted, or its time was over. Skip this item.")
        )
    return found


def answers_of(rows: Sequence[Selected]) -> dict[tuple[str, str], Message]:
    """The agents' answers that left these traces, by trace id and ""; chosen steps are nobody's answer as a whole."""
    ids = {
        UUID(row.trace.source_id): row.trace.trace_id
        for row in rows
        if not row.observation_id and row.trace.source_type == MESSAGE_SOURCE and is_uuid(row.trace.source_id)
    }
    workspaces = {row.trace.workspace_id for row in rows}
    messages = Message.objects.filter(pk__in=ids, workspace__in=workspaces, role="assistant")
    return {(ids[message.pk], ""): message for message in messages}


def _example(reading: Reading) -> Example:
    return reading.messages, reading.tools
