"""Reasons of rejected rows as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.annotations.exporters import Reason

SENTENCES: dict[str, str | Promise] = {
    Reason.NO_EXPECTED_OUTPUT: _("There is no expected output."),
    Reason.NO_REJECTED_OUTPUT: _("There is no rejected output to compare with."),
    Reason.SAME_OUTPUTS: _("The expected and the rejected output are the same."),
    Reason.NO_USER_MESSAGE: _("The input has no user message."),
    Reason.EMPTY_MESSAGE: _("A message is empty."),
    Reason.SYSTEM_NOT_FIRST: _("A system message has to come first."),
    Reason.ENDS_WITH_ASSISTANT: _("The input ends with an answer instead of a question."),
    Reason.UNKNOWN_TOOL_CALL: _("A tool result answers no call made before it."),
    Reason.UNANSWERED_TOOL_CALL: _("A tool call has no result."),
    Reason.BAD_SHAPE: _("A part has the wrong shape."),
}


def describe(reason: str, detail: str = "") -> str:
    """The sentence for a reason code, with the place it happened at."""
    sentence = str(SENTENCES.get(reason, reason))
    return f"{sentence} ({detail})" if detail else sentence


def described(rejections: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Stored rejections with their sentence in the reader's language."""
    return [{**entry, "sentence": describe(entry["reason"], entry["detail"])} for entry in rejections]
