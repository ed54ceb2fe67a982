"""What went in and came out, when several attributes tell it."""

from typing import Any

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.preview import shown

_LISTS_DOCUMENTS = (ObservationType.RETRIEVER, ObservationType.RERANKER)


def settle(values: dict[str, Any], rest: dict[str, object]) -> None:
    """Choose `input` and `output` and drop the other candidates from `values`.

    What was said outright wins. For a model call the messages tell more than a plain value beside them, which stays
    among the attributes; for other steps it is the other way round.
    """
    messages_first = values.get("type") == ObservationType.GENERATION
    _settle(values, rest, "input", messages_first=messages_first)
    documents = values.pop("documents", None)
    if documents and values.get("type") in _LISTS_DOCUMENTS:
        values["output_messages"], messages_first = documents, True
    elif documents:
        rest["documents"] = clean.json_value(documents)
    _settle(values, rest, "output", messages_first=messages_first)


def _settle(values: dict[str, Any], rest: dict[str, object], side: str, *, messages_first: bool) -> None:
    built, plain = values.pop(f"{side}_messages", None), values.pop(f"{side}_value", None)
    if side in values:
        return
    if built and (messages_first or plain is None):
        values[side] = clean.dump(built)
        # spares taking the text apart again that was just put together
        values[f"{side}_shown"] = shown(built, role="user" if side == "input" else None)
        if plain is not None and not _repeats(plain, built):
            rest[f"{side}.value"] = clean.text(plain, clean.MAX_ATTRIBUTE)
    elif plain is not None:
        values[side] = plain
        if built:
            rest[f"{side}.messages"] = clean.json_value(built)


def _repeats(plain: str, built: list[Any]) -> bool:
    """Whether a plain value is only the text, or the beginning of the text, of a message or document."""
    for entry in built:
        text = entry.get("content") if isinstance(entry, dict) else entry
        if isinstance(text, str) and text.startswith(plain):
            return True
    return False
