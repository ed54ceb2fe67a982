"""Answers of a certain shape: asked for in the model's own way or in words, checked, and repaired once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from apps.providers.wire import ChatMessage
from apps.workflows.nodes.support import records, tolerant_json

_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def native_format(schema: Mapping[str, Any], name: str, *, strict: bool) -> dict[str, Any]:
    """OpenAI's `response_format` for a JSON schema."""
    title = _NAME.sub("_", name)[:60] or "answer"
    return {
        "type": "json_schema",
        "json_schema": {"name": title, "schema": dict(schema), "strict": strict},
    }


def in_words(schema: Mapping[str, Any]) -> str:
    """The request for models that have no way of their own to be held to a schema."""
    return (
        "Answer with one JSON value and nothing else: no explanation, no code fence. It has to meet this JSON Schema:\n"
        + json.dumps(schema, ensure_ascii=False)
    )


def with_instructions(messages: Sequence[ChatMessage], text: str) -> list[ChatMessage]:
    """The messages with a text at the end of the instructions."""
    if messages and messages[0].role == "system":
        first = messages[0]
        return [ChatMessage("system", f"{first.content}\n\n{text}".strip()), *messages[1:]]
    return [ChatMessage("system", text), *messages]


def read(text: str, schema: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """(value, what is wrong with it): the JSON of an answer, checked."""
    try:
        value = tolerant_json.loads(text)
    except tolerant_json.NoJson as error:
        return None, [str(error)]
    wrong = records.check(value, schema)
    return value, [
        f"{problem['path']}: {problem['message']}" if problem.get("path") else str(problem["message"])
        for problem in wrong
    ]


def repair(messages: Sequence[ChatMessage], answer: str, wrong: Sequence[str]) -> list[ChatMessage]:
    """The conversation that asks for a better answer."""
    listed = "\n".join(f"- {problem}" for problem in wrong[:20])
    return [
        *messages,
        ChatMessage("assistant", answer or "(empty)"),
        ChatMessage(
            "user",
            f"That does not meet the schema:\n{listed}\nAnswer again with the corrected JSON value and nothing else.",
        ),
    ]
