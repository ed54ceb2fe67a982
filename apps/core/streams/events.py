"""Events of a run, as the ledger keeps them and as watchers receive them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from apps.core.json import storable

#: A stream ends with exactly one of these.
TERMINAL_TYPES: Final = frozenset({"run.completed", "run.failed", "run.stopped", "run.interrupted"})

#: Pieces of running text; neighbours of one type may be joined without changing what was said.
TEXT_TYPES: Final = frozenset({"text.delta", "reasoning.delta"})

#: Pieces of what one node of a workflow says; neighbours of one `path` may be joined.
NODE_TEXT: Final = "node.delta"


class StoredEvent(NamedTuple):
    """One committed event: `seq` counts from 1 within its stream, `json` is its data as JSON text."""

    seq: int
    type: str
    json: str

    @property
    def data(self) -> dict[str, Any]:
        """The data, parsed anew at each call."""
        value: dict[str, Any] = orjson.loads(self.json)
        return value

    @property
    def terminal(self) -> bool:
        """Whether nothing comes after this event."""
        return self.type in TERMINAL_TYPES


def dump_json(data: dict[str, Any]) -> str:
    """JSON text that PostgreSQL's jsonb takes: no NUL character, no lone surrogates."""
    try:
        raw = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS, default=str)
    except TypeError:
        # orjson refuses lone surrogates (half an emoji, cut between two deltas of a model)
        raw = orjson.dumps(storable(data), option=orjson.OPT_NON_STR_KEYS, default=str)
    if b"\\u0000" in raw:
        raw = orjson.dumps(storable(data), option=orjson.OPT_NON_STR_KEYS, default=str)
    return raw.decode()


def join_text(events: list[StoredEvent]) -> list[StoredEvent]:
    """The same events with each run of equal text types joined into one that carries the last `seq`."""
    joined: list[StoredEvent] = []
    texts: list[str] = []
    said: dict[str, Any] = {}
    for event in events:
        if event.type not in TEXT_TYPES and event.type != NODE_TEXT:
            _close(joined, texts, said)
            joined.append(event)
            continue
        data = event.data
        if texts and joined[-1].type == event.type and data.get("path") == said.get("path"):
            texts.append(data["text"])
            joined[-1] = event
            continue
        _close(joined, texts, said)
        joined.append(event)
        texts.append(data["text"])
        said = data
    _close(joined, texts, said)
    return joined


def _close(joined: list[StoredEvent], texts: list[str], said: dict[str, Any]) -> None:
    if len(texts) > 1:
        joined[-1] = joined[-1]._replace(json=dump_json({**said, "text": "".join(texts)}))
    texts.clear()
