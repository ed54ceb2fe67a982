"""Configurations whose dynamic fields are filled in when a node runs.

`dynamic_fields` finds the marked fields of a configuration, also in nested models, lists and objects of models;
`compile_config` makes of them a source that builds a configuration with values, without validating it again.
"""

from __future__ import annotations

import types as python_types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from apps.workflows.dsl.conditions import compile_condition
from apps.workflows.dsl.dynamic import CONDITION, TARGET, Dynamic, Resource
from apps.workflows.dsl.errors import FieldError, LanguageError
from apps.workflows.dsl.problems import join_place
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.values import Resolve, compile_value

_UNIONS = (Union, python_types.UnionType)
#: Stands for "nothing dynamic in here".
_FIXED = None


@dataclass(frozen=True, slots=True)
class MarkedField:
    """A field with a marker: its place below `config`, what stands there, and whether it may be nothing."""

    place: str
    raw: Any
    marker: Dynamic | Resource
    optional: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an annotation says about markers below it."""

    markers: tuple[Dynamic | Resource, ...]
    optional: bool
    element: _Shape | None
    models: bool

    @property
    def dynamic(self) -> Dynamic | None:
        return next((marker for marker in self.markers if isinstance(marker, Dynamic)), None)


class ConfigSource:
    """A configuration, ready to be filled in.

    dynamic: whether anything in it depends on the scope; if not, `resolve` gives the same configuration each time.
    """

    __slots__ = ("_build", "config", "dynamic")

    def __init__(self, config: BaseModel) -> None:
        """Compile; raises FieldError at the first field that can't be."""
        plan = _model_plan(config, "")
        self.dynamic = callable(plan)
        self.config: Any = config if plan is _FIXED or callable(plan) else plan
        self._build: Resolve | None = plan if callable(plan) else None

    def resolve(self, scope: Scope, /) -> Any:
        """The configuration with values; raises FieldError with the field's place."""
        return self.config if self._build is None else self._build(scope)


def compile_config(config: BaseModel) -> ConfigSource:
    """Compile the dynamic fields of a configuration; raises FieldError."""
    return ConfigSource(config)


def dynamic_fields(config: BaseModel) -> Iterator[MarkedField]:
    """Every field of a configuration that is marked with `Dynamic` or `Resource`, defaults included."""
    for place, value, shape in _walk_model(config, ""):
        for marker in shape.markers:
            yield MarkedField(place, value, marker, shape.optional)


def _walk_model(config: BaseModel, place: str) -> Iterator[tuple[str, Any, _Shape]]:
    for name, shape in _shapes(type(config)).items():
        yield from _walk(getattr(config, name), shape, join_place(place, name))


def _walk(value: Any, shape: _Shape, place: str) -> Iterator[tuple[str, Any, _Shape]]:
    if isinstance(value, BaseModel):
        yield from _walk_model(value, place)
    elif shape.element is not None and isinstance(value, list | tuple | dict):
        if isinstance(value, dict):
            items: Any = value.items()
        else:
            items = enumerate(value)
        for key, item in items:
            yield from _walk(item, shape.element, join_place(place, key))
    elif shape.markers:
        yield place, value, shape


@lru_cache(maxsize=2_048)
def _shapes(model: type[BaseModel]) -> dict[str, _Shape]:
    """The fields of a model below which something may be marked."""
    found = {}
    for name, field in model.model_fields.items():
        shape = _shape(field.annotation, tuple(field.metadata))
        if shape.markers or shape.element is not None or shape.models:
            found[name] = shape
    return found


def _shape(annotation: Any, metadata: tuple[Any, ...] = ()) -> _Shape:
    markers = tuple(item for item in metadata if isinstance(item, Dynamic | Resource))
    if get_origin(annotation) is Annotated:
        inner = _shape(annotation.__origin__, tuple(annotation.__metadata__))
        return _Shape((*markers, *inner.markers), inner.optional, inner.element, inner.models)
    if get_origin(annotation) in _UNIONS:
        return _union_shape(markers, get_args(annotation))
    element = _element_shape(annotation) if not any(isinstance(m, Dynamic) for m in markers) else None
    return _Shape(markers, annotation in {None, Any}, element, _is_model(annotation))


def _union_shape(markers: tuple[Dynamic | Resource, ...], arms: tuple[Any, ...]) -> _Shape:
    shapes = [_shape(arm) for arm in arms]
    optional = any(arm in {None, type(None)} for arm in arms) or any(shape.optional for shape in shapes)
    elements = [shape.element for shape in shapes if shape.element is not None]
    found = tuple(dict.fromkeys((*markers, *(marker for shape in shapes for marker in shape.markers))))
    return _Shape(found, optional, elements[0] if elements else None, any(shape.models for shape in shapes))


