"""What went in and came out, when several attributes tell it."""

from typing import Any

from apps.tracing.mapping import clean
from apps.tracing.mapping.observation import ObservationType

_SIDES = ("input", "output")


def settle(values: dict[str, Any], rest: dict[str, object]) -> None:
    """Choose `input` and `output` and drop the other candidates from `values`.

    What was said outright wins. For a model call the messages tell more than a plain value beside them, which stays
    among the attributes; for other steps it is the other way round.
    """
    messages_first = values.get("type") == ObservationType.GENERATION
    for side in _SIDES:
        built, plain = values.pop(f"{side}_messages", None), values.pop(f"{side}_value", None)
        documents = values.pop("documents", None) if side == "output" else None
        if side in values:
            continue
        if documents and values.get("type") in (ObservationType.RETRIEVER, ObservationType.RERANKER):
            built, plain = documents, None
        if built and (messages_first or plain is None):
            values[side] = clean.dump(built)
            if plain is not None and not _says_the_same(plain, values[side]):
                rest[f"{side}.value"] = clean.text(plain, clean.MAX_ATTRIBUTE)
        elif plain is not None:
            values[side] = plain


def _says_the_same(plain: str, built: str) -> bool:
    """Whether every word of a plain value is already in the messages: then it is only a copy of a part."""
    return plain in built or clean.dump(plain)[1:-1] in built
