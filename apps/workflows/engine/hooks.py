"""Who listens to a run from outside the engine: the ledger, and tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from apps.workflows.engine.events import Event

if TYPE_CHECKING:
    from apps.workflows.engine.errors import NodeError
    from apps.workflows.engine.node import Node, NodeContext, Result


class Journal(Protocol):
    """The durable record of one run. Without one a run lives in memory only."""

    def append(self, event: Event) -> None:
        """Take the next event of the run; never blocks, keeps the order."""

    async def barrier(self) -> None:
        """Return when everything appended so far is durable."""


class Observer(Protocol):
    """Sees every execution of a node, for tracing.

    For nodes that run in a task of their own both methods are called within that task. For plain nodes and for
    containers the scheduler calls them: a context that `node_started` attaches for a container would leak into others,
    so it must not; what runs inside finds the container's token as `ctx.parent`.
    """

    def node_started(self, ctx: NodeContext, node: Node[Any], config: Any) -> Any:
        """An attempt begins; returns a token for `node_finished`."""

    def node_finished(self, token: Any, result: Result | NodeError) -> None:
        """The attempt has ended: with a result, or with an error (also code `cancelled`)."""
