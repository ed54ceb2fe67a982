"""What went in and came out, when several attributes tell it."""

from typing import Any, NamedTuple

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import ObservationType
from apps.tracing.mapping.preview import shown


class _Side(NamedTuple):
    """The names of one side's candidates, and whose words its preview shows."""

    name: str
    messages: str
    value: str
    shown: str
    role: str | None


_INPUT = _Side("input", "input_messages", "input_value", "input_shown", "user")
_OUTPUT = _Side("output", "output_messages", "output_value", "output_shown", None)
_LISTS_DOCUMENTS = (ObservationType.RETRIEVER, ObservationType.RERANKER)


def settle(values: dict[str, Any], rest: dict[str, object]) -> None:
    """Choose `input` and `output` and drop the other candidates from `values`.

    What was said outright wins. For a model call the messages tell more than a plain value beside them, which stays
    among the attributes; for other steps it is the other way round.
    """
    messages_first = values.get("type") == ObservationType.GENERATION
    _settle(values, rest, _INPUT, messages_first=messages_first)
    documents = values.pop("documents", None)
    if documents and values.get("type") in _LISTS_DOCUMENTS:
        values["output_messages"], messages_first = documents, True
    elif documents:
        rest["documents"] = clean.json_value(documents)
    _settle(values, rest, _OUTPUT, messages_first=messages_first)


def _settle(values: dict[str, Any], rest: dict[str, object], side: _Side, *, messages_first: bool) -> None:
    built, plain = values.pop(side.messages, None), values.pop(side.value, None)
    if side.name in values:
        return
    if built and (messages_first or plain is None):
        values[side.name] = clean.dump(built)
        # spares taking the text apart again that was just put together
        values[side.shown] = shown(built, role=side.role)
        if plain is not None and not _repeats(plain, built):
            rest[f"{side.name}.value"] = clean.text(plain, clean.MAX_ATTRIBUTE)
    elif plain is not None:
        values[side.name] = plain
        if built:
            rest[f"{side.name}.messages"] = clean.json_value(built)


def _repeats(plain: str, built: list[Any]) -> bool:
    """Whether a plain value is only the text, or the beginning of the text, of a message or document."""
    for entry in built:
        text = entry.get("content") if isinstance(entry, dict) else entry
        if isinstance(text, str) and text.startswith(plain):
            return True
    return False
