"""The form of a convention's table, and its compilation into one lookup by attribute name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Turns an attribute's value into the field's, or None when it says nothing about it.
Convert = Callable[[object], Any]
#: Combines what no single attribute says; works on the fields found so far and the attributes that are kept.
Finish = Callable[[dict[str, Any], dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Field:
    """`target` is read from the first of `keys` that has a usable value."""

    target: str
    keys: tuple[str, ...]
    convert: Convert


@dataclass(frozen=True, slots=True)
class Convention:
    """How one family of instrumentation names things.

    Content has three targets a side, in falling precedence: `input` (said outright), `input_messages` (rebuilt from
    flat attributes) and `input_value` (a plain value); see `content.settle`. The same for output.
    """

    name: str
    fields: tuple[Field, ...]
    #: Attribute prefix → field that collects what follows it as a mapping, cleaned.
    prefixes: dict[str, str] = field(default_factory=dict)
    #: The same, collected as it comes for `finish` to take apart.
    groups: dict[str, str] = field(default_factory=dict)
    #: Attributes that are understood but kept nowhere.
    ignored: tuple[str, ...] = ()
    finish: Finish | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One use of an attribute; of several attributes for the same target the lowest rank wins."""

    target: str
    rank: int
    convert: Convert


@dataclass(frozen=True, slots=True)
class Prefix:
    """Attributes that begin with `start` are collected in `target`; `raw` ones are not cleaned."""

    start: str
    target: str
    raw: bool


@dataclass(frozen=True, slots=True)
class Table:
    """All conventions in one: a span's attributes are walked once, however many conventions there are."""

    entries: dict[str, tuple[Entry, ...]]
    #: By what stands before the first dot, so that most attributes meet no prefix at all.
    prefixes: dict[str, tuple[Prefix, ...]]
    ignored: frozenset[str]
    finishers: tuple[Finish, ...]


def compile_table(conventions: Sequence[Convention]) -> Table:
    """Earlier conventions and, within one, earlier fields and keys take precedence."""
    entries: dict[str, tuple[Entry, ...]] = {}
    prefixes: dict[str, tuple[Prefix, ...]] = {}
    rank = 0
    for convention in conventions:
        for rule in convention.fields:
            for key in rule.keys:
                rank += 1
                entries[key] = (*entries.get(key, ()), Entry(rule.target, rank, rule.convert))
        collected = [(start, target, False) for start, target in convention.prefixes.items()]
        collected += [(start, target, True) for start, target in convention.groups.items()]
        for start, target, raw in collected:
            head = start.partition(".")[0]
            prefixes[head] = (*prefixes.get(head, ()), Prefix(start, target, raw))
    return Table(
        entries=entries,
        prefixes=prefixes,
        ignored=frozenset(key for convention in conventions for key in convention.ignored),
        finishers=tuple(convention.finish for convention in conventions if convention.finish),
    )
