"""Values of configurations: a literal, a reference, a template, or lists and objects that hold some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.workflows.dsl import types
from apps.workflows.dsl.errors import LanguageError, MissingValue, TypeMismatch
from apps.workflows.dsl.references import Reference, compile_reference, is_reference
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.templates import Template, compile_template, is_template

#: The key of an object that holds a literal which would otherwise be read as a reference or template.
LITERAL = "$literal"
_MAX_DEPTH = 64

Resolve = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Value:
    """A compiled value.

    resolve: the value in a scope, converted; raises TypeMismatch, MissingValue, TemplateError.
    constant: whether it is the same in every scope, so that it needs no resolving.
    reference, template: what it is, when it is one as a whole.
    """

    raw: Any
    type: str
    resolve: Resolve
    constant: bool
    references: tuple[Reference, ...] = ()
    templates: tuple[Template, ...] = ()
    reference: Reference | None = None
    template: Template | None = None


def compile_value(raw: Any, type_: str = "any", *, optional: bool = False) -> Value:
    """Compile what stands in a document for a value of a type.

    Raises LanguageError: a reference or template that can't be read, or a literal that can't be converted. With
    `optional`, a reference without a value gives None instead of MissingValue.
    """
    if is_reference(raw):
        reference = compile_reference(raw)
        return Value(
            raw,
            type_,
            _converted(reference.get, type_, optional, raw),
            False,
            (reference,),
            reference=reference,
        )
    if is_template(raw):
        return _template_value(raw, type_, optional)
    if isinstance(raw, dict | list):
        return _nested_value(raw, type_, optional)
    value = None if raw is None and optional else types.convert(raw, type_)
    return Value(raw, type_, _constant(value), True)


def _template_value(raw: str, type_: str, optional: bool) -> Value:
    template = compile_template(raw)
    if template.single is not None and type_ not in {"string", "secret", "any"}:
        # a template that is nothing but a reference hands the value on, so that a number stays one
        resolve = _converted(template.single.get, type_, optional, raw)
    elif type_ in {"string", "secret", "any"}:
        resolve = template.render
    else:
        resolve = _converted(template.render, type_, optional, raw)
    return Value(raw, type_, resolve, False, template.references, (template,), template=template)


def _nested_value(raw: dict[str, Any] | list[Any], type_: str, optional: bool) -> Value:
    references: list[Reference] = []
    templates: list[Template] = []
    plan = _plan(raw, references, templates, 0)
    if not callable(plan):
        return Value(raw, type_, _constant(types.convert(plan, type_)), True)
    resolve = plan if type_ == "any" else _converted(plan, type_, optional, raw)
    return Value(raw, type_, resolve, False, tuple(references), tuple(templates))


def _plan(raw: Any, references: list[Reference], templates: list[Template], depth: int) -> Any:
    """The value itself when nothing in it is dynamic, else a function of the scope."""
    if depth > _MAX_DEPTH:
        raise TypeMismatch(_("The value is nested too deeply."))
    if isinstance(raw, str):
        if is_reference(raw):
            references.append(compile_reference(raw))
            return references[-1].get
        if is_template(raw):
            templates.append(compile_template(raw))
            references.extend(templates[-1].references)
            return templates[-1].render
        return raw
    if isinstance(raw, list):
        return _list_plan([_plan(item, references, templates, depth + 1) for item in raw])
    if isinstance(raw, dict):
        if raw.keys() == {LITERAL}:
            return raw[LITERAL]
        return _dict_plan({key: _plan(item, references, templates, depth + 1) for key, item in raw.items()})
    return raw


def _list_plan(items: list[Any]) -> Any:
    if not any(map(callable, items)):
        return items
    return lambda scope: [item(scope) if callable(item) else item for item in items]


def _dict_plan(items: dict[str, Any]) -> Any:
    if not any(map(callable, items.values())):
        return items
    return lambda scope: {key: item(scope) if callable(item) else item for key, item in items.items()}


def _constant(value: Any) -> Resolve:
    return lambda _scope: value


#: Python types that need no conversion for a type: the common case costs one comparison.
_EXACT: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "secret": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array[any]": (list,),
}


def _converted(get: Resolve, type_: str, optional: bool, raw: Any) -> Resolve:
    """`get`, with what it gives converted to a type."""
    if type_ == "any":
        return get
    exact = _EXACT.get(type_, ())

    def resolve(scope: Scope) -> Any:
        value = get(scope)
        if type(value) in exact:
            return value
        if value is None:
            return None if optional else _nothing(type_, raw)
        try:
            return types.convert(value, type_)
        except LanguageError as error:
            raise TypeMismatch(_("{shown}: {detail}", shown=_shown(raw), detail=error.sentence)) from error

    return resolve


def _nothing(type_: str, raw: Any) -> Any:
    if type_ in {"string", "secret"}:
        return ""
    raise MissingValue(
        _("{shown} has no value, and {type} is needed.", shown=_shown(raw), type=types.named(type_))
    )


def _shown(raw: Any) -> str:
    shown = raw if isinstance(raw, str) else "The value"
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def literal(value: Any) -> Any:
    """A plain value as a document holds it: escaped where it would be read as something else."""
    if is_reference(value) or is_template(value):
        return {LITERAL: value}
    if isinstance(value, Mapping):
        if set(value) == {LITERAL}:
            return {LITERAL: value}
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    return value
