"""Columns of the files, by list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from apps.tracing.exceptions import InvalidExport
from apps.tracing.models import ExportList


class ColumnKind(StrEnum):
    """What a column holds, which decides how each format writes it."""

    TEXT = "text"
    TIME = "time"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    FLAG = "flag"
    LIST = "list"
    #: Text that is JSON already: written as it is, so that nothing is lost on the way.
    JSON = "json"


class Part(StrEnum):
    """Where a value comes from: the row itself, or what is read beside it."""

    ROW = "row"
    PAYLOAD = "payload"
    SCORES = "scores"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the file, and the expression that reads it."""

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    source: Any = None
    part: Part = Part.ROW

    @property
    def expression(self) -> Any:
        """For the query."""
        return models.F(self.name) if self.source is None else self.source


class _Milliseconds(models.Func):
    """Milliseconds between two times."""

    template = "(extract(epoch FROM (%(expressions)s)) * 1000)::double precision"
    arg_joiner = " - "
    output_field = models.FloatField()


def _named(kind: ColumnKind, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names)


def _json(name: str) -> Column:
    return Column(name, ColumnKind.JSON, Cast(name, models.TextField()))


_SPAN: Final = _named(ColumnKind.TIME, "start_time", "end_time")
_CONTEXT: Final = (
    *_named(
        ColumnKind.TEXT,
        "session_id",
        "user_id",
        "environment",
        "release",
        "version",
        "source_type",
        "source_id",
    ),
    Column("tags", ColumnKind.LIST),
)
_TEXTS: Final = (
    *_named(ColumnKind.TEXT, "input_preview", "output_preview"),
    Column("input", part=Part.PAYLOAD),
    Column("output", part=Part.PAYLOAD),
    Column("scores", ColumnKind.JSON, part=Part.SCORES),
)
_TOKENS: Final = _named(ColumnKind.INTEGER, "input_tokens", "output_tokens")
_COST: Final = Column("cost", ColumnKind.DECIMAL)

TRACES: Final = (
    *_named(ColumnKind.TEXT, "trace_id", "name"),
    *_SPAN,
    Column("latency_ms", ColumnKind.FLOAT),
    Column("status"),
    Column("complete", ColumnKind.FLAG, models.F("has_root")),
    *_named(ColumnKind.INTEGER, "observation_count", "error_count"),
    *_TOKENS,
    _COST,
    Column("models", ColumnKind.LIST, models.F("model_names")),
    *_CONTEXT,
    Column("bookmarked", ColumnKind.FLAG),
    *_TEXTS,
)
OBSERVATIONS: Final = (
    *_named(ColumnKind.TEXT, "trace_id", "span_id", "parent_id", "type", "name"),
    *_SPAN,
    Column("latency_ms", ColumnKind.FLOAT, _Milliseconds("end_time", "start_time")),
    *_named(ColumnKind.TEXT, "status", "status_message", "level", "model", "provider"),
    *_TOKENS,
    _json("usage"),
    _COST,
    Column("ttft_ms", ColumnKind.FLOAT),
    *_named(ColumnKind.TEXT, "prompt_name", "prompt_version"),
    *_CONTEXT,
    _json("metadata"),
    _json("attributes"),
    *_TEXTS,
)
SCORES: Final = (
    Column("id", ColumnKind.TEXT, Cast("id", models.TextField())),
    *_named(
        ColumnKind.TEXT, "trace_id", "observation_id", "session_id", "dataset_run_id", "name", "data_type"
    ),
    Column("value", ColumnKind.FLOAT),
    *_named(ColumnKind.TEXT, "string_value", "comment", "source"),
    Column("author", ColumnKind.TEXT, models.F("author__username")),
    Column("environment"),
    _json("metadata"),
    *_named(ColumnKind.TIME, "timestamp", "created_at", "updated_at"),
)
SESSIONS: Final = (
    Column("session_id"),
    Column("trace_count", ColumnKind.INTEGER, models.Count("pk")),
    Column("failed_count", ColumnKind.INTEGER, models.Count("pk", filter=models.Q(status="error"))),
    Column("start_time", ColumnKind.TIME, models.Min("start_time")),
    Column("end_time", ColumnKind.TIME, models.Max("end_time")),
    Column("input_tokens", ColumnKind.INTEGER, models.Sum("input_tokens")),
    Column("output_tokens", ColumnKind.INTEGER, models.Sum("output_tokens")),
    Column("cost", ColumnKind.DECIMAL, models.Sum("cost")),
    Column("user_id", ColumnKind.TEXT, models.Max("user_id")),
    Column("environment", ColumnKind.TEXT, models.Max("environment")),
)

_BY_LIST: Final[Mapping[str, tuple[Column, ...]]] = {
    ExportList.TRACES: TRACES,
    ExportList.OBSERVATIONS: OBSERVATIONS,
    ExportList.SCORES: SCORES,
    ExportList.SESSIONS: SESSIONS,
}


def columns_of(list_name: str) -> tuple[Column, ...]:
    """All columns of a list; raises InvalidExport for a list that can't be exported."""
    try:
        return _BY_LIST[list_name]
    except KeyError:
        raise InvalidExport(_("“%(name)s” can't be exported.") % {"name": list_name[:40]}) from None


def pick_columns(list_name: str, names: Sequence[str], *, payloads: bool) -> tuple[Column, ...]:
    """The named columns in the order of the list; all of them without names.

    Whole inputs and outputs come along with `payloads` only. Raises InvalidExport with the first unknown name.
    """
    known = columns_of(list_name)
    unknown = sorted(set(names) - {column.name for column in known})
    if unknown:
        raise InvalidExport(_("There is no column “%(name)s”.") % {"name": unknown[0][:60]})
    chosen = [column for column in known if not names or column.name in names]
    picked = tuple(column for column in chosen if payloads or column.part is not Part.PAYLOAD)
    if not picked:
        raise InvalidExport(_("Choose at least one column."))
    return picked
