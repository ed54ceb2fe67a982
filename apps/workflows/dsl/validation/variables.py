"""Environment and conversation variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.workflows.dsl import types
from apps.workflows.dsl.errors import TypeMismatch
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.validation.model import Model


def check(model: Model) -> None:
    """Names once each, values of their types, secrets entered."""
    variables = model.document.variables
    _check_names(model, "variables.environment", [variable.name for variable in variables.environment])
    _check_names(model, "variables.conversation", [variable.name for variable in variables.conversation])
    for index, variable in enumerate(variables.environment):
        place = f"variables.environment[{index}]"
        if variable.type == "secret":
            _check_secret(model, place, variable.name, variable.value)
        else:
            _check_value(model, f"{place}.value", variable.name, variable.type, variable.value)
    for index, kept in enumerate(variables.conversation):
        place = f"variables.conversation[{index}]"
        if kept.type == "secret":
            model.report.error(
                "secret_in_conversation",
                f"{place}.type",
                _(
                    "{name!r} can't be a secret: conversation variables are shown in conversations.",
                    name=kept.name,
                ),
            )
        else:
            _check_value(model, f"{place}.default", kept.name, kept.type, kept.default)
    if variables.conversation and not model.chat:
        model.report.error(
            "conversation_in_workflow",
            "variables.conversation",
            _("Only a chatflow has conversation variables; this is a workflow."),
        )


def _check_names(model: Model, place: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            model.report.error(
                "duplicate_variable",
                f"{place}[{index}].name",
                _("There are two variables {name!r}.", name=name),
                name=name,
            )
        seen.add(name)


def _check_value(model: Model, place: str, name: str, type_: str, value: Any) -> None:
    if value is None:
        return
    try:
        types.convert(value, type_)
    except TypeMismatch as error:
        model.report.error(
            "variable_type",
            place,
            _("{name!r} is {type}. {detail}", name=name, type=types.named(type_), detail=error.sentence),
            name=name,
            type=type_,
        )


def _check_secret(model: Model, place: str, name: str, value: Any) -> None:
    if value not in (None, ""):
        model.report.error(
            "secret_in_document",
            f"{place}.value",
            _(
                "The value of the secret {name!r} must not stand in the document; it is entered beside it.",
                name=name,
            ),
            name=name,
        )
    elif model.environment is not None and not model.environment.has_secret(name):
        model.report.error(
            "secret_missing", place, _("No value was entered for the secret {name!r}.", name=name), name=name
        )
