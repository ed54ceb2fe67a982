"""What traces and observations can be filtered by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.tracing.terms import DURATION


class Kind(StrEnum):
    """What a field holds, which decides how it can be compared."""

    TEXT = "text"
    PROSE = "prose"
    NUMBER = "number"
    LIST = "list"
    FLAG = "flag"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """A field in an address (`name`) and in the ORM (`path`).

    `to_value` makes of a number what the column is compared with. `facet` fields are counted beside the list.
    """

    name: str
    title: str | Promise
    kind: Kind
    path: str
    facet: bool = False
    to_value: Callable[[float], Any] = float


def _milliseconds(number: float) -> timedelta:
    return timedelta(milliseconds=min(max(number, -1e12), 1e12))


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


_SHARED_BEFORE = (Field("name", _("Name"), Kind.TEXT, "name", facet=True),)
_SHARED_AFTER = (
    Field("environment", _("Environment"), Kind.TEXT, "environment", facet=True),
    Field("release", _("Release"), Kind.TEXT, "release"),
    Field("version", _("Version"), Kind.TEXT, "version"),
    Field("source_type", _("Source"), Kind.TEXT, "source_type", facet=True),
    Field("source_id", _("Source id"), Kind.TEXT, "source_id"),
    Field("tags", _("Tag"), Kind.LIST, "tags", facet=True),
    Field("input", _("Input"), Kind.PROSE, "input_preview"),
    Field("output", _("Output"), Kind.PROSE, "output_preview"),
    Field("input_tokens", _("Input tokens"), Kind.NUMBER, "input_tokens"),
    Field("output_tokens", _("Output tokens"), Kind.NUMBER, "output_tokens"),
    Field("cost", _("Cost (USD)"), Kind.NUMBER, "cost", to_value=_decimal),
)

TRACE_FIELDS = (
    *_SHARED_BEFORE,
    Field("status", _("Status"), Kind.TEXT, "status", facet=True),
    Field("model", _("Model"), Kind.LIST, "model_names", facet=True),
    Field("user_id", _("User"), Kind.TEXT, "user_id", facet=True),
    Field("session_id", _("Session"), Kind.TEXT, "session_id"),
    *_SHARED_AFTER,
    Field("latency_ms", _("Latency (ms)"), Kind.NUMBER, "latency_ms"),
    Field("observations", _("Steps"), Kind.NUMBER, "observation_count"),
    Field("errors", _("Failed steps"), Kind.NUMBER, "error_count"),
    Field("bookmarked", _("Bookmarked"), Kind.FLAG, "bookmarked"),
    Field("complete", _("Complete"), Kind.FLAG, "has_root"),
)

#: `user_id` and `session_id` are the trace's: that is where they are indexed, and steps seldom repeat them.
OBSERVATION_FIELDS = (
    *_SHARED_BEFORE,
    Field("type", _("Type"), Kind.TEXT, "type", facet=True),
    Field("status", _("Status"), Kind.TEXT, "status", facet=True),
    Field("level", _("Level"), Kind.TEXT, "level", facet=True),
    Field("status_message", _("Status message"), Kind.TEXT, "status_message"),
    Field("model", _("Model"), Kind.TEXT, "model", facet=True),
    Field("provider", _("Provider"), Kind.TEXT, "provider", facet=True),
    Field("prompt_name", _("Prompt"), Kind.TEXT, "prompt_name", facet=True),
    Field("prompt_version", _("Prompt version"), Kind.TEXT, "prompt_version"),
    Field("user_id", _("User of the trace"), Kind.TEXT, "trace.user_id"),
    Field("session_id", _("Session of the trace"), Kind.TEXT, "trace.session_id"),
    *_SHARED_AFTER,
    Field("latency_ms", _("Latency (ms)"), Kind.NUMBER, DURATION, to_value=_milliseconds),
    Field("ttft_ms", _("Time to first token (ms)"), Kind.NUMBER, "ttft_ms"),
    Field("metadata", _("Metadata"), Kind.JSON, "metadata"),
    Field("attributes", _("Attribute"), Kind.JSON, "attributes"),
)
