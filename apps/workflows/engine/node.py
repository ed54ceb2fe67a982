"""The base of all node types, and what a node sees of the run around it."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from apps.workflows.dsl.nodetype import OUT, Group, Output, Port
from apps.workflows.dsl.sentences import Text
from apps.workflows.engine.ports import Ports

if TYPE_CHECKING:
    from apps.workflows.dsl.scope import Scope
    from apps.workflows.engine.containers import Rounds
    from apps.workflows.engine.graph import Graph

ConfigT = TypeVar("ConfigT", bound=BaseModel)


class NodeConfig(BaseModel):
    """Base of all configuration models: unknown keys are refused, so that a misspelt option is found."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(slots=True)
class Result:
    """What a node leaves behind: its outputs, and the port the run goes on by."""

    outputs: dict[str, Any] = field(default_factory=dict)
    port: str = OUT


@dataclass(slots=True)
class Wait:
    """A node that can go on only when somebody answers.

    kind: question, human_input, approval. payload: what to show (form, options), plain JSON. timeout_s: after it the
    node's `resume` is called with ``{"timeout": true}``. state: plain JSON handed back to `resume`.
    """

    kind: str
    payload: dict[str, Any]
    timeout_s: float | None = None
    state: dict[str, Any] = field(default_factory=dict)


#: Ports of the nodes that end a round of the container around them, and the signals they give.
BREAK = "@break"
CONTINUE = "@continue"

#: What `run` returns; containers return `Rounds` (see `engine.containers`).
Outcome: TypeAlias = "Result | Wait | Rounds"


class NodeContext(Protocol):
    """The run as one execution of a node sees it."""

    @property
    def run_id(self) -> str:
        """The run."""

    @property
    def node_id(self) -> str:
        """The node, as the document names it."""

    @property
    def path(self) -> str:
        """This execution of it: ``outer:3/node``."""

    @property
    def attempt(self) -> int:
        """Counts from 1, also over restarts of the process."""

    @property
    def idempotency_key(self) -> str:
        """The same for every try of this execution, also after a crash: hand it to whatever has effects."""

    @property
    def ports(self) -> Ports:
        """The outside world."""

    @property
    def deadline(self) -> datetime | None:
        """When this attempt, or the run, is cut off."""

    @property
    def scope(self) -> Scope:
        """The variables in reach, for values and conditions that a node resolves by itself."""

    @property
    def parent(self) -> Any:
        """The observer's token of the container around this node; None at the top."""

    @property
    def recalled_version(self) -> int | None:
        """The version a sub-workflow ran with before the run was resumed."""

    def graph(self, document: Mapping[str, Any]) -> Graph:
        """Another workflow, compiled with the same node types; the same document is compiled once in a run."""

    def lookup(self, reference: str) -> Any:
        """The value of a reference such as ``$.node.output.path``; None when it was not set."""

    def render(self, template: str, values: Mapping[str, Any] | None = None) -> str:
        """A template over the run's variables (and `values`), in the sandboxed environment."""

    def text(self, delta: str) -> None:
        """Say a piece of the node's main text output; it reaches watchers at once, and answers that quote it."""

    def reasoning(self, delta: str) -> None:
        """Say a piece of what a model thinks."""

    def log(self, name: str, data: Mapping[str, Any]) -> None:
        """Tell of a step inside the node (plain JSON)."""

    def use(self, *, input_tokens: int = 0, output_tokens: int = 0, cost: str = "0") -> None:
        """Count usage towards the run's limits; raises LimitExceeded at once when one is reached."""

    def set_variable(self, namespace: str, name: str, value: Any) -> None:
        """Write a conversation variable or, inside a loop, one of the loop's (`namespace` is its node id)."""


class Node(Generic[ConfigT]):
    """A node type: one subclass, one file. Instances are made once per graph node and shared by all runs.

    `run` gets a configuration whose dynamic fields hold values. It may be a plain method (the engine calls it in
    place, so it must neither block nor take long) or a coroutine function. It raises `NodeError` to fail.
    """

    type: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str] = ""
    group: ClassVar[Group] = "other"
    icon: ClassVar[str] = "widgets"
    Config: ClassVar[builtins.type[BaseModel]] = NodeConfig
    container: ClassVar[bool] = False
    #: whether running twice may matter outside (HTTP, models, databases): the engine makes all that came before
    #: durable ahead of it, and only such nodes offer retries
    effects: ClassVar[bool] = False
    #: name of the output that `ctx.text` speaks, for answers that stream it
    text_output: ClassVar[str] = ""
    #: name of the field of the configuration, and of the output, whose text is said as part of the run's answer
    answer_field: ClassVar[str] = ""
    #: whether it stands where runs begin: its outputs are read as ``$.inputs`` too
    begins: ClassVar[bool] = False
    #: whether what it leaves behind is the result of the run (or of the sub-workflow)
    ends: ClassVar[bool] = False
    #: for a container: whether rounds build on those before them
    rounds_follow: ClassVar[bool] = False
    #: whether it is only there to be looked at, and never runs
    inert: ClassVar[bool] = False
    #: a field that lists values of which the first becomes the output `merge_output`: answers stream through it
    merge_field: ClassVar[str] = ""
    merge_output: ClassVar[str] = ""

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """The ways out, without the error port."""
        return (Port(OUT),)

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The values left behind, by name."""
        return {}

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        """For a container: what its body reads under the container's id."""
        return {}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """What is wrong beyond the schema: pairs of a path below `config` and a sentence."""
        return ()

    def run(self, ctx: NodeContext, config: ConfigT) -> Outcome | Awaitable[Outcome]:
        """Do the work."""
        raise NotImplementedError

    def resume(
        self, ctx: NodeContext, config: ConfigT, state: dict[str, Any], answer: dict[str, Any]
    ) -> Outcome | Awaitable[Outcome]:
        """Go on after a `Wait` with what was answered."""
        raise NotImplementedError
