"""Writes variables of the conversation and of loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny, Target
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.references import Reference, Step, compile_reference
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result

Operation = Literal[
    "set",
    "clear",
    "append",
    "extend",
    "remove_first",
    "remove_last",
    "add",
    "subtract",
    "multiply",
    "divide",
]
_WITHOUT_VALUE: list[Any] = ["clear", "remove_first", "remove_last"]


class Assignment(NodeConfig):
    """One change of one variable."""

    target: Target = Field(
        title=_("Variable"),
        description=_("A conversation variable, or one of a loop around the node."),
        json_schema_extra={"x-widget": "reference"},
    )
    operation: Operation = Field("set", title=_("Operation"), json_schema_extra={"x-widget": "select"})
    value: DynamicAny = Field(
        None,
        title=_("Value"),
        json_schema_extra={"x-unless": {"operation": [*_WITHOUT_VALUE]}},
    )


class VariableAssignerConfig(NodeConfig):
    """The changes, made in their order."""

    items: list[Assignment] = Field(min_length=1, max_length=100, title=_("Assignments"))


class VariableAssignerNode(Node[VariableAssignerConfig]):
    """Changes variables that outlive a round, or the run."""

    type = "variable_assigner"
    title = _("Variable assigner")
    description = _("Sets, clears or changes conversation variables and loop variables.")
    group = "data"
    icon = "edit_note"
    Config = VariableAssignerConfig

    def __init__(self, config: VariableAssignerConfig) -> None:
        super().__init__(config)
        self.targets = [compile_reference(item.target) for item in config.items]

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The values that were written."""
        return {
            "values": Output("array[any]", _("What each variable is now, in the order of the assignments"))
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Targets that can't be written."""
        for index, item in enumerate(config.items):
            try:
                target = compile_reference(item.target)
            except LanguageError as error:
                yield f"items[{index}].target", error.sentence
                continue
            if target.root in {"sys", "env", "inputs"} or not target.plain or target.output is None:
                yield f"items[{index}].target", Sentence(_("{target} can't be written."), target=item.target)

    def run(self, ctx: NodeContext, config: VariableAssignerConfig) -> Result:
        """Make the changes. Raises NodeError (wrong_type, division_by_zero, unknown_variable)."""
        return Result(
            {
                "values": [
                    _assign(ctx, target, item)
                    for target, item in zip(self.targets, config.items, strict=True)
                ]
            }
        )


def _assign(ctx: NodeContext, target: Reference, item: Assignment) -> Any:
    name = target.output
    if name is None:
        raise NodeError(f"{target} can't be written.", code="unknown_variable")
    try:
        value = _OPERATIONS[item.operation](target.resolve(ctx.scope), item.value)
    except TypeError as error:
        raise NodeError(f"{target}: {error}", code="wrong_type") from error
    except ZeroDivisionError as error:
        raise NodeError(f"{target} can't be divided by zero.", code="division_by_zero") from error
    variables = ctx.scope.get(target.root) or {}
    ctx.set_variable(target.root, name, _placed(variables.get(name), target.path[1:], value))
    return value


def _placed(whole: Any, path: tuple[Step, ...], value: Any) -> Any:
    """`whole` with `value` at a path below it; what others hold of it doesn't change."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int) and isinstance(whole, list) and -len(whole) <= step < len(whole):
        copied: Any = list(whole)
        copied[step] = _placed(whole[step], tuple(rest), value)
        return copied
    if isinstance(step, str) and (whole is None or isinstance(whole, dict)):
        return {**(whole or {}), step: _placed((whole or {}).get(step), tuple(rest), value)}
    raise NodeError(f"There is no place [{step!r}] to write to.", code="wrong_type")


def _clear(current: Any, value: Any) -> Any:
    """The empty value of the variable's type."""
    for kind, empty in ((bool, False), (str, ""), (list, []), (dict, {}), (int, 0), (float, 0)):
        if isinstance(current, kind):
            return empty
    return None


def _list(current: Any) -> list[Any]:
    if current is None:
        return []
    if not isinstance(current, list):
        raise TypeError("it is no list.")
    return current


def _extend(current: Any, value: Any) -> Any:
    if not isinstance(value, list):
        raise TypeError("the value is no list.")
    return [*_list(current), *value]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("it takes numbers to calculate.")
    return value


def _add(current: Any, value: Any) -> Any:
    """The sum; texts are put one after the other."""
    if isinstance(current, str):
        return current + (value if isinstance(value, str) else str(value))
    return _number(0 if current is None else current) + _number(value)


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda current, value: value,
    "clear": _clear,
    "append": lambda current, value: [*_list(current), value],
    "extend": _extend,
    "remove_first": lambda current, value: _list(current)[1:],
    "remove_last": lambda current, value: _list(current)[:-1],
    "add": _add,
    "subtract": lambda current, value: _number(current) - _number(value),
    "multiply": lambda current, value: _number(current) * _number(value),
    "divide": lambda current, value: _number(current) / _number(value),
}
