"""Two traces beside each other: their figures, and their steps matched by order, type and name."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest
from typing import Final

from apps.tracing import selectors
from apps.tracing.models import Observation, Trace
from apps.tracing.payloads import read_piece
from apps.tracing.text_diff import DiffRow, diff_lines

#: Steps of each trace that are matched; more could not be read beside each other.
MAX_STEPS: Final = 500
#: Characters of an input or output that are compared.
MAX_CHARS: Final = 100_000

Number = int | float | Decimal


class Unit(StrEnum):
    """How a figure is written."""

    MILLISECONDS = "milliseconds"
    COUNT = "count"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both traces; less is better in all of them."""

    name: str
    unit: Unit
    left: Number
    right: Number

    @property
    def difference(self) -> Number:
        """Right minus left."""
        return type(self.left)(self.right - self.left)  # type: ignore[operator]  # both are of one type

    @property
    def share(self) -> float | None:
        """The difference as a part of the left figure, in percent; None where that is 0."""
        return float(self.difference) / float(self.left) * 100 if self.left else None


@dataclass(frozen=True, slots=True)
class Step:
    """An observation with its depth below the root."""

    observation: Observation
    depth: int

    @property
    def key(self) -> tuple[str, str]:
        """What steps are matched by."""
        return (self.observation.type, self.observation.name)

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return (self.observation.input_tokens or 0) + (self.observation.output_tokens or 0)


@dataclass(frozen=True, slots=True)
class Pair:
    """A step of each trace, or of one where the other has none like it."""

    left: Step | None
    right: Step | None

    @property
    def slower_ms(self) -> float | None:
        """How much longer the right step took."""
        if self.left is None or self.right is None:
            return None
        return self.right.observation.latency_ms - self.left.observation.latency_ms

    @property
    def more_tokens(self) -> int | None:
        """How many tokens more the right step used."""
        return None if self.left is None or self.right is None else self.right.tokens - self.left.tokens


@dataclass(frozen=True, slots=True)
class SideDiff:
    """The differences of an input or output. `cut` says that only its beginning was compared."""

    side: str
    rows: list[DiffRow]
    same: bool
    cut: bool


def figures_of(left: Trace, right: Trace) -> list[Figure]:
    """What the traces cost, as pairs."""
    fields = (
        ("latency", Unit.MILLISECONDS, "latency_ms"),
        ("cost", Unit.MONEY, "cost"),
        ("input_tokens", Unit.COUNT, "input_tokens"),
        ("output_tokens", Unit.COUNT, "output_tokens"),
        ("steps", Unit.COUNT, "observation_count"),
        ("errors", Unit.COUNT, "error_count"),
    )
    return [Figure(name, unit, getattr(left, field), getattr(right, field)) for name, unit, field in fields]


def pairs_of(left: Trace, right: Trace) -> tuple[list[Pair], bool]:
    """The matched steps in order, and whether some of a trace's steps were left out. Costs two queries."""
    one, other = (steps_of(selectors.list_observations(trace)) for trace in (left, right))
    cut = len(one) > MAX_STEPS or len(other) > MAX_STEPS
    return match(one[:MAX_STEPS], other[:MAX_STEPS]), cut


def steps_of(observations: Sequence[Observation]) -> list[Step]:
    """The tree of a trace, parents before children, siblings in the order they started."""
    known = {observation.span_id for observation in observations}
    children: dict[str | None, list[Observation]] = {}
    for observation in observations:
        parent = observation.parent_id if observation.parent_id in known else None
        children.setdefault(parent if parent != observation.span_id else None, []).append(observation)
    steps: list[Step] = []
    stack = [(observation, 0) for observation in reversed(children.get(None, []))]
    while stack:
        observation, depth = stack.pop()
        steps.append(Step(observation, depth))
        stack += [(child, depth + 1) for child in reversed(children.get(observation.span_id, []))]
    return steps


def match(one: Sequence[Step], other: Sequence[Step]) -> list[Pair]:
    """Steps of one type and name in the same order are pairs; what stands between them is paired by type, or alone."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, [step.key for step in one], [step.key for step in other], False)
    for tag, from_one, to_one, from_other, to_other in matcher.get_opcodes():
        lefts, rights = one[from_one:to_one], other[from_other:to_other]
        pairs += _between(lefts, rights) if tag == "replace" else _beside(lefts, rights)
    return pairs


def _beside(lefts: Iterable[Step], rights: Iterable[Step]) -> list[Pair]:
    return [Pair(left, right) for left, right in zip_longest(lefts, rights)]


def _between(lefts: Sequence[Step], rights: Sequence[Step]) -> list[Pair]:
    pairs: list[Pair] = []
    for left, right in zip_longest(lefts, rights):
        if left is not None and right is not None and left.observation.type != right.observation.type:
            pairs += [Pair(left, None), Pair(None, right)]
        else:
            pairs.append(Pair(left, right))
    return pairs


def diff_of(left: Observation | None, right: Observation | None) -> list[SideDiff]:
    """How inputs and outputs of two steps differ; a step that is not there has empty ones."""
    return [_side_diff(side, left, right) for side in ("input", "output")]


def _side_diff(side: str, left: Observation | None, right: Observation | None) -> SideDiff:
    texts, cut = [], False
    for observation in (left, right):
        if observation is None:
            texts.append("")
            continue
        piece = read_piece(observation, side=side, limit=MAX_CHARS)
        cut = cut or len(piece.text) < piece.total
        texts.append(_readable(piece.text))
    return SideDiff(side, diff_lines(*texts), same=texts[0] == texts[1], cut=cut)


def _readable(text: str) -> str:
    """JSON over several lines, so that a change is a line; other texts as they are."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
