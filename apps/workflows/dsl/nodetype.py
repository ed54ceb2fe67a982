"""What the language knows of a node type: its configuration, its ports and its outputs."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel

from apps.workflows.dsl.sentences import Text

#: The port that every node has unless it names others.
OUT = "out"
#: The port of a node whose `on_error.strategy` is `branch`.
ERROR = "error"

Group = Literal[
    "start", "model", "knowledge", "logic", "flow", "transform", "tools", "data", "people", "other"
]


@dataclass(frozen=True, slots=True)
class Port:
    """A way out of a node; edges name it in `port`. `title` is for people."""

    name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A value that a node leaves behind, read as ``$.node.<name>``; `type` as in `dsl.types`."""

    type: str = "any"
    title: str = ""
    schema: Mapping[str, Any] | None = None


class NodeType(Protocol):
    """The face of a node type towards validation, the console, the API and the documentation.

    `container` types hold a body of their own (`node.body`). Texts are English message ids, translated where shown.
    """

    type: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    group: ClassVar[Group]
    icon: ClassVar[str]
    Config: ClassVar[builtins.type[BaseModel]]
    container: ClassVar[bool]

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """The ways out of a node so configured, without the error port."""

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The values a node so configured leaves behind, by name."""

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        """For a container: what its body may read under the container's id (``$.<id>.item``)."""

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """What is wrong beyond the schema: pairs of a path below `config` and a sentence."""


#: Node types by their name.
Catalogue = Mapping[str, type[NodeType]]
