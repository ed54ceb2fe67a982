"""The operators of conditions: what each says about two values. None raises; what can't be compared is false.

Nothing (a reference without a value) and null are the same here, but for ``exists``. Texts that spell a number compare
with numbers as numbers, and ``true`` and ``false`` with booleans; two texts always compare as texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.workflows.dsl.types import read_number, text

Test = Callable[[Any, Any], bool]

_TRUTH = {"true": True, "false": False}


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same: JSON equality, with texts of numbers and booleans read as such."""
    kind, other = type(left), type(right)
    if kind is other and (kind is str or kind is int):
        return bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return _as_boolean(left) is _as_boolean(right) and _as_boolean(left) is not None
    if isinstance(left, str) != isinstance(right, str):
        pair = numbers(left, right)
        return pair is not None and pair[0] == pair[1]
    try:
        return _equal_nested(left, right)
    except RecursionError:
        # data so deep that nobody can say; conditions never raise
        return False


def _equal_nested(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def _as_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _TRUTH.get(value.strip().lower()) if isinstance(value, str) else None


def numbers(left: Any, right: Any) -> tuple[int | float, int | float] | None:
    """Both values as numbers, where each is one or spells one."""
    first, second = number(left), number(right)
    return None if first is None or second is None else (first, second)


def number(value: Any) -> int | float | None:
    """A value as a number; None when it is none and spells none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return read_number(value) if isinstance(value, str) else None


def comparable(left: Any, right: Any) -> bool:
    """Whether an order between the two exists."""
    return (isinstance(left, str) and isinstance(right, str)) or numbers(left, right) is not None


def _ordered(compare: Test) -> Test:
    def test(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        pair = numbers(left, right)
        return pair is not None and compare(*pair)

    return test


greater = _ordered(lambda left, right: left > right)
greater_or_equal = _ordered(lambda left, right: left >= right)
less = _ordered(lambda left, right: left < right)
less_or_equal = _ordered(lambda left, right: left <= right)


def contains(left: Any, right: Any) -> bool:
    """A text holds a text, a list an item, an object a key."""
    if isinstance(left, str):
        return right is not None and text(right) in left
    if isinstance(left, list):
        return any(equal(item, right) for item in left)
    return isinstance(left, dict) and isinstance(right, str) and right in left


def is_in(left: Any, right: Any) -> bool:
    """`contains` the other way round; nothing is in nothing."""
    return left is not None and contains(right, left)


def all_of(left: Any, right: Any) -> bool:
    """A list (or text) holds each item of another list."""
    wanted = right if isinstance(right, list) else [right]
    return isinstance(left, list | str | dict) and all(contains(left, item) for item in wanted)


def starts_with(left: Any, right: Any) -> bool:
    """A text, or a number as text, begins so."""
    return left is not None and not isinstance(left, list | dict) and text(left).startswith(text(right))


def ends_with(left: Any, right: Any) -> bool:
    """A text, or a number as text, ends so."""
    return left is not None and not isinstance(left, list | dict) and text(left).endswith(text(right))


def is_empty(left: Any, _right: Any = None) -> bool:
    """Nothing, or a text, list or object without content. 0 and false are values."""
    return left is None or (isinstance(left, str | list | dict) and not left)


def is_null(left: Any, _right: Any = None) -> bool:
    """Nothing at all."""
    return left is None


def is_true(left: Any, _right: Any = None) -> bool:
    """true, or a text that says so."""
    return _as_boolean(left) is True


def is_false(left: Any, _right: Any = None) -> bool:
    """false, or a text that says so."""
    return _as_boolean(left) is False


def moment(value: Any) -> datetime | None:
    """A date or time: ISO 8601 text, or seconds since 1970. Without a time zone it is taken as UTC."""
    if isinstance(value, str) and read_number(value) is None:
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    seconds = number(value)
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def before(left: Any, right: Any) -> bool:
    """An earlier moment."""
    first, second = moment(left), moment(right)
    return first is not None and second is not None and first < second


def after(left: Any, right: Any) -> bool:
    """A later moment."""
    return before(right, left)


def length(value: Any) -> int | None:
    """Characters of a text, items of a list, keys of an object; None for anything else."""
    return len(value) if isinstance(value, str | list | dict) else None


def _by_length(test: Test) -> Test:
    def measured(left: Any, right: Any) -> bool:
        size = length(left)
        return size is not None and test(size, right)

    return measured


def _not(test: Test) -> Test:
    return lambda left, right: not test(left, right)


def truthy(value: Any) -> bool:
    """Whether a value counts as true by itself: not nothing, false, 0, or empty."""
    return bool(value)


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator. unary: it takes no right side. needs: what the left side must be for it to say anything."""

    name: str
    test: Test
    title: str
    unary: bool = False
    needs: Callable[[Any, Any], bool] | None = None


def _moments(left: Any, right: Any) -> bool:
    return moment(left) is not None and moment(right) is not None


def _measured(left: Any, right: Any) -> bool:
    return length(left) is not None and number(right) is not None


_ALL = (
    Operator("==", equal, "is"),
    Operator("!=", _not(equal), "is not"),
    Operator(">", greater, "is greater than", needs=comparable),
    Operator(">=", greater_or_equal, "is at least", needs=comparable),
    Operator("<", less, "is less than", needs=comparable),
    Operator("<=", less_or_equal, "is at most", needs=comparable),
    Operator("contains", contains, "contains"),
    Operator("not_contains", _not(contains), "does not contain"),
    Operator("starts_with", starts_with, "starts with"),
    Operator("ends_with", ends_with, "ends with"),
    Operator("in", is_in, "is one of"),
    Operator("not_in", _not(is_in), "is none of"),
    Operator("all_of", all_of, "contains all of"),
    Operator("empty", is_empty, "is empty", unary=True),
    Operator("not_empty", _not(is_empty), "is not empty", unary=True),
    Operator("null", is_null, "is null", unary=True),
    Operator("not_null", _not(is_null), "is not null", unary=True),
    Operator("exists", _not(is_null), "exists", unary=True),
    Operator("not_exists", is_null, "does not exist", unary=True),
    Operator("true", is_true, "is true", unary=True),
    Operator("false", is_false, "is false", unary=True),
    Operator("before", before, "is before", needs=_moments),
    Operator("after", after, "is after", needs=_moments),
    Operator("length_==", _by_length(equal), "has the length", needs=_measured),
    Operator("length_!=", _by_length(_not(equal)), "has not the length", needs=_measured),
    Operator("length_>", _by_length(greater), "is longer than", needs=_measured),
    Operator("length_>=", _by_length(greater_or_equal), "is at least as long as", needs=_measured),
    Operator("length_<", _by_length(less), "is shorter than", needs=_measured),
    Operator("length_<=", _by_length(less_or_equal), "is at most as long as", needs=_measured),
)
#: Every operator by its own name.
OPERATORS = {operator.name: operator for operator in _ALL}

#: Other spellings, as people know them from elsewhere.
ALIASES = {
    "=": "==",
    "is": "==",
    "equals": "==",
    "≠": "!=",
    "<>": "!=",
    "is_not": "!=",
    "not_equals": "!=",
    "≥": ">=",
    "≤": "<=",
    "contain": "contains",
    "not_contain": "not_contains",
    "start_with": "starts_with",
    "end_with": "ends_with",
    "is_empty": "empty",
    "is_not_empty": "not_empty",
    "is_null": "null",
    "is_not_null": "not_null",
    "exist": "exists",
    "not_exist": "not_exists",
    "is_true": "true",
    "is_false": "false",
    "length_=": "length_==",
    "length_≠": "length_!=",
    "length_≥": "length_>=",
    "length_≤": "length_<=",
}


def find_operator(name: str) -> Operator | None:
    """The operator of a name or another spelling: case, spaces and hyphens don't matter."""
    plain = "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
    return OPERATORS.get(ALIASES.get(plain, plain))
