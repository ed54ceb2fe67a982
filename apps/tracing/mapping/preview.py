"""The 200 characters of an input or output that lists show: what a person said, not the JSON around it."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from apps.tracing.mapping import clean

LENGTH = 200
#: Longer JSON is not taken apart for a preview; its beginning has to do.
MAX_PARSED = 100_000
_TEXT_KEYS = ("content", "text", "answer", "query", "question", "message", "input", "output", "result")


def preview(value: str, *, role: str | None = None) -> str:
    """The telling part of `value`: of chat messages the last of `role` (or the last), else its start."""
    start = value[:1]
    if start in ("[", "{", '"') and len(value) <= MAX_PARSED:
        loaded = clean.load(value)
        found = _from_json(loaded, role) if loaded is not None else ""
        if found:
            return clean.text(found.strip(), LENGTH)
    return clean.text(value, LENGTH)


def shown(entries: Sequence[object], *, role: str | None = None) -> str:
    """The same for messages or documents that are no JSON text yet: the last of `role`, or the last of all."""
    entry = entries[-1]
    if role is not None:
        for one in reversed(entries):
            if isinstance(one, dict) and one.get("role") == role:
                entry = one
                break
    if isinstance(entry, dict):
        content = entry.get("content")
        entry = content if isinstance(content, str) and content else _from_mapping(entry, None)
    return clean.text(entry[: 2 * LENGTH].strip(), LENGTH) if isinstance(entry, str) else ""


def _from_json(value: object, role: str | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _from_mapping(value, role)
    if isinstance(value, list) and _are_messages(value):
        messages = [item for item in value if item["role"] == role] or value
        return _from_mapping(messages[-1], role)
    return ""


def _are_messages(items: list[object]) -> TypeGuard[list[Mapping[str, object]]]:
    return bool(items) and all(isinstance(item, Mapping) and "role" in item for item in items)


def _from_mapping(value: Mapping[str, object], role: str | None) -> str:
    if "messages" in value:
        return _from_json(value["messages"], role)
    parts = value.get("parts") if "parts" in value else value.get("content")
    if isinstance(parts, list):
        return "\n".join(filter(None, (_from_part(part) for part in parts)))
    return next((found for key in _TEXT_KEYS if isinstance(found := value.get(key), str) and found), "")


def _from_part(part: object) -> str:
    if isinstance(part, str):
        return part
    return _from_mapping(part, None) if isinstance(part, Mapping) else ""
