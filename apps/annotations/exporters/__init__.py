"""Formats of training files: plain Python, one file per format, rows validated by pydantic models."""

from apps.annotations.exporters.example import Example
from apps.annotations.exporters.registry import UnknownFormatError, exporters, get, load_plugins, register
from apps.annotations.exporters.rejection import Reason, Rejected, Rejection
from apps.annotations.exporters.writer import Report, write_line, write_lines, write_lines_async

__all__ = [
    "Example",
    "Reason",
    "Rejected",
    "Rejection",
    "Report",
    "UnknownFormatError",
    "exporters",
    "get",
    "load_plugins",
    "register",
    "write_line",
    "write_lines",
    "write_lines_async",
]
