"""Nodes that hold a body: what they tell the scheduler about their rounds.

The `run` of a container returns `Rounds` instead of a result. The scheduler asks it for one round after another,
runs the body for each (up to `parallel` at a time), tells it how each ended, and takes its result when there are no
more. Rounds hold no state of the scheduler, so a run that is resumed gets them by the same call of `run`, and `keep`
is told what had already ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Result

if TYPE_CHECKING:
    from apps.workflows.dsl.scope import Scope
    from apps.workflows.engine.graph import Graph


class Rounds:
    """The rounds of one execution of a container. Subclasses say what they are."""

    #: rounds at once
    parallel: int = 1
    #: the body when it is a whole workflow of its own, which sees nothing of what is around it
    graph: Graph | None = None
    #: version of that workflow, kept in the ledger so that a resumed run goes on with the same
    version: int | None = None

    def begin(self, index: int) -> dict[str, Any] | None:
        """What the body reads in this round under the container's id; None when there are no more rounds.

        With `graph`: all namespaces of that workflow (inputs, sys, env, conversation). Raises NodeError.
        """
        raise NotImplementedError

    def end(self, scope: Scope, signal: str | None, results: Mapping[str, Any]) -> tuple[Any, str | None]:
        """What a round that came to its end gives, and the signal it ends with (`BREAK`, `CONTINUE` or None).

        `results` is what the end nodes of a whole workflow left behind, with its `answer`. Raises NodeError.
        """
        return None, signal

    def failed(self, index: int, error: NodeError) -> None:
        """A round failed: raise the error to fail the container, return to go on without it."""
        raise error

    def keep(self, index: int, output: Any, error: Mapping[str, Any] | None, signal: str | None) -> None:
        """A round is over, now or before the run was resumed: remember what it gave."""

    def result(self) -> Result:
        """All rounds are over."""
        raise NotImplementedError
