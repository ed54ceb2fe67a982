"""Paragraphs out of the lines of a typeset page."""

import re

_CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
#: A line that starts a paragraph of its own: bullet, number, or table-like cells.
_STARTS = re.compile(r"\s*(?:[-•◦▪●·*–—]\s|\(?\d{1,3}[.)、]\s*\S|[（(]?[一二三四五六七八九十]+[)）、.]|[|#])")
_ENDS = tuple(".!?:;。！？：；…”」』")
#: PDFium joins a hyphenated word with one of these; the hyphen was the typesetter's only before a small
#: letter.
_SOFT_HYPHEN = re.compile("[\x02\ufffe\u00ad](?=[a-zà-ÿ])")
_HARD_HYPHEN = re.compile("[\x02\ufffe]")
#: A line goes on in the next one when it is this long, as a share of the page's usual line; a line that ends
#: a sentence must reach the margin.
_OPEN_LINE, _FULL_LINE = 0.6, 0.92
#: Receipts, forms and lists have lines of every length: with fewer full lines than this nothing is joined.
_PROSE_SHARE = 0.4
_MIN_USUAL_LENGTH = 20


def unwrap(text: str) -> str:
    """Join the lines of each paragraph, undoing hyphenation; short lines (titles, lists, addresses) stay
    lines."""
    text = _HARD_HYPHEN.sub("-", _SOFT_HYPHEN.sub("", text))
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    usual = _usual_length(lines)
    paragraphs: list[str] = []
    open_paragraph = False
    for line in lines:
        if not line.strip():
            open_paragraph = False
            continue
        if open_paragraph and not _STARTS.match(line):
            paragraphs[-1] = _join(paragraphs[-1], line.strip())
        else:
            paragraphs.append(line.strip())
        open_paragraph = len(line) >= usual * (_FULL_LINE if line.endswith(_ENDS) else _OPEN_LINE)
    return "\n".join(_spaced(paragraphs))


def _usual_length(lines: list[str]) -> float:
    """The length lines are wrapped at; infinite when the page is not prose."""
    lengths = sorted(len(line) for line in lines if line.strip())
    if not lengths:
        return float("inf")
    usual = lengths[int(len(lengths) * 0.85)]
    full = sum(length >= 0.8 * usual for length in lengths)
    return usual if usual >= _MIN_USUAL_LENGTH and full >= _PROSE_SHARE * len(lengths) else float("inf")


def _join(before: str, after: str) -> str:
    if before.endswith("-") and len(before) > 1 and before[-2].isalpha() and after[:1].islower():
        return before[:-1] + after
    if _CJK.match(before[-1]) or _CJK.match(after[:1]):
        return before + after
    return f"{before} {after}"


def _spaced(paragraphs: list[str]) -> list[str]:
    """Blank lines around long paragraphs; runs of short lines stay together."""
    spaced: list[str] = []
    for paragraph in paragraphs:
        if spaced and (len(paragraph) > 120 or len(spaced[-1]) > 120):
            spaced.append("")
        spaced.append(paragraph)
    return spaced
