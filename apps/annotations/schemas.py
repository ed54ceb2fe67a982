"""JSON Schema that a dataset's items are held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid
from apps.workflows.engine.errors import NodeError
from apps.workflows.nodes.support import records


def check_schema(schema: Any, field: str) -> None:
    """Raise `Invalid` when this is no schema; None is none."""
    if schema is None:
        return
    if not isinstance(schema, Mapping):
        raise Invalid(errors={field: [_("A schema is a JSON object.")]})
    for place, sentence in records.problems(field, schema):
        raise Invalid(errors={field: [f"{place}: {sentence}"]})


def check_value(value: Any, schema: Mapping[str, Any] | None, field: str) -> None:
    """Raise `Invalid` with the places at which a value doesn't meet the schema."""
    if schema is None:
        return
    try:
        faults = records.check(value, schema)
    except NodeError as error:
        raise Invalid(errors={field: [str(error)]}) from error
    if faults:
        found = "; ".join(f"{fault['path']}: {fault['message']}" for fault in faults[:3])
        raise Invalid(
            _("The %(field)s doesn't meet the dataset's schema: %(faults)s")
            % {"field": field, "faults": found},
            errors={field: [f"{fault['path']}: {fault['message']}" for fault in faults]},
        )
