"""The formats by name. An installed package adds one through the entry-point group `flywheel.exporters`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from apps.annotations.exporters.base import Exporter
from apps.annotations.exporters.openai_chat import OpenAIChat
from apps.annotations.exporters.openai_dpo import OpenAIPreference

ENTRY_POINT_GROUP = "flywheel.exporters"

_EXPORTERS: dict[str, Exporter] = {}


class UnknownFormatError(LookupError):
    """No exporter has this name."""


def register(exporter: Exporter) -> None:
    """Add a format; a name already taken is refused, so that a plugin can't replace one by accident."""
    if exporter.name in _EXPORTERS:
        raise ValueError(f"An exporter named {exporter.name!r} is registered already.")
    _EXPORTERS[exporter.name] = exporter


def get(name: str) -> Exporter:
    """The exporter called `name`; raises `UnknownFormatError`."""
    try:
        return _EXPORTERS[name]
    except KeyError:
        raise UnknownFormatError(name) from None


def exporters() -> Mapping[str, Exporter]:
    """All formats, in the order they were registered."""
    return dict(_EXPORTERS)


def load_plugins() -> None:
    """Register the exporters of installed packages; called once when the application starts."""
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        register(entry_point.load()())


for _builtin in (OpenAIChat(), OpenAIPreference()):
    register(_builtin)
