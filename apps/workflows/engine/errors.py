"""How nodes and runs fail."""

from __future__ import annotations

from typing import Any

from apps.workflows.dsl.sentences import Text


class NodeError(Exception):
    """A node could not do its work. `code` is for programs, the sentence for people, `details` plain JSON.

    What is stored is `message`, the sentence in English.

    `retryable` says whether the same call may succeed later; a retry policy only repeats those.
    """

    def __init__(
        self,
        message: Text,
        *,
        code: str = "node_failed",
        retryable: bool = False,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(str(message))
        self.sentence = message
        self.message = str(message)
        self.code = code
        self.retryable = retryable
        self.details = details or {}

    def as_dict(self) -> dict[str, Any]:
        """The error as plain JSON."""
        found: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.details:
            found["details"] = self.details
        return found


class LimitExceeded(NodeError):
    """A limit of the run was reached (steps, depth, time, tokens, cost, size); no error strategy takes care of it."""

    def __init__(self, message: Text, *, code: str = "limit", details: dict[str, Any] | None = None) -> None:
        super().__init__(message, code=code, details=details)


class UnknownWait(LookupError):
    """Nothing in the run waits under this name (any more)."""
