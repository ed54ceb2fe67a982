"""How the console writes states and values of runs."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from apps.tracing.templatetags.tracing import duration
from apps.workflows.models import RunState, WaitState, WorkflowRun

register = template.Library()

TONES = {
    RunState.QUEUED: "muted",
    RunState.RUNNING: "info",
    RunState.WAITING: "warn",
    RunState.SUCCEEDED: "ok",
    RunState.PARTIAL: "warn",
    RunState.FAILED: "error",
    RunState.STOPPED: "muted",
}

#: The long labels of the model say what a state means; badges are shorter.
_SHORT = {RunState.WAITING: RunState.WAITING.label, RunState.PARTIAL: RunState.SUCCEEDED.label}

_PREVIEW = 120


@register.simple_tag
def run_badge(state: str) -> SafeString:
    """The state of a run as a badge."""
    known = RunState(state)
    return format_html(
        '<span class="fw-badge fw-badge--{}" title="{}">{}</span>',
        TONES[known],
        known.label,
        _SHORT.get(known, known.label),
    )


@register.simple_tag
def wait_badge(state: str) -> SafeString:
    """The state of a wait as a badge."""
    tones = {WaitState.OPEN: "warn", WaitState.ANSWERED: "ok"}
    known = WaitState(state)
    return format_html(
        '<span class="fw-badge fw-badge--{}">{}</span>', tones.get(known, "muted"), known.label
    )


@register.filter
def took(milliseconds: float | None) -> str:
    """A time as tracing writes it; what took less than a millisecond says so."""
    if milliseconds is not None and milliseconds < 1:
        return "<1 ms"
    return duration(milliseconds)


@register.filter
def inputs_preview(run: WorkflowRun) -> str:
    """What a run was given, in one line: its message, else names and values."""
    query = run.system.get("query") if isinstance(run.system, dict) else None
    if query:
        return Truncator(str(query)).chars(_PREVIEW)
    if not isinstance(run.inputs, dict):
        return ""
    parts = [f"{name}: {_short(value)}" for name, value in list(run.inputs.items())[:6]]
    return Truncator(" · ".join(parts)).chars(_PREVIEW)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value[:_PREVIEW]
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"])[:_PREVIEW]
    return json.dumps(value, ensure_ascii=False, default=str)[:_PREVIEW]


@register.filter
def as_json(value: Any) -> str:
    """Plain JSON, indented."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
