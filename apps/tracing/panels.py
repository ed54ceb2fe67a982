"""Panels that higher apps add to the trace page."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from apps.tracing.models import Trace

Panel = Callable[[HttpRequest, "Trace"], str]

_panels: list[Panel] = []


def register(panel: Panel) -> None:
    """Show the (safe) HTML that `panel` returns for a trace; "" shows nothing."""
    if panel not in _panels:
        _panels.append(panel)


def render(request: HttpRequest, trace: "Trace") -> list[str]:
    """The panels that have something to say about `trace`."""
    return [html for panel in _panels if (html := panel(request, trace))]
