"""The end of a workflow: its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.document import TypeName, VariableName
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.nodetype import Output, Port
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.dsl.types import convert
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result

ANSWER = "answer"


class EndOutput(NodeConfig):
    """One output of the workflow."""

    name: VariableName = Field(title=_("Name"))
    type: TypeName = Field("any", title=_("Type"), description=_("The value is converted to it."))
    value: DynamicAny = Field(None, title=_("Value"))
    description: str = Field("", title=_("Description"))


class EndConfig(NodeConfig):
    """The outputs, and a text to say."""

    outputs: list[EndOutput] = Field(
        default_factory=list, max_length=200, title=_("Outputs"), json_schema_extra={"x-widget": "outputs"}
    )
    answer: DynamicText | None = Field(
        None,
        title=_("Answer"),
        description=_("A text made of the outputs of nodes. It is said piece by piece, while they are made."),
        json_schema_extra={"x-widget": "textarea"},
    )


class EndNode(Node[EndConfig]):
    """Hands out what the workflow has found."""

    type = "end"
    title = _("End")
    description = _("Gives the workflow's outputs. Several ends put theirs together.")
    group = "start"
    icon = "flag"
    Config = EndConfig
    answer_field = ANSWER
    ends = True

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """Nothing follows an end."""
        return ()

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Those of the workflow."""
        found = {output.name: Output(output.type, output.description) for output in config.outputs}
        return found if config.answer is None else {**found, ANSWER: Output("string", _("The answer"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Names that are given twice."""
        taken = {ANSWER} if config.answer is not None else set()
        for index, output in enumerate(config.outputs):
            if output.name in taken:
                yield (
                    f"outputs[{index}].name",
                    Sentence(_("There are two outputs called {name}."), name=output.name),
                )
            taken.add(output.name)

    def run(self, ctx: NodeContext, config: EndConfig) -> Result:
        """Collect the outputs; what was skipped is None. Raises TypeMismatch."""
        outputs = {
            output.name: output.value
            if output.value is None or output.type == "any"
            else convert(output.value, output.type)
            for output in config.outputs
        }
        if self.config.answer is not None:
            outputs[ANSWER] = config.answer or ""
        return Result(outputs)
