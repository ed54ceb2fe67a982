"""Shapes of workflows, runs and triggers in the API. Input and output apart."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.workflows.models import (
    RunMode,
    RunState,
    RunWait,
    Trigger,
    TriggerFiring,
    TriggerKind,
    TriggerType,
    WaitState,
    Workflow,
    WorkflowKind,
    WorkflowVersion,
)
from apps.workflows.models.workflow import MAX_CONCURRENCY, MAX_KEPT_DAYS


class JsonObject(serializers.DictField):
    """An object of names and values."""

    child = serializers.JSONField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Something wrong in a document."""

    code = serializers.CharField()
    place = serializers.CharField(help_text=_("Where, such as nodes[2].config.url."))
    message = serializers.CharField()
    node_id = serializers.CharField(allow_null=True)
    severity = serializers.ChoiceField(choices=["error", "warning"])


class VersionSerializer(serializers.ModelSerializer[WorkflowVersion]):
    """A published version, without its document."""

    class Meta:
        model = WorkflowVersion
        fields = ["id", "workflow", "number", "name", "note", "checksum", "created_by", "created_at"]
        read_only_fields = fields


class VersionDetailSerializer(VersionSerializer):
    """The same with the document."""

    document = JsonObject()

    class Meta(VersionSerializer.Meta):
        fields = [*VersionSerializer.Meta.fields, "document"]
        read_only_fields = fields


class WorkflowSerializer(serializers.ModelSerializer[Workflow]):
    """A workflow, without its documents."""

    published = VersionSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Workflow
        fields = [
            "id",
            "name",
            "description",
            "icon",
            "kind",
            "draft_revision",
            "published",
            "concurrency",
            "keep_runs_days",
            "archived",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


@extend_schema_field({"oneOf": [{"type": "object", "additionalProperties": {}}, {"type": "string"}]})
class DocumentField(serializers.Field[Any, Any, Any, Any]):
    """A document: an object, or YAML or JSON text."""

    def to_internal_value(self, data: Any) -> Any:
        """Whatever it is, the language reads it."""
        if not isinstance(data, dict | str):
            raise serializers.ValidationError("Send an object, or YAML or JSON text.")
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class WorkflowInputSerializer(serializers.Serializer[Any]):
    """A workflow, as created."""

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=WorkflowKind.choices, default=WorkflowKind.WORKFLOW)
    description = serializers.CharField(max_length=1_000, required=False, allow_blank=True)
    icon = serializers.CharField(max_length=60, required=False)
    document = DocumentField(required=False, help_text=_("The first draft; without it a start and an end."))


class WorkflowChangeSerializer(serializers.Serializer[Any]):
    """What can be changed beside the draft."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=1_000, required=False, allow_blank=True)
    icon = serializers.CharField(max_length=60, required=False)
    concurrency = serializers.IntegerField(
        min_value=1, max_value=MAX_CONCURRENCY, required=False, allow_null=True
    )
    keep_runs_days = serializers.IntegerField(
        min_value=1, max_value=MAX_KEPT_DAYS, required=False, allow_null=True
    )


class DraftSerializer(serializers.Serializer[Any]):
    """The draft, with what is wrong with it."""

    revision = serializers.IntegerField()
    document = JsonObject()
    problems = ProblemSerializer(many=True)
    missing_secrets = serializers.ListField(
        child=serializers.CharField(), help_text=_("Secret variables nobody has entered.")
    )


class DraftInputSerializer(serializers.Serializer[Any]):
    """A draft to save."""

    document = DocumentField()
    revision = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text=_("The revision you started from; without it whatever is there is overwritten."),
    )


class ValidateInputSerializer(serializers.Serializer[Any]):
    """A document to check."""

    document = DocumentField(required=False, help_text=_("Without it the draft is checked."))


class ProblemsSerializer(serializers.Serializer[Any]):
    """What is wrong."""

    problems = ProblemSerializer(many=True)


class PublishInputSerializer(serializers.Serializer[Any]):
    """How to call the new version."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    note = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    revision = serializers.IntegerField(required=False, allow_null=True)


class RestoreInputSerializer(serializers.Serializer[Any]):
    """Which version becomes the draft."""

    number = serializers.IntegerField(min_value=1)
    revision = serializers.IntegerField(required=False, allow_null=True)


class ImportInputSerializer(serializers.Serializer[Any]):
    """A workflow file."""

    document = DocumentField()
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)


