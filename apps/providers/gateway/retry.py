"""What to do after a failed attempt: again, elsewhere, or give up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from apps.providers.targets import Target
from apps.providers.wire import WireError

ATTEMPTS = 3
BASE_S = 0.5
MAX_PAUSE_S = 8.0
MAX_RETRY_AFTER_S = 20.0  # a vendor that asks for more is treated as down


def pause_before(attempt: int, retry_after: float | None) -> float | None:
    """Seconds to wait before attempt number `attempt` (from 2), or None when it should not be made.

    Exponential backoff with full jitter (Brooker 2015), never shorter than what the vendor asks for.
    """
    if attempt > ATTEMPTS:
        return None
    if retry_after is not None and retry_after > MAX_RETRY_AFTER_S:
        return None
    backoff = random.uniform(0, min(MAX_PAUSE_S, BASE_S * 2 ** (attempt - 2)))  # noqa: S311 - not a secret
    return backoff if retry_after is None else retry_after + backoff * 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """The next attempt."""

    target: Target
    attempt: int
    pause_s: float


class Plan:
    """Walks through attempts on one target after the other."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._position = 0
        self._attempt = 1

    @property
    def target(self) -> Target:
        """The target of the present attempt."""
        return self._targets[self._position]

    def after(self, error: WireError) -> Step | None:
        """The step after a failure: the same target when that can help, else the next; None at the end."""
        if error.retryable:
            pause = pause_before(self._attempt + 1, error.retry_after)
            if pause is not None:
                self._attempt += 1
                return Step(self.target, self._attempt, pause)
        if self._position + 1 < len(self._targets):
            self._position += 1
            self._attempt = 1
            return Step(self.target, 1, 0.0)
        return None
