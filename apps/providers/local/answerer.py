"""Answers a question by quoting: the sentences of the given passages that fit best, with their citations.

No model is involved. It lets a newcomer go through the whole product before any provider is connected, and
says in every answer what it is. Sentences are scored like BM25 over the passages (Robertson and
Zaragoza 2009), with small bonuses for what usually makes a good answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.providers.local.quotes import Quote, quotes_in
from apps.providers.local.words import CJK, is_chinese, terms
from apps.providers.wire.messages import ContextPassage

MAX_QUOTES = 4
MIN_COVERAGE = 0.34  # share of the question's weight that the best sentence must carry
MIN_SIMILARITY = 0.34  # cosine from which a sentence counts as fitting without sharing words
KEEP_RATIO = 0.55  # a further sentence must reach this share of the best score
MAX_COMPARED = 60  # sentences whose meaning is compared: about 3 ms each
LEXICAL_WEIGHT = 0.6  # of shared words, beside the cosine
MAX_OVERLAP = 0.6  # Jaccard with a chosen sentence above which another says the same again
K1 = 1.2
B = 0.5
HEADING_WEIGHT = 0.4
RANK_BONUS = 0.25

Similarity = Callable[[str, Sequence[str]], Sequence[float]]

_PIECE = re.compile(rf"\n+|[{CJK}]{{1,2}}[，。！？；：、”」）]*|\s*[^\s{CJK}]+[ \t]*|[ \t]+")
_GREETING = re.compile(
    r"^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening)|thanks?(?: you)?|你好|您好|谢谢)(?: there)?\W*$",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"^(it|they|this|these|that|he|she|such|however|therefore|but|它|他们|她们|这|其|此|该|但|因此)",
    re.IGNORECASE,
)
_NUMBER_WANTED = re.compile(
    r"\bhow (?:many|much|long|often|old|far|big)\b|\bwhen\b|\bwhat (?:year|date|time)\b", re.IGNORECASE
)
_NUMBER_WANTED_ZH = re.compile(r"多少|几[天个年月次人小]|何时|什么时候|哪年|哪一年|多[久长大高]")
_STEPS_WANTED = re.compile(r"\bhow (?:do|can|to|does|should)\b|如何|怎么|怎样|步骤", re.IGNORECASE)
_DEFINITION_WANTED = re.compile(
    r"^\s*(?:what(?:'s| is| are| does)|who is|define)\b|是什么|什么是|何为|是谁", re.IGNORECASE
)
_DEFINES = re.compile(r"\b(?:is|are|means|refers to)\b|是|指|即", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The text, with `[n]` marks, and the 1-based places of the passages quoted (empty: nothing fitted)."""

    text: str
    cited: tuple[int, ...]


@dataclass(slots=True)
class _Candidate:
    quote: Quote
    passage: int
    position: int
    words: Counter[str]
    around: frozenset[str]
    score: float = 0.0
    coverage: float = 0.0


_PHRASES = {
    "en": {
        "lead": "From the sources:",
        "note": "_These are quotes from the sources: no language model is connected yet._",
        "none": "The sources I was given do not answer this.",
        "none_note": (
            "_No language model is connected yet, so I can only quote sentences that match the question. "
            "Try the words the documents use._"
        ),
        "hello": "Hello! Ask me about the documents, and I will quote the sentences that answer it.",
        "hello_note": "_No language model is connected yet, so quoting is all I can do._",
        "open": "“",
        "close": "”",
    },
    "zh": {
        "lead": "资料中的相关内容：",
        "note": "_以上均为资料原文摘录：尚未连接语言模型。_",
        "none": "在提供的资料中没有找到这个问题的答案。",
        "none_note": "_尚未连接语言模型，目前只能摘录与问题匹配的原文。可以换用文档中的说法再试一次。_",
        "hello": "你好！请就文档内容提问，我会摘录能回答问题的原文。",
        "hello_note": "_尚未连接语言模型，目前只能摘录原文。_",
        "open": "“",
        "close": "”",
    },
}


def answer(question: str, passages: Sequence[ContextPassage], similarity: Similarity | None = None) -> Answer:
    """Quotes one to four pieces of the passages, best passage first, or says that nothing fits.

    `similarity(question, sentences)` gives cosines, and finds what says the same in other words.
    """
    phrases = _PHRASES["zh" if is_chinese(question) else "en"]
    if _GREETING.match(question) or not terms(question):
        return Answer(f"{phrases['hello']}\n\n{phrases['hello_note']}", ())
    candidates = _candidates(passages)
    chosen = _choose(question, candidates, similarity)
    if not chosen:
        return Answer(f"{phrases['none']}\n\n{phrases['none_note']}", ())
    blocks = [_render(group, phrases) for group in _groups(chosen)]
    text = "\n\n".join([phrases["lead"], *blocks, phrases["note"]])
    return Answer(text, tuple(dict.fromkeys(c.passage + 1 for c in chosen)))


def pieces(text: str) -> list[str]:
    """The text cut for streaming: words, or two CJK characters at a time. Joined, it is the text again."""
    return _PIECE.findall(text)


def _candidates(passages: Sequence[ContextPassage]) -> list[_Candidate]:
    found = []
    seen: set[str] = set()
    for index, passage in enumerate(passages):
        for position, quote in enumerate(quotes_in(passage.text)):
            if quote.text in seen:
                continue
            seen.add(quote.text)
            around = frozenset(terms(f"{quote.heading} {passage.title}"))
            found.append(_Candidate(quote, index, position, Counter(terms(quote.searchable)), around))
    return found


