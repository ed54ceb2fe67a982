"""Shapes of the tracing API."""

from typing import Any

from rest_framework import serializers

from apps.tracing.chat import PartKind, Role
from apps.tracing.mapping import ObservationType
from apps.tracing.models import Score, ScoreDataType, ScoreSource, Trace, TraceStatus
from apps.tracing.selectors import TraceFilter
from apps.tracing.services.score import ScoreContext


class TraceQuerySerializer(serializers.Serializer[TraceFilter]):
    """Query parameters of the trace list."""

    start = serializers.DateTimeField(required=False, help_text="Earliest start; by default seven days ago.")
    end = serializers.DateTimeField(required=False, help_text="Start before this time; by default now.")
    name = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")
    status = serializers.ChoiceField(
        required=False,
        choices=[*TraceStatus.values, "failed_step"],
        help_text="How the trace ended; failed_step finds traces with an error in any of their steps.",
    )
    model = serializers.CharField(required=False, max_length=200)
    session_id = serializers.CharField(required=False, max_length=200)
    user_id = serializers.CharField(required=False, max_length=200)
    environment = serializers.CharField(required=False, max_length=200)
    source_type = serializers.CharField(required=False, max_length=200)
    source_id = serializers.CharField(required=False, max_length=200)
    tag = serializers.CharField(required=False, max_length=200)
    min_latency_ms = serializers.FloatField(required=False, min_value=0)
    text = serializers.CharField(required=False, max_length=200, help_text="Part of name, input or output.")
    cursor = serializers.CharField(required=False, max_length=300)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200, default=50)


class TraceSerializer(serializers.ModelSerializer[Trace]):
    """A trace in a list."""

    latency_ms = serializers.FloatField(read_only=True)

    class Meta:
        model = Trace
        fields = [
            "trace_id",
            "name",
            "start_time",
            "end_time",
            "latency_ms",
            "status",
            "has_root",
            "observation_count",
            "error_count",
            "input_tokens",
            "output_tokens",
            "cost",
            "model_names",
            "session_id",
            "user_id",
            "environment",
            "release",
            "version",
            "source_type",
            "source_id",
            "tags",
            "input_preview",
            "output_preview",
            "bookmarked",
        ]
        read_only_fields = fields

    trace_id = serializers.CharField(read_only=True)
    model_names = serializers.ListField(child=serializers.CharField(), read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)


class TracePageSerializer(serializers.Serializer[Any]):
    """A page of traces with the cursors of its neighbours ("" where there is none)."""

    results = TraceSerializer(many=True)
    newer = serializers.CharField(allow_blank=True)
    older = serializers.CharField(allow_blank=True)


class ScoreSerializer(serializers.ModelSerializer[Score]):
    """A score. `shown_value` and `author_name` are for people."""

    shown_value = serializers.CharField(read_only=True)
    author_name = serializers.SerializerMethodField()

    class Meta:
        model = Score
        fields = [
            "id",
            "trace_id",
            "observation_id",
            "session_id",
            "dataset_run_id",
            "name",
            "data_type",
            "value",
            "string_value",
            "comment",
            "source",
            "author",
            "author_ref",
            "timestamp",
            "environment",
            "queue_id",
            "metadata",
            "created_at",
            "updated_at",
            "shown_value",
            "author_name",
        ]
        read_only_fields = fields

    def get_author_name(self, score: Score) -> str:
        """The person's name, or the reference of an author without an account."""
        return str(score.author) if score.author else score.author_ref


