"""Values, templates and conditions of configurations: whether they can be read, and what they read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.workflows.dsl import types
from apps.workflows.dsl.compiled import MarkedField, dynamic_fields
from apps.workflows.dsl.conditions import compile_condition
from apps.workflows.dsl.dynamic import CONDITION, TARGET, Dynamic
from apps.workflows.dsl.errors import ConditionSyntaxError, LanguageError, TemplateSyntaxError
from apps.workflows.dsl.references import Reference, compile_reference
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.validation.model import Model, NodeInfo
from apps.workflows.dsl.validation.references import Reader
from apps.workflows.dsl.values import compile_value


def check(model: Model) -> None:
    """Every dynamic field of every node."""
    reader = Reader(model)
    for info in model.nodes:
        if info.config is None:
            continue
        for field in dynamic_fields(info.config):
            if isinstance(field.marker, Dynamic):
                _check_field(model, reader, info, field, field.marker)


def _check_field(model: Model, reader: Reader, info: NodeInfo, field: MarkedField, marker: Dynamic) -> None:
    place = f"{info.place}.config.{field.place}"
    if marker.type == TARGET:
        _check_target(model, reader, info, place, field)
        return
    if field.raw is None and field.optional:
        return
    try:
        references, whole = _compile(field.raw, marker, field.optional)
    except ConditionSyntaxError as error:
        below = f"{place}.{error.place}" if error.place and error.place[0] != "[" else f"{place}{error.place}"
        model.report.error("invalid_condition", below, error.sentence, info.id)
        return
    except TemplateSyntaxError as error:
        sentence = _(
            "The template can't be read, line {line}: {detail}", line=error.line, detail=error.sentence
        )
        model.report.error(error.code, place, sentence, info.id, line=error.line)
        return
    except LanguageError as error:
        model.report.error(error.code, place, error.sentence, info.id)
        return
    own = getattr(info.config, marker.names) if marker.names else ()
    for reference in references:
        if reference.root in own:
            continue
        found = reader.check(info, reference, place, body=marker.within == "body")
        if found is not None and reference is whole:
            _check_fit(model, info, place, reference, found, marker.type)


def _compile(raw: Any, marker: Dynamic, optional: bool) -> tuple[Iterable[Reference], Reference | None]:
    """What a field reads, and the reference that it is as a whole, if it is one."""
    if marker.type == CONDITION:
        return compile_condition(raw).references, None
    value = compile_value(raw, marker.type, optional=optional)
    whole = value.reference
    if whole is None and value.template is not None and marker.type not in {"string", "secret", "any"}:
        whole = value.template.single
    return value.references, whole


def _check_fit(
    model: Model, info: NodeInfo, place: str, reference: Reference, found: str, wanted: str
) -> None:
    if types.fit(found, wanted) == "never":
        model.report.error(
            "type_mismatch",
            place,
            _(
                "{reference} is {found}, and {wanted} is needed.",
                reference=reference.text,
                found=types.named(found),
                wanted=types.named(wanted),
            ),
            info.id,
            found=found,
            wanted=wanted,
        )


def _check_target(model: Model, reader: Reader, info: NodeInfo, place: str, field: MarkedField) -> None:
    """The variable that a node writes."""
    if field.raw in (None, "") and field.optional:
        return
    try:
        reference = compile_reference(field.raw if isinstance(field.raw, str) else types.text(field.raw))
    except LanguageError as error:
        model.report.error("invalid_target", place, error.sentence, info.id)
        return
    reader.check_target(info, reference, place)
