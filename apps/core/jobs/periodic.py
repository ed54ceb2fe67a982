"""Work that beat starts again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apps.core.registry import Registry

PeriodicHandler = Callable[[], object]


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A function and how often it runs; it must be safe to run twice at once."""

    name: str
    seconds: float
    queue: str
    handler: PeriodicHandler


periodic_tasks: Registry[PeriodicTask] = Registry("jobs.periodic_tasks")


def periodic(
    name: str, *, seconds: float, queue: str = "default"
) -> Callable[[PeriodicHandler], PeriodicHandler]:
    """Declare `fn()` to be run every `seconds`; it is a Celery task of the same name."""

    def declare(handler: PeriodicHandler) -> PeriodicHandler:
        periodic_tasks.register(name, PeriodicTask(name, seconds, queue, handler))
        return handler

    return declare
