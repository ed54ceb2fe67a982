"""Settings of triggers, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from apps.workflows.cron import Cron, CronError
from apps.workflows.exceptions import TriggerInvalidError

#: Events that workflows can listen to, by name, with what `$.event` holds.
EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "document_indexed": ("document_id", "document", "base_id", "base"),
    "feedback_given": ("message_id", "conversation_id", "agent_id", "value", "comment"),
    "run_failed": ("run_id", "workflow_id", "workflow", "trigger", "error", "inputs"),
}
MAX_BODY_BYTES: Final = 10 * 2**20


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Inputs of the run: literals, references or templates over what the trigger knows.
    inputs: dict[str, Any] = Field(default_factory=dict)


class ScheduleSettings(_Settings):
    """When to start. Missed moments (nothing ran) start none, one, or each up to `most_missed`."""

    cron: str
    timezone: str = "UTC"
    missed: Literal["skip", "once", "all"] = "once"
    #: A moment this late still counts as kept.
    grace_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    most_missed: Annotated[int, Field(ge=1, le=100)] = 10

    @model_validator(mode="after")
    def _readable(self) -> ScheduleSettings:
        try:
            self.schedule()
        except CronError as error:
            raise ValueError(str(error)) from None
        return self

    def schedule(self) -> Cron:
        """The parsed expression."""
        return Cron.parse(self.cron, self.timezone)


class WebhookSettings(_Settings):
    """How calls are checked and answered.

    signature `hmac`: `X-Flywheel-Signature: sha256=<hex>` over `<X-Flywheel-Timestamp>.<body>`; `none`: the address is
    the only secret. response `async` answers 202 with the run; `sync` waits for its end.
    """

    methods: Annotated[list[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]], Field(min_length=1)] = ["POST"]
    signature: Literal["hmac", "none"] = "hmac"
    #: A timestamp may differ this much from the clock here.
    window_s: Annotated[int, Field(ge=10, le=3_600)] = 300
    max_bytes: Annotated[int, Field(ge=1, le=MAX_BODY_BYTES)] = 2**20
    response: Literal["async", "sync"] = "async"
    wait_s: Annotated[int, Field(ge=1, le=120)] = 30
    #: For `sync`: status and body of the answer; values over `$.outputs` and `$.run`.
    status: Annotated[int, Field(ge=200, le=599)] = 200
    body: Any = None


class EventSettings(_Settings):
    """Which event, under which condition."""

    event: str
    #: A condition of the language over `$.event`; empty takes every event.
    when: Any = None
    #: More firings within an hour are skipped: a workflow may cause what it listens to.
    most_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 600

    @field_validator("event")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in EVENTS:
            raise ValueError(f"There is no event {value!r}; there are {', '.join(sorted(EVENTS))}.")
        return value


Settings = ScheduleSettings | WebhookSettings | EventSettings
_KINDS: Final[Mapping[str, type[Settings]]] = {
    "schedule": ScheduleSettings,
    "webhook": WebhookSettings,
    "event": EventSettings,
}


def read_settings(kind: str, config: Mapping[str, Any]) -> Settings:
    """The settings of a trigger; raises TriggerInvalidError naming each wrong one."""
    model = _KINDS.get(kind)
    if model is None:
        raise TriggerInvalidError(_("Triggers are schedules, webhooks or events."), errors={"kind": [kind]})
    try:
        return model.model_validate(dict(config))
    except ValidationError as error:
        errors: dict[str, list[str]] = {}
        for problem in error.errors():
            place = ".".join(str(part) for part in problem["loc"]) or "cron"
            errors.setdefault(place, []).append(problem["msg"].removeprefix("Value error, "))
        raise TriggerInvalidError(next(iter(errors.values()))[0], errors=errors) from None