class ScoreInputSerializer(serializers.Serializer[Score]):
    """A score as clients send it."""

    trace_id = serializers.RegexField(r"^[0-9a-f]{32}$", required=False, default="")
    observation_id = serializers.RegexField(r"^[0-9a-f]{16}$", required=False, default="")
    session_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    dataset_run_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    name = serializers.CharField(max_length=100)
    data_type = serializers.ChoiceField(choices=ScoreDataType.choices, default=ScoreDataType.NUMERIC)
    value = serializers.FloatField(required=False, allow_null=True, default=None)
    string_value = serializers.CharField(required=False, allow_blank=True, default="", max_length=5_000)
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=5_000)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of that name, not the option
        choices=ScoreSource.choices, default=ScoreSource.API
    )
    timestamp = serializers.DateTimeField(required=False, help_text="When it was given; by default now.")
    environment = serializers.CharField(required=False, allow_blank=True, max_length=200)
    metadata = serializers.JSONField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What else is known goes along as one."""
        context = {
            name: attrs.pop(name) for name in ("timestamp", "environment", "metadata") if name in attrs
        }
        return {**attrs, "context": ScoreContext(**context)}


class ObservationSerializer(serializers.Serializer[Any]):
    """An observation in its trace."""

    span_id = serializers.CharField()
    parent_id = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in ObservationType])
    name = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    latency_ms = serializers.FloatField()
    status = serializers.CharField()
    status_message = serializers.CharField()
    model = serializers.CharField()
    provider = serializers.CharField()
    input_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    cost = serializers.DecimalField(max_digits=20, decimal_places=10, allow_null=True)
    ttft_ms = serializers.FloatField(allow_null=True)


class ObservationDetailSerializer(ObservationSerializer):
    """An observation with everything that is known of it but its payload."""

    usage = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    metadata = serializers.JSONField(allow_null=True)
    attributes = serializers.JSONField(allow_null=True)
    session_id = serializers.CharField()
    user_id = serializers.CharField()
    environment = serializers.CharField()
    release = serializers.CharField()
    version = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())


class TraceDetailSerializer(TraceSerializer):
    """A trace with its first 5,000 observations and its scores."""

    observations = ObservationSerializer(many=True, read_only=True)
    scores = ScoreSerializer(many=True, read_only=True)

    class Meta(TraceSerializer.Meta):
        fields = [*TraceSerializer.Meta.fields, "observations", "scores"]
        read_only_fields = fields


class PayloadSerializer(serializers.Serializer[Any]):
    """Input and output, cut to the limit that was asked for, and their full lengths in characters."""

    input = serializers.CharField(allow_blank=True)
    output = serializers.CharField(allow_blank=True)
    input_length = serializers.IntegerField()
    output_length = serializers.IntegerField()


class PartSerializer(serializers.Serializer[Any]):
    """A piece of a turn; what does not apply is left out."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in PartKind])
    text = serializers.CharField(required=False)
    id = serializers.CharField(required=False)
    name = serializers.CharField(required=False)
    url = serializers.CharField(required=False)
    media_type = serializers.CharField(required=False)
    error = serializers.BooleanField(required=False)
    length = serializers.IntegerField(
        required=False, help_text="Characters before the cut, where one was made."
    )


class TurnSerializer(serializers.Serializer[Any]):
    """A message in the one form, whatever shape it was recorded in. `label` is the role as it was written."""

    role = serializers.ChoiceField(choices=[(role.value, role.value) for role in Role])
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not the option
    name = serializers.CharField()
    parts = PartSerializer(many=True)


class TurnPageSerializer(serializers.Serializer[Any]):
    """Turns of an input or output from `offset`; `total` is 0 where it is no conversation."""

    turns = TurnSerializer(many=True)
    offset = serializers.IntegerField()
    total = serializers.IntegerField()


class TurnsSerializer(serializers.Serializer[Any]):
    """The conversations in input and output; null where there is none, or the text is cut."""

    input = TurnPageSerializer(allow_null=True)
    output = TurnPageSerializer(allow_null=True)


class LinkSerializer(serializers.Serializer[Any]):
    """A place in the console."""

    title = serializers.CharField()
    url = serializers.CharField()


class ObservationPageSerializer(serializers.Serializer[Any]):
    """An observation with its payload and scores, and with turns and links where they were asked for."""

    observation = ObservationDetailSerializer()
    payload = PayloadSerializer()
    scores = ScoreSerializer(many=True)
    turns = TurnsSerializer(required=False)
    links = LinkSerializer(many=True, required=False)


class PayloadQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of an observation."""

    limit = serializers.IntegerField(
        required=False,
        min_value=0,
        default=0,
        help_text="Cut input and output to so many characters; 0 is all.",
    )
    turns = serializers.BooleanField(
        default=False, help_text="Add input and output as turns of a conversation, where they are uncut."
    )
    links = serializers.BooleanField(
        default=False, help_text="Add what the observation is a step of and where it can be opened."
    )
