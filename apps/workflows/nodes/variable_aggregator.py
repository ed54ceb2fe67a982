"""Puts branches together: the first value that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.document import TypeName, VariableName
from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.dsl.types import convert
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result

OUTPUT = "output"


class VariableGroup(NodeConfig):
    """Values of which the first that is there becomes an output."""

    name: VariableName = Field(title=_("Name"))
    type: TypeName = Field("any", title=_("Type"))
    variables: list[DynamicAny] = Field(min_length=1, max_length=100, title=_("Variables"))


class VariableAggregatorConfig(NodeConfig):
    """One list of variables, or several groups with names."""

    type: TypeName = Field("any", title=_("Type"))
    variables: list[DynamicAny] = Field(
        default_factory=list,
        max_length=100,
        title=_("Variables"),
        description=_("The first that has a value is the output."),
        json_schema_extra={"x-widget": "references"},
    )
    groups: list[VariableGroup] = Field(default_factory=list, max_length=50, title=_("Groups"))


class VariableAggregatorNode(Node[VariableAggregatorConfig]):
    """Takes what the branch that ran has left behind."""

    type = "variable_aggregator"
    title = _("Variable aggregator")
    description = _("Joins branches: gives the first of its variables that has a value.")
    group = "flow"
    icon = "merge"
    Config = VariableAggregatorConfig
    merge_field = "variables"
    merge_output = OUTPUT

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The value, and that of each group."""
        found = {OUTPUT: Output(config.type)} if config.variables else {}
        return {**found, **{group.name: Output(group.type) for group in config.groups}}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Nothing to aggregate; names given twice."""
        if not config.variables and not config.groups:
            yield "variables", Sentence(_("There is nothing to choose from."))
        taken = {OUTPUT} if config.variables else set()
        for index, group in enumerate(config.groups):
            if group.name in taken:
                yield f"groups[{index}].name", Sentence(_("The name {name} is taken."), name=group.name)
            taken.add(group.name)

    def run(self, ctx: NodeContext, config: VariableAggregatorConfig) -> Result:
        """Take the first values; None where no branch has left one. Raises TypeMismatch."""
        outputs = {OUTPUT: _first(config.variables, config.type)} if config.variables else {}
        return Result(
            {**outputs, **{group.name: _first(group.variables, group.type) for group in config.groups}}
        )


def _first(values: list[Any], type_: str) -> Any:
    found = next((value for value in values if value is not None), None)
    return found if found is None or type_ == "any" else convert(found, type_)
