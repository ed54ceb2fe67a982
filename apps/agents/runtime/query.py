"""The search query for a question that may lean on what was said before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from apps.agents.runtime.spec import Turn
from apps.providers.wire.usage import estimate_tokens

_SHORT: Final = 9
_LONGEST_TURN: Final = 300

_LEANING: Final = re.compile(
    r"^\s*(and|but|so|or|also|then|what about|how about|why|why not|which one|what else|else)\b"
    r"|\b(it|its|they|them|their|this|that|these|those|he|him|his|she|her|there|one|ones|same|former|latter|above"
    r"|instead)\b"
    r"|^(那么?|还有|另外|然后|所以|但是|为什么|怎么办|继续)|[它他她]们?|这[个些样种里]?|那[个些样种里]|其[中他]?|上述|上面|前者|后者|呢[??]?\s*$",
    re.IGNORECASE,
)


def search_query(question: str, history: Sequence[Turn]) -> str:
    """The question itself, or with the last user turn before it when it is short or points back.

    No model is asked: hybrid retrieval only needs the earlier words to be there, not a well-formed sentence.
    """
    question = question.strip()
    before = [turn.content.strip() for turn in history if turn.role == "user" and turn.content.strip()]
    if not before or not leans(question):
        return question
    wanted = before[-1:]
    if len(before) > 1 and leans(before[-1]):
        wanted = before[-2:]
    return "\n".join([*(text[:_LONGEST_TURN] for text in wanted), question])


def leans(question: str) -> bool:
    """Whether a question probably can't be understood without the one before it."""
    return estimate_tokens(question) <= _SHORT or bool(_LEANING.search(question))
