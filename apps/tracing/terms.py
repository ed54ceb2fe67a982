"""What the search indexes hold of a row: numbers for its short values, and the words of its texts.

One index answers "any field is this value" that way, of which a frequent value costs about a byte per row. Traces are
indexed as they come. Observations are many and come fast: each day is indexed when it is over (`services.sealing`).
"""

import re
from collections.abc import Mapping
from math import ceil, floor
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

#: Number of a column within the index. Indexes hold these for good: only ever add.
OBSERVATION_TERMS: Final[Mapping[str, int]] = {
    "name": 1, "type": 2, "status": 3, "level": 4, "model": 5, "provider": 6, "prompt_name": 7, "prompt_version": 8,
    "environment": 9, "release": 10, "version": 11, "source_type": 12, "source_id": 13, "status_message": 14,
}  # fmt: skip
TRACE_TERMS: Final[Mapping[str, int]] = {
    "name": 1, "status": 3, "environment": 9, "release": 10, "version": 11, "source_type": 12, "source_id": 13,
}  # fmt: skip

#: How long a step took, in whole milliseconds: a day's many equal ones take little room in an index, intervals do not.
LATENCY_SQL: Final = "(EXTRACT(epoch FROM (end_time - start_time)) * 1000)::bigint"

#: Of the text that a row is found by.
TEXT_SQL: Final = "name || ' ' || input_preview || ' ' || output_preview"

# as in `tracing_words`, which the migration made
_PUNCTUATION: Final = ".,;:!?()[]{}<>\"'`´“”‘’„«»…·|/\\=+*#@&%$^~_-–—\t\r\n，。；：！？（）《》【】、「」"
_TO_SPACES: Final = str.maketrans(dict.fromkeys(_PUNCTUATION, " "))
#: Scripts without spaces: each character is a word.
_CHARACTERS: Final = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_SPLIT: Final = re.compile(f"([{_CHARACTERS}])")
MAX_WORDS: Final = 12


def terms_sql(terms: Mapping[str, int]) -> str:
    """The indexed array of a table, over its columns."""
    return (
        "ARRAY["
        + ", ".join(f"tracing_term(workspace_id, {n}, {column})" for column, n in terms.items())
        + "]"
    )


def words(text: str) -> list[str]:
    """The words of a query, as the index has those of texts."""
    return list(dict.fromkeys(_SPLIT.sub(r" \1 ", text.lower().translate(_TO_SPACES)).split()))[:MAX_WORDS]


def tsquery(found: list[str]) -> str:
    """All of these words; each may go on, but for single characters that are words."""
    return " & ".join(f"'{word}'" if _SPLIT.fullmatch(word) else f"'{word}':*" for word in found)


class Term(models.Func):
    """The number that stands for a value of a column in a workspace."""

    function = "tracing_term"
    output_field = models.BigIntegerField()

    def __init__(self, workspace: Any, number: int, value: Any) -> None:
        super().__init__(workspace, models.Value(number), value)


class _Array(models.Func):
    template = "ARRAY[%(expressions)s]"
    output_field = ArrayField(models.BigIntegerField())


class _Overlaps(models.Func):
    template = "(%(expressions)s)"
    arg_joiner = " && "
    output_field = models.BooleanField()


class _Words(models.Func):
    template = "(tracing_words(%(expressions)s))"
    arg_joiner = " || ' ' || "
    output_field = models.TextField()


class _Matches(models.Func):
    template = "(%(expressions)s::tsquery)"
    arg_joiner = " @@ "
    output_field = models.BooleanField()


class _Milliseconds(models.Func):
    """LATENCY_SQL of a queryset's rows."""

    template = "((EXTRACT(epoch FROM (%(expressions)s)) * 1000)::bigint)"
    arg_joiner = " - "
    output_field = models.BigIntegerField()


def lasts(operator: str, milliseconds: float) -> models.Q:
    """What is true of the whole milliseconds wherever a comparison of the exact latency is.

    `operator` is one of gt, gte, lt, lte and eq.
    """
    took = _Milliseconds(models.F("end_time"), models.F("start_time"))
    found = models.Q()
    if operator in {"gt", "gte", "eq"}:
        found &= models.Q(GreaterThanOrEqual(took, floor(milliseconds)))
    if operator in {"lt", "lte", "eq"}:
        found &= models.Q(LessThanOrEqual(took, ceil(milliseconds)))
    return found


def has_value(terms: Mapping[str, int], workspace_id: Any, column: str, values: list[str]) -> models.Q:
    """The column is one of `values`, or its number happens to be the same: to be compared as well."""
    indexed = _Array(*(Term(models.F("workspace_id"), n, models.F(name)) for name, n in terms.items()))
    workspace = models.Value(workspace_id, output_field=models.UUIDField())
    wanted = _Array(*(Term(workspace, terms[column], models.Value(value)) for value in values))
    return models.Q(_Overlaps(indexed, wanted))


def has_words(found: list[str]) -> models.Q:
    """Name, input or output preview have words that begin with these."""
    indexed = _Words(models.F("name"), models.F("input_preview"), models.F("output_preview"))
    return models.Q(_Matches(indexed, models.Value(tsquery(found))))
