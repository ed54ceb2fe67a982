"""Runs its body again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.conditions import Condition, compile_condition
from apps.workflows.dsl.document import TypeName, VariableName
from apps.workflows.dsl.dynamic import BodyAny, BodyCondition, DynamicAny, DynamicArray, DynamicInteger
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.dsl.types import convert
from apps.workflows.dsl.values import Value, compile_value
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import BREAK, Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.rounds import ERRORS_OUTPUT

_OWN = frozenset({"index", "item", "rounds", "ended_by", "errors"})


class LoopVariable(NodeConfig):
    """A value that goes from round to round. A variable assigner in the body changes it."""

    name: VariableName = Field(title=_("Name"))
    type: TypeName = Field("any", title=_("Type"))
    value: DynamicAny = Field(None, title=_("Value at the beginning"))


class LoopConfig(NodeConfig):
    """How often, and what goes from round to round. What is said of ends counts together: the first one ends it."""

    count: DynamicInteger | None = Field(None, title=_("Rounds"), description=_("At most so many."))
    items: DynamicArray | None = Field(
        None,
        title=_("Items"),
        description=_("A round for each item of a list."),
        json_schema_extra={"x-widget": "reference"},
    )
    repeat_while: BodyCondition = Field(
        None,
        title=_("While"),
        description=_("Looked at before every round."),
        json_schema_extra={"x-widget": "condition"},
    )
    break_when: BodyCondition = Field(
        None,
        title=_("Until"),
        description=_("Looked at after every round; it sees what the round has done."),
        json_schema_extra={"x-widget": "condition"},
    )
    variables: list[LoopVariable] = Field(default_factory=list, max_length=100, title=_("Loop variables"))
    collect: dict[VariableName, BodyAny] = Field(
        default_factory=dict,
        title=_("Collect"),
        description=_("Lists of what the rounds give. Read in the body when a round is over."),
        json_schema_extra={"x-widget": "variables"},
    )
    round_error: Literal["stop", "continue"] = Field(
        "stop", title=_("When a round fails"), json_schema_extra={"x-widget": "select"}
    )


class LoopNode(Node[LoopConfig]):
    """A body that is repeated."""

    type = "loop"
    title = _("Loop")
    description = _(
        "Runs its body again and again: so many times, for each item, while or until a condition holds."
    )
    group = "flow"
    icon = "loop"
    Config = LoopConfig
    container = True
    rounds_follow = True

    def __init__(self, config: LoopConfig) -> None:
        super().__init__(config)
        self.repeat_while = None if config.repeat_while is None else compile_condition(config.repeat_while)
        self.break_when = None if config.break_when is None else compile_condition(config.break_when)
        self.collect = {
            name: compile_value(raw, "any", optional=True) for name, raw in config.collect.items()
        }

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The variables as the last round left them, and what was collected."""
        return {
            **{variable.name: Output(variable.type) for variable in config.variables},
            **{name: Output("array[any]") for name in config.collect},
            "rounds": Output("integer", _("How many rounds there were")),
            "ended_by": Output("string", _("What ended it: count, items, while, break")),
            "errors": ERRORS_OUTPUT,
        }

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        """The variables, the round, and the item."""
        found = {variable.name: Output(variable.type) for variable in config.variables}
        found["index"] = Output("integer", _("The round, from 0"))
        return found if config.items is None else {**found, "item": Output("any", _("The item"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Names that are taken."""
        taken = set(_OWN)
        for index, variable in enumerate(config.variables):
            if variable.name in taken:
                yield f"variables[{index}].name", Sentence(_("The name {name} is taken."), name=variable.name)
            taken.add(variable.name)
        for name in config.collect:
            if name in taken:
                yield f"collect.{name}", Sentence(_("The name {name} is taken."), name=name)

    def run(self, ctx: NodeContext, config: LoopConfig) -> Rounds:
        """Set the variables and begin."""
        return _Loop(self, ctx, config)


class _Around:
    """The scope of a loop between two rounds."""

    def __init__(self, name: str, variables: dict[str, Any], scope: Scope) -> None:
        self._name = name
        self._variables = variables
        self._scope = scope

    def get(self, name: str, /) -> Any:
        """The loop's variables under its id, anything else from around it."""
        return self._variables if name == self._name else self._scope.get(name)


class _Loop(Rounds):
    def __init__(self, node: LoopNode, ctx: NodeContext, config: LoopConfig) -> None:
        self._limits = _limits(config)
        self._items = config.items
        self._while: Condition | None = node.repeat_while
        self._until: Condition | None = node.break_when
        self._collect: dict[str, Value] = node.collect
        self._go_on = config.round_error == "continue"
        # one dict for all rounds: they come one after the other, and each goes on from where the last left it
        self._variables = {
            variable.name: convert(variable.value, variable.type)
            if variable.value is not None and variable.type != "any"
            else variable.value
            for variable in config.variables
        }
        self._names = list(self._variables)
        self._scope = _Around(ctx.node_id, self._variables, ctx.scope)
        self._lists: dict[str, list[Any]] = {name: [] for name in node.collect}
        self._errors: list[dict[str, Any]] = []
        self._rounds = 0
        self._ended_by = ""

    def begin(self, index: int) -> dict[str, Any] | None:
        """The variables, unless something says that the last round was the last."""
        if self._ended_by:
            return None
        for limit, name in self._limits:
            if index >= limit:
                self._ended_by = name
                return None
        self._variables["index"] = index
        if self._items is not None:
            self._variables["item"] = self._items[index]
        if self._while is not None and not self._while.evaluate(self._scope):
            self._ended_by = "while"
            return None
        return self._variables

    def end(self, scope: Scope, signal: str | None, results: Mapping[str, Any]) -> tuple[Any, str | None]:
        """What the round gives, and whether it was the last."""
        output = {name: value.resolve(scope) for name, value in self._collect.items()} or None
        if self._until is not None and self._until.evaluate(scope):
            signal = BREAK
        return output, signal

    def failed(self, index: int, error: NodeError) -> None:
        """Stop, or go on with the next round."""
        if not self._go_on:
            raise error

    def keep(self, index: int, output: Any, error: Mapping[str, Any] | None, signal: str | None) -> None:
        """Collect it, and remember a break."""
        self._rounds = index + 1
        for name, values in self._lists.items():
            values.append(None if output is None else output[name])
        if error is not None:
            self._errors.append({"index": index, "message": error["message"], "code": error["code"]})
        if signal == BREAK:
            self._ended_by = "break"

    def result(self) -> Result:
        """The variables as they are now, and the lists."""
        variables = {name: self._variables[name] for name in self._names}
        told = {"rounds": self._rounds, "ended_by": self._ended_by, "errors": self._errors}
        return Result({**variables, **self._lists, **told})


def _limits(config: LoopConfig) -> list[tuple[int, str]]:
    found = [(config.count, "count")] if config.count is not None else []
    return [*found, (len(config.items), "items")] if config.items is not None else found
