"""What goes in and out of the providers API. A key goes in, and never comes out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from apps.providers.models import Model, ModelSlot, Provider


class ProviderSerializer(serializers.ModelSerializer[Provider]):
    """A provider without its key."""

    has_key = serializers.BooleanField(read_only=True)

    class Meta:
        model = Provider
        fields = [
            "id",
            "name",
            "kind",
            "base_url",
            "has_key",
            "enabled",
            "test_result",
            "test_message",
            "tested_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ProviderInputSerializer(serializers.Serializer[Any]):
    """An OpenAI-compatible provider; `api_key` is stored encrypted and never shown again."""

    name = serializers.CharField(max_length=120)
    base_url = serializers.CharField(max_length=500)
    api_key = serializers.CharField(
        max_length=1000, required=False, allow_blank=True, write_only=True, trim_whitespace=True
    )
    enabled = serializers.BooleanField(required=False)


class ConnectionReportSerializer(serializers.Serializer[Any]):
    """What a test found."""

    ok = serializers.BooleanField()
    message = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField())


class ModelSerializer(serializers.ModelSerializer[Model]):
    """A model; prices are US dollars per million tokens, null means the public price list."""

    provider_name = serializers.CharField(source="provider.name", read_only=True)

    class Meta:
        model = Model
        fields = [
            "id",
            "provider",
            "provider_name",
            "slot",
            "name",
            "title",
            "context_window",
            "dimensions",
            "abilities",
            "input_price",
            "output_price",
            "cached_price",
            "max_concurrency",
            "timeout_s",
            "fallback",
            "is_default",
            "enabled",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class _InWorkspace(serializers.PrimaryKeyRelatedField[Any]):
    """Objects of the caller's workspace that the caller may see."""

    def get_queryset(self) -> Any:
        queryset: Any = super().get_queryset()
        request = self.context.get("request")
        if request is None:
            return queryset
        return queryset.in_workspace(request.workspace).visible_to(request.user, "view")


def _price() -> serializers.DecimalField:
    return serializers.DecimalField(14, 6, min_value=Decimal(0), required=False, allow_null=True)


class ModelChangeSerializer(serializers.Serializer[Any]):
    """What may be changed about a model."""

    name = serializers.CharField(max_length=200, required=False)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    context_window = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, allow_null=True
    )
    dimensions = serializers.IntegerField(min_value=1, max_value=16000, required=False, allow_null=True)
    abilities = serializers.DictField(required=False)
    input_price = _price()
    output_price = _price()
    cached_price = _price()
    max_concurrency = serializers.IntegerField(min_value=1, max_value=100000, required=False, allow_null=True)
    timeout_s = serializers.IntegerField(min_value=1, max_value=3600, required=False)
    fallback = _InWorkspace(queryset=Model.objects.all(), required=False, allow_null=True)
    enabled = serializers.BooleanField(required=False)


class ModelInputSerializer(ModelChangeSerializer):
    """A new model."""

    provider = _InWorkspace(queryset=Provider.objects.all())
    slot = serializers.ChoiceField(choices=ModelSlot.choices)
    name = serializers.CharField(max_length=200)
