"""Why a dataset item can't become a row of a training file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Stable codes; the interface translates them, files and the API carry them as they are."""

    NO_EXPECTED_OUTPUT = "no_expected_output"
    NO_REJECTED_OUTPUT = "no_rejected_output"
    SAME_OUTPUTS = "same_outputs"
    NO_USER_MESSAGE = "no_user_message"
    EMPTY_MESSAGE = "empty_message"
    SYSTEM_NOT_FIRST = "system_not_first"
    ENDS_WITH_ASSISTANT = "ends_with_assistant"
    UNKNOWN_TOOL_CALL = "unknown_tool_call"
    UNANSWERED_TOOL_CALL = "unanswered_tool_call"
    BAD_SHAPE = "bad_shape"


class Rejected(Exception):
    """Raised by an exporter for a row it refuses; `detail` says where, in technical terms."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused row in a report: the item, the code, and the place in it."""

    item_id: str
    reason: Reason
    detail: str = ""
