"""Configuration mistakes, told at start."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from apps.core.jobs import definitions, periodic_tasks
from config.env import PROBLEMS


@register()
def check_environment(**kwargs: Any) -> list[CheckMessage]:
    """Report environment variables that could not be read."""
    return [
        Error(
            problem.message, hint="docs/operations/configuration.md lists every variable.", id="flywheel.E001"
        )
        for problem in PROBLEMS
    ]


@register()
def check_jobs(**kwargs: Any) -> list[CheckMessage]:
    """Every job and periodic task is defined by a `tasks` module of the app that its name starts with."""
    names = [name for name, _ in definitions] + [name for name, _ in periodic_tasks]
    return [
        Error(f"The task {name!r} is not named “<app>.<verb>”.", id="flywheel.E002")
        for name in names
        if name.count(".") != 1
    ]
