"""From filled-in messages back to the template they were made of, and the values that went in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.agents.playground.messages import Message
from apps.agents.prompts import split_variables


@dataclass(frozen=True, slots=True)
class Recovered:
    """The template followed by what was said after it, and its values."""

    messages: Sequence[Message]
    variables: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, Sequence[Message]] = field(default_factory=dict)


def recover(
    template: Sequence[Message], said: Sequence[Message], *, one_text: bool = False
) -> Recovered | None:
    """The values with which `template` gives the beginning of `said`; None when it does not.

    A placeholder takes the messages up to the last one that can follow it. one_text: the template is a text, whatever
    role it was given.
    """
    variables: dict[str, str] = {}
    lists: dict[str, Sequence[Message]] = {}
    used = _align(template, said, variables, lists, one_text)
    if used is None:
        return None
    return Recovered([*template, *said[used:]], variables, lists)


def _align(
    template: Sequence[Message],
    said: Sequence[Message],
    variables: dict[str, str],
    lists: dict[str, Sequence[Message]],
    one_text: bool,
) -> int | None:
    """How many messages the template stands for; fills in `variables` and `lists`."""
    place = 0
    for number, wanted in enumerate(template):
        if wanted.get("type") == "placeholder":
            following = next((m for m in template[number + 1 :] if m.get("type") != "placeholder"), None)
            end = _end_of_list(following, said, place, variables)
            lists[wanted["name"]] = said[place:end]
            place = end
            continue
        if place >= len(said):
            return None
        found = said[place]
        values = match(wanted["content"], found["content"], variables)
        if values is None or (wanted["role"] != found["role"] and not one_text):
            return None
        variables.update(values)
        place += 1
    return place


def _end_of_list(
    following: Message | None, said: Sequence[Message], place: int, variables: Mapping[str, str]
) -> int:
    """Where the messages of a placeholder end: before the last message that can be the one that follows it."""
    if following is None:
        return len(said)
    for end in range(len(said) - 1, place - 1, -1):
        fits = said[end]["role"] == following["role"]
        if fits and match(following["content"], said[end]["content"], variables) is not None:
            return end
    return place


def match(template: str, text: str, known: Mapping[str, str]) -> dict[str, str] | None:
    """The values with which a template gives a text, those of `known` given; None when there are none.

    Each value ends where the text that follows its variable stands first, so that no text takes long.
    """
    literals, names = split_variables(template)
    if not text.startswith(literals[0]):
        return None
    place = len(literals[0])
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        following, last = literals[number + 1], number + 1 == len(names)
        value = found.get(name, known.get(name))
        if value is None:
            end = len(text) - len(following) if last else text.find(following, place)
            if end < place:
                return None
            value = found[name] = text[place:end]
        if not text.startswith(value + following, place):
            return None
        place += len(value) + len(following)
    return found if place == len(text) else None
