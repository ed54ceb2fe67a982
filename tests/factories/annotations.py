"""Conversations to judge, queues over them, and datasets."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from django.utils import timezone

from apps.agents.models import Agent, Conversation, Message
from apps.annotations.models import AnnotationQueue, Dataset, DatasetItem, DatasetRunItem, QueueItem
from apps.annotations.services.annotation_queue import create_queue
from apps.annotations.services.dataset import create_dataset
from apps.annotations.services.dataset_item import Content, add_item
from apps.annotations.services.dataset_run import ensure_run, put_run_item
from apps.annotations.services.queue_item import add_conversations
from apps.core.models import Workspace
from tests.factories.core import SYSTEM

LABELS = ({"name": "Unsupported", "color": "red"}, {"name": "Tone", "color": "blue"})

_numbers = count(1)


def make_agent(workspace: Workspace, *, instructions: str = "Be brief.") -> Agent:
    """Create an agent that has no model: these tests let nobody answer."""
    name = f"Agent {next(_numbers)}"
    return Agent.objects.create(workspace=workspace, name=name, instructions=instructions)


def make_conversation(
    workspace: Workspace, *turns: tuple[str, str], agent: Agent | None = None, **answer: Any
) -> Conversation:
    """Write a finished conversation: pairs of question and answer; `answer` sets fields of each answer."""
    conversation = Conversation.objects.create(
        workspace=workspace,
        agent=agent or make_agent(workspace),
        title=turns[0][0] if turns else "Hello",
        last_message_at=timezone.now(),
        message_count=2 * max(len(turns), 1),
    )
    parent: Message | None = None
    for question, reply in turns or (("Where are backups?", "I don't know."),):
        asked = _message(conversation, parent, "user", question)
        values = {"trace_id": f"{next(_numbers):032x}", **answer}
        parent = _message(conversation, asked, "assistant", reply, **values)
    return conversation


def _message(
    conversation: Conversation, parent: Message | None, role: str, content: str, **values: Any
) -> Message:
    return Message.objects.create(
        workspace=conversation.workspace,
        conversation=conversation,
        parent=parent,
        role=role,
        content=content,
        **values,
    )


def make_queue(
    workspace: Workspace, *conversations: Conversation, dataset: Dataset | None = None, **values: Any
) -> AnnotationQueue:
    """Create a queue with two labels over the answers of `conversations`."""
    queue = create_queue(
        actor=SYSTEM,
        workspace=workspace,
        name=values.pop("name", f"Queue {next(_numbers)}"),
        labels=values.pop("labels", LABELS),
        dataset=dataset,
        **values,
    )
    if conversations:
        add_conversations(actor=SYSTEM, queue=queue, conversations=[one.pk for one in conversations])
    return queue


def items_of(queue: AnnotationQueue) -> list[QueueItem]:
    """The items in order."""
    return list(QueueItem.objects.filter(queue=queue).select_related("queue").order_by("position", "id"))


def make_dataset(workspace: Workspace, *examples: tuple[str, str], name: str = "") -> Dataset:
    """Create a dataset with (question, expected answer) examples; what they replace is "No idea."."""
    dataset = create_dataset(actor=SYSTEM, workspace=workspace, name=name or f"Dataset {next(_numbers)}")
    for question, expected in examples:
        content = Content(
            messages=[{"role": "user", "content": question}],
            expected_output=expected,
            rejected_output="No idea.",
        )
        add_item(actor=SYSTEM, dataset=dataset, content=content)
        time.sleep(0.001)  # keys are ordered to the millisecond, and tests count on the order
    return dataset


def make_run_item(dataset: Dataset, *, trace_id: str, name: str = "run", number: int = 0) -> DatasetRunItem:
    """Say that the dataset's item (by number) was tried in a run by a trace."""
    run = ensure_run(actor=SYSTEM, dataset=dataset, name=name)
    item = DatasetItem.objects.current().filter(dataset=dataset).order_by("key")[number]
    return put_run_item(actor=SYSTEM, run=run, item=item, trace_id=trace_id)
