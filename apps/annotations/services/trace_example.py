"""Making examples of traces and their steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import transaction
from django.utils import timezone

from apps.annotations.models import Dataset, DatasetItem
from apps.annotations.services.dataset_item import AnyContent, Content, FreeContent, Lineage
from apps.annotations.subjects import answers_of
from apps.annotations.trace_content import read
from apps.annotations.transcripts import training_input
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, TooLarge
from apps.core.permissions import require
from apps.tracing.exchanges import Exchange, read_exchanges
from apps.tracing.selection import Selected


@transaction.atomic
def add_traces(*, actor: Actor, dataset: Dataset, rows: Sequence[Selected], with_output: bool = True) -> int:
    """Make examples of traces and steps, with one audit entry; returns how many are new."""
    added = put_traces(actor=actor, dataset=dataset, rows=rows, with_output=with_output)
    if added:
        after = {"items": added}
        audit.record(actor=actor, action="annotations.dataset.add_traces", obj=dataset, after=after)
    return added


@transaction.atomic
def put_traces(*, actor: Actor, dataset: Dataset, rows: Sequence[Selected], with_output: bool) -> int:
    """The same as a part of something larger, which writes the audit entry.

    What is in the dataset already, holds no input, does not meet the dataset's schemas or is too large is passed over.
    """
    require(actor, "change", dataset)
    locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    fresh = _not_in(locked, rows)
    items = [
        DatasetItem(
            workspace_id=locked.workspace_id,
            dataset=locked,
            since=locked.version + 1,
            message_id=lineage.message_id,
            trace_id=lineage.trace_id,
            observation_id=lineage.observation_id,
            **content.as_fields(),
        )
        for content, lineage in _contents(locked, fresh, with_output=with_output)
        if _fits(content, locked)
    ]
    if items:
        DatasetItem.objects.bulk_create(items)
        locked.items_changed_at = timezone.now()
        locked.save(update_fields=["items_changed_at"])
    return len(items)


def _not_in(dataset: Dataset, rows: Sequence[Selected]) -> list[Selected]:
    """Rows that no current example was made of; what an annotator corrected is another example."""
    known = set(
        DatasetItem.objects.current()
        .filter(dataset=dataset, annotation__isnull=True, trace_id__in={row.trace.trace_id for row in rows})
        .values_list("trace_id", "observation_id")
    )
    fresh: dict[tuple[str, str], Selected] = {}
    for row in rows:
        key = (row.trace.trace_id, row.observation_id)
        if key not in known:
            fresh.setdefault(key, row)
    return list(fresh.values())


def _contents(
    dataset: Dataset, rows: Sequence[Selected], *, with_output: bool
) -> Iterator[tuple[AnyContent, Lineage]]:
    """The examples: an agent's answer with the conversation before it, anything else by its input and output."""
    answers = answers_of(rows)
    for row in rows:
        if message := answers.get((row.trace.trace_id, row.observation_id)):
            yield (
                Content(
                    messages=training_input(message), expected_output=message.content if with_output else ""
                ),
                Lineage(message_id=message.pk, trace_id=row.trace.trace_id),
            )
    others = [row for row in rows if (row.trace.trace_id, row.observation_id) not in answers]
    for exchange in read_exchanges(dataset.workspace, others):
        content = content_of(exchange, with_output=with_output)
        if content is not None:
            yield content, Lineage(trace_id=exchange.trace.trace_id, observation_id=exchange.observation_id)


def content_of(exchange: Exchange, *, with_output: bool) -> AnyContent | None:
    """The example, or None where there is no input to learn from.

    A conversation becomes messages. Anything else that is JSON stays that JSON, and so does a conversation that
    trainers could not read, or whose answer is a call of tools.
    """
    if not exchange.input.strip():
        return None
    found = read(exchange)
    step = exchange.step
    named = {"trace_name": exchange.trace.name, "step": step.name, "model": step.model}
    metadata = {name: value for name, value in named.items() if value}
    calls_only = with_output and bool(found.calls) and not found.answer
    if found.is_conversation and found.readable and not calls_only:
        return Content(
            messages=found.messages,
            tools=found.tools,
            expected_output=found.answer if with_output else "",
            metadata=metadata,
        )
    return FreeContent(found.given, found.got if with_output and exchange.output else None, metadata)


def _fits(content: AnyContent, dataset: Dataset) -> bool:
    try:
        content.check(dataset)
    except (Invalid, TooLarge):
        return False
    return True