class NameInputSerializer(serializers.Serializer[Any]):
    """A name, or none."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True)


class SecretsInputSerializer(serializers.Serializer[Any]):
    """Values of secret variables; null deletes one."""

    values = serializers.DictField(child=serializers.CharField(max_length=20_000, allow_null=True))


class SecretsSerializer(serializers.Serializer[Any]):
    """Which secret variables there are; never their values."""

    declared = serializers.ListField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField())


class ChangeSerializer(serializers.Serializer[Any]):
    """A difference between two documents."""

    kind = serializers.ChoiceField(choices=["added", "removed", "changed", "moved"])
    subject = serializers.ChoiceField(choices=["document", "node", "edge", "environment", "conversation"])
    id = serializers.CharField()
    path = serializers.CharField(help_text=_("Where in it, such as config.url; empty for the whole."))
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class StartRunSerializer(serializers.Serializer[Any]):
    """A run to start."""

    inputs = JsonObject(required=False)
    query = serializers.CharField(required=False, allow_blank=True, max_length=100_000)
    files = serializers.ListField(child=JsonObject(), required=False, max_length=100)
    response = serializers.ChoiceField(
        choices=["blocking", "streaming", "async"],
        default="blocking",
        help_text=_("blocking waits for the end, streaming sends events, async answers at once."),
    )
    timeout_s = serializers.IntegerField(
        min_value=1, required=False, help_text=_("How long a blocking call waits; the run goes on.")
    )
    draft = serializers.BooleanField(default=False, help_text=_("Run the draft; needs the right to change."))
    version = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    conversation_id = serializers.UUIDField(required=False, allow_null=True)
    user = serializers.CharField(max_length=128, required=False, allow_blank=True)
    callback_url = serializers.CharField(max_length=2_000, required=False, allow_blank=True)


class TryNodeInputSerializer(serializers.Serializer[Any]):
    """One node alone, with what it reads."""

    inputs = JsonObject(required=False, help_text=_("Inputs of the start node."))
    values = serializers.DictField(
        child=JsonObject(), required=False, help_text=_("Outputs of other nodes, by node id.")
    )
    draft = serializers.BooleanField(default=True)


class UsageSerializer(serializers.Serializer[Any]):
    """What models used."""

    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.CharField(help_text=_("US dollars."))


class RunSerializer(serializers.Serializer[Any]):
    """A run."""

    id = serializers.UUIDField()
    workflow_id = serializers.UUIDField()
    version_id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(choices=RunState.choices)
    inputs = JsonObject()
    outputs = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    trigger = serializers.ChoiceField(choices=TriggerKind.choices)
    conversation_id = serializers.UUIDField(allow_null=True)
    trace_id = serializers.CharField()
    usage = UsageSerializer()
    steps = serializers.IntegerField()
    elapsed_ms = serializers.IntegerField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class CancelInputSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class RerunInputSerializer(serializers.Serializer[Any]):
    """Where to begin, and with what."""

    from_path = serializers.CharField(
        max_length=400,
        required=False,
        allow_blank=True,
        help_text=_("A node's path; what came before is kept."),
    )
    edited = JsonObject(
        required=False, help_text=_("Values put in the place of outputs: node.output → value.")
    )
    inputs = JsonObject(required=False)
    mode = serializers.ChoiceField(choices=RunMode.choices, default=RunMode.INTERACTIVE)


class NodeStateSerializer(serializers.Serializer[Any]):
    """How far one execution of a node is."""

    node = serializers.CharField()
    path = serializers.CharField()
    type = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(
        choices=["running", "waiting", "retrying", "completed", "handled", "failed", "stopped"]
    )
    attempts = serializers.IntegerField()
    outputs = serializers.JSONField(allow_null=True)
    truncated = serializers.BooleanField()
    port = serializers.CharField()
    ms = serializers.FloatField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    usage = serializers.JSONField(allow_null=True)
    reused = serializers.BooleanField()


class SnapshotSerializer(serializers.Serializer[Any]):
    """Where a run stands; events after `seq` bring it up to date."""

    seq = serializers.IntegerField()
    run = RunSerializer()
    nodes = NodeStateSerializer(many=True)
    text = serializers.CharField(help_text=_("What a chatflow has answered so far."))
    waits = serializers.ListField(child=JsonObject())


class WaitSerializer(serializers.Serializer[Any]):
    """What a run waits for."""

    id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    path = serializers.CharField()
    kind = serializers.CharField()
    payload = JsonObject()
    state = serializers.ChoiceField(choices=WaitState.choices)
    answer = serializers.JSONField(allow_null=True)
    form_path = serializers.CharField(
        help_text=_("Path of the page with the form; whoever has it may answer.")
    )
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Any) -> Any:
        """From the row."""
        from apps.workflows.payloads import wait_payload

        return (
            wait_payload(instance) if isinstance(instance, RunWait) else super().to_representation(instance)
        )


class AnswerInputSerializer(serializers.Serializer[Any]):
    """An answer: the chosen action, and the values of the form."""

    action = serializers.CharField(max_length=100, required=False, allow_blank=True)
    values = JsonObject(required=False)


class TriggerSerializer(serializers.ModelSerializer[Trigger]):
    """A trigger."""

    config = JsonObject()
    address = serializers.SerializerMethodField(help_text=_("Path of a webhook."))

    class Meta:
        model = Trigger
        fields = [
            "id",
            "workflow",
            "kind",
            "name",
            "config",
            "address",
            "event",
            "enabled",
            "last_fired_at",
            "next_fire_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_address(self, trigger: Trigger) -> str:
        """Where calls go."""
        return f"/hooks/{trigger.token}/" if trigger.token else ""


class NewTriggerSerializer(TriggerSerializer):
    """A trigger just made, with its secret: it is shown this once."""

    secret = serializers.SerializerMethodField()

    class Meta(TriggerSerializer.Meta):
        fields = [*TriggerSerializer.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, trigger: Trigger) -> str:
        """Signs calls."""
        return trigger.secret.reveal() if trigger.secret else ""


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret, shown this once."""

    secret = serializers.CharField()


class TriggerInputSerializer(serializers.Serializer[Any]):
    """A trigger, as created."""

    workflow = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=TriggerType.choices)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    config = JsonObject(required=False)
    enabled = serializers.BooleanField(default=True)


class TriggerChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a trigger."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    config = JsonObject(required=False)
    enabled = serializers.BooleanField(required=False)


class FiringSerializer(serializers.ModelSerializer[TriggerFiring]):
    """What a trigger did."""

    class Meta:
        model = TriggerFiring
        fields = ["id", "trigger", "scheduled_for", "state", "run", "error", "created_at"]
        read_only_fields = fields
