"""Inputs and outputs of observations for lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from apps.core.models import Workspace
from apps.tracing.downloads.payloads import read_payloads
from apps.tracing.explorer import OBSERVATIONS
from apps.tracing.models import Observation

_JSON_STARTS: Final = ("{", "[", '"')


@dataclass(frozen=True, slots=True)
class Content:
    """Input and output as text, "" for none."""

    input: str
    output: str


NO_CONTENT: Final = Content("", "")


def with_contents(
    workspace: Workspace, observations: Iterable[Observation]
) -> Iterator[tuple[Observation, Content]]:
    """Each observation with its texts, in the same order; a few megabytes of them are held at a time."""
    rows = [
        {
            "step": one,
            "trace_id": one.trace_id,
            "span_id": one.span_id,
            "start_time": one.start_time,
            "input_preview": one.input_preview,
            "output_preview": one.output_preview,
        }
        for one in observations
    ]
    for group in read_payloads(OBSERVATIONS, rows, workspace):
        for row in group:
            yield row["step"], Content(row["input"], row["output"])


def parsed(text: str) -> Any:
    """JSON as its value, other text as it is, nothing as null."""
    if not text:
        return None
    if text.lstrip().startswith(_JSON_STARTS):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
