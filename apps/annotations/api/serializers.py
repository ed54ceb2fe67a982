"""What the API takes and gives; inputs and outputs apart."""

from __future__ import annotations

import json
from typing import Any

import orjson
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.annotations.filters import MOST_ITEMS, Feedback
from apps.annotations.models import (
    Annotation,
    AnnotationQueue,
    Dataset,
    DatasetItem,
    DatasetVersion,
    Export,
    QueueItem,
    Verdict,
)
from apps.annotations.reasons import described
from apps.annotations.selectors import DeskItem

MOST_TEXT = 200_000


class LabelSerializer(serializers.Serializer[Any]):
    """A label of a queue."""

    name = serializers.CharField(max_length=60)
    color = serializers.CharField(max_length=20, default="gray")
    key = serializers.CharField(max_length=1, allow_blank=True, default="")


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a queue is."""

    total = serializers.IntegerField()
    done = serializers.IntegerField()
    skipped = serializers.IntegerField()
    open = serializers.IntegerField()


class QueueSerializer(serializers.ModelSerializer[AnnotationQueue]):
    """A queue."""

    labels = LabelSerializer(many=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = AnnotationQueue
        fields = (
            "id",
            "name",
            "instructions",
            "labels",
            "annotators_per_item",
            "dataset",
            "progress",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, queue: AnnotationQueue) -> dict[str, int]:
        """Counts; a row just written has not been counted, and is counted here."""
        if not hasattr(queue, "total_count"):
            queue = AnnotationQueue.objects.with_progress().get(pk=queue.pk)
        total, done, skipped = queue.total_count, queue.done_count, queue.skipped_count  # type: ignore[attr-defined]  # with_progress
        return {"total": total, "done": done, "skipped": skipped, "open": total - done - skipped}


class QueueInput(serializers.Serializer[Any]):
    """A queue to create or change."""

    name = serializers.CharField(max_length=120)
    instructions = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, required=False)
    labels = LabelSerializer(many=True, required=False)
    annotators_per_item = serializers.IntegerField(min_value=1, max_value=9, required=False)
    dataset = serializers.UUIDField(allow_null=True, required=False)


class QueueItemSerializer(serializers.ModelSerializer[QueueItem]):
    """An item in a list."""

    class Meta:
        model = QueueItem
        fields = (
            "id",
            "conversation",
            "message",
            "trace_id",
            "observation_id",
            "state",
            "assignee",
            "lease_until",
            "annotation_count",
            "skip_reason",
            "created_at",
        )


class FilterInput(serializers.Serializer[Any]):
    """A rule that picks answers."""

    agent = serializers.UUIDField(required=False)
    states = serializers.MultipleChoiceField(
        choices=("completed", "interrupted", "stopped", "failed"), required=False
    )
    sources = serializers.MultipleChoiceField(choices=("console", "share", "api"), required=False)
    feedback = serializers.ChoiceField(
        choices=[(value.value, value.value) for value in Feedback], required=False
    )
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    sample_percent = serializers.IntegerField(min_value=1, max_value=100, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_ITEMS, required=False)


class TraceRefInput(serializers.Serializer[Any]):
    """A trace, or one of its steps."""

    trace_id = serializers.RegexField("^[0-9a-f]{32}$")
    observation_id = serializers.RegexField("^[0-9a-f]{16}$", required=False, allow_blank=True, default="")


class AddTracesInput(serializers.Serializer[Any]):
    """Traces or steps that examples are made of."""

    traces = TraceRefInput(many=True, max_length=1000)  # type: ignore[call-arg]  # of the list that `many` makes
    with_output = serializers.BooleanField(
        default=True, help_text="Take the output as the expected output; else it stays empty."
    )


class AddItemsInput(serializers.Serializer[Any]):
    """Exactly one way of naming what to judge: single answers, whole conversations, traces, or a rule."""

    messages = serializers.ListField(child=serializers.UUIDField(), max_length=1000, required=False)
    conversations = serializers.ListField(child=serializers.UUIDField(), max_length=1000, required=False)
    traces = TraceRefInput(many=True, required=False, max_length=1000)  # type: ignore[call-arg]  # as above
    filter = FilterInput(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one way."""
        if len(attrs) != 1:
            raise serializers.ValidationError(
                "Give exactly one of messages, conversations, traces and filter."
            )
        return attrs


class AddedSerializer(serializers.Serializer[Any]):
    """How many items were new to the queue."""

    added = serializers.IntegerField()


class ItemIdsInput(serializers.Serializer[Any]):
    """Ids of queue items."""

    items = serializers.ListField(child=serializers.UUIDField(), max_length=50, default=list)


class ItemIdsSerializer(serializers.Serializer[Any]):
    """Ids of the items that are leased to the caller."""

    items = serializers.ListField(child=serializers.UUIDField())


class AnnotationInput(serializers.Serializer[Any]):
    """A judgement; at least one part is given."""

    verdict = serializers.ChoiceField(choices=Verdict.choices, allow_blank=True, default="")
    labels = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, default=list)
    corrected_answer = serializers.CharField(
        max_length=MOST_TEXT, allow_blank=True, trim_whitespace=False, default=""
    )
    comment = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    duration_ms = serializers.IntegerField(min_value=0, default=0)


