"""A compiled workflow: immutable, shared by all of its runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from apps.workflows.dsl.nodetype import Catalogue
    from apps.workflows.dsl.references import Reference
    from apps.workflows.dsl.scope import Scope
    from apps.workflows.dsl.templates import Part
    from apps.workflows.engine.limits import LimitsLike
    from apps.workflows.engine.node import Node


class ConfigSource(Protocol):
    """A configuration whose dynamic fields are filled in when a node runs."""

    def resolve(self, scope: Scope, /) -> Any:
        """The configuration with values; raises an error with a `message` and a `code`."""


class RetryPolicy(Protocol):
    """How often a node is tried (`attempts` counts all tries), and how long it rests between two."""

    @property
    def attempts(self) -> int:
        """All tries."""

    @property
    def delay_ms(self) -> float:
        """The first rest."""

    @property
    def factor(self) -> float:
        """What each rest grows by."""

    @property
    def max_delay_ms(self) -> float:
        """The longest rest."""

    @property
    def jitter(self) -> bool:
        """Whether rests are shortened at random, so that many runs don't come back at once."""


@dataclass(frozen=True, slots=True)
class Way:
    """What follows when a node leaves by one port: nodes of the same block, by index, in the order of the edges."""

    taken: tuple[int, ...]
    skipped: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Spec:
    """One node of a graph, compiled. Slots are read in the scheduler's innermost loop; nothing here changes in a run.

    plain: its `run` is called in place. static: its configuration has no dynamic fields. special: it begins or ends
    the workflow. ways: by port; `nowhere` serves ports without edges (all its edges are skipped).
    quoted: an answer quotes its text output. speaks: its `answer_field` is part of the run's answer. parts: texts and
    references of that, in order; None when it is known only once the node has run. merges: the first of these that is
    there becomes its `merge_output`. announces: answers, by index, that are certain to run once it leaves by a port.
    """

    index: int
    id: str
    type: str
    title: str
    node: Node[Any]
    source: ConfigSource
    static: Any
    plain: bool
    effects: bool
    ways: dict[str, Way]
    nowhere: Way
    special: bool = False
    text_output: str = ""
    retry: RetryPolicy | None = None
    timeout_s: float | None = None
    strategy: str = "fail"
    default: dict[str, Any] = field(default_factory=dict)
    body: Block | None = None
    quoted: bool = False
    answer_field: str = ""
    speaks: bool = False
    parts: tuple[Part, ...] | None = None
    merges: tuple[Reference, ...] = ()
    announces: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The nodes of a document, or of a container's body.

    incoming: number of edges into each node. roots: nodes without any. slots: nodes that speak, or hold such, in the
    order their text has in the answer. announced: answers that are certain from the start.
    """

    specs: tuple[Spec, ...]
    incoming: tuple[int, ...]
    roots: tuple[int, ...]
    slots: tuple[int, ...]
    announced: tuple[int, ...]
    by_id: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A whole workflow."""

    root: Block
    limits: LimitsLike
    catalogue: Catalogue
    name: str = ""
