"""Columns of the explorer's lists, and how each is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.core.admin.formatting import badge, moment
from apps.tracing.models import Observation, Trace
from apps.tracing.templatetags.tracing import cost, count, duration, source_label

_EMPTY: SafeString = mark_safe("")
SHOWN_SCORES = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `draw(row)` gives the cell's content; `style` is the class of the cell."""

    name: str
    title: str | Promise
    draw: Callable[[Any], Any]
    style: str = ""


def _clamped(name: str) -> Callable[[Any], Any]:
    return lambda row: format_html('<div class="fw-clamp">{}</div>', getattr(row, name))


def _value(name: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, name)


def _count(name: str) -> Callable[[Any], str]:
    return lambda row: count(getattr(row, name))


def _tags(row: Any) -> Any:
    return format_html_join(" ", '<span class="fw-badge">{}</span>', ((tag,) for tag in row.tags))


def _tokens(row: Any) -> Any:
    taken, given = row.input_tokens or 0, row.output_tokens or 0
    if not taken + given:
        return _EMPTY
    return format_html('<span title="{} → {}">{}</span>', count(taken), count(given), count(taken + given))


def _scores(row: Any) -> Any:
    shown = [render_to_string("tracing/score_badge.html", {"score": score}) for score in row.scores]
    more = len(shown) - SHOWN_SCORES
    rest = format_html('<span class="fw-muted fw-small">+{}</span>', more) if more > 0 else _EMPTY
    return format_html("{}{}", mark_safe("".join(shown[:SHOWN_SCORES])), rest)  # noqa: S308 - of templates


def _trace_name(trace: Trace) -> Any:
    sub = " · ".join(filter(None, [source_label(trace.source_type), ", ".join(trace.model_names)]))
    mark = format_html(
        ' <span class="material-symbols-outlined tr-icon" title="{}">bookmark</span>', _("Bookmarked")
    )
    return format_html(
        '<a href="{}">{}</a>{} {}<span class="fw-small fw-muted fw-truncate tr-list__sub" title="{}">{}</span>',
        trace.get_absolute_url(),
        trace.name,
        mark if trace.bookmarked else "",
        _trace_state(trace),
        sub,
        sub,
    )


def _trace_state(trace: Trace) -> Any:
    if trace.status == "error":
        return badge(_("Error"), "error")
    if not trace.error_count:
        return ""
    text = ngettext("%(number)d failed step", "%(number)d failed steps", trace.error_count)
    return badge(text % {"number": trace.error_count}, "warn")


def _observation_name(row: Observation) -> Any:
    return format_html(
        '<a href="{}#{}">{}</a> {}<span class="fw-small fw-muted tr-list__sub">{}</span>',
        reverse("admin:tracing_trace", args=[row.trace_id]),
        row.span_id,
        row.name,
        badge(_("Error"), "error") if row.status == "error" else "",
        row.type,
    )


_TIME = Column("time", _("Time"), lambda row: moment(row.start_time), "fw-number fw-muted")
_TEXTS = (
    Column("input", _("Input"), _clamped("input_preview"), "tr-list__text"),
    Column("output", _("Output"), _clamped("output_preview"), "tr-list__text"),
)
_FIGURES = (
    Column("latency", _("Latency"), lambda row: duration(row.latency_ms), "fw-number"),
    Column("tokens", _("Tokens"), _tokens, "fw-number"),
    Column("cost", _("Cost"), lambda row: cost(row.cost) if row.cost else "", "fw-number"),
    Column("scores", _("Scores"), _scores, "tr-list__scores"),
)
_CONTEXT = (
    Column("status", _("Status"), _value("status")),
    Column("user", _("User"), _value("user_id"), "tr-list__name"),
    Column("session", _("Session"), _value("session_id"), "tr-list__name"),
    Column("environment", _("Environment"), _value("environment")),
    Column("tags", _("Tags"), _tags),
    Column("release", _("Release"), _value("release")),
    Column("version", _("Version"), _value("version")),
    Column("source", _("Source"), lambda row: source_label(row.source_type)),
)

TRACE_COLUMNS = (
    _TIME,
    Column("name", _("Name"), _trace_name, "tr-list__name"),
    *_TEXTS,
    *_FIGURES,
    Column("models", _("Models"), lambda row: ", ".join(row.model_names)),
    Column("steps", _("Steps"), _count("observation_count"), "fw-number"),
    Column("errors", _("Failed steps"), _count("error_count"), "fw-number"),
    *_CONTEXT,
)
OBSERVATION_COLUMNS = (
    _TIME,
    Column("name", _("Name"), _observation_name, "tr-list__name"),
    Column("model", _("Model"), _value("model")),
    *_TEXTS,
    *_FIGURES,
    Column("ttft", _("First token"), lambda row: duration(row.ttft_ms), "fw-number"),
    Column("level", _("Level"), _value("level")),
    Column("message", _("Status message"), _clamped("status_message"), "tr-list__text"),
    Column("provider", _("Provider"), _value("provider")),
    Column("prompt", _("Prompt"), lambda row: f"{row.prompt_name} {row.prompt_version}".strip()),
    *_CONTEXT,
)
COLUMNS = {"traces": TRACE_COLUMNS, "observations": OBSERVATION_COLUMNS}
DEFAULT_COLUMNS = {
    "traces": ("time", "name", "input", "output", "latency", "tokens", "cost", "scores"),
    "observations": ("time", "name", "model", "input", "output", "latency", "tokens", "cost"),
}


def chosen_columns(list_name: str, names: Sequence[str]) -> list[Column]:
    """The named columns in the order of the table; the default ones when none of the names is known."""
    known = [column for column in COLUMNS[list_name] if column.name in names]
    return known or [column for column in COLUMNS[list_name] if column.name in DEFAULT_COLUMNS[list_name]]
