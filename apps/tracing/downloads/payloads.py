"""Whole inputs and outputs of many rows, a few megabytes of unpacked text at a time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import models

from apps.core.models import Workspace
from apps.tracing.explorer import OBSERVATIONS, ListKind
from apps.tracing.models import Observation, ObservationPayload
from apps.tracing.models.packed import HEAD_BYTES, Texts, unpacked_size, whole

#: Text that is held at once, unless a single row has more, in bytes as it is when unpacked.
GROUP_BYTES: Final = 16 * 1024 * 1024

#: Trace id, span id and start of a step.
Key = tuple[str, str, datetime]
Row = dict[str, Any]


class _Bytes(models.Func):
    """How long a packed text is; PostgreSQL knows it without reading the text."""

    template = "octet_length(%(expressions)s)::bigint"
    output_field = models.BigIntegerField()


class _Head(models.Func):
    """The first bytes of a packed text; PostgreSQL reads no more than its first page."""

    template = f"substring(%(expressions)s FROM 1 FOR {HEAD_BYTES})"
    output_field = models.BinaryField()


def read_payloads(kind: ListKind, rows: Sequence[Row], workspace: Workspace) -> Iterator[list[Row]]:
    """The rows in groups, each row with its `input` and `output`: of the step, or of the step a trace begins with.

    A step that has no payload has all of its text in the preview.
    """
    keys, previews = _steps_of(kind, rows, workspace)
    stored = _where(workspace, [key for key in keys if key is not None])
    sizes = {
        (trace_id, span_id, start): unpacked_size(head, size)
        for trace_id, span_id, start, head, size in stored.values_list(
            "trace_id", "span_id", "start_time", _Head("texts"), _Bytes("texts")
        )
    }
    for group in _groups(keys, sizes):
        texts = _texts(workspace, [key for index in group if (key := keys[index]) in sizes and key])
        chosen = []
        for index in group:
            key = keys[index]
            preview = previews.get(key, ("", "")) if key else ("", "")
            rows[index]["input"], rows[index]["output"] = whole(texts.get(key) if key else None, preview)
            chosen.append(rows[index])
        yield chosen
        for row in chosen:
            del row["input"], row["output"]


def _steps_of(
    kind: ListKind, rows: Sequence[Row], workspace: Workspace
) -> tuple[list[Key | None], dict[Key, tuple[str, str]]]:
    """For each row the step whose payload is meant, and the previews of these steps."""
    if kind is not OBSERVATIONS:
        return _first_steps(rows, workspace)
    keys: list[Key | None] = [(row["trace_id"], row["span_id"], row["start_time"]) for row in rows]
    previews = {
        key: (row["input_preview"], row["output_preview"]) for key, row in zip(keys, rows, strict=True) if key
    }
    return keys, previews


def _first_steps(
    rows: Sequence[Row], workspace: Workspace
) -> tuple[list[Key | None], dict[Key, tuple[str, str]]]:
    """The steps that gave traces their name, in one query; None for a trace whose step is gone."""
    moments = {row["named_at"] for row in rows}
    found = Observation.objects.in_workspace(workspace).filter(
        trace_id__in={row["trace_id"] for row in rows},
        start_time__in=moments,
        start_time__gte=min(moments),
        start_time__lte=max(moments),
    )
    keys: dict[tuple[str, datetime], Key] = {}
    previews: dict[Key, tuple[str, str]] = {}
    for trace_id, span_id, start, taken, given in found.order_by(
        models.F("parent_id").asc(nulls_first=True), "span_id"
    ).values_list("trace_id", "span_id", "start_time", "input_preview", "output_preview"):
        key = keys.setdefault((trace_id, start), (trace_id, span_id, start))
        previews.setdefault(key, (taken, given))
    return [keys.get((row["trace_id"], row["named_at"])) for row in rows], previews


def _groups(keys: Sequence[Key | None], sizes: dict[Key, int]) -> Iterator[list[int]]:
    """Positions, so many at once that their texts stay below GROUP_BYTES."""
    group: list[int] = []
    total = 0
    for index, key in enumerate(keys):
        size = sizes.get(key, 0) if key else 0
        if group and total + size > GROUP_BYTES:
            yield group
            group, total = [], 0
        group.append(index)
        total += size
    if group:
        yield group


def _texts(workspace: Workspace, keys: Sequence[Key]) -> dict[Key, Texts]:
    if not keys:
        return {}
    found = _where(workspace, keys).values_list("trace_id", "span_id", "start_time", "texts")
    return {(trace_id, span_id, start): texts for trace_id, span_id, start, texts in found}


def _where(workspace: Workspace, keys: Sequence[Key]) -> models.QuerySet[ObservationPayload]:
    """Payloads of these steps: the range prunes the partitions, the lists enter the index."""
    if not keys:
        return ObservationPayload.objects.none()
    starts = [start for _trace, _span, start in keys]
    return ObservationPayload.objects.in_workspace(workspace).filter(
        trace_id__in={trace_id for trace_id, _span, _start in keys},
        span_id__in={span_id for _trace, span_id, _start in keys},
        start_time__in=set(starts),
        start_time__gte=min(starts),
        start_time__lte=max(starts),
    )
