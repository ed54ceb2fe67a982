"""The order of answers.

Answers may be quoted from nodes that still speak, lie in parallel branches, and in rounds of containers that run side
by side. Their texts come out one after the other all the same: in the order of the graph, and rounds by their index.
Whoever has its turn is passed on live; what others say is kept until theirs.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.references import Reference
from apps.workflows.dsl.types import text
from apps.workflows.engine.voice import Pieces, Voice

if TYPE_CHECKING:
    from apps.workflows.engine.execution import Execution
    from apps.workflows.engine.frames import Frame
    from apps.workflows.engine.graph import Spec


class Turns(Voice):
    """The rounds of a container that speaks: a voice that says them in the order of their indexes."""

    __slots__ = ("_index", "_next", "_parent", "_texts")

    def __init__(self, parent: Speech, index: int) -> None:
        super().__init__()
        self._parent = parent
        self._index = index
        self._next = 0
        # what rounds say, or have said, before their turn
        self._texts: dict[int, RoundVoice] = {}

    def say(self, text: str, speaker: Execution | None) -> None:
        """Say a piece of the round whose turn it is."""
        self.said.add(text)
        self._parent.pass_on(self._index, text, speaker)

    def retract(self, count: int) -> None:
        """Take back the last characters of the round whose turn it is."""
        self.said.cut(count)
        self._parent.take_back(self._index, count)

    def begin(self, index: int) -> RoundVoice:
        """A voice for a round."""
        voice = self._texts[index] = RoundVoice(self)
        if index == self._next:
            voice.open()
        return voice

    def end(self, index: int, said: str | None = None) -> None:
        """A round is over; `said` when that was before the run was resumed."""
        if said is not None:
            self.begin(index).say(said, None)
        self._texts[index].over = True
        while (voice := self._texts.get(self._next)) is not None and voice.over:
            del self._texts[self._next]
            self._next += 1
            if following := self._texts.get(self._next):
                following.open()


class RoundVoice(Voice):
    """Says what one round says as soon as it is its turn."""

    __slots__ = ("_open", "_turns", "over")

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        self._open = False
        self.over = False

    def say(self, text: str, speaker: Execution | None) -> None:
        """Say a piece, or keep it."""
        self.said.add(text)
        if self._open:
            self._turns.say(text, speaker)

    def retract(self, count: int) -> None:
        """Take back the last characters."""
        self.said.cut(count)
        if self._open:
            self._turns.retract(count)

    def open(self) -> None:
        """It is the round's turn."""
        self._open = True
        if self.said.length:
            self._turns.say(self.said.text(), None)


