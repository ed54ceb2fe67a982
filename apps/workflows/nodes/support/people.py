"""What the nodes that wait for people share: who may answer, how they learn of it, how long it may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicNumber, DynamicText
from apps.workflows.dsl.nodetype import ERROR, OUT, Output, Port
from apps.workflows.engine.node import NodeConfig, Result, Wait
from apps.workflows.nodes.support.forms import Action

TIMEOUT = "timeout"
#: Names of ports that actions and options can't have.
RESERVED = frozenset({OUT, ERROR, TIMEOUT})
#: What ids of actions and options look like, since ports are called after them.
PORT_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,39}$"

RoleName = Literal["owner", "admin", "editor", "annotator", "viewer"]


class Assignees(NodeConfig):
    """Who may answer; nobody named means whoever may run the workflow."""

    roles: list[RoleName] = Field(
        default_factory=list,
        title=_("Roles"),
        description=_("Members of the workspace with any of these roles."),
    )
    users: list[DynamicText] = Field(
        default_factory=list, title=_("People"), description=_("E-mail addresses of members.")
    )


class EmailDelivery(NodeConfig):
    """A message with the address of the form."""

    to: list[DynamicText] = Field(default_factory=list, title=_("Recipients"))
    subject: DynamicText = Field("", title=_("Subject"), description=_("Empty: the title."))
    body: DynamicText = Field(
        "",
        title=_("Message"),
        description=_("[[url]] stands for the address of the form. Empty: the content and the address."),
        json_schema_extra={"x-widget": "textarea"},
    )


class Delivery(NodeConfig):
    """How people learn that they are asked."""

    page: bool = Field(
        True, title=_("On a page"), description=_("In the console, and by the address of the form.")
    )
    email: EmailDelivery | None = Field(None, title=_("By e-mail"))


class WaitingConfig(NodeConfig):
    """The part that all these nodes have."""

    assignees: Assignees = Field(default_factory=Assignees, title=_("Who may answer"))
    delivery: Delivery = Field(
        default_factory=Delivery, title=_("Delivery"), json_schema_extra={"x-advanced": True}
    )
    answer_within_s: DynamicNumber | None = Field(
        None,
        title=_("Time to answer"),
        description=_(
            "In seconds. Afterwards the run goes on by the port “timeout”. Empty: it waits for ever."
        ),
    )


def timeout_ports(config: Any) -> tuple[Port, ...]:
    """The port for nobody having answered in time, when there is a limit."""
    return () if config.answer_within_s is None else (Port(TIMEOUT, _("Nobody answered in time")),)


def wait(
    kind: str,
    config: WaitingConfig,
    *,
    title: str,
    content: str,
    form: Mapping[str, Any],
    actions: Sequence[Action],
    state: dict[str, Any],
    errors: Mapping[str, str] | None = None,
    **more: Any,
) -> Wait:
    """Wait for an answer; the payload is what the console, the API and e-mails show (see `support.forms`)."""
    payload = {
        "title": title,
        "content": content,
        "form": dict(form),
        "actions": [action.described() for action in actions],
        "assignees": {
            "roles": list(config.assignees.roles),
            "users": _addresses(config.assignees.users),
        },
        "delivery": _delivery(config.delivery, title),
        "errors": dict(errors or {}),
        "attempt": state.get("attempt", 1),
        **more,
    }
    seconds = config.answer_within_s
    return Wait(kind, payload, None if seconds is None else max(0.0, float(seconds)), state)


def _addresses(texts: Iterable[str]) -> list[str]:
    """Every address; one text may hold several, with commas or semicolons between them."""
    found = [part.strip() for text in texts for part in str(text).replace(";", ",").split(",")]
    return list(dict.fromkeys(part for part in found if part))


def _delivery(delivery: Delivery, title: str) -> dict[str, Any]:
    email = delivery.email
    if email is None:
        return {"page": delivery.page, "email": None}
    described = {"to": _addresses(email.to), "subject": email.subject.strip() or title, "body": email.body}
    return {"page": delivery.page, "email": described}


def who(answer: Mapping[str, Any]) -> str:
    """The name of who answered, as the service that took the answer says; "" when nobody did."""
    by = answer.get("by")
    return str(by.get("name") or by.get("id") or "") if isinstance(by, Mapping) else ""


ANSWER_OUTPUTS: Mapping[str, Output] = {
    "answered_by": Output("string", _("Who answered")),
    "timed_out": Output("boolean", _("Whether nobody answered in time")),
}


def timed_out(outputs: Mapping[str, Any], port: str = TIMEOUT) -> Result:
    """Go on without an answer."""
    return Result({**outputs, "answered_by": "", "timed_out": True}, port)
