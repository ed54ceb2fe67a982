"""Which function runs which job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from apps.core.jobs.context import JobContext
from apps.core.registry import Registry

Handler = Callable[..., None]


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """A kind of job."""

    name: str
    queue: str
    max_attempts: int
    handler: Handler

    def run(self, context: JobContext) -> None:
        """Run the handler with the job's arguments."""
        arguments: dict[str, Any] = context.job.args
        self.handler(context, **arguments)


definitions: Registry[JobDefinition] = Registry("jobs.definitions")


def task(name: str, *, queue: str = "default", max_attempts: int = 5) -> Callable[[Handler], Handler]:
    """Declare `fn(ctx, **args)` as the handler of jobs called `name`.

    `max_attempts` bounds how often a job whose process died is taken up again.
    """
    if queue not in settings.JOB_QUEUES:
        raise ValueError(f"There is no queue {queue!r}; settings.JOB_QUEUES names them.")

    def declare(handler: Handler) -> Handler:
        definitions.register(name, JobDefinition(name, queue, max_attempts, handler))
        return handler

    return declare
