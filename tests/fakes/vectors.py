"""Deterministic embeddings for the fake model server: texts that share words get similar vectors."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence

_RUN = re.compile(r"[a-z0-9]+|[一-鿿぀-ヿ가-힯]+")


def tokens(text: str) -> Iterator[str]:
    """Lower-cased Latin words, and single characters plus bigrams of CJK runs."""
    for run in _RUN.findall(text.lower()):
        if run[0].isascii():
            yield run
            continue
        yield from run
        yield from (run[i : i + 2] for i in range(len(run) - 1))


def embed(text: str, dimensions: int) -> list[float]:
    """A unit vector: the signed, hashed bag of words of the text (a text without words is the first axis)."""
    vector = [0.0] * dimensions
    for token in tokens(text):
        digest = int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "big")
        vector[digest % dimensions] += 1.0 if digest & (1 << 63) else -1.0
    norm = math.sqrt(sum(value * value for value in vector))
    if norm == 0:
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / norm for value in vector]


def similarity(left: Sequence[float], right: Sequence[float]) -> float:
    """Dot product; the cosine, because `embed` gives unit vectors."""
    return sum(a * b for a, b in zip(left, right, strict=True))
