"""Operations on lists: pure functions of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Literal

from apps.workflows.dsl import types
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.operators import Operator, moment, number
from apps.workflows.dsl.references import compile_reference
from apps.workflows.dsl.scope import ITEM
from apps.workflows.dsl.sentences import Text
from apps.workflows.nodes.support.forms import kind_of_file
from apps.workflows.nodes.support.records import canonical

SortAs = Literal["auto", "number", "text", "date"]
Get = Callable[[Any], Any]


@lru_cache(maxsize=1_000)
def getter(key: str) -> Get:
    """A function that reads a path such as ``address.city`` or ``[0]`` of an item; "" is the item itself.

    Files have attributes beside their own: type (image, document, audio, video, other), extension, mime_type,
    transfer_method (local_file, remote_url), related_id. Raises LanguageError for a path that is none.
    """
    plain = key.strip().removeprefix(ITEM).removeprefix(".")
    if not plain:
        return lambda item: item
    reference = compile_reference(ITEM + (plain if plain.startswith("[") else f".{plain}"))
    return lambda item: reference.get({ITEM: _with_attributes(item)})


def problem(key: str) -> Text:
    """Why this is no path; empty when it is one."""
    try:
        getter(key)
    except LanguageError as error:
        return error.sentence
    return ""


def _with_attributes(item: Any) -> Any:
    if not types.is_file(item):
        return item
    return {
        "type": kind_of_file(item),
        "extension": PurePath(str(item["name"])).suffix.lower(),
        "mime_type": item.get("content_type") or "",
        "transfer_method": "local_file" if item.get("id") else "remote_url",
        "related_id": item.get("id") or "",
        **item,
    }


def keep(items: Iterable[Any], tests: Sequence[tuple[str, Operator, Any]], *, every: bool) -> list[Any]:
    """Items for which all (or any) of the tests hold: a path, an operator, what it is compared with."""
    checks = [(getter(key), operator.test, value) for key, operator, value in tests]
    quantify = all if every else any
    return [item for item in items if quantify(test(get(item), value) for get, test, value in checks)]


def unique(items: Iterable[Any], key: str) -> list[Any]:
    """The first of those items that are equal, or have an equal value at `key`."""
    get = getter(key)
    found: dict[bytes, Any] = {}
    for item in items:
        found.setdefault(canonical(get(item)), item)
    return list(found.values())


def order(
    items: Sequence[Any], key: str, *, descending: bool, nulls_first: bool, sort_as: SortAs, ignore_case: bool
) -> list[Any]:
    """Sorted by one key; equal items keep their order. Items without a value stand together at one end."""
    get = getter(key)
    read = _readers(ignore_case=ignore_case)[sort_as]
    keyed = [(read(get(item)), item) for item in items]
    known = [each for each in keyed if each[0] is not None]
    without = [item for value, item in keyed if value is None]
    known.sort(key=lambda each: each[0], reverse=descending)
    with_value = [item for _value, item in known]
    return without + with_value if nulls_first else with_value + without


def _readers(*, ignore_case: bool) -> Mapping[SortAs, Get]:
    def as_text(value: Any) -> Any:
        if value is None:
            return None
        found = types.text(value)
        return found.casefold() if ignore_case else found

    def auto(value: Any) -> Any:
        """Values of different kinds have an order too: truth values, numbers, texts, lists and objects."""
        if value is None:
            return None
        if isinstance(value, bool):
            return (0, value)
        if isinstance(value, int | float):
            return (1, value)
        return (2 if isinstance(value, str) else 3, as_text(value))

    return {"auto": auto, "number": number, "text": as_text, "date": moment}


def flatten(items: Iterable[Any]) -> list[Any]:
    """Lists within the list are replaced by their items, one level deep."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, list):
            found += item
        else:
            found.append(item)
    return found