class SkipInput(serializers.Serializer[Any]):
    """Why an item can't be judged."""

    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class AnnotationSerializer(serializers.ModelSerializer[Annotation]):
    """A judgement."""

    class Meta:
        model = Annotation
        fields = (
            "id",
            "item",
            "annotator",
            "verdict",
            "labels",
            "corrected_answer",
            "comment",
            "duration_ms",
            "created_at",
            "updated_at",
        )


class SubmittedSerializer(serializers.Serializer[Any]):
    """The judgement as stored, and how far the queue is now."""

    annotation = AnnotationSerializer()
    progress = ProgressSerializer()


class DeskCitationSerializer(serializers.Serializer[Any]):
    """A passage the answer names."""

    n = serializers.IntegerField()
    document_name = serializers.CharField()
    text = serializers.CharField()
    url = serializers.CharField()


class DeskMessageSerializer(serializers.Serializer[Any]):
    """A message of the conversation around the answer, or of a trace's input and output."""

    id = serializers.CharField()
    role = serializers.CharField()
    content = serializers.CharField()
    state = serializers.CharField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    model_name = serializers.CharField()
    citations = DeskCitationSerializer(many=True)
    trace_url = serializers.CharField()


class DeskItemSerializer(serializers.Serializer[Any]):
    """All an annotator needs for one item."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    lease_until = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField(help_text="The id of the message to judge.")
    agent = serializers.CharField()
    title = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # named like an attribute of fields
    conversation_url = serializers.CharField()
    messages = DeskMessageSerializer(many=True)
    annotation = AnnotationSerializer(allow_null=True)
    gone = serializers.BooleanField(help_text="The trace is no longer stored; the item can only be skipped.")


#: What stands for a message's id where there is no message.
_ANSWER = "answer"


def desk_data(desk: DeskItem) -> dict[str, Any]:
    """A `DeskItem` as JSON values."""
    item = desk.item
    about = _conversation_data(desk) if desk.conversation is not None else _exchange_data(desk)
    return {
        "id": item.pk,
        "state": item.state,
        "lease_until": item.lease_until,
        "annotation": AnnotationSerializer(desk.mine).data if desk.mine else None,
        **about,
    }


def _conversation_data(desk: DeskItem) -> dict[str, Any]:
    conversation = desk.conversation
    assert conversation is not None  # noqa: S101  # the caller looked
    return {
        "message": desk.item.message_id,
        "agent": conversation.counterpart,
        "title": conversation.title,
        "source": conversation.source,
        "conversation_url": reverse("admin:agents_conversation_change", args=[conversation.pk]),
        "messages": [_message_data(message) for message in desk.messages],
        "gone": False,
    }


def _exchange_data(desk: DeskItem) -> dict[str, Any]:
    """A trace or step as a conversation: its input line by line, and its output as the answer."""
    url = reverse("admin:tracing_trace", args=[desk.item.trace_id])
    if desk.item.observation_id:
        url += f"#{desk.item.observation_id}"
    data = {
        "message": _ANSWER,
        "agent": "",
        "title": "",
        "source": "trace",
        "conversation_url": url,
        "messages": [],
    }
    if desk.exchange is None or desk.reading is None:
        return {**data, "gone": True}
    step = desk.exchange.step
    lines = [
        {**_line(f"line-{number}", line.role, line.text), "created_at": step.start_time}
        for number, line in enumerate(desk.reading.lines)
    ]
    answer = {
        **_line(_ANSWER, "assistant", desk.reading.shown_answer),
        "state": "failed" if step.status == "error" else "completed",
        "error": step.status_message if step.status == "error" else "",
        "created_at": step.end_time,
        "model_name": step.model,
        "trace_url": url,
    }
    name = desk.exchange.trace.name
    title = name if step.name == name else f"{name} · {step.name}"
    return {**data, "agent": step.name, "title": title, "messages": [*lines, answer], "gone": False}


def _line(key: str, role: str, text: str) -> dict[str, Any]:
    return {
        "id": key,
        "role": role,
        "content": text,
        "state": "completed",
        "error": "",
        "model_name": "",
        "citations": [],
        "trace_url": "",
    }


def _message_data(message: Any) -> dict[str, Any]:
    return {
        "id": message.pk,
        "role": message.role,
        "content": message.content,
        "state": message.state,
        "error": message.error,
        "created_at": message.created_at,
        "model_name": message.model_name,
        "citations": [_citation_data(citation) for citation in message.citations or []],
        "trace_url": reverse("admin:tracing_trace", args=[message.trace_id]) if message.trace_id else "",
    }


def _citation_data(citation: dict[str, Any]) -> dict[str, Any]:
    chunk_id = citation.get("chunk_id")
    return {
        "n": citation.get("n", 0),
        "document_name": citation.get("document_name", ""),
        "text": citation.get("text", ""),
        "url": reverse("admin:knowledge_chunk", args=[chunk_id]) if chunk_id else "",
    }


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    """A dataset; `version` is its newest frozen version, 0 before the first."""

    item_count = serializers.SerializerMethodField()

    class Meta:
        model = Dataset
        fields = (
            "id",
            "name",
            "description",
            "metadata",
            "input_schema",
            "expected_schema",
            "version",
            "item_count",
            "items_changed_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("version", "items_changed_at")

    metadata = serializers.JSONField(read_only=True)
    input_schema = serializers.JSONField(read_only=True)
    expected_schema = serializers.JSONField(read_only=True)

    def get_item_count(self, dataset: Dataset) -> int:
        """Current items; a row just written has not been counted, and is counted here."""
        if hasattr(dataset, "item_count"):
            return int(dataset.item_count)
        return DatasetItem.objects.current().filter(dataset=dataset).count()


def storable(value: Any) -> Any:
    """Refuse JSON that can't be stored: NUL characters, half surrogates, integers beyond 64 bits."""
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise serializers.ValidationError(str(error)) from error
    if b"\\u0000" in text:
        raise serializers.ValidationError("Null characters are not allowed.")
    return value


