"""What a run tells: typed events in the order of one run.

An event is a small named tuple; `data` is plain JSON. `path` names one execution of a node: the node's id, below a
container with the index of its round, ``outer:3/inner:0/node``. Types:

=====================  =============================================================================================
run.started            inputs
node.started           node, path, type, title, attempt
node.delta             node, path, text: a piece of what a model says, live only
reasoning.delta        text, of a streamed answer
text.delta             text, of the run's answer, in the answer's order
node.log               node, path, name, data: a step inside a node (tool call, retry, notice)
node.retrying          node, path, attempt, error, delay_ms
node.completed         node, path, port, outputs, ms, usage, handled (the error an error strategy took care of)
node.failed            node, path, error, ms: nothing took care of it
round.started          node, path, index; a container begins a round
round.completed        node, path, index, error
variable.set           namespace, name, value: conversation and loop variables
run.waiting            waits: list of wait, path, kind, payload, expires_at; every branch that can run has run
run.answered           wait, answer: a wait was answered (or timed out)
run.completed          status (succeeded | partial), outputs, usage, steps, ms
run.failed             error, usage, steps, ms
run.stopped            reason, usage, steps, ms
=====================  =============================================================================================
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Event(NamedTuple):
    """One thing that happened in a run."""

    type: str
    data: dict[str, Any]
