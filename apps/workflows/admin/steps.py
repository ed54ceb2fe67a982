"""What the ledger says of the steps of a run, beyond what their events say by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from apps.core.models import StreamEvent
from apps.core.numbers import whole_number
from apps.tracing.models import Observation
from apps.tracing.selectors import read_payload
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.values import compile_value
from apps.workflows.models import WorkflowRun

MASK = "••••••••"
#: Events that the page gets at once; what comes after them it follows like a run that goes on.
MOST_EVENTS = 20_000
#: Longest value, as JSON, that comes with an event of the past; the whole one is fetched when somebody looks.
PREVIEW_CHARS = 4_000


def past_events(run: WorkflowRun) -> list[dict[str, Any]]:
    """What a run told until now: seq, type, data, at (milliseconds after its start). Large outputs are cut."""
    began = run.started_at or run.queued_at
    rows = StreamEvent.objects.filter(stream_id=run.pk).order_by("seq")
    found = rows.values_list("seq", "type", "data", "created_at")[:MOST_EVENTS]
    return [
        {"seq": seq, "type": kind, "data": _cut(kind, data), "at": _since(began, stored)}
        for seq, kind, data, stored in found.iterator(chunk_size=2_000)
    ]


def _cut(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    if kind == "node.completed":
        text = json.dumps(data.get("outputs"), ensure_ascii=False, default=str)
        if len(text) > PREVIEW_CHARS:
            return {**data, "outputs": text[:PREVIEW_CHARS], "outputs_cut": len(text)}
    return data


def _since(began: datetime, moment: datetime) -> int:
    return max(round((moment - began).total_seconds() * 1000), 0)


def step_inputs(run: WorkflowRun, path: str) -> dict[str, Any]:
    """What a step was given, and what it left behind in full: inputs, outputs, from ("trace" or "ledger").

    Steps that act on the outside are recorded with their resolved configuration; of others the values that their
    configuration names are looked up in the ledger. Secrets are masked in both.
    """
    outputs = _outputs(run, path)
    recorded = _recorded(run, path)
    if recorded is not None:
        return {"inputs": recorded, "outputs": outputs, "from": "trace"}
    return {"inputs": _named(run, path), "outputs": outputs, "from": "ledger"}


def _outputs(run: WorkflowRun, path: str) -> Any:
    event = StreamEvent.objects.filter(stream_id=run.pk, type="node.completed", data__path=path)
    found: Any = event.order_by("-seq").values_list("data__outputs", flat=True).first()
    return found


def _recorded(run: WorkflowRun, path: str) -> Any:
    if not run.trace_id:
        return None
    spans = Observation.objects.in_workspace(run.workspace).filter(
        trace_id=run.trace_id, metadata__path=path, start_time__gte=run.queued_at
    )
    span = spans.order_by("-start_time").first()
    if span is None:
        return None
    text = read_payload(span).input
    return {"text": text} if text and not text.startswith("{") else _parsed(text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text} if text else None


def _named(run: WorkflowRun, path: str) -> dict[str, Any]:
    """The references in a step's configuration with the values that they had at the end."""
    node = _node(run.source, path.rpartition("/")[2])
    if node is None:
        return {}
    try:
        value = compile_value(node.get("config") or {})
    except LanguageError:
        return {}
    references = {reference.text: reference for reference in value.references}
    scope = LedgerScope(run, path, {root for one in references.values() for root in one.roots})
    return {text: reference.resolve(scope) for text, reference in references.items()}


def _node(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return next((node for node in _nodes(document) if node.get("id") == name), None)


def _nodes(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stack = [document]
    while stack:
        for node in stack.pop().get("nodes") or ():
            yield node
            if node.get("body"):
                stack.append(node["body"])


class LedgerScope:
    """The variables that a step could read, as far as the ledger holds them."""

    def __init__(self, run: WorkflowRun, path: str, names: set[str]) -> None:
        self._run = run
        self._rounds = _rounds_around(path)
        frames = ["", *(f"{container}:{index}/" for container, index in self._rounds)]
        wanted = {f"{frame}{name}": name for frame in frames for name in names}
        events = StreamEvent.objects.filter(
            stream_id=run.pk, type="node.completed", data__path__in=list(wanted)
        )
        # the innermost frame wins: longer paths come later
        found = sorted(events.values_list("data__path", "data__outputs"), key=lambda row: len(row[0]))
        self._values = {wanted[place]: outputs for place, outputs in found}

    def get(self, name: str, /) -> Any:
        """The value of a first name; raises KeyError when the ledger has none."""
        if name in {"inputs", "start"} and name not in self._values:
            return self._run.inputs
        if name == "sys":
            return {**(self._run.system or {}), "run_id": str(self._run.pk)}
        if name == "env":
            return _environment(self._run.source)
        for container, index in self._rounds:
            if container.rpartition("/")[2] == name:
                return {"index": index}
        return self._values[name]


def _rounds_around(path: str) -> list[tuple[str, int]]:
    """Containers around a step with the round it ran in, outermost first: "a:3/b" → [("a", 3)]."""
    found = []
    parts = path.split("/")
    for at in range(1, len(parts)):
        container, _colon, index = "/".join(parts[:at]).rpartition(":")
        found.append((container, whole_number(index) or 0))
    return found


def _environment(document: Mapping[str, Any]) -> dict[str, Any]:
    variables = (document.get("variables") or {}).get("environment") or []
    return {v["name"]: MASK if v.get("type") == "secret" else v.get("value") for v in variables}
