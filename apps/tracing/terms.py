"""What the search indexes hold of a row: numbers for its short values and its figures, and the words of its texts.

One index answers "any field is this value" and "any figure is at least this much" that way, of which a frequent value
costs about a byte per row. A figure is indexed by its bucket, of which there are eight from each power of two to the
next, and by all eight together: what is more than a figure is in the rest of its own eight and in those above. Traces
are indexed as they come. Observations are many and come fast: they are indexed in large portions (`services.sealing`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models

#: Number of a column within the index. Indexes hold these for good: only ever add.
OBSERVATION_TERMS: Final[Mapping[str, int]] = {
    "name": 1, "type": 2, "status": 3, "level": 4, "model": 5, "provider": 6, "prompt_name": 7, "prompt_version": 8,
    "environment": 9, "release": 10, "version": 11, "source_type": 12, "source_id": 13, "status_message": 14,
}  # fmt: skip
TRACE_TERMS: Final[Mapping[str, int]] = {
    "name": 1, "status": 3, "environment": 9, "release": 10, "version": 11, "source_type": 12, "source_id": 13,
}  # fmt: skip

#: No column: how long an observation took, under this name in lists.
DURATION: Final = "duration"
#: Numbers of figures within the index.
OBSERVATION_FIGURES: Final[Mapping[str, int]] = {
    DURATION: 20, "input_tokens": 21, "output_tokens": 22, "cost": 23, "ttft_ms": 24,
}  # fmt: skip
#: Numbers of JSON fields within the index; keys and numbers of these are another array.
OBSERVATION_OBJECTS: Final[Mapping[str, int]] = {"metadata": 40, "attributes": 41}
#: A figure is indexed as both.
_KINDS: Final = ("figure", "octave")
_DIRECTIONS: Final = {"gt": 1, "gte": 1, "lt": -1, "lte": -1, "eq": 0}
_MILLISECONDS_SQL: Final = "EXTRACT(epoch FROM (end_time - start_time)) * 1000"

#: Of the text that a row is found by.
TEXT_SQL: Final = "name || ' ' || input_preview || ' ' || output_preview"

# as in `tracing_words`, which the migration made
_PUNCTUATION: Final = ".,;:!?()[]{}<>\"'`´“”‘’„«»…·|/\\=+*#@&%$^~_-–—\t\r\n，。；：！？（）《》【】、「」"
_TO_SPACES: Final = str.maketrans(dict.fromkeys(_PUNCTUATION, " "))
#: Scripts without spaces: each character is a word.
_CHARACTERS: Final = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
_SPLIT: Final = re.compile(f"([{_CHARACTERS}])")
MAX_WORDS: Final = 12


def words(text: str) -> list[str]:
    """The words of a query, as the index has those of texts."""
    split = _SPLIT.sub(r" \1 ", text.lower().translate(_TO_SPACES)).split(" ")
    return list(dict.fromkeys(word for word in split if word))[:MAX_WORDS]


def begins_a_word(text: str) -> bool:
    """Whether the first word of a piece of text begins in it, whatever stands before the piece."""
    first = text[:1].lower().translate(_TO_SPACES)
    return first == " " or bool(_SPLIT.fullmatch(first))


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
    """_MILLISECONDS_SQL of a queryset's rows."""

    template = "(EXTRACT(epoch FROM (%(expressions)s)) * 1000)"
    arg_joiner = " - "
    output_field = models.DecimalField()


class _Bucket(models.Func):
    template = "tracing_bucket((%(expressions)s)::double precision)"
    output_field = models.BigIntegerField()


class _Figure(models.Func):
    """The number that stands for the bucket of a figure in a workspace, or for its octave."""

    output_field = models.BigIntegerField()


class _Figures(models.Func):
    """The numbers of all buckets and octaves on a side of a figure."""

    function = "tracing_figures"
    output_field = ArrayField(models.BigIntegerField())


class _JsonKey(models.Func):
    """The number that stands for a key of a JSON field in a workspace."""

    function = "tracing_json_key"
    output_field = models.BigIntegerField()


class _JsonTerms(models.Func):
    """The numbers of a JSON field's keys and numbers."""

    function = "tracing_json_terms"
    output_field = ArrayField(models.BigIntegerField())


class _JsonNumbers(models.Func):
    """The numbers of all buckets and octaves on a side of a number under a key."""

    function = "tracing_json_numbers"
    output_field = ArrayField(models.BigIntegerField())