def exact(value: Any) -> Any:
    """Refuse JSON that can't be kept as text: half surrogates."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise serializers.ValidationError("Half surrogates are not allowed.") from error
    return value


class DatasetInput(serializers.Serializer[Any]):
    """A dataset to create or change. The schemas are JSON Schema for items of free JSON."""

    name = serializers.CharField(max_length=255)
    description = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, required=False)
    metadata = serializers.JSONField(required=False, allow_null=True, validators=[storable])
    input_schema = serializers.JSONField(required=False, allow_null=True, validators=[storable])
    expected_schema = serializers.JSONField(required=False, allow_null=True, validators=[storable])


class DatasetItemSerializer(serializers.ModelSerializer[DatasetItem]):
    """An example, with where it comes from."""

    id = serializers.UUIDField(source="key", read_only=True)
    input = serializers.JSONField(read_only=True)
    expected = serializers.JSONField(read_only=True)

    class Meta:
        model = DatasetItem
        fields = (
            "id",
            "client_id",
            "shape",
            "archived",
            "input",
            "expected",
            "messages",
            "tools",
            "expected_output",
            "rejected_output",
            "metadata",
            "message",
            "trace_id",
            "observation_id",
            "annotator",
            "annotation",
            "created_at",
            "updated_at",
        )


class DatasetItemInput(serializers.Serializer[Any]):
    """An example: messages in OpenAI's shape and the answer to learn, or `input` and `expected` of any JSON."""

    messages = serializers.ListField(
        child=serializers.DictField(), max_length=1000, required=False, validators=[storable]
    )
    tools = serializers.ListField(
        child=serializers.DictField(), max_length=128, required=False, validators=[storable]
    )
    expected_output = serializers.CharField(
        max_length=MOST_TEXT, allow_blank=True, trim_whitespace=False, required=False
    )
    rejected_output = serializers.CharField(
        max_length=MOST_TEXT, allow_blank=True, trim_whitespace=False, required=False
    )
    input = serializers.JSONField(required=False, allow_null=True, validators=[exact])
    expected = serializers.JSONField(required=False, allow_null=True, validators=[exact])
    metadata = serializers.JSONField(required=False, allow_null=True, validators=[storable])
    archived = serializers.BooleanField(required=False)


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    """A frozen version."""

    class Meta:
        model = DatasetVersion
        fields = ("number", "note", "item_count", "author", "created_at")


class DatasetVersionInput(serializers.Serializer[Any]):
    """A version to freeze."""

    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class RejectionSerializer(serializers.Serializer[Any]):
    """A row left out of a file."""

    item_id = serializers.CharField()
    reason = serializers.CharField()
    detail = serializers.CharField()
    sentence = serializers.CharField()


class CheckSerializer(serializers.Serializer[Any]):
    """What an export would contain."""

    row_count = serializers.IntegerField()
    rejected_count = serializers.IntegerField()
    byte_count = serializers.IntegerField()
    rejections = RejectionSerializer(many=True)


class ExportSerializer(serializers.ModelSerializer[Export]):
    """A training file with its manifest."""

    version = serializers.IntegerField(source="version.number", read_only=True)
    state = serializers.CharField(read_only=True)
    rejections = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = (
            "id",
            "dataset",
            "version",
            "format",
            "state",
            "job",
            "row_count",
            "rejected_count",
            "rejections",
            "byte_count",
            "sha256",
            "download_url",
            "created_at",
            "completed_at",
        )

    @extend_schema_field(RejectionSerializer(many=True))
    def get_rejections(self, export: Export) -> list[dict[str, str]]:
        """Reasons of the first rows left out."""
        return described(export.rejections)

    def get_download_url(self, export: Export) -> str:
        """Where the file is, "" until it is complete."""
        return reverse("annotations-export-file", args=[export.pk]) if export.completed_at else ""


class ExportInput(serializers.Serializer[Any]):
    """A training file to make; without `version` the present state is frozen first."""

    dataset = serializers.UUIDField()
    format = serializers.CharField(max_length=40)
    version = serializers.IntegerField(min_value=1, required=False)
