"""Inputs and outputs of observations for lists: one query for all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.core.models import Workspace
from apps.tracing.models import Observation, ObservationPayload
from apps.tracing.models.packed import whole

_JSON_STARTS: Final = ("{", "[", '"')


@dataclass(frozen=True, slots=True)
class Content:
    """Input and output as text, "" for none."""

    input: str
    output: str


Key = tuple[str, str]


def contents_of(workspace: Workspace, observations: Sequence[Observation]) -> dict[Key, Content]:
    """By trace and span id; where no payload is stored, the preview is the whole value."""
    payloads = ObservationPayload.objects.in_workspace(workspace).of_steps(observations)
    stored = {(payload.trace_id, payload.span_id): payload.texts for payload in payloads}
    found: dict[Key, Content] = {}
    for one in observations:
        texts = whole(stored.get((one.trace_id, one.span_id)), one.previews)
        found[one.trace_id, one.span_id] = Content(*texts)
    return found


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
