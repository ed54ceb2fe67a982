"""What an agent is, reduced to what answering needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation; role is `user` or `assistant`."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent at the moment of a question.

    history_window: how many earlier messages go along at most. context_window: the model's, in tokens; 0
    when it is not known. max_tokens: of the answer; None leaves it to the model. max_steps: model calls per
    answer (each round of tools costs one). examples: said before the history. asked: what the model reads instead of
    the question, where a prompt gives it a form.
    """

    name: str
    instructions: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    history_window: int = 12
    context_window: int = 0
    max_steps: int = 8
    examples: Sequence[Turn] = ()
    asked: str = ""
