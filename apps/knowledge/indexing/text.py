"""What is stored of a chunk's text for full-text search."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from apps.knowledge.analysis import analyze

#: PostgreSQL's limits: a larger position is stored as the largest, more positions of one lexeme are dropped.
_MAX_POSITION, _MAX_POSITIONS = 16_383, 255


@dataclass(frozen=True, slots=True)
class IndexedText:
    """``terms``: space-separated, in reading order; ``count``: how many; ``vector``: the tsvector in its text
    form."""

    terms: str
    count: int
    vector: str


def index_text(text: str) -> IndexedText:
    """Analyse a text for the index.

    The tsvector is written out here, not by ``to_tsvector``: PostgreSQL's parser would cut our terms again.
    """
    terms = analyze(text)
    positions: dict[str, list[int]] = defaultdict(list)
    for position, term in enumerate(terms, start=1):
        if len(positions[term]) < _MAX_POSITIONS:
            positions[term].append(min(position, _MAX_POSITION))
    # Terms hold neither quotes nor backslashes: the analyser lets letters, digits and marks through.
    vector = " ".join(f"'{term}':{','.join(map(str, found))}" for term, found in positions.items())
    return IndexedText(" ".join(terms), len(terms), vector)