class Speech:
    """What the answers of one frame say.

    The slots of the frame's block (answers, and containers that hold some) have their turn one after the other.
    `_part` is how far the slot at its turn has come, `_told` what it said, `_ended` what finished slots say in all.
    `_heard` keeps what quoted nodes say before their turn; `_live` is the one that is passed on right now, `_spoken`
    what it said.
    """

    __slots__ = (
        "_ended",
        "_frame",
        "_head",
        "_heard",
        "_live",
        "_part",
        "_speakers",
        "_spoken",
        "_sure",
        "_told",
        "_turns",
        "voice",
    )

    def __init__(self, frame: Frame, voice: Voice) -> None:
        self.voice = voice
        self._frame = frame
        self._head = 0
        self._part = 0
        self._told = Pieces()
        self._live = -1
        self._spoken = Pieces()
        self._heard: dict[int, Pieces] = {}
        self._speakers: dict[int, Execution] = {}
        self._sure = set(frame.block.announced)
        self._ended: dict[int, str] = {}
        self._turns: dict[int, Turns] = {}

    def left(self, spec: Spec, outputs: dict[str, Any], port: str, said: str | None = None) -> None:
        """A node has ended, and its edges are known. `said`: by a container, before the run was resumed."""
        if spec.speaks:
            self._ended[spec.index] = text(outputs.get(spec.answer_field))
        elif said is not None:
            self._ended[spec.index] = said
        elif spec.index in self._turns:
            self._ended[spec.index] = self._turns.pop(spec.index).said.text()
        if spec.announces:
            self._sure.update(spec.announces.get(port, ()))
        if self._live == spec.index and outputs.get(spec.text_output) is None:
            self.unhear(spec)
        self.advance()
        self._heard.pop(spec.index, None)
        self._speakers.pop(spec.index, None)

    def said_by(self, spec: Spec) -> str | None:
        """What the rounds of a container have said."""
        turns = self._turns.get(spec.index)
        return None if turns is None else turns.said.text()

    def hear(self, speaker: Execution, delta: str) -> bool:
        """A node that is quoted says a piece; whether it was passed on."""
        index = speaker.spec.index
        if self._live == index:
            # the hot path of every streamed token
            self._spoken.add(delta)
            self._told.add(delta)
            self.voice.say(delta, speaker)
            return True
        if index not in self._heard:
            self._heard[index] = Pieces()
            self._speakers[index] = speaker
        self._heard[index].add(delta)
        if self._live < 0:
            self.advance()
        return self._live == index

    def unhear(self, spec: Spec, count: int | None = None) -> None:
        """A node takes back the last characters it said: all of them before it is tried again."""
        live = self._live == spec.index
        said = self._spoken if live else self._heard.get(spec.index)
        if said is None:
            return
        count = said.length if count is None else count
        said.cut(count)
        if live:
            self._untell(count)
        if not said.length:
            self._heard.pop(spec.index, None)
            self._live = -1 if live else self._live

    def turns(self, container: Spec) -> Turns:
        """The rounds of a container, for their voices."""
        if container.index not in self._turns:
            self._turns[container.index] = Turns(self, container.index)
            self.advance()
        return self._turns[container.index]

    def drop(self, container: Spec) -> None:
        """A container failed: what its rounds said is taken back."""
        turns = self._turns.pop(container.index, None)
        if turns is not None and self._has_turn(container.index):
            self._untell(self._told.length)
            self._part = 0

    def pass_on(self, container: int, text: str, speaker: Execution | None) -> None:
        """A round of a container says a piece, in its order."""
        if self._has_turn(container):
            self._told.add(text)
            self.voice.say(text, speaker)

    def take_back(self, container: int, count: int) -> None:
        """A round of a container takes back a piece."""
        if self._has_turn(container):
            self._untell(count)

    def _has_turn(self, container: int) -> bool:
        slots = self._frame.block.slots
        return self._head < len(slots) and slots[self._head] == container and self._part > 0

    def advance(self) -> None:
        """Say all that can be said now."""
        block = self._frame.block
        while self._head < len(block.slots):
            slot = block.slots[self._head]
            if slot in self._ended:
                self._reconcile(self._told.text(), self._ended.pop(slot))
            elif not self._frame.skipped(slot):
                self._go_on(block.specs[slot])
                return
            self._head += 1
            self._part = 0
            self._live = -1
            self._told = Pieces()

    def _go_on(self, spec: Spec) -> None:
        """Say what a slot that has not ended can say so far."""
        if spec.body is not None:
            if not self._part and spec.index in self._turns:
                self._part = 1
                self._tell(self._turns[spec.index].said.text())
        elif spec.index in self._sure or self._frame.reached[spec.index]:
            while spec.parts is not None and self._part < len(spec.parts) and self._say_part(spec):
                self._part += 1
                self._live = -1

    def _say_part(self, spec: Spec) -> bool:
        """Say the next part of an answer; whether it is complete."""
        part = spec.parts[self._part] if spec.parts else ""
        if not isinstance(part, Reference):
            self._tell(part)
            return True
        frame = self._frame
        index = frame.block.by_id.get(part.root, -1)
        if index < 0 or part.root in frame.values or frame.skipped(index):
            self._reconcile(self._spoken.text(), text(part.get(frame)))
            self._spoken = Pieces()
            return True
        source = self._source(frame.block.specs[index], part)
        if source in self._heard and self._live < 0:
            self._live = source
            self._spoken = self._heard.pop(source)
            self._tell(self._spoken.text(), self._speakers[source])
        return False

    def _source(self, spec: Spec, part: Reference) -> int:
        """The node whose text becomes this part: the one it names, or the first that such a node will choose."""
        if part.path == (spec.text_output,):
            return spec.index
        if part.path == (spec.node.merge_output,):
            for merged in spec.merges:
                index = self._frame.block.by_id.get(merged.root, -1)
                if index < 0 or not self._frame.skipped(index):
                    quotes = index >= 0 and merged.path == (self._frame.block.specs[index].text_output,)
                    return index if quotes else -1
        return -1

    def _reconcile(self, before: str, final: str) -> None:
        """What was said so far turns out to be `final`: say the rest, or take back what differs."""
        if final.startswith(before):
            self._tell(final[len(before) :])
            return
        same = next(i for i, (old, new) in enumerate(zip_longest(before, final)) if old != new)
        self._untell(len(before) - same)
        self._tell(final[same:])

    def _tell(self, text: str, speaker: Execution | None = None) -> None:
        if text:
            self._told.add(text)
            self.voice.say(text, speaker)

    def _untell(self, count: int) -> None:
        if count:
            self._told.cut(count)
            self.voice.retract(count)
