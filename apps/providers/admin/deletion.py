"""What goes with a model, counted: Django's own page would load every vector to list it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import CASCADE

from apps.providers.models import Model


def cascade_counts(models: Iterable[Model]) -> dict[str, int]:
    """How many rows of each kind are deleted together with the models."""
    ids = [model.pk for model in models]
    counts: Counter[str] = Counter()
    for relation in Model._meta.related_objects:
        if relation.on_delete is not CASCADE:
            continue
        related: Any = relation.related_model
        number = related._base_manager.filter(**{f"{relation.field.name}__in": ids}).count()
        if number:
            counts[str(related._meta.verbose_name_plural)] += number
    return dict(counts)
