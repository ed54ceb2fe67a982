"""Content words of a question or sentence, as the answerer compares them: English stems and CJK bigrams."""

from __future__ import annotations

import re
import unicodedata

import Stemmer

CJK = "㐀-䶿一-鿿豈-﫿぀-ヿ가-힯"
_RUN = re.compile(rf"[a-z0-9]+(?:[.'][a-z0-9]+)*|[{CJK}]+")
_HAN = re.compile(r"[㐀-䶿一-鿿]")
_KANA = re.compile(r"[぀-ヿ]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")

_STOP_WORDS = (
    "a about after all also am an and any are as at be because been but by can could did do does "
    "doing for from get gets give had has have he her here his how i if in into is it its just like "
    "made make makes many may me more most much must my no not of on one or our out over please said "
    "same say she should so some such tell than that the their them then there these they this those "
    "to too under up us use used uses using very want was way we well were what when where which "
    "while who whom whose why will with would you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
STOP_PHRASES = re.compile(
    "请问|什么样|什么|怎么样|怎么|怎样|如何|哪些|哪里|哪个|哪|为什么|为何|多少|是不是|是否|能不能|能否|可不可以|可以|有没有|"
    "一下|一个|这个|那个|这些|那些|我们|你们|他们|她们|它们|告诉|介绍|关于|以及|或者|还是|以|吗|呢|吧|啊|的|了|着|过|是|在|和|与|"
    "及|或|有|把|被|让|给|对|从|到|向|就|都|也|还|又|很|我|你|您|他|她|它|这|那|几|之|其|么|嘛"
)


def is_chinese(text: str) -> bool:
    """True when Han characters outweigh Latin words, and it is not Japanese."""
    return not _KANA.search(text) and len(_HAN.findall(text)) > len(_LATIN_WORD.findall(text))


def _cjk_terms(run: str) -> list[str]:
    terms: list[str] = []
    for part in STOP_PHRASES.split(run):
        if len(part) == 1:
            terms.append(part)
        terms += [part[i : i + 2] for i in range(len(part) - 1)]
    return terms


def terms(text: str) -> list[str]:
    """The content words in their order, repeated as in the text, without the stop words of both languages."""
    stem = Stemmer.Stemmer("english").stemWord
    found: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0].isascii():
            if run not in STOP_WORDS:
                found.append(stem(run.removesuffix("'s")))
        else:
            found += _cjk_terms(run)
    return found
