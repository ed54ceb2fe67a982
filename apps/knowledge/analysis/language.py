"""Which language a text is in, well enough to know whether an English-only embedding can read it.

Scripts decide first; languages in Latin letters are told apart by their function words. A short text without
any ("refund policy") counts as English, because the mistake costs little there.
"""

import re
from collections import Counter
from collections.abc import Iterable

from apps.knowledge.analysis.stopwords import FUNCTION_WORDS

#: What is read of a long text: enough for a stable answer, cheap for a book.
SAMPLE_CHARACTERS = 20_000

#: A CJK character says about as much as two Latin letters, so shares weigh it double.
_DENSE_WEIGHT = 2

_SCRIPTS: dict[str, re.Pattern[str]] = {
    "ja": re.compile("[\u3040-\u30ff\u31f0-\u31ff]"),
    "ko": re.compile("[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "ru": re.compile("[\u0400-\u052f]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "latin": re.compile("[a-zA-Z\u00c0-\u024f\u1e00-\u1eff]"),
}
_DENSE = {"ja", "ko", "zh"}
_WORD = re.compile(r"[^\W\d_]+")


def script_shares(text: str) -> dict[str, float]:
    """Share of each script among the letters of a text, 0..1; empty when there are no letters."""
    sample = text[:SAMPLE_CHARACTERS]
    counts = {
        name: len(pattern.findall(sample)) * (_DENSE_WEIGHT if name in _DENSE else 1)
        for name, pattern in _SCRIPTS.items()
    }
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items() if count} if total else {}


def detect_language(text: str) -> str:
    """ISO 639-1 code of the main language; ``und`` when nothing tells (no letters, or Latin without function
    words)."""
    shares = script_shares(text)
    if not shares:
        return "und"
    # Japanese mixes kana with Han: some kana in a text without Latin majority is enough.
    if shares.get("ja", 0) > 0.05 and shares.get("latin", 0) < 0.5:
        return "ja"
    main = max(shares, key=lambda name: shares[name])
    return _latin_language(text[:SAMPLE_CHARACTERS]) if main == "latin" else main


def is_english(text: str) -> bool:
    """Whether an English-only embedding can read this text; text without letters (numbers, codes) passes."""
    shares = script_shares(text)
    if shares and shares.get("latin", 0) < 0.6:
        return False
    return detect_language(text) in {"en", "und"}


def _latin_language(sample: str) -> str:
    words = [word.lower() for word in _WORD.findall(sample)]
    scores = _function_word_scores(words)
    if not scores:
        return "und"
    best, hits = scores.most_common(1)[0]
    # English keeps a tie: its short words ("in", "a", "is") are also words of its neighbours.
    if scores["en"] >= hits:
        return "en"
    # One foreign function word among English ones is more often a name ("la", "die") than a language.
    return best if hits - scores["en"] >= 2 or not sample.isascii() else "en"


def _function_word_scores(words: Iterable[str]) -> Counter[str]:
    counts = Counter(words)
    scores = Counter(
        {lang: sum(counts[word] for word in vocabulary) for lang, vocabulary in FUNCTION_WORDS.items()}
    )
    return +scores
