"""Which answers go into a queue."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, IntegerField, QuerySet
from django.db.models.expressions import Func
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.agents.models import Message
from apps.core.exceptions import Invalid
from apps.core.models import User, Workspace

MOST_ITEMS = 10_000


class Feedback(StrEnum):
    """What end users said."""

    ANY = "any"
    UP = "up"
    DOWN = "down"
    NONE = "none"


class ItemFilter(BaseModel):
    """A rule for filling a queue.

    Sampling is by a hash of the message id: the same rule picks the same answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: UUID | None = None
    states: Annotated[
        tuple[Literal["completed", "interrupted", "stopped", "failed"], ...], Field(min_length=1)
    ] = ("completed",)
    sources: tuple[Literal["console", "share", "api"], ...] = ()
    feedback: Feedback = Feedback.ANY
    since: datetime | None = None
    until: datetime | None = None
    sample_percent: Annotated[int, Field(ge=1, le=100)] = 100
    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 1000

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> ItemFilter:
        """Read a rule from JSON; raises `Invalid` naming the field."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            errors = {".".join(str(part) for part in fault["loc"]): [fault["msg"]] for fault in faults}
            raise Invalid(
                "; ".join(f"{name}: {texts[0]}" for name, texts in errors.items()), errors=errors
            ) from error

    def messages(self, workspace: Workspace, user: User | AnonymousUser | None) -> QuerySet[Message]:
        """Matching answers that `user` may see (None: the system), newest first, at most `limit`."""
        answers = Message.objects.in_workspace(workspace).filter(role="assistant", active=True)
        if user is not None:
            answers = answers.visible_to(user)
        answers = answers.filter(state__in=self.states).exclude(content="")
        if self.agent is not None:
            answers = answers.filter(conversation__agent=self.agent)
        if self.sources:
            answers = answers.filter(conversation__source__in=self.sources)
        if self.since is not None:
            answers = answers.filter(created_at__gte=self.since)
        if self.until is not None:
            answers = answers.filter(created_at__lt=self.until)
        return self._sampled(self._with_feedback(answers)).order_by("-created_at", "-id")[: self.limit]

    def _with_feedback(self, answers: QuerySet[Message]) -> QuerySet[Message]:
        match self.feedback:
            case Feedback.UP:
                return answers.filter(feedback=1)
            case Feedback.DOWN:
                return answers.filter(feedback=0)
            case Feedback.NONE:
                return answers.filter(feedback__isnull=True)
        return answers

    def _sampled(self, answers: QuerySet[Message]) -> QuerySet[Message]:
        if self.sample_percent == 100:
            return answers
        return answers.annotate(bucket=HashBucket(F("id"))).filter(bucket__lt=self.sample_percent)


class HashBucket(Func):
    """A number from 0 to 99, the same for the same id on every machine."""

    # the mask drops the sign: a negative hash would give a negative remainder
    template = "mod(hashtextextended(%(expressions)s::text, 0) & 9223372036854775807, 100)"
    output_field = IntegerField()
