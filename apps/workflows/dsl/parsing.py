"""From a text or plain data to a document, with every problem of form at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from apps.workflows.dsl.document import Document
from apps.workflows.dsl.migrate import migrate
from apps.workflows.dsl.problems import DocumentError, Problem, join_place
from apps.workflows.dsl.reading import Source, check_plain, read
from apps.workflows.dsl.sentences import Sentence, Text, _, cause, gettext_noop

#: pydantic's kinds of errors in our words; what is not here keeps pydantic's sentence.
_SENTENCES = {
    "missing": gettext_noop("{name} is missing."),
    "extra_forbidden": gettext_noop("Unknown key {name!r}."),
    "string_type": gettext_noop("{name} must be a text."),
    "int_type": gettext_noop("{name} must be a whole number."),
    "int_parsing": gettext_noop("{name} must be a whole number."),
    "int_from_float": gettext_noop("{name} must be a whole number."),
    "float_type": gettext_noop("{name} must be a number."),
    "float_parsing": gettext_noop("{name} must be a number."),
    "bool_type": gettext_noop("{name} must be true or false."),
    "bool_parsing": gettext_noop("{name} must be true or false."),
    "list_type": gettext_noop("{name} must be a list."),
    "dict_type": gettext_noop("{name} must be an object."),
    "model_type": gettext_noop("{name} must be an object."),
    "model_attributes_type": gettext_noop("{name} must be an object."),
    "greater_than": gettext_noop("{name} must be more than {gt}."),
    "greater_than_equal": gettext_noop("{name} must be at least {ge}."),
    "less_than": gettext_noop("{name} must be less than {lt}."),
    "less_than_equal": gettext_noop("{name} must be at most {le}."),
    "too_long": gettext_noop("{name} may have at most {max_length} entries."),
    "too_short": gettext_noop("{name} must have at least {min_length} entries."),
    "string_too_long": gettext_noop("{name} may have at most {max_length} characters."),
    "string_too_short": gettext_noop("{name} must have at least {min_length} characters."),
    "literal_error": gettext_noop("{name} must be one of {expected}."),
    "string_pattern_mismatch": gettext_noop(
        "{name} {input!r} must be letters, digits and _, and begin with a letter."
    ),
}
_CODES = {
    "missing": "missing_key",
    "extra_forbidden": "unknown_key",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
}
_SHOWN = 60


def parse(source: str | Mapping[str, Any]) -> Document:
    """Read a document from YAML, JSON or plain data, and bring it to the current version.

    Raises DocumentError with all problems of form. Whether it can run is said by `validate`.
    """
    return parse_source(load(source))


def load(source: str | Mapping[str, Any]) -> Source:
    """Text or plain data as a source; raises DocumentError."""
    if isinstance(source, str):
        return read(source)
    data = dict(source)
    check_plain(data)
    return Source(data)


def parse_source(source: Source) -> Document:
    """As `parse`, for what was read before; problems carry lines."""
    if not isinstance(source.data, dict):
        raise DocumentError(
            [Problem("not_an_object", "", _("A workflow is an object with version, nodes and edges."))]
        )
    data = migrate(source.data)
    try:
        return Document.model_validate(data)
    except ValidationError as error:
        raise DocumentError(with_lines(schema_problems(error, "", Document, data), source.lines)) from None


def schema_problems(
    error: ValidationError, base: str, model: type[BaseModel], data: Any, node_id: str = ""
) -> list[Problem]:
    """pydantic's findings as problems with places below `base`."""
    found = []
    for item in error.errors(include_url=False, include_context=True):
        place, steps = _place(base, item["loc"], data)
        name = str(steps[-1]) if steps else model.__name__
        code = _CODES.get(item["type"], "invalid_field")
        message = _sentence(item, name)
        found.append(Problem(code, place, message, node_id or _node_at(steps, data), params={"key": name}))
    return list(dict.fromkeys(found))


def _place(base: str, location: tuple[str | int, ...], data: Any) -> tuple[str, list[str | int]]:
    """The path of an error; names of union members, which pydantic adds, are left out."""
    steps: list[str | int] = []
    at = data
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if isinstance(at, list) and isinstance(step, int):
            at = at[step] if 0 <= step < len(at) else None
        elif isinstance(at, dict) and step in at:
            at = at[step]
        elif not last or not isinstance(at, dict) or not isinstance(step, str):
            continue
        steps.append(step)
    return join_place(base, *steps), steps


def _sentence(item: Any, name: str) -> Text:
    template = _SENTENCES.get(item["type"])
    if template is not None:
        given = item.get("input")
        shown = given if isinstance(given, str) and len(given) <= _SHOWN else f"{str(given)[:_SHOWN]}…"
        return Sentence(template, name=name, **{"input": shown, **_plain_numbers(item.get("ctx", {}))})
    error = item.get("ctx", {}).get("error")
    own = cause(error) if isinstance(error, ValueError) else ""
    if isinstance(own, Sentence):
        return own
    message: str = item["msg"].removeprefix("Value error, ")
    message = message[:1].upper() + message[1:]
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _plain_numbers(context: Mapping[str, Any]) -> dict[str, Any]:
    """Limits as people write them: 0, not 0.0."""
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in context.items()
    }


def _node_at(steps: list[str | int], data: Any) -> str:
    """The id of the innermost node on the way to a place."""
    found, at = "", data
    for index, step in enumerate(steps):
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(step, int) and steps[index - 1] == "nodes" and isinstance(at, dict):
            found = str(at.get("id") or "")
    return found


def with_lines(problems: list[Problem], lines: Mapping[str, int]) -> list[Problem]:
    """Problems with the line of their place, or of the nearest one around it."""
    return list(_with_lines(problems, lines)) if lines else problems


def _with_lines(problems: list[Problem], lines: Mapping[str, int]) -> Iterator[Problem]:
    for problem in problems:
        place = problem.place
        while place and place not in lines:
            place = _parent(place)
        line = lines.get(place)
        yield Problem(
            problem.code,
            problem.place,
            problem.sentence,
            problem.node_id,
            problem.severity,
            problem.params,
            line,
        )


def _parent(place: str) -> str:
    if place.endswith("]"):
        return place[: place.rindex("[")]
    return place.rpartition(".")[0]
