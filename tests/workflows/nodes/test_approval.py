"""Approvals."""

from __future__ import annotations

import pytest

from apps.workflows.engine.node import Result, Wait
from tests.workflows.nodes.harness import Bench

ANN, BOB = {"id": "1", "name": "Ann"}, {"id": "2", "name": "Bob"}


@pytest.fixture
def node() -> Bench:
    return Bench("approval")


async def answered(node: Bench, *answers: dict, **config) -> Result | Wait:
    outcome = await node.run(content="Pay **10**?", **config)
    for answer in answers:
        assert isinstance(outcome, Wait)
        outcome = await node.resume(outcome, answer, content="Pay **10**?", **config)
    return outcome


async def test_yes_and_no(node):
    yes = await answered(node, {"action": "approved", "values": {"comment": "fine"}, "by": ANN})
    assert yes.port == "approved"
    assert yes.outputs == {
        "decision": "approved", "approved": True, "comment": "fine", "answered_by": "Ann", "timed_out": False,
        "votes": [{"decision": "approved", "comment": "fine", "by": ANN}],
    }  # fmt: skip
    no = await answered(node, {"action": "rejected"})
    assert (no.port, no.outputs["approved"], no.outputs["comment"]) == ("rejected", False, "")


@pytest.mark.parametrize(
    ("comment", "action", "needed"),
    [("required", "approved", True), ("required", "rejected", True), ("required_to_reject", "approved", False),
     ("required_to_reject", "rejected", True), ("optional", "rejected", False), ("none", "rejected", False)],
)  # fmt: skip
async def test_comments(node, comment, action, needed):
    outcome = await answered(node, {"action": action}, comment=comment)
    if not needed:
        assert outcome.port == action
        return
    assert outcome.payload["errors"] == {"comment": "must be filled in."}
    values = {"comment": "because"}
    done = await node.resume(outcome, {"action": action, "values": values}, content="", comment=comment)
    assert done.port == action


async def test_several_people_must_agree(node):
    yes = {"action": "approved", "by": ANN}
    waiting = await answered(node, yes, approvals=2)
    assert [vote["by"] for vote in waiting.payload["votes"]] == [ANN]
    again = await answered(node, yes, yes, approvals=2)
    assert "somebody else" in again.payload["errors"][""]
    assert (await answered(node, yes, {"action": "approved", "by": BOB}, approvals=2)).port == "approved"
    assert (await answered(node, yes, {"action": "rejected", "by": BOB}, approvals=2)).port == "rejected"


@pytest.mark.parametrize("on_timeout", ["timeout", "approved", "rejected"])
async def test_nobody_answers(node, on_timeout):
    config = {"answer_within_s": 5, "on_timeout": on_timeout}
    outcome = await answered(node, {"timeout": True}, **config)
    assert (outcome.port, outcome.outputs["decision"]) == (on_timeout, on_timeout)
    assert (outcome.outputs["approved"], outcome.outputs["timed_out"]) == (on_timeout == "approved", True)


async def test_there_are_two_answers(node):
    outcome = await answered(node, {"action": "perhaps"})
    assert outcome.payload["errors"] == {"": "Choose one of: approved, rejected."}
    assert [action["style"] for action in outcome.payload["actions"]] == ["primary", "danger"]


def test_ports_and_problems(node):
    def ports(**config: object) -> list[str]:
        return [port.name for port in node.type.ports(node.config(content="", **config))]

    assert ports() == ["approved", "rejected"]
    assert ports(answer_within_s=1) == ["approved", "rejected", "timeout"]
    assert ports(answer_within_s=1, on_timeout="rejected") == ["approved", "rejected"]
    assert set(node.problems(on_timeout="approved")) == {"answer_within_s"}
