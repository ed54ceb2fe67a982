"""Values that are written down: for trials, and as constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.nodetype import Group, Output
from apps.workflows.dsl.types import infer
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result


class FixedValuesConfig(NodeConfig):
    """Names and values, taken as they stand."""

    outputs: dict[str, Any] = Field(
        default_factory=dict,
        title=_("Values"),
        description=_("Each is an output of the node; references and templates in them are not resolved."),
    )


class FixedValuesNode(Node[FixedValuesConfig]):
    """Leaves behind what its configuration says."""

    type: ClassVar[str] = "fixed_values"
    title: ClassVar[str] = _("Fixed values")
    description: ClassVar[str] = _("Values that are the same in every run, under names of their own.")
    group: ClassVar[Group] = "data"
    icon: ClassVar[str] = "push_pin"
    Config = FixedValuesConfig

    @classmethod
    def outputs(cls, config: FixedValuesConfig) -> Mapping[str, Output]:
        """One per name."""
        return {name: Output(infer(value)) for name, value in config.outputs.items()}

    def run(self, ctx: NodeContext, config: FixedValuesConfig) -> Result:
        """Hand them out."""
        return Result(dict(config.outputs))
