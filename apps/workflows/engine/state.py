"""What a run had done, read back from its events.

The records form the same tree as the frames: nodes by id, rounds by index below their container. What is no longer
needed is dropped as the events pass: the nodes of a round once the round has ended, all rounds of a container once the
container has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from apps.workflows.engine.events import TERMINAL, Event
from apps.workflows.engine.records import NodeRecord, RoundRecord, Setting, split
from apps.workflows.engine.rerun import edit, forget, retell

if TYPE_CHECKING:
    from apps.workflows.engine.graph import Graph

#: Variables of the run, beside the outputs of nodes.
NAMESPACES = frozenset({"sys", "env", "conversation", "inputs"})


@dataclass(slots=True)
class RunState:
    """A run as its ledger tells it. `said`: characters of the answer; `partial`: an
    error was taken care of; `ended`: the event that ended it.

    `prelude`: events that a rerun takes over from the run it repeats, so that its own ledger is complete; `overrides`:
    variables that were given other values for it. `keeps`: records that a run which goes on needs no more.
    """

    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    started: bool = False
    inputs: dict[str, Any] | None = None
    steps: int = 0
    ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    said: int = 0
    partial: bool = False
    ended: Event | None = None
    prelude: list[Event] = field(default_factory=list)
    overrides: dict[tuple[str, str], Any] = field(default_factory=dict)
    keeps: bool = False

    @classmethod
    def from_events(cls, graph: Graph, events: Iterable[Event]) -> RunState:
        """Read a run back from its events, from the first on; how many there are beyond doesn't matter."""
        return cls().read(events)

    def read(self, events: Iterable[Event]) -> RunState:
        """Go through events."""
        for event in events:
            reader = _READERS.get(event.type)
            if reader is not None:
                reader(self, event.data)
            elif event.type in TERMINAL:
                self.ended = event
        return self

    @classmethod
    def rerun_from(
        cls,
        graph: Graph,
        events: Iterable[Event],
        node_path: str = "",
        edited: Mapping[str, Any] | None = None,
    ) -> RunState:
        """The state of a new run that repeats an earlier one from a node on.

        The node, all that follows it, and whatever had not completed run again; "" repeats only the latter. In a
        sub-workflow, which goes on in the version it began with, what began after the node counts as following it.
        `edited` gives outputs (``node.output``) and variables (``inputs.x``, ``conversation.x``, ``sys.x``, ``env.x``)
        other values; raises KeyError for one that isn't there.
        """
        before = cls(keeps=True).read(events)
        state = cls(nodes=before.nodes, inputs=dict(before.inputs or {}), overrides=dict(before.overrides))
        forget(graph.root, state.nodes, node_path)
        for name, value in (edited or {}).items():
            root, _, rest = name.removeprefix("$.").partition(".")
            if root in NAMESPACES:
                state.overrides[root, rest] = value
                state.inputs = {**(state.inputs or {}), rest: value} if root == "inputs" else state.inputs
                begun = [spec.id for spec in graph.root.specs if spec.node.begins and root == "inputs"]
                for start in state.nodes.keys() & set(begun):
                    edit(state.nodes, "", start, rest, value)
            else:
                edit(state.nodes, node_path, root, rest, value)
        state.prelude = list(retell(state.nodes))
        state.partial = cls().read(state.prelude).partial
        return state

    def node(self, path: str) -> NodeRecord:
        """The record of an execution, made if there is none."""
        rounds, last = split(path)
        nodes = self.nodes
        for container, index in rounds:
            record = nodes.setdefault(container, NodeRecord())
            nodes = record.rounds.setdefault(index, RoundRecord()).nodes
        return nodes.setdefault(last, NodeRecord())

    def waits(self, path: str) -> bool:
        """Whether a node waits that nobody has answered yet."""
        rounds, last = split(path)
        nodes = self.nodes
        for container, index in rounds:
            if container not in nodes or index not in nodes[container].rounds:
                return False
            nodes = nodes[container].rounds[index].nodes
        return last in nodes and nodes[last].state == "waiting" and nodes[last].answer is None

    def round(self, data: dict[str, Any]) -> RoundRecord:
        """The record of the round that an event is about."""
        return self.node(data["path"]).rounds.setdefault(data["index"], RoundRecord())

    def use(self, data: dict[str, Any]) -> None:
        """Count the usage an event tells of."""
        if usage := data.get("usage"):
            self.input_tokens += usage.get("input_tokens", 0)
            self.output_tokens += usage.get("output_tokens", 0)
            self.cost += Decimal(usage.get("cost", "0"))


