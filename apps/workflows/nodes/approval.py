"""Somebody's yes or no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output, Port
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.node import Node, NodeContext, Outcome, Result, Wait
from apps.workflows.nodes.support import forms, people
from apps.workflows.nodes.support.forms import Action
from apps.workflows.nodes.support.people import WaitingConfig

APPROVED = "approved"
REJECTED = "rejected"


class ApprovalConfig(WaitingConfig):
    """What is to be approved, by whom, and what happens when nobody does."""

    title: DynamicText = Field("", title=_("Title"))
    content: DynamicText = Field(
        "",
        title=_("Content"),
        description=_("Markdown with variables: what is approved or rejected."),
        json_schema_extra={"x-widget": "markdown"},
    )
    comment: Literal["none", "optional", "required", "required_to_reject"] = Field(
        "optional", title=_("Comment")
    )
    approve_title: str = Field("Approve", max_length=100, title=_("Title of the yes"))
    reject_title: str = Field("Reject", max_length=100, title=_("Title of the no"))
    approvals: int = Field(
        1,
        ge=1,
        le=20,
        title=_("Approvals"),
        description=_("How many different people must agree. One who rejects is enough to reject."),
    )
    on_timeout: Literal["timeout", "approved", "rejected"] = Field(
        "timeout",
        title=_("When nobody answers"),
        description=_("The port by which the run goes on when the time is over."),
    )


class ApprovalNode(Node[ApprovalConfig]):
    """Waits for an approval."""

    type = "approval"
    title = _("Approval")
    description = _("Waits until people approve or reject.")
    group = "people"
    icon = "approval"
    Config = ApprovalConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """Yes, no, and nobody, unless that counts as one of the two."""
        ports = (Port(APPROVED, _("Approved")), Port(REJECTED, _("Rejected")))
        return ports + people.timeout_ports(config) if config.on_timeout == people.TIMEOUT else ports

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The decision."""
        return {
            "decision": Output("string", _("approved, rejected or timeout")),
            "approved": Output("boolean", _("Whether it was approved")),
            "comment": Output("string", _("The last comment")),
            "votes": Output("array[object]", _("Every vote: decision, comment, by")),
            **people.ANSWER_OUTPUTS,
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """A rule for a time limit that is not there."""
        if config.on_timeout != people.TIMEOUT and config.answer_within_s is None:
            yield "answer_within_s", Sentence(_("Say after which time nobody's answer counts as one."))

    def run(self, ctx: NodeContext, config: ApprovalConfig) -> Outcome:
        """Ask."""
        return _ask(config, {"attempt": 1, "votes": []})

    def resume(
        self, ctx: NodeContext, config: ApprovalConfig, state: dict[str, Any], answer: dict[str, Any]
    ) -> Outcome:
        """Count the vote; ask on until there are enough."""
        votes = list(state.get("votes", []))
        if answer.get("timeout") is True:
            return people.timed_out(_outputs(config.on_timeout, votes, ""), config.on_timeout)
        wait = _ask(config, {**state, "attempt": int(state.get("attempt", 1)) + 1})
        errors = forms.check_answer(wait.payload, answer) or _second_vote(votes, answer)
        if errors:
            wait.payload["errors"] = errors
            return wait
        decision, values = forms.read_answer(wait.payload, answer)
        by = answer.get("by") if isinstance(answer.get("by"), Mapping) else {}
        votes.append({"decision": decision, "comment": values.get("comment") or "", "by": dict(by or {})})
        if decision == APPROVED and sum(vote["decision"] == APPROVED for vote in votes) < config.approvals:
            return _ask(config, {"attempt": 1, "votes": votes})
        outputs = _outputs(decision, votes, str(values.get("comment") or ""))
        return Result({**outputs, "answered_by": people.who(answer), "timed_out": False}, decision)


def _second_vote(votes: list[dict[str, Any]], answer: Mapping[str, Any]) -> dict[str, str]:
    """One person counts once, where the service says who it was."""
    by = answer.get("by")
    person = by.get("id") if isinstance(by, Mapping) else None
    if person and any(vote["by"].get("id") == person for vote in votes):
        return {"": "You have answered already; somebody else has to approve too."}
    return {}


def _outputs(decision: str, votes: list[dict[str, Any]], comment: str) -> dict[str, Any]:
    return {"decision": decision, "approved": decision == APPROVED, "comment": comment, "votes": votes}


def _ask(config: ApprovalConfig, state: dict[str, Any]) -> Wait:
    needs = {
        APPROVED: ["comment"] if config.comment == "required" else [],
        REJECTED: ["comment"] if config.comment in {"required", "required_to_reject"} else [],
    }
    return people.wait(
        "approval",
        config,
        title=config.title,
        content=config.content,
        form=_form(config),
        actions=[
            Action(id=APPROVED, title=config.approve_title, style="primary", requires=needs[APPROVED]),
            Action(id=REJECTED, title=config.reject_title, style="danger", requires=needs[REJECTED]),
        ],
        state=state,
        votes=state["votes"],
        approvals=config.approvals,
    )


def _form(config: ApprovalConfig) -> dict[str, Any]:
    if config.comment == "none":
        return {"type": "object", "properties": {}, "required": []}
    field = forms.FormField(
        name="comment", type="paragraph", label="Comment", required=False, max_length=10_000
    )
    return forms.form_schema([field])
