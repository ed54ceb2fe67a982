"""The full-text analyser: one function from text to index terms, the same for documents and queries.

Runs of spaceless scripts become single characters plus bigrams; all other runs become one Snowball-stemmed
word.
The two never swallow each other ("OOM错误" is a word and a run), which decides the quality on mixed text.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator

import Stemmer

from apps.knowledge.analysis.scripts import CJK, MARKS, SPACELESS
from apps.knowledge.analysis.stopwords import ENGLISH_STOPWORDS, GRAM_STOPWORDS

#: Longer words (base64, minified code) are cut: PostgreSQL refuses lexemes over 2 KB and nobody types them.
MAX_WORD_LENGTH = 64

_NGRAM = f"[{CJK}{SPACELESS}]"
_RUNS = re.compile(f"(?P<grams>{_NGRAM}+)|(?:(?!{_NGRAM})[^\\W_])(?:(?!{_NGRAM})(?:[^\\W_]|[{MARKS}]))*")

# A PyStemmer object keeps a cache and must not be shared between threads.
_local = threading.local()


def analyze(text: str) -> list[str]:
    """Index terms of a text in reading order, lower case, without stop words; repeated terms stay
    repeated."""
    terms: list[str] = []
    for match in _RUNS.finditer(normalize(text)):
        if match.group("grams"):
            terms.extend(_grams(match.group()))
        elif (word := match.group()) not in ENGLISH_STOPWORDS:
            terms.append(_stem(word[:MAX_WORD_LENGTH]))
    return terms


def normalize(text: str) -> str:
    """NFKC (full-width letters, ligatures, half-width kana) and lower case, without lone surrogates."""
    safe = text.encode("utf-8", "ignore").decode("utf-8")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", safe).lower())


def _grams(run: str) -> Iterator[str]:
    for character in run:
        if character not in GRAM_STOPWORDS:
            yield character
    for start in range(len(run) - 1):
        if (bigram := run[start : start + 2]) not in GRAM_STOPWORDS:
            yield bigram


def _stem(word: str) -> str:
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        stemmer = _local.stemmer = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))