def _run_started(state: RunState, data: dict[str, Any]) -> None:
    state.started = True
    state.inputs = data["inputs"]


def _node_started(state: RunState, data: dict[str, Any]) -> None:
    record = state.node(data["path"])
    record.state = "running"
    record.attempt = data["attempt"]
    record.data = data
    record.settings.clear()
    state.steps += 1


def _node_retrying(state: RunState, data: dict[str, Any]) -> None:
    record = state.node(data["path"])
    record.tries += 1
    record.rounds.clear()
    state.use(data)


def _node_waiting(state: RunState, data: dict[str, Any]) -> None:
    record = state.node(data["path"])
    record.state, record.data, record.answer = "waiting", data, None


def _answered(state: RunState, data: dict[str, Any]) -> None:
    state.node(data["wait"]).answer = data["answer"]


def _node_completed(state: RunState, data: dict[str, Any]) -> None:
    record = state.node(data["path"])
    record.state, record.data = "completed", data
    state.partial = state.partial or "handled" in data
    for index in sorted(record.rounds):
        record.settings.extend(record.rounds[index].settings)
    if not state.keeps:
        record.rounds.clear()
    state.use(data)


def _node_failed(state: RunState, data: dict[str, Any]) -> None:
    record = state.node(data["path"])
    record.state, record.data = "failed", data
    if not state.keeps:
        record.rounds.clear()
    state.use(data)


def _round_started(state: RunState, data: dict[str, Any]) -> None:
    state.round(data)
    state.node(data["path"]).version = data.get("version")


def _round_completed(state: RunState, data: dict[str, Any]) -> None:
    found = state.round(data)
    found.done = True
    state.partial = state.partial or data["error"] is not None
    found.output, found.error = data["output"], data["error"]
    found.signal, found.said = data["signal"], data.get("said")
    if not state.keeps:
        found.nodes.clear()


def _variable_set(state: RunState, data: dict[str, Any]) -> None:
    if not data["path"]:
        state.overrides[data["namespace"], data["name"]] = data["value"]
        return
    setting = Setting(data["namespace"], data["name"], data["value"], data["path"])
    state.node(data["path"]).settings.append(setting)
    # every round around it needs it too: its own records go when it ends
    around = data["path"]
    while (around := around.rpartition("/")[0]) != "":
        container, _, index = around.rpartition(":")
        state.round({"path": container, "index": int(index)}).settings.append(setting)
        around = container


def _text_delta(state: RunState, data: dict[str, Any]) -> None:
    state.said += len(data["text"])


def _text_reset(state: RunState, data: dict[str, Any]) -> None:
    state.said = data["length"]


def _run_waiting(state: RunState, data: dict[str, Any]) -> None:
    state.ms = data["ms"]


_READERS = {
    "run.started": _run_started,
    "node.started": _node_started,
    "node.retrying": _node_retrying,
    "node.waiting": _node_waiting,
    "run.answered": _answered,
    "node.completed": _node_completed,
    "node.failed": _node_failed,
    "round.started": _round_started,
    "round.completed": _round_completed,
    "variable.set": _variable_set,
    "text.delta": _text_delta,
    "text.reset": _text_reset,
    "run.waiting": _run_waiting,
}
