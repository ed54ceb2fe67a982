"""Runs its body for the items of several lists, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.document import VariableName
from apps.workflows.dsl.dynamic import BodyAny, DynamicArray
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.dsl.values import Value, compile_value
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support.rounds import ERRORS_OUTPUT, CollectingRounds, OnRoundError

_OWN = frozenset({"index", "count", "errors"})


class BatchConfig(NodeConfig):
    """The lists, what to collect, and how much at once."""

    inputs: dict[VariableName, DynamicArray] = Field(
        min_length=1,
        title=_("Lists"),
        description=_(
            "Each round gets the next item of every list; the shortest list says how many rounds there are."
        ),
        json_schema_extra={"x-widget": "variables"},
    )
    outputs: dict[VariableName, BodyAny] = Field(
        default_factory=dict,
        title=_("Collect"),
        description=_("Lists of what the rounds give. Read in the body when a round is over."),
        json_schema_extra={"x-widget": "variables"},
    )
    size: int = Field(
        100, ge=1, le=100_000, title=_("Most rounds"), description=_("Further items are left out.")
    )
    concurrency: int = Field(10, ge=1, le=1000, title=_("Rounds at once"))
    round_error: OnRoundError = Field(
        "stop",
        title=_("When a round fails"),
        description=_("Stop; go on with null in its place; or go on and leave it out."),
        json_schema_extra={"x-widget": "select"},
    )


class BatchNode(Node[BatchConfig]):
    """A body for the items of lists."""

    type = "batch"
    title = _("Batch")
    description = _("Runs its body for the items of several lists, many at a time.")
    group = "flow"
    icon = "dynamic_feed"
    Config = BatchConfig
    container = True

    def __init__(self, config: BatchConfig) -> None:
        super().__init__(config)
        self.collect = {
            name: compile_value(raw, "any", optional=True) for name, raw in config.outputs.items()
        }

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The collected lists."""
        return {**{name: Output("array[any]") for name in config.outputs}, "errors": ERRORS_OUTPUT}

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        """The items of the lists, by the lists' names."""
        return {
            **{name: Output("any") for name in config.inputs},
            "index": Output("integer", _("The round, from 0")),
            "count": Output("integer", _("How many rounds there are")),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Names that the node needs for itself."""
        for name in sorted(_OWN & config.inputs.keys()):
            yield f"inputs.{name}", Sentence(_("The name {name} is taken."), name=name)
        for name in sorted(_OWN & config.outputs.keys()):
            yield f"outputs.{name}", Sentence(_("The name {name} is taken."), name=name)

    def run(self, ctx: NodeContext, config: BatchConfig) -> Rounds:
        """Begin with the first items."""
        return _Batch(config, self.collect)


class _Batch(CollectingRounds):
    def __init__(self, config: BatchConfig, collect: dict[str, Value]) -> None:
        super().__init__(config.concurrency, config.round_error)
        self._lists = config.inputs
        self._count = min(config.size, *(len(items) for items in config.inputs.values()))
        self._collect = collect

    def begin(self, index: int) -> dict[str, Any] | None:
        """The next item of every list."""
        if self.ended or index >= self._count:
            return None
        items = {name: values[index] for name, values in self._lists.items()}
        return {**items, "index": index, "count": self._count}

    def end(self, scope: Scope, signal: str | None, results: Mapping[str, Any]) -> tuple[Any, str | None]:
        """What the round gives, by name; nothing when it was cut short."""
        if signal is not None:
            return None, signal
        return {name: value.resolve(scope) for name, value in self._collect.items()}, None

    def result(self) -> Result:
        """A list for each name, in the order of the rounds."""
        found = self.collected.values()
        lists: dict[str, Any] = {
            name: [None if round_ is None else round_[name] for round_ in found] for name in self._collect
        }
        return Result({**lists, "errors": self.collected.errors()})
