"""The form of a convention's table, and its compilation into one lookup by attribute name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.tracing.mapping import clean
from apps.tracing.mapping.flatten import steps

#: Names a process remembers; a client that makes up new ones all the time gains nothing by it.
MAX_REMEMBERED = 20_000

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


class Entry(NamedTuple):
    """One use of an attribute; of several attributes for the same target the lowest rank wins."""

    target: str
    rank: int
    convert: Convert


class Place(NamedTuple):
    """Where an attribute that no field reads is kept: under `key` in the mapping `target`.

    No target means among the span's own attributes, no key nowhere. `steps` is the key taken apart at its dots, of
    an attribute that is kept as it comes for its convention to nest.
    """

    target: str
    key: str
    steps: tuple[str, ...] = ()


@dataclass(slots=True)
class Table:
    """All conventions in one: a span's attributes are walked once, however many conventions there are."""

    entries: dict[str, tuple[Entry, ...]]
    prefixes: tuple[tuple[str, str, bool], ...]
    ignored: frozenset[str]
    finishers: tuple[Finish, ...]
    # spans repeat the same few hundred names; what to do with each is found out once
    _places: dict[str, Place] = field(default_factory=dict)

    def place(self, name: str) -> Place:
        """Where to keep an attribute that has no entry."""
        found = self._places.get(name)
        if found is None:
            found = self._find(name)
            if len(self._places) < MAX_REMEMBERED and len(name) <= clean.MAX_LABEL:
                self._places[name] = found
        return found

    def _find(self, name: str) -> Place:
        if name in self.ignored:
            return Place("", "")
        for start, target, raw in self.prefixes:
            if name.startswith(start):
                key = name.removeprefix(start)
                return (
                    Place(target, key, steps(key)) if raw else Place(target, clean.text(key, clean.MAX_LABEL))
                )
        return Place("", clean.text(name, clean.MAX_LABEL))


def compile_table(conventions: Sequence[Convention]) -> Table:
    """Earlier conventions and, within one, earlier fields and keys take precedence."""
    entries: dict[str, tuple[Entry, ...]] = {}
    prefixes: list[tuple[str, str, bool]] = []
    rank = 0
    for convention in conventions:
        for rule in convention.fields:
            for key in rule.keys:
                rank += 1
                entries[key] = (*entries.get(key, ()), Entry(rule.target, rank, rule.convert))
        prefixes += [(start, target, False) for start, target in convention.prefixes.items()]
        prefixes += [(start, target, True) for start, target in convention.groups.items()]
    return Table(
        entries=entries,
        prefixes=tuple(prefixes),
        ignored=frozenset(key for convention in conventions for key in convention.ignored),
        finishers=tuple(convention.finish for convention in conventions if convention.finish),
    )
