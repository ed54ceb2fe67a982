"""Masks at work: plain Python over span records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import regex

from apps.tracing.mapping import SpanEvent, SpanRecord
from apps.tracing.masking.patterns import KNOWN

#: Seconds that one pattern may look at one value. A pattern that takes longer hides the whole value.
PATIENCE_S: Final = 0.1
HIDDEN: Final = "[masked]"
CUSTOM: Final = "pattern"
_MAX_DEPTH: Final = 20
_KNOWN_EVENTS: Final = ("gen_ai.", "exception")


class PatternError(ValueError):
    """The pattern is no regular expression; the message says why."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces what `pattern` finds and `check` confirms."""

    pattern: Any
    replacement: str
    check: Callable[[str], bool] | None = None

    def apply(self, text: str) -> str:
        """`text` without what the mask is for."""
        try:
            found: str = self.pattern.sub(self._replace, text, timeout=PATIENCE_S)
        except TimeoutError:
            return HIDDEN
        return found

    def _replace(self, match: Any) -> str:
        text: str = match.group()
        return text if self.check is not None and not self.check(text) else self.replacement


def compile_mask(kind: str, pattern: str, replacement: str) -> Mask:
    """The mask of a rule; raises PatternError."""
    patterns, check = KNOWN[kind] if kind != CUSTOM else ((pattern,), None)
    try:
        compiled = regex.compile("|".join(patterns))
    except regex.error as error:
        raise PatternError(str(error)) from None
    if compiled.search("") is not None:
        raise PatternError("it matches the empty text")
    return Mask(compiled, replacement or f"[{kind}]", check)


class Masker:
    """Masks the spans of one workspace, one after the other; what the spans of a process share is masked once."""

    def __init__(self, masks: Sequence[Mask]) -> None:
        self._masks = masks
        self._resource: Mapping[str, object] = {}
        self._masked: Mapping[str, object] = {}

    def mask(self, record: SpanRecord) -> SpanRecord:
        """`record` with every text in it masked; the record itself where there are no masks."""
        if not self._masks:
            return record
        if record.resource is not self._resource:
            self._resource = record.resource
            self._masked = _mapping(record.resource, self._masks, 0)
        return replace(masked(record, self._masks), resource=self._masked)


def masked(record: SpanRecord, masks: Sequence[Mask]) -> SpanRecord:
    """`record` with the texts of its own masked: attributes, events, status message, name."""
    return replace(
        record,
        name=_text(record.name, masks),
        status_message=_text(record.status_message, masks),
        attributes=_mapping(record.attributes, masks, 0),
        events=[
            SpanEvent(_event_name(event.name, masks), event.time_ns, _mapping(event.attributes, masks, 0))
            for event in record.events
        ],
    )


def _event_name(name: str, masks: Sequence[Mask]) -> str:
    """Names that conventions give say what an event is: a pattern that finds something in them must not hide that."""
    return name if name.startswith(_KNOWN_EVENTS) else _text(name, masks)


def _text(text: str, masks: Sequence[Mask]) -> str:
    for mask in masks:
        text = mask.apply(text)
    return text


def _mapping(values: Mapping[str, object], masks: Sequence[Mask], depth: int) -> dict[str, object]:
    return {key: _value(value, masks, depth) for key, value in values.items()}


def _value(value: object, masks: Sequence[Mask], depth: int) -> object:
    if isinstance(value, str):
        return _text(value, masks)
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "replace"), masks)
    if depth >= _MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return _mapping(value, masks, depth + 1)
    if isinstance(value, Sequence):
        return [_value(item, masks, depth + 1) for item in value]
    return value
