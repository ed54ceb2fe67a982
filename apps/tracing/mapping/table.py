"""The form of a convention's table, and its compilation into one lookup by attribute name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Turns an attribute's value into the field's, or None when it says nothing about it.
Convert = Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """`target` is read from the first of `keys` that has a usable value."""

    target: str
    keys: tuple[str, ...]
    convert: Convert


@dataclass(frozen=True, slots=True)
class Convention:
    """How one family of instrumentation names things. `finish` combines what no single attribute says."""

    name: str
    fields: tuple[Field, ...]
    #: Attribute prefix → field that collects what follows it as a mapping.
    prefixes: dict[str, str] = field(default_factory=dict)
    #: Attributes that are understood but kept nowhere.
    ignored: tuple[str, ...] = ()
    finish: Callable[[dict[str, Any]], None] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One use of an attribute; of several attributes for the same target the lowest rank wins."""

    target: str
    rank: int
    convert: Convert


@dataclass(frozen=True, slots=True)
class Table:
    """All conventions in one: a span's attributes are walked once, however many conventions there are."""

    entries: dict[str, tuple[Entry, ...]]
    prefixes: tuple[tuple[str, str], ...]
    ignored: frozenset[str]
    finishers: tuple[Callable[[dict[str, Any]], None], ...]


def compile_table(conventions: Sequence[Convention]) -> Table:
    """Earlier conventions and, within one, earlier fields and keys take precedence."""
    entries: dict[str, tuple[Entry, ...]] = {}
    rank = 0
    for convention in conventions:
        for rule in convention.fields:
            for key in rule.keys:
                rank += 1
                entries[key] = (*entries.get(key, ()), Entry(rule.target, rank, rule.convert))
    return Table(
        entries=entries,
        prefixes=tuple(item for convention in conventions for item in convention.prefixes.items()),
        ignored=frozenset(key for convention in conventions for key in convention.ignored),
        finishers=tuple(convention.finish for convention in conventions if convention.finish),
    )
