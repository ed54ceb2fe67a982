"""One form for every message: who speaks, and what it is made of."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who speaks. What no provider calls by one of the first four names is `other`."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    OTHER = "other"


class PartKind(StrEnum):
    """What a part of a message is."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"
    #: anything that no shape explains, as JSON
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message.

    `text` is the text, the arguments or result (as JSON where they are no text), or the transcript of a sound; `id` and
    `name` are those of a tool call; `url` is an address or a `data:` address of a picture, sound or file.
    """

    kind: PartKind
    text: str = ""
    id: str = ""
    name: str = ""
    url: str = ""
    media_type: str = ""
    error: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What is set, for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Turn:
    """A message. `label` is the role as it was written."""

    role: Role
    label: str
    parts: tuple[Part, ...]
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The turn for JSON."""
        return {
            "role": self.role.value,
            "label": self.label,
            "name": self.name,
            "parts": [part.as_dict() for part in self.parts],
        }

    def text(self) -> str:
        """What was said, without tools, pictures and reasoning."""
        return "\n\n".join(part.text for part in self.parts if part.kind is PartKind.TEXT)


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation, oldest turn first."""

    turns: tuple[Turn, ...]