@dataclass(frozen=True, slots=True)
class Index:
    """The numbers of a table's columns, figures and JSON fields within its search index."""

    terms: Mapping[str, int]
    figures: Mapping[str, int] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The indexed array, over the table's columns."""
        items = [f"tracing_term(workspace_id, {n}, {column})" for column, n in self.terms.items()]
        for name, n in self.figures.items():
            bucket = f"tracing_bucket(({_MILLISECONDS_SQL if name == DURATION else name})::double precision)"
            items += (f"tracing_{kind}(workspace_id, {n}, {bucket})" for kind in _KINDS)
        return f"ARRAY[{', '.join(items)}]"

    @property
    def objects_sql(self) -> list[str]:
        """The indexed arrays of the JSON columns."""
        return [f"tracing_json_terms(workspace_id, {n}, {column})" for column, n in self.objects.items()]

    def has_value(self, workspace_id: Any, column: str, values: list[str]) -> models.Q:
        """The column is one of `values`, or its number happens to be the same: to be compared as well."""
        workspace = _of(workspace_id)
        return self._overlaps(
            _Array(*(Term(workspace, self.terms[column], models.Value(value)) for value in values))
        )

    def compares(self, workspace_id: Any, name: str, operator: str, value: float) -> models.Q:
        """The figure's bucket is one that `value` leaves open: to be compared as well.

        `operator` is one of gt, gte, lt, lte and eq.
        """
        figure = models.Value(value), models.Value(_DIRECTIONS[operator])
        return self._overlaps(_Figures(_of(workspace_id), models.Value(self.figures[name]), *figure))

    def has_key(self, workspace_id: Any, column: str, key: str) -> models.Q:
        """The object has the key, or the one that a way with this name begins with: to be looked at as well."""
        own = (_of(workspace_id), models.Value(self.objects[column]))
        keys = dict.fromkeys((key, key.partition(".")[0]))
        return self._of_object(column, _Array(*(_JsonKey(*own, models.Value(name)) for name in keys)))

    def compares_key(self, workspace_id: Any, column: str, key: str, operator: str, value: float) -> models.Q:
        """What is under the key is in a bucket that `value` leaves open, or further inside: to be compared as well.

        `operator` is one of gt, gte, lt and lte.
        """
        own = (_of(workspace_id), models.Value(self.objects[column]))
        side = models.Value(value), models.Value(_DIRECTIONS[operator])
        found = self._of_object(column, _JsonNumbers(*own, models.Value(key), *side))
        first, dot, _rest = key.partition(".")
        return found | self._of_object(column, _Array(_JsonKey(*own, models.Value(first)))) if dot else found

    def _of_object(self, column: str, wanted: models.Func) -> models.Q:
        own = models.F("workspace_id"), models.Value(self.objects[column]), models.F(column)
        return models.Q(_Overlaps(_JsonTerms(*own), wanted))

    def _overlaps(self, wanted: models.Func) -> models.Q:
        workspace = models.F("workspace_id")
        items: list[models.Func] = [Term(workspace, n, models.F(name)) for name, n in self.terms.items()]
        for name, n in self.figures.items():
            took = _Milliseconds(models.F("end_time"), models.F("start_time"))
            bucket = _Bucket(took if name == DURATION else models.F(name))
            items += (
                _Figure(workspace, models.Value(n), bucket, function=f"tracing_{kind}") for kind in _KINDS
            )
        return models.Q(_Overlaps(_Array(*items), wanted))


OBSERVATIONS: Final = Index(OBSERVATION_TERMS, OBSERVATION_FIGURES, OBSERVATION_OBJECTS)
TRACES: Final = Index(TRACE_TERMS)


def _of(workspace_id: Any) -> models.Value:
    return models.Value(workspace_id, output_field=models.UUIDField())


def has_words(found: list[str], plain: Sequence[str] | None = None) -> models.Q:
    """Name, input or output preview have words that begin with these.

    `plain` are pieces that at least one of the texts must have for that, by default the words: most rows fail there,
    and looking for them is quicker than splitting texts where no index is used.
    """
    wanted = models.Q()
    for piece in found if plain is None else plain:
        wanted &= models.Q(
            models.Q(name__icontains=piece)
            | models.Q(input_preview__icontains=piece)
            | models.Q(output_preview__icontains=piece)
        )
    return wanted & _have_words(found, "name", "input_preview", "output_preview") if found else wanted


def column_has_words(column: str, found: list[str]) -> models.Q:
    """A column has words that begin with these; no index knows single columns."""
    return _have_words(found, column)


def _have_words(found: list[str], *columns: str) -> models.Q:
    words_of = _Words(*map(models.F, columns))
    return models.Q(_Matches(words_of, models.Value(tsquery(found))))
