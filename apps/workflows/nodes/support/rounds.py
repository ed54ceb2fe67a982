"""What containers collect from their rounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _

from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.containers import Rounds
from apps.workflows.engine.node import BREAK

OnRoundError = Literal["stop", "continue", "drop"]

ERRORS_OUTPUT = Output("array[object]", _("Rounds that failed: index, message, code"))


class Collected:
    """What rounds gave, by their index, in whatever order they end."""

    def __init__(self, on_error: OnRoundError) -> None:
        self._on_error = on_error
        self._values: dict[int, Any] = {}
        self._errors: dict[int, Mapping[str, Any]] = {}

    def failed(self, error: Exception) -> None:
        """A round failed; raises the error unless failures are put up with."""
        if self._on_error == "stop":
            raise error

    def keep(self, index: int, output: Any, error: Mapping[str, Any] | None) -> None:
        """A round is over."""
        if error is not None:
            self._errors[index] = error
        if error is None or self._on_error != "drop":
            self._values[index] = output

    def values(self) -> list[Any]:
        """What was collected, in the order of the rounds."""
        return [self._values[index] for index in sorted(self._values)]

    def errors(self) -> list[dict[str, Any]]:
        """The failures, in the order of the rounds."""
        return [
            {"index": index, "message": error["message"], "code": error["code"]}
            for index, error in sorted(self._errors.items(), key=lambda item: item[0])
        ]


class CollectingRounds(Rounds):
    """Rounds whose outputs are collected, until they are used up or one of them breaks off."""

    def __init__(self, parallel: int, on_error: OnRoundError) -> None:
        self.parallel = parallel
        self.collected = Collected(on_error)
        self.ended = False

    def failed(self, index: int, error: Exception) -> None:
        """Stop, or go on without it."""
        self.collected.failed(error)

    def keep(self, index: int, output: Any, error: Mapping[str, Any] | None, signal: str | None) -> None:
        """Collect it."""
        self.collected.keep(index, output, error)
        self.ended = self.ended or signal == BREAK
