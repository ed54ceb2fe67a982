"""Form fields for questions to the rollups: metrics and filters, of which a script shows those that fit."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import FlywheelError
from apps.tracing.models import MetricView
from apps.tracing.rollups import MetricFilter
from apps.tracing.rollups.catalogue import DIMENSIONS, METRICS, OPERATORS, all_dimensions, all_metrics

#: Empty lines that a form offers without a script.
_SPARE = 1


def metric_choices() -> list[tuple[str, Any]]:
    """Every metric by name."""
    return [(item.name, item.title) for item in all_metrics().values()]


def dimension_choices() -> list[tuple[str, Any]]:
    """Every dimension by name."""
    return [(item.name, item.title) for item in all_dimensions().values()]


def offered() -> dict[str, dict[str, list[str]]]:
    """The metrics and dimensions by what is counted, for the script of the form."""
    return {
        str(view): {"metrics": list(METRICS[view]), "dimensions": list(DIMENSIONS[view])}
        for view in MetricView.values
    }


class FiltersWidget(forms.Widget):
    """Lines of field, comparison and value."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The lines that are set, and an empty one."""
        rows = [item if isinstance(item, Mapping) else item.as_json() for item in value or ()]
        context = {
            "name": name,
            "rows": [*rows, *({"field": "", "operator": "is", "value": ""} for _ in range(_SPARE))],
            "fields": dimension_choices(),
            "operators": OPERATORS.items(),
        }
        return mark_safe(render_to_string("tracing/filters_field.html", context))  # noqa: S308 - of a template

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        """The lines with a value."""
        parts = [data.getlist(f"{name}_{part}") for part in ("field", "operator", "value")]
        rows = [
            dict(zip(("field", "operator", "value"), row, strict=True)) for row in zip(*parts, strict=False)
        ]
        return [row for row in rows if row["field"] and row["value"].strip()]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """A form without lines has none."""
        return False


class FiltersField(forms.Field):
    """A list of filters as JSON, which `MetricFilter.read` takes."""

    widget = FiltersWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, label=kwargs.pop("label", _("Filters")), **kwargs)

    def to_python(self, value: Sequence[Any] | None) -> list[dict[str, str]]:
        """The filters, read but not checked: what fits depends on what is counted."""
        try:
            return [MetricFilter.read(item).as_json() for item in value or ()]
        except FlywheelError as error:
            raise ValidationError(str(error.detail)) from error