def _element_shape(annotation: Any) -> _Shape | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if not arguments or not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping):
        element = _shape(arguments[-1])
    elif issubclass(origin, list | tuple):
        element = _shape(arguments[0])
    else:
        return None
    return element if element.markers or element.element is not None or element.models else None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _plan(value: Any, shape: _Shape, place: str) -> Any:
    """None when nothing is dynamic below; a function of the scope; or a one-element list with a converted constant."""
    if isinstance(value, BaseModel):
        plan = _model_plan(value, place)
        return plan if plan is _FIXED or callable(plan) else [plan]
    if shape.element is not None and isinstance(value, dict):
        return _mapping_plan(
            {k: (v, _plan(v, shape.element, join_place(place, str(k)))) for k, v in value.items()}
        )
    if shape.element is not None and isinstance(value, list | tuple):
        element = shape.element
        plans = {i: (v, _plan(v, element, join_place(place, i))) for i, v in enumerate(value)}
        return _sequence_plan(type(value), _mapping_plan(plans))
    marker = shape.dynamic
    if marker is None or not marker.resolved:
        return _FIXED
    return _field_plan(value, marker, shape.optional, place)


def _field_plan(raw: Any, marker: Dynamic, optional: bool, place: str) -> Any:
    try:
        if raw is None and optional:
            return _FIXED
        if marker.type == CONDITION:
            return _condition_plan(raw)
        value = compile_value(raw, marker.type, optional=optional)
    except LanguageError as error:
        raise FieldError(place, error) from error
    return [value.resolve({})] if value.constant else _placed(value.resolve, place)


def _condition_plan(raw: Any) -> Any:
    condition = compile_condition(raw)
    moves = condition.references or condition.templates
    return condition.evaluate if moves else [condition.evaluate({})]


def _placed(resolve: Resolve, place: str) -> Resolve:
    """`resolve`, whose errors say which field they are about."""

    def get(scope: Scope) -> Any:
        try:
            return resolve(scope)
        except LanguageError as error:
            raise FieldError(place, error) from error

    return get


def _mapping_plan(plans: Mapping[Any, tuple[Any, Any]]) -> Any:
    """Of plans for the members: nothing, a constant, or a function that builds the whole."""
    if all(plan is _FIXED for _, plan in plans.values()):
        return _FIXED
    base = {key: plan[0] if isinstance(plan, list) else value for key, (value, plan) in plans.items()}
    moving = [(key, plan) for key, (_, plan) in plans.items() if callable(plan)]
    if not moving:
        return [base]
    if len(moving) == 1:
        ((only, get),) = moving
        return lambda scope: {**base, only: get(scope)}

    def build(scope: Scope) -> dict[Any, Any]:
        result = base.copy()
        for key, resolve in moving:
            result[key] = resolve(scope)
        return result

    return build


def _sequence_plan(kind: type, plan: Any) -> Any:
    if callable(plan):
        build: Callable[[Scope], dict[int, Any]] = plan
        return lambda scope: kind(build(scope).values())
    return plan if plan is _FIXED else [kind(plan[0].values())]


def _model_plan(config: BaseModel, place: str) -> Any:
    """None when the model stays as it is; a model with converted constants; or a function that builds one."""
    shapes = _shapes(type(config))
    plans = {
        name: (value, _plan(value, shapes[name], join_place(place, name)))
        for name, value in config.__dict__.items()
        if name in shapes
    }
    plan = _mapping_plan(plans)
    if plan is _FIXED:
        return _FIXED
    if not callable(plan):
        return _rebuilt(config, config.__dict__ | plan[0])
    return _builder(config, plan)


def _builder(config: BaseModel, plan: Resolve) -> Resolve:
    base = dict(config.__dict__)

    def build(scope: Scope) -> BaseModel:
        return _rebuilt(config, base | plan(scope))

    return build


def _rebuilt(config: BaseModel, values: dict[str, Any]) -> BaseModel:
    """A copy with other values, as pydantic's own `model_copy` makes one: nothing is validated."""
    new = config.__class__.__new__(config.__class__)
    put = object.__setattr__
    put(new, "__dict__", values)
    put(new, "__pydantic_fields_set__", config.__pydantic_fields_set__)
    put(new, "__pydantic_extra__", config.__pydantic_extra__)
    put(new, "__pydantic_private__", config.__pydantic_private__)
    return new


def is_target(marker: Dynamic) -> bool:
    """Whether a field names the variable that is written."""
    return marker.type == TARGET
