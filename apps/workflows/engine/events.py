"""What a run tells: typed events in the order of one run.

An event is a small named tuple; `data` is plain JSON. `path` names one execution of a node: the node's id, below a
container with the index of its round, ``outer:3/inner:0/node``. Types:

=====================  =============================================================================================
run.started            inputs
run.resumed            steps: the run goes on from its ledger, in another process or after its waits
node.started           node, path, type, title, attempt
node.delta             node, path, text: a piece of what a model says that is not (yet) part of the answer, live only
reasoning.delta        node, path, text: a piece of what a model thinks
text.delta             text, of the run's answer, in the answer's order; node and path when a node says it right now
text.reset             length: the answer so far is cut to that many characters; what was said beyond is taken back
node.log               node, path, name, data: a step inside a node (tool call, retry, notice)
node.waiting           node, path, kind, payload, state, expires_at: the node needs an answer, others may go on
node.retrying          node, path, attempt, error, delay_ms, usage
node.completed         node, path, port, outputs, ms, usage, handled (the error an error strategy took care of);
                       reused: true when it was taken over from an earlier run
node.failed            node, path, error, ms, usage: nothing took care of it
round.started          node, path, index; a container begins a round; version: of a sub-workflow
round.completed        node, path, index, output, error, signal (break, continue)
variable.set           namespace, name, value, node, path: conversation and loop variables
run.waiting            waits: list of wait, path, kind, payload, expires_at; usage, steps, ms; all that can run has run
run.answered           wait, answer: a wait was answered (or timed out)
run.completed          status (succeeded | partial), outputs, usage, steps, ms
run.failed             error, usage, steps, ms
run.stopped            reason, usage, steps, ms
=====================  =============================================================================================
"""

from __future__ import annotations

from typing import Any, NamedTuple

#: Types that are of interest only while they happen; a ledger need not keep them.
LIVE = frozenset({"node.delta"})
#: Types that end a run.
TERMINAL = frozenset({"run.completed", "run.failed", "run.stopped"})


class Event(NamedTuple):
    """One thing that happened in a run."""

    type: str
    data: dict[str, Any]
