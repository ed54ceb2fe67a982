"""Runs its body for each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import BodyAny, DynamicArray
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.values import Value, compile_value
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.rounds import ERRORS_OUTPUT, CollectingRounds, OnRoundError


class IterationConfig(NodeConfig):
    """The list, what to collect, and how."""

    items: DynamicArray = Field(title=_("Items"), json_schema_extra={"x-widget": "reference"})
    output: BodyAny = Field(
        None,
        title=_("Collect"),
        description=_(
            "What each round gives, such as $.node.output. Read in the body when the round is over."
        ),
        json_schema_extra={"x-widget": "reference"},
    )
    parallel: int = Field(
        1, ge=1, le=1000, title=_("Rounds at once"), description=_("1: one item after the other.")
    )
    round_error: OnRoundError = Field(
        "stop",
        title=_("When a round fails"),
        description=_("Stop; go on with null in its place; or go on and leave it out."),
        json_schema_extra={"x-widget": "select"},
    )
    flatten: bool = Field(
        True,
        title=_("Flatten"),
        description=_("When every round gives a list, put them together into one."),
    )


class IterationNode(Node[IterationConfig]):
    """A body for each item."""

    type = "iteration"
    title = _("Iteration")
    description = _("Runs its body for each item of a list, one after the other or side by side.")
    group = "flow"
    icon = "repeat"
    Config = IterationConfig
    container = True

    def __init__(self, config: IterationConfig) -> None:
        super().__init__(config)
        self.output = compile_value(config.output, "any", optional=True)

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """What was collected."""
        return {
            "output": Output("array[any]", _("What the rounds gave, in the order of the items")),
            "errors": ERRORS_OUTPUT,
        }

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        """The item, and its position."""
        return {
            "item": Output("any", _("The item")),
            "index": Output("integer", _("Its position, from 0")),
            "count": Output("integer", _("How many items there are")),
        }

    def run(self, ctx: NodeContext, config: IterationConfig) -> Rounds:
        """Begin with the first items."""
        return _Iteration(config, self.output)


class _Iteration(CollectingRounds):
    def __init__(self, config: IterationConfig, output: Value) -> None:
        super().__init__(config.parallel, config.round_error)
        self._items = config.items
        self._output = output
        self._flatten = config.flatten

    def begin(self, index: int) -> dict[str, Any] | None:
        """The next item."""
        if self.ended or index >= len(self._items):
            return None
        return {"item": self._items[index], "index": index, "count": len(self._items)}

    def end(self, scope: Scope, signal: str | None, results: Mapping[str, Any]) -> tuple[Any, str | None]:
        """What the round gives; None when it was cut short."""
        return (self._output.resolve(scope) if signal is None else None), signal

    def result(self) -> Result:
        """All that was collected, in the order of the items."""
        found = self.collected.values()
        lists = [value for value in found if value is not None]
        if self._flatten and lists and all(isinstance(value, list) for value in lists):
            found = [item for value in lists for item in value]
        return Result({"output": found, "errors": self.collected.errors()})
