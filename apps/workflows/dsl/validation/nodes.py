"""Single nodes: type, configuration, error handling, body, and what they name outside the document."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from apps.workflows.dsl import types
from apps.workflows.dsl.compiled import dynamic_fields
from apps.workflows.dsl.document import RESERVED
from apps.workflows.dsl.dynamic import Resource
from apps.workflows.dsl.errors import TypeMismatch
from apps.workflows.dsl.parsing import schema_problems
from apps.workflows.dsl.problems import join_place
from apps.workflows.dsl.references import is_reference
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.templates import RESERVED_WORDS, is_template
from apps.workflows.dsl.validation.model import (
    ERROR_OUTPUTS,
    OPEN,
    Model,
    NodeInfo,
    containers_around,
    read_type,
)
from apps.workflows.dsl.validation.report import suggestion

_WORDS = {
    "model": _("model"),
    "knowledge_base": _("knowledge base"),
    "workflow": _("workflow"),
    "table": _("table"),
    "credential": _("credential"),
    "language": _("sandbox for"),
    "agent": _("agent"),
    "tool": _("tool"),
}


def check(model: Model) -> None:
    """Every node by itself."""
    seen: set[str] = set()
    for info in model.nodes:
        _check_id(model, info, seen)
        _check_type(model, info)
        _check_body(model, info)
        if info.config is not None:
            _check_error_handling(model, info)
            _check_resources(model, info)


def _check_id(model: Model, info: NodeInfo, seen: set[str]) -> None:
    place = f"{info.place}.id"
    if info.id in seen:
        model.report.error(
            "duplicate_id", place, _("There are two nodes {id!r}.", id=info.id), info.id, id=info.id
        )
    elif info.id in RESERVED:
        model.report.error(
            "reserved_id", place, _("{id!r} is reserved; choose another id.", id=info.id), info.id, id=info.id
        )
    elif info.id in RESERVED_WORDS:
        model.report.warning(
            "awkward_id",
            place,
            _("{id!r} has a meaning of its own in templates, which can't read this node.", id=info.id),
            info.id,
            id=info.id,
        )
    seen.add(info.id)


def _check_type(model: Model, info: NodeInfo) -> None:
    if info.kind is None:
        name = info.model.type
        hint = suggestion(name, model.catalogue)
        model.report.error(
            "unknown_type",
            f"{info.place}.type",
            _("There is no node type {name!r}.{hint}", name=name, hint=hint),
            info.id,
            type=name,
        )
        return
    place = f"{info.place}.config"
    try:
        config = info.kind.Config.model_validate(info.model.config)
    except ValidationError as error:
        model.report.problems += schema_problems(error, place, info.kind.Config, info.model.config, info.id)
        return
    read_type(info, config)
    for below, sentence in info.kind.problems(config):
        model.report.error("invalid_config", f"{place}.{below}" if below else place, sentence, info.id)


def _check_body(model: Model, info: NodeInfo) -> None:
    if info.kind is None:
        return
    place = f"{info.place}.body"
    if info.kind.container:
        if info.body is None or not info.body.nodes:
            model.report.error("body_empty", place, _("The body of {id!r} is empty.", id=info.id), info.id)
        depth = len(containers_around(info)) + 1
        limit = model.document.limits.depth
        if depth > limit:
            model.report.error(
                "too_deep",
                place,
                _(
                    "{id!r} is nested {depth} deep; limits.depth allows {limit}.",
                    id=info.id,
                    depth=depth,
                    limit=limit,
                ),
                info.id,
            )
    elif info.body is not None:
        model.report.error(
            "body_unexpected",
            place,
            _("{id!r} is no container: {type} has no body.", id=info.id, type=info.model.type),
            info.id,
        )


def _check_error_handling(model: Model, info: NodeInfo) -> None:
    handling = info.model.on_error
    if handling is None or info.outputs is None:
        return
    place = f"{info.place}.on_error.default"
    if handling.strategy != "default":
        if handling.default:
            model.report.error(
                "default_unused",
                place,
                _(
                    "Default outputs go with the strategy default, not {strategy}.",
                    strategy=handling.strategy,
                ),
                info.id,
            )
        return
    declared = {name: output for name, output in info.outputs.items() if name not in ERROR_OUTPUTS}
    missing = [name for name in declared if name not in handling.default and name != OPEN]
    if missing:
        model.report.error(
            "default_incomplete",
            place,
            _("There is no default for {names}.", names=", ".join(missing)),
            info.id,
            names=missing,
        )
    for name, value in handling.default.items():
        _check_default(model, info, declared, name, value)


def _check_default(model: Model, info: NodeInfo, declared: dict[str, Any], name: str, value: Any) -> None:
    place = join_place(f"{info.place}.on_error.default", name)
    if name not in declared:
        if OPEN not in declared:
            hint = suggestion(name, declared)
            model.report.error(
                "default_unknown",
                place,
                _("{id!r} has no output {name!r}.{hint}", id=info.id, name=name, hint=hint),
                info.id,
                name=name,
            )
        return
    if value is None:
        return
    try:
        types.convert(value, declared[name].type)
    except TypeMismatch as error:
        sentence = _(
            "The output {name!r} is {type}. {detail}",
            name=name,
            type=types.named(declared[name].type),
            detail=error.sentence,
        )
        model.report.error("default_type", place, sentence, info.id, name=name)


def _check_resources(model: Model, info: NodeInfo) -> None:
    if info.config is None:
        return
    for field in dynamic_fields(info.config):
        name = field.raw
        if isinstance(field.marker, Resource) and isinstance(name, str) and not _is_dynamic(name):
            place = f"{info.place}.config.{field.place}"
            _check_resource(model, info, place, field.marker, name, field.optional)


def _is_dynamic(name: str) -> bool:
    """Whether a name is known only in a run."""
    return is_reference(name) or is_template(name)


def _check_resource(
    model: Model, info: NodeInfo, place: str, resource: Resource, name: str, optional: bool
) -> None:
    word = _WORDS[resource.kind]
    if not name and resource.kind != "model":
        if not (resource.optional or optional):
            model.report.error(
                f"{resource.kind}_missing", place, _("No {word} is chosen.", word=word), info.id
            )
        return
    if model.environment is None or (not name and (resource.optional or optional)):
        return
    state = model.environment.state(resource.kind, name)
    if state == "missing":
        sentence = (
            _("There is no {word} {name!r}.", word=word, name=name)
            if name
            else _("No model is chosen, and there is no default one.")
        )
        model.report.error(f"{resource.kind}_missing", place, sentence, info.id, name=name)
    elif state == "unusable":
        model.report.error(
            f"{resource.kind}_unusable",
            place,
            _(
                "The {word} {name!r} can't be used: it is switched off, or its credentials are missing.",
                word=word,
                name=name,
            ),
            info.id,
            name=name,
        )
    if resource.kind == "workflow" and state != "missing":
        _check_calls(model, info, place, name)


def _check_calls(model: Model, info: NodeInfo, place: str, name: str) -> None:
    """A workflow that would, over others, call itself."""
    environment = model.environment
    this = environment.this_workflow() if environment is not None else ""
    if environment is None or not this:
        return
    first = environment.workflow_id(name)
    paths = [[first]]
    seen = {first}
    while paths:
        path = paths.pop()
        if path[-1] == this:
            shown = " → ".join([this, *path])
            model.report.error(
                "workflow_cycle",
                place,
                _("This workflow would call itself: {shown}.", shown=shown),
                info.id,
                path=path,
            )
            return
        for called in environment.calls(path[-1]):
            if called not in seen:
                seen.add(called)
                paths.append([*path, called])
