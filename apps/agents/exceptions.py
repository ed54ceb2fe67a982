"""Errors of agents and conversations."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import Conflict, Invalid, RateLimited, Unavailable


class AnswerRunningError(Conflict):
    """A conversation takes one question at a time."""

    code = "answer_running"
    title = _("An answer is being written")


class AgentNotReadyError(Conflict):
    """The agent lacks something it needs to answer."""

    code = "agent_not_ready"
    title = _("The agent is not ready")


class QuestionInvalidError(Invalid):
    """An empty question, or one that is too long."""

    code = "question_invalid"
    title = _("The question is not valid")


class TooManyQuestionsError(RateLimited):
    """A visitor of a shared agent asks faster than allowed."""

    code = "too_many_questions"
    title = _("Too many questions")


class AnswerFailedError(Unavailable):
    """The answer could not be written; the sentence says why."""

    code = "answer_failed"
    status = 502
    title = _("The answer failed")


class PromptChangedError(Conflict):
    """Somebody changed the prompt since the caller read it."""

    code = "prompt_changed"
    status = 412
    title = _("The prompt was changed meanwhile")


class PromptInUseError(Conflict):
    """Agents speak by the prompt."""

    code = "prompt_in_use"
    title = _("The prompt is in use")
