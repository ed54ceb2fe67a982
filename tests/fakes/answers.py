"""What the fake model server says: an `Answer` per model name, or one scripted by the test."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.vectors import embed, similarity

_NUMBERED = re.compile(r"^\s*\[(\d+)\]\s*(.+?)(?=^\s*\[\d+\]|\Z)", re.MULTILINE | re.DOTALL)
_TAGGED = re.compile(r"<(\w+)[^>]*?(?:id|n|index)=\"?(\d+)\"?[^>]*>(.*?)</\1>", re.DOTALL)
_SENTENCE = re.compile(r"[^.!?。!?\n]+[.!?。!?]?")
_PIECE = re.compile(r"\s*\S{1,12}|\s+")


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of the model: text, reasoning, tool calls and pictures (addresses), or an HTTP error."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[dict[str, str], ...] = ()
    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    delay_s: float = 0.0
    model: str = ""
    contains: str = ""
    images: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: str | dict[str, Any] | Answer) -> Answer:
        """From a test's shorthand: a plain string, or a dict with the fields of this class."""
        if isinstance(data, Answer):
            return data
        if isinstance(data, str):
            return cls(text=data)
        calls = tuple(
            {
                "name": call["name"],
                "arguments": _as_json(call["arguments"]),
            }
            for call in data.get("tool_calls", ())
        )
        images = tuple(data.get("images", ()))
        return cls(**{**data, "tool_calls": calls, "images": images})

    def fits(self, body: dict[str, Any]) -> bool:
        """A scripted answer may be meant for one model, or for prompts that contain a text."""
        if self.model and self.model != body.get("model"):
            return False
        return not self.contains or self.contains in "\n".join(text_of(m) for m in body.get("messages", ()))

    def pieces(self) -> list[str]:
        """The text cut as a model streams it; joined again it is the same text."""
        return _PIECE.findall(self.text)


def text_of(message: dict[str, Any]) -> str:
    """The text of a chat message, whether its content is a string or a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def last_user_text(body: dict[str, Any]) -> str:
    """The newest user message; empty when there is none."""
    return next((text_of(m) for m in reversed(body.get("messages", [])) if m["role"] == "user"), "")


def passages_in(prompt: str) -> list[tuple[str, str]]:
    """(number, text) of each passage marked in the prompt."""
    return [(n, text) for _, n, text in _TAGGED.findall(prompt)] or _NUMBERED.findall(prompt)


def rag_answer(body: dict[str, Any]) -> Answer:
    """Quotes the sentence nearest to the question; passages are `[1] …` or `<passage id="1">…</passage>`."""
    passages = [
        p for m in body.get("messages", ()) if m["role"] != "assistant" for p in passages_in(text_of(m))
    ]
    question = embed(last_user_text(body), 512)
    sentences = [
        (similarity(question, embed(sentence, 512)), n, sentence.strip())
        for n, text in passages
        for sentence in _SENTENCE.findall(text)
        if len(sentence.strip()) > 3 and sentence.strip()[-1] not in "??"
    ]
    if not sentences:
        return Answer(text="The sources say nothing about that.")
    _, n, sentence = max(sentences, key=lambda entry: entry[0])
    return Answer(text=f"{sentence} [{n}]")


def _example(schema: dict[str, Any], question: str) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if schema.get("enum"):
        return schema["enum"][0]
    if kind == "object":
        return {name: _example(part, question) for name, part in schema.get("properties", {}).items()}
    plain = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "null": None}
    return plain.get(kind, question)


def tool_answer(body: dict[str, Any]) -> Answer:
    """Calls the first two tools with arguments that fit their schemas; then says what they gave."""
    results = [text_of(m) for m in body.get("messages", ()) if m["role"] == "tool"]
    tools = [tool["function"] for tool in body.get("tools") or ()]
    if results or not tools:
        return Answer(text=f"The tools said: {'; '.join(results) or 'nothing'}.")
    question = last_user_text(body)
    calls = tuple(
        {
            "name": t["name"],
            "arguments": json.dumps(_example(t.get("parameters") or {"type": "object"}, question)),
        }
        for t in tools[:2]
    )
    return Answer(text="Let me look that up. ", tool_calls=calls)


def shaped_answer(body: dict[str, Any]) -> Answer:
    """What fits the request's JSON schema; without one it talks, as a model does that was not held to any."""
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    if not wanted:
        return Answer(text="Well, that depends.")
    return Answer(text=json.dumps(_example(wanted["schema"], last_user_text(body))))


def answer_for(body: dict[str, Any]) -> Answer:
    """The standing behaviour of a model name; unknown names echo the question."""
    name = str(body.get("model", "")).partition("-")[0]
    question = last_user_text(body)
    if name == "shape":
        return shaped_answer(body)
    if name == "rag":
        return rag_answer(body)
    if name == "tool":
        return tool_answer(body)
    if name == "json":
        return Answer(text='{"city": "Berlin", "temperature": 21}')
    if name == "reason":
        return Answer(text=f"So: {question}", reasoning="First I think about it. Then I answer.")
    if name == "empty":
        return Answer()
    return Answer(text=question or "Hello.")
