"""Values of any kind made storable: no NUL, no lone surrogate, finite numbers, bounded depth and length."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice

import orjson

MAX_DEPTH = 20
#: Text columns that lists show and indexes hold.
MAX_LABEL = 200
#: One attribute or metadata value; longer things belong into input or output.
MAX_ATTRIBUTE = 20_000
MAX_ATTRIBUTES = 1_000
MAX_TOKENS = 2**31 - 1
#: numeric(20, 10) holds ten digits before the point.
MAX_COST = Decimal(10**9)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SURROGATES = re.compile("[\ud800-\udfff]")
_INT64 = 2**63


def text(value: str, limit: int | None = None) -> str:
    """`value` as PostgreSQL can hold it, cut to `limit` characters."""
    end = ""
    if limit is not None and len(value) > limit:
        value, end = value[: limit - 1], "…"
    if "\0" in value:
        value = value.replace("\0", "")
    if not value.isascii():
        value = _without_surrogates(value)
    return value + end


def _without_surrogates(value: str) -> str:
    try:
        value.encode()  # many times as fast as looking for them
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", value)
    return value


def label(value: object) -> str | None:
    """A short text for a column; None for anything empty or not a plain value."""
    if isinstance(value, str):
        return text(value, MAX_LABEL) or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:MAX_LABEL]
    return None


def document(value: object) -> str | None:
    """Input or output: strings as they are, anything else as JSON text; None when there is nothing."""
    if isinstance(value, str):
        return text(value)
    return None if value is None else dump(value)


def tokens(value: object) -> int | None:
    """A token count within a 32-bit column, else None."""
    if type(value) is not int:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            value = int(value)
        except (ValueError, OverflowError):
            return None
    return value if 0 <= value <= MAX_TOKENS else None


def money(value: object) -> Decimal | None:
    """US dollars with ten decimals, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < MAX_COST:
        return None
    return round(amount, 10)


def milliseconds(value: object) -> float | None:
    """A duration in milliseconds, finite and not negative, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number < 1e12 else None


def labels(value: object) -> list[str] | None:
    """Tags from a list, a JSON list or comma-separated text."""
    if isinstance(value, str):
        parsed = load(value) if value.lstrip().startswith("[") else value.split(",")
        value = parsed if isinstance(parsed, list) else [value]
    if not isinstance(value, Sequence) or isinstance(value, bytes | str):
        return None
    found = (label(item.strip() if isinstance(item, str) else item) for item in value[:MAX_ATTRIBUTES])
    return list(dict.fromkeys(item for item in found if item)) or None


def mapping(value: object) -> dict[str, object] | None:
    """A JSON object, given as one or as its text; None for anything else and for an empty one."""
    if isinstance(value, str):
        value = load(value)
        if isinstance(value, str):
            value = load(value)  # encoded twice
    if not isinstance(value, Mapping):
        return None
    cleaned = json_value(value)
    return cleaned if isinstance(cleaned, dict) and cleaned else None


def settings(value: object) -> dict[str, object] | None:
    """The same for what spans repeat, such as parameters: short texts are taken apart once. Not to be changed."""
    if isinstance(value, str) and len(value) <= MAX_LABEL:
        return _known(value)
    return mapping(value)


@lru_cache(maxsize=2048)
def _known(value: str) -> dict[str, object] | None:
    return mapping(value)


def moment(nanoseconds: int) -> datetime:
    """A point of time with microseconds: cutting further would make a resent span another one."""
    return _EPOCH + timedelta(0, 0, nanoseconds // 1000)


def json_value(value: object, depth: int = 0) -> object:
    """`value` as strict JSON that jsonb takes: unknown kinds become text, numbers out of range too."""
    if isinstance(value, str):
        return text(value, MAX_ATTRIBUTE)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else text(hex(value), MAX_ATTRIBUTE)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        return text(bytes(value).decode("utf-8", "replace"), MAX_ATTRIBUTE)
    if depth >= MAX_DEPTH:
        return text(type(value).__name__)
    return _container(value, depth)


def _container(value: object, depth: int) -> object:
    if isinstance(value, Mapping):
        items = islice(value.items(), MAX_ATTRIBUTES)
        return {text(str(key), MAX_LABEL): json_value(item, depth + 1) for key, item in items}
    if isinstance(value, Sequence | set | frozenset):
        return [json_value(item, depth + 1) for item in islice(value, MAX_ATTRIBUTES)]
    return text(str(value), MAX_ATTRIBUTE)


def dump(value: object) -> str:
    """`value` as JSON text, cleaned where it has to be."""
    try:
        return text(orjson.dumps(value).decode())
    except (TypeError, ValueError):
        return orjson.dumps(json_value(value)).decode()


def load(value: str) -> object:
    """The JSON value in `value`, or None when it is none."""
    try:
        loaded: object = orjson.loads(value)
    except ValueError:
        return None
    return loaded
