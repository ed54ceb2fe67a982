"""The only reader of the environment.

Each variable is declared once, with its type, default and help text; `docs/operations/configuration.md` is written
from these declarations. A value that cannot be read does not stop the import: the default stands in, the sentence is
kept in `PROBLEMS`, and the system check `flywheel.E001` reports it at start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Variable(Generic[T]):
    """One declared environment variable."""

    name: str
    kind: str
    default: T
    help: str
    default_text: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A variable whose value could not be read, with a sentence for the operator."""

    name: str
    message: str


VARIABLES: list[Variable[object]] = []
PROBLEMS: list[Problem] = []


class Environment:
    """Typed access to one mapping of variables (the process environment by default)."""

    def __init__(self, source: Mapping[str, str] | None = None) -> None:
        self._source: Mapping[str, str] = os.environ if source is None else source

    def text(
        self, name: str, default: str, help: str, *, secret: bool = False, default_text: str = ""
    ) -> str:
        """Return a string; an empty value counts as unset."""
        return self._read(Variable(name, "text", default, help, default_text, secret), str)

    def integer(self, name: str, default: int, help: str, *, minimum: int = 0) -> int:
        """Return a whole number not below `minimum`."""

        def parse(raw: str) -> int:
            value = int(raw)
            if value < minimum:
                raise ValueError(f"must be at least {minimum}")
            return value

        return self._read(Variable(name, "whole number", default, help), parse)

    def boolean(self, name: str, default: bool, help: str) -> bool:
        """Return a truth value from 1/0, true/false, yes/no, on/off."""
        return self._read(Variable(name, "true or false", default, help), _parse_boolean)

    def items(
        self, name: str, default: tuple[str, ...], help: str, *, secret: bool = False
    ) -> tuple[str, ...]:
        """Return a comma-separated list without empty entries."""
        return self._read(Variable(name, "comma-separated list", default, help, secret=secret), _parse_items)

    def path(self, name: str, default: Path, help: str, *, default_text: str = "") -> Path:
        """Return an absolute path."""
        return self._read(
            Variable(name, "path", default, help, default_text), lambda raw: Path(raw).resolve()
        )

    def choice(self, name: str, default: str, choices: tuple[str, ...], help: str) -> str:
        """Return one of `choices`."""

        def parse(raw: str) -> str:
            if raw not in choices:
                raise ValueError(f"must be one of {', '.join(choices)}")
            return raw

        return self._read(Variable(name, " | ".join(choices), default, help), parse)

    def _read(self, variable: Variable[T], parse: Callable[[str], T]) -> T:
        VARIABLES.append(variable)  # type: ignore[arg-type]  # the list is only read for documentation
        raw = self._source.get(variable.name, "").strip()
        if not raw:
            return variable.default
        try:
            return parse(raw)
        except ValueError as error:
            shown = "its value" if variable.secret else f"“{raw}”"
            PROBLEMS.append(
                Problem(variable.name, f"{variable.name}: {shown} is not a valid {variable.kind} ({error}).")
            )
            return variable.default


def _parse_boolean(raw: str) -> bool:
    lowered = raw.lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    raise ValueError("use 1 or 0")


def _parse_items(raw: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in raw.split(",") if item.strip())


env = Environment()


def default_settings() -> None:
    """Choose the settings module when the environment names none."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")


def hand_down(name: str, value: str) -> None:
    """Set a variable for the processes that this one starts."""
    os.environ[name] = value
