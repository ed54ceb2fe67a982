"""Reads that join more than providers and models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from apps.providers.models import Model, Provider
from apps.tracing.models import Observation

USAGE_PERIOD = timedelta(days=30)
CALL_TYPES = ("generation", "embedding", "reranker")


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What a model was used for in `USAGE_PERIOD`, from the traces."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal


def providers_with_counts(providers: QuerySet[Provider]) -> QuerySet[Provider]:
    """Adds `model_count`."""
    return providers.annotate(model_count=Count("models"))


def usage_of(model: Model) -> ModelUsage:
    """Calls, tokens and cost of the last 30 days."""
    totals = Observation.objects.filter(
        workspace_id=model.workspace_id,
        start_time__gte=timezone.now() - USAGE_PERIOD,
        type__in=CALL_TYPES,
        model=model.name,
        provider=model.provider.name,
    ).aggregate(
        calls=Count("span_id"),
        input_tokens=Sum("input_tokens"),
        output_tokens=Sum("output_tokens"),
        total_cost=Sum("cost"),
    )
    return ModelUsage(
        calls=totals["calls"],
        input_tokens=totals["input_tokens"] or 0,
        output_tokens=totals["output_tokens"] or 0,
        cost=totals["total_cost"] or Decimal(0),
    )
