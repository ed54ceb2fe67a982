"""OpenAI's embeddings format, and how many texts go into one request."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from apps.providers.wire.errors import WireError, WireReason
from apps.providers.wire.usage import Usage, estimate_tokens, parse_usage

MAX_BATCH_TEXTS = 64
MAX_BATCH_CHARS = 100_000


def batches(
    texts: Sequence[str], *, max_texts: int = MAX_BATCH_TEXTS, max_chars: int = MAX_BATCH_CHARS
) -> Iterator[list[str]]:
    """Cuts the texts, in order, into requests within both limits; one text alone may pass the second."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == max_texts or chars + len(text) > max_chars):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch


def build_body(model: str, texts: Sequence[str], dimensions: int | None) -> dict[str, Any]:
    """The JSON body of POST /embeddings. Vendors refuse empty strings: those are sent as a space."""
    body: dict[str, Any] = {
        "model": model,
        "input": [text if text.strip() else " " for text in texts],
        "encoding_format": "float",
    }
    if dimensions:
        body["dimensions"] = dimensions
    return body


def _vector(value: Any) -> list[float]:
    """A vector sent as numbers, or as base64 of little-endian 32-bit floats."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        raw = base64.b64decode(value, validate=True)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    raise ValueError("no vector")


def parse(data: bytes, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
    """(vectors in the order of the texts, usage). Raises `WireError` when the answer does not fit."""
    try:
        answer = orjson.loads(data)
        rows = sorted(enumerate(answer["data"]), key=lambda row: row[1].get("index", row[0]))
        vectors = [_vector(row["embedding"]) for _, row in rows]
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error, struct.error):
        raise WireError(WireReason.MALFORMED, "The answer holds no embeddings.") from None
    if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        detail = f"{len(texts)} texts were sent, {len(vectors)} vectors came back, or they differ in length."
        raise WireError(WireReason.MALFORMED, detail)
    usage = parse_usage(answer.get("usage"))
    estimate = Usage(input_tokens=sum(estimate_tokens(text) for text in texts), estimated=True)
    return vectors, usage or estimate
