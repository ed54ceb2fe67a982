"""Runs another workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows import dsl
from apps.workflows.dsl.document import TypeName, VariableName
from apps.workflows.dsl.dynamic import DynamicAny, WorkflowName
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.scope import Scope
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.engine.ports import LoadedWorkflow

ANSWER = "answer"


class SubWorkflowConfig(NodeConfig):
    """Which workflow, and its inputs."""

    workflow: WorkflowName = Field(title=_("Workflow"))
    version: int | None = Field(
        None,
        ge=1,
        title=_("Version"),
        description=_("Empty: the version that is published when the node runs."),
    )
    inputs: dict[str, DynamicAny] = Field(
        default_factory=dict, title=_("Inputs"), json_schema_extra={"x-widget": "variables"}
    )
    outputs: dict[VariableName, TypeName] = Field(
        default_factory=dict,
        title=_("Outputs"),
        description=_("Outputs of that workflow that are used here, with their types."),
        json_schema_extra={"x-widget": "outputs"},
    )


class SubWorkflowNode(Node[SubWorkflowConfig]):
    """A workflow inside a workflow. It sees its inputs, its own settings, and nothing else of what is around it."""

    type = "sub_workflow"
    title = _("Workflow")
    description = _("Runs another published workflow and gives its outputs.")
    group = "flow"
    icon = "account_tree"
    Config = SubWorkflowConfig
    text_output = ANSWER

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Those that are declared, and what the workflow says."""
        return {
            ANSWER: Output("string", _("What the workflow said")),
            **{name: Output(type_) for name, type_ in config.outputs.items()},
        }

    async def run(self, ctx: NodeContext, config: SubWorkflowConfig) -> Rounds:
        """Load the workflow and begin. A run that is resumed goes on with the version it began with."""
        if ctx.ports.workflows is None:
            raise NodeError("Other workflows can't be run here.", code="no_workflows")
        version = ctx.recalled_version or config.version
        loaded = await ctx.ports.workflows.load(config.workflow, version)
        return _Once(loaded, ctx, config)


class _Once(Rounds):
    """A single round, of a graph of its own."""

    def __init__(self, loaded: LoadedWorkflow, ctx: NodeContext, config: SubWorkflowConfig) -> None:
        self.graph = ctx.graph(loaded.document)
        self.version = loaded.version
        sys = dict(ctx.scope.get("sys") or {})
        sys.update({"workflow_id": config.workflow, "query": config.inputs.get("query", sys.get("query"))})
        self._names = {
            "inputs": dict(config.inputs),
            "sys": sys,
            "env": dict(loaded.environment),
            "conversation": {},
        }
        self._wanted = config.outputs
        self._outputs: dict[str, Any] = {}

    def begin(self, index: int) -> dict[str, Any] | None:
        """Its namespaces, once."""
        return self._names if index == 0 else None

    def end(self, scope: Scope, signal: str | None, results: Mapping[str, Any]) -> tuple[Any, str | None]:
        """Its outputs, those that are declared in their types."""
        outputs = dict(results)
        for name, type_ in self._wanted.items():
            value = outputs.get(name)
            outputs[name] = value if value is None or type_ == "any" else dsl.convert(value, type_)
        return outputs, None

    def keep(self, index: int, output: Any, error: Mapping[str, Any] | None, signal: str | None) -> None:
        """Remember them."""
        self._outputs = output

    def result(self) -> Result:
        """The outputs of the workflow."""
        return Result(self._outputs)
