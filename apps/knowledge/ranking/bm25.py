"""Okapi BM25 with query term frequency (Robertson and Zaragoza, 2009), in the never-negative idf form Lucene
uses."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

K1 = 1.2
B = 0.75


@dataclass(frozen=True, slots=True)
class CorpusStatistics:
    """What BM25 must know of the whole collection.

    ``count`` is the number of passages, ``average_length`` their mean number of terms, ``document_frequency``
    how many passages hold each term (only the query's terms are needed).
    """

    count: int
    average_length: float
    document_frequency: Mapping[str, int] = field(default_factory=dict)

    def idf(self, term: str) -> float:
        """Inverse document frequency of a term, at least 0."""
        frequency = min(self.document_frequency.get(term, 0), self.count)
        return math.log1p((self.count - frequency + 0.5) / (frequency + 0.5))


def bm25_score(query: Mapping[str, int], terms: Sequence[str], statistics: CorpusStatistics) -> float:
    """BM25 of one passage (its analysed terms) for a query (term to count); 0 when they share nothing."""
    frequencies = Counter(terms)
    average = statistics.average_length or 1.0
    norm = K1 * (1 - B + B * len(terms) / average)
    score = 0.0
    for term, weight in query.items():
        if frequency := frequencies.get(term, 0):
            score += weight * statistics.idf(term) * frequency * (K1 + 1) / (frequency + norm)
    return score