def _score(question: str, candidates: list[_Candidate]) -> None:
    """Fills in score and coverage."""
    asked = set(terms(question))
    frequency = Counter(term for c in candidates for term in asked if term in c.words)
    total = len(candidates)
    # A flatter idf than BM25's: among so few sentences a word that is nowhere must not outweigh all others.
    idf = {t: math.log(1 + total / (max(frequency[t], 0.5) + 0.5)) for t in asked}
    weight = sum(idf.values()) or 1.0
    mean_length = sum(sum(c.words.values()) for c in candidates) / max(total, 1) or 1.0
    for candidate in candidates:
        length = K1 * (1 - B + B * sum(candidate.words.values()) / mean_length)
        own = sum(idf[t] * n * (K1 + 1) / (n + length) for t, n in candidate.words.items() if t in asked)
        near = sum(idf[t] for t in candidate.around & asked if t not in candidate.words)
        covered = sum(idf[t] for t in asked if t in candidate.words)
        candidate.coverage = (covered + HEADING_WEIGHT * near) / weight
        candidate.score = (own + HEADING_WEIGHT * near) * (1 + RANK_BONUS / (candidate.passage + 1))


def _bonus(question: str, quote: Quote) -> float:
    """What usually makes a good answer to this kind of question."""
    factor = 1.0
    if _NUMBER_WANTED.search(question) or _NUMBER_WANTED_ZH.search(question):
        factor += 0.25 if re.search(r"\d|[一二三四五六七八九十百千万]+[天个年月次人]", quote.text) else 0.0
    if _STEPS_WANTED.search(question):
        factor += 0.5 if quote.code or quote.items else 0.0
    if _DEFINITION_WANTED.search(question) and _DEFINES.search(quote.text[:80]):
        factor += 0.2
    if quote.text.rstrip().endswith(("?", "？")):
        factor -= 0.5
    if quote.text.endswith((":", "：")) and not (quote.items or quote.code):
        factor -= 0.4
    return factor


def _choose(question: str, candidates: list[_Candidate], similarity: Similarity | None) -> list[_Candidate]:
    if not candidates:
        return []
    _score(question, candidates)
    for candidate in candidates:
        candidate.score *= _bonus(question, candidate.quote)
    fitting = [c for c in candidates if c.coverage >= MIN_COVERAGE and c.score > 0]
    if similarity:
        fitting = _with_meaning(question, candidates[:MAX_COMPARED], fitting, similarity)
    if not fitting:
        return []
    ranked = sorted(fitting, key=lambda c: -c.score)
    chosen: list[_Candidate] = []
    for candidate in ranked:
        if candidate.score < KEEP_RATIO * ranked[0].score or len(chosen) == MAX_QUOTES:
            break
        if all(_overlap(candidate, other) <= MAX_OVERLAP for other in chosen):
            chosen.append(candidate)
    return _with_antecedents(chosen, candidates)


def _with_meaning(
    question: str, candidates: list[_Candidate], fitting: list[_Candidate], similarity: Similarity
) -> list[_Candidate]:
    """Those that fit by words or by meaning, with both in their score."""
    texts = [" ".join(filter(None, [c.quote.heading, c.quote.text, *c.quote.items])) for c in candidates]
    best = max((c.score for c in candidates), default=0.0) or 1.0
    found = []
    for candidate, cosine in zip(candidates, similarity(question, texts), strict=True):
        shared = candidate in fitting
        if shared or cosine >= MIN_SIMILARITY:
            meaning = max(cosine, 0.0) * _bonus(question, candidate.quote)
            candidate.score = meaning + LEXICAL_WEIGHT * candidate.score / best
            found.append(candidate)
    return found


def _overlap(left: _Candidate, right: _Candidate) -> float:
    a, b = set(left.words), set(right.words)
    return len(a & b) / len(a | b) if a | b else 1.0


def _with_antecedents(chosen: list[_Candidate], candidates: list[_Candidate]) -> list[_Candidate]:
    """A sentence that begins with "It …" says nothing without the one before it."""
    found = list(chosen)
    places = {(c.passage, c.position): c for c in candidates}
    for candidate in chosen:
        before = places.get((candidate.passage, candidate.position - 1))
        if (
            before
            and before not in found
            and _DANGLING.match(candidate.quote.text)
            and len(found) < MAX_QUOTES
        ):
            found.append(before)
    return sorted(found, key=lambda c: (c.passage, c.position))


def _groups(chosen: list[_Candidate]) -> list[list[_Candidate]]:
    """Neighbouring sentences of one passage are quoted together."""
    groups: list[list[_Candidate]] = []
    for candidate in chosen:
        last = groups[-1][-1] if groups else None
        plain = not (candidate.quote.items or candidate.quote.code)
        follows = last and last.passage == candidate.passage and last.position + 1 == candidate.position
        if follows and plain and last and not (last.quote.items or last.quote.code or candidate.quote.apart):
            groups[-1].append(candidate)
        else:
            groups.append([candidate])
    return groups


def _render(group: list[_Candidate], phrases: dict[str, str]) -> str:
    mark = f"[{group[0].passage + 1}]"
    quote = group[0].quote
    if quote.items or quote.code:
        body = [f"{quote.text} {mark}"]
        if quote.items:
            body.append("\n".join(f"- {item}" for item in quote.items))
        if quote.code:
            body.append(f"```\n{quote.code}\n```")
        return "\n\n".join(body)
    glue = "" if re.search(f"[{CJK}]", quote.text) else " "
    return f"{phrases['open']}{glue.join(c.quote.text for c in group)}{phrases['close']} {mark}"
