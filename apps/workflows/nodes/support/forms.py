"""Forms that a run shows to people: what they are made of, and whether an answer is one.

A wait's payload holds ``form``, a JSON Schema of an object whose properties carry ``title``, ``description``,
``default`` and ``x-widget``, in the order of the form, and ``actions``, the buttons. An answer is
``{"action": "approve", "values": {"comment": "Fine."}}``; ``{"text": "…"}`` is short for the field that the payload
names in ``text_field``, with the first action; ``{"timeout": true}`` says that the time is over.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.node import NodeConfig
from apps.workflows.nodes.support import records

Style = Literal["default", "primary", "danger", "plain"]
FieldType = Literal[
    "text",
    "paragraph",
    "number",
    "integer",
    "select",
    "multi_select",
    "checkbox",
    "date",
    "datetime",
    "email",
    "url",
    "file",
    "files",
]
FileKind = Literal["image", "document", "audio", "video", "other"]
UploadMethod = Literal["upload", "address"]

_METHODS: tuple[UploadMethod, ...] = ("upload", "address")
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
_MAX_TEXT = 100_000
_MOST_DIGITS = 6  # of the number of an option

#: JSON Schema and the type in the workflow language of each kind of field.
_SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"type": "string", "maxLength": 1_000}, "string"),
    "paragraph": ({"type": "string", "maxLength": _MAX_TEXT}, "string"),
    "number": ({"type": "number"}, "number"),
    "integer": ({"type": "integer"}, "integer"),
    "select": ({"type": "string"}, "string"),
    "multi_select": ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "array[string]"),
    "checkbox": ({"type": "boolean"}, "boolean"),
    "date": ({"type": "string", "format": "date"}, "string"),
    "datetime": ({"type": "string", "format": "date-time"}, "string"),
    "email": ({"type": "string", "format": "email"}, "string"),
    "url": ({"type": "string", "format": "uri"}, "string"),
    "file": ({"type": "object"}, "file"),
    "files": ({"type": "array", "items": {"type": "object"}}, "array[file]"),
}
_DOCUMENTS = frozenset(
    {".csv", ".doc", ".docx", ".epub", ".htm", ".html", ".json", ".log", ".md", ".mdx", ".odt", ".pdf", ".ppt", ".pptx",
     ".rtf", ".tsv", ".txt", ".xls", ".xlsx", ".xml", ".yaml", ".yml"}
)  # fmt: skip


class Action(NodeConfig):
    """A button. Its id names the port by which the run goes on."""

    id: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,39}$", title=_("Id"))
    title: str = Field("", max_length=100, title=_("Title"))
    style: Style = Field("default", title=_("Style"))
    validates: bool = Field(
        True,
        title=_("Needs a valid form"),
        description=_("Otherwise it takes the form as it is, such as “Cancel”."),
    )
    requires: list[str] = Field(
        default_factory=list,
        title=_("Needs these fields"),
        description=_("On top of the fields that are always required."),
    )

    def described(self) -> dict[str, Any]:
        """For the payload."""
        return {
            "id": self.id,
            "title": self.title or self.id.replace("_", " ").capitalize(),
            "style": self.style,
            "validates": self.validates,
            "requires": list(self.requires),
        }


class FormField(NodeConfig):
    """One field of a form. Options that do not fit its type are ignored."""

    name: str = Field(pattern=NAME_PATTERN, title=_("Name"), description=_("The output of the same name."))
    type: FieldType = Field("text", title=_("Type"))
    label: DynamicText = Field("", title=_("Label"))
    description: DynamicText = Field("", title=_("Help"))
    placeholder: str = Field("", title=_("Placeholder"))
    required: bool = Field(True, title=_("Required"))
    default: DynamicAny = Field(None, title=_("Default"), description=_("A value, or a variable."))
    options: DynamicAny = Field(
        default_factory=list,
        title=_("Options"),
        description=_("A list of texts, or of objects with value and label; may come from a variable."),
        json_schema_extra={"x-when": {"type": ["select", "multi_select"]}},
    )
    min: float | None = Field(None, title=_("Smallest number"))
    max: float | None = Field(None, title=_("Largest number"))
    min_length: int | None = Field(None, ge=0, title=_("Shortest text"))
    max_length: int | None = Field(None, ge=1, le=_MAX_TEXT, title=_("Longest text"))
    pattern: str = Field("", title=_("Pattern"), description=_("Regular expression that a text must match."))
    min_items: int | None = Field(None, ge=0, title=_("Fewest choices or files"))
    max_items: int | None = Field(None, ge=1, title=_("Most choices or files"))
    file_kinds: list[FileKind] = Field(
        default_factory=list, title=_("Kinds of files"), description=_("None: all kinds.")
    )
    file_extensions: list[str] = Field(
        default_factory=list, title=_("File extensions"), description=_("Such as .pdf. None: all.")
    )
    upload_methods: list[UploadMethod] = Field(
        default_factory=lambda: list(_METHODS),
        title=_("Files come from"),
        json_schema_extra={"x-advanced": True},
    )


def type_of(field: FormField) -> str:
    """The type of the field's output."""
    return _SHAPES[field.type][1]


def form_schema(fields: Iterable[FormField]) -> dict[str, Any]:
    """The form of these fields."""
    found = list(fields)
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in found},
        "required": [field.name for field in found if field.required],
    }


def _property(field: FormField) -> dict[str, Any]:
    shape = {**_SHAPES[field.type][0], "x-widget": field.type}
    shape["title"] = field.label or field.name.replace("_", " ").capitalize()
    texts = {"description": field.description, "x-placeholder": field.placeholder}
    shape |= {name: text for name, text in texts.items() if text}
    if field.default not in (None, ""):
        shape["default"] = field.default
    shape |= _limits(field)
    if field.type == "select":
        shape["oneOf"] = options_of(field.options)
    elif field.type == "multi_select":
        shape["items"] = {"type": "string", "oneOf": options_of(field.options)}
    elif field.type in {"file", "files"}:
        shape["x-file"] = {
            "kinds": list(field.file_kinds),
            "extensions": [extension.lower() for extension in field.file_extensions],
            "methods": list(field.upload_methods),
        }
    return shape


def _limits(field: FormField) -> dict[str, Any]:
    kind = _SHAPES[field.type][0]["type"]
    wanted: dict[str, Any] = {}
    if kind in {"number", "integer"}:
        wanted = {"minimum": _plain(field.min), "maximum": _plain(field.max)}
    elif kind == "array":
        wanted = {"minItems": field.min_items, "maxItems": field.max_items}
        if field.required and not field.min_items:
            wanted["minItems"] = 1
    elif kind == "string":
        # a text that must be there may not be empty
        least = field.min_length if field.min_length or not field.required else 1
        wanted = {"minLength": least, "maxLength": field.max_length, "pattern": field.pattern or None}
    return {name: value for name, value in wanted.items() if value is not None}


def _plain(number: float | None) -> float | None:
    """9.0 is shown to people as 9."""
    return int(number) if number is not None and number.is_integer() else number


def options_of(value: Any) -> list[dict[str, str]]:
    """Options as JSON Schema: ``[{"const": value, "title": label}]``; the same value is there once."""
    found: dict[str, str] = {}
    for option in value if isinstance(value, list) else [] if value in (None, "") else [value]:
        if isinstance(option, Mapping):
            constant = types.text(option.get("value", option.get("id", option.get("name", ""))))
            title = types.text(option.get("label", option.get("title", option.get("text", constant))))
        else:
            constant = title = types.text(option)
        if constant:
            found.setdefault(constant, title or constant)
    return [{"const": constant, "title": title} for constant, title in found.items()]


def field_problems(fields: Iterable[FormField]) -> Iterator[tuple[str, Text]]:
    """Names used twice, options missing, limits the wrong way round."""
    seen: set[str] = set()
    for index, field in enumerate(fields):
        place = f"fields[{index}]"
        if field.name in seen:
            yield f"{place}.name", Sentence(_("Two fields are called “{name}”."), name=field.name)
        seen.add(field.name)
        if field.type in {"select", "multi_select"} and not field.options:
            yield f"{place}.options", Sentence(_("There is nothing to choose from."))
        if field.min is not None and field.max is not None and field.min > field.max:
            yield f"{place}.max", Sentence(_("The largest number is smaller than the smallest."))
        if field.pattern and not records.is_pattern(field.pattern):
            yield f"{place}.pattern", Sentence(_("This is no regular expression."))


def read_answer(payload: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The action's id ("" when none was chosen) and the values, with numbers and choices in their own types."""
    actions = [str(action["id"]) for action in payload.get("actions", ())]
    given = answer.get("values")
    values: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    action = str(answer.get("action") or "")
    text_field = str(payload.get("text_field") or "")
    if text_field and "text" in answer and text_field not in values:
        values[text_field] = answer["text"]
    if not action and len(actions) == 1:
        action = actions[0]
    form = payload.get("form") or {}
    return action, {
        name: _fitted(values[name], schema)
        for name, schema in form.get("properties", {}).items()
        if name in values and not _is_blank(values[name], schema)
    }


def _is_blank(value: Any, schema: Mapping[str, Any]) -> bool:
    """An empty field counts as not filled in; a checkbox that is off is an answer."""
    return value is None or (isinstance(value, str) and not value.strip() and schema.get("type") != "boolean")


def _fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    if "oneOf" in schema and isinstance(value, str | int | float) and not isinstance(value, bool):
        return chosen(types.text(value), schema["oneOf"])
    if schema.get("type") == "array":
        items = value if isinstance(value, list) else [value]
        choices = schema.get("items", {}).get("oneOf")
        return [chosen(types.text(item), choices) for item in items] if choices else items
    return records.convert(value, schema.get("type"))


def chosen(text: str, options: Iterable[Mapping[str, Any]]) -> str:
    """The value of the option that a text means: its value, its title, or its number from 1; else the text."""
    listed = list(options)
    wanted = text.strip()
    for option in listed:
        if wanted == option["const"]:
            return wanted
    folded = wanted.rstrip(".!。！").casefold()
    for option in listed:
        if folded in {str(option["const"]).casefold(), str(option["title"]).casefold()}:
            return str(option["const"])
    if folded.isdecimal() and len(folded) <= _MOST_DIGITS and 1 <= int(folded) <= len(listed):
        return str(listed[int(folded) - 1]["const"])
    return wanted


def check_answer(payload: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with an answer: a sentence for each field, under "" what concerns no field. Empty when it is one.

    Pure, for those who take answers and for the node itself. Answers to questions are judged by the node only, which
    asks again.
    """
    if answer.get("timeout") is True or payload.get("judged_by_node"):
        return {}
    action_id, values = read_answer(payload, answer)
    action = next((each for each in payload.get("actions", ()) if each["id"] == action_id), None)
    if action is None:
        listed = ", ".join(str(each["id"]) for each in payload.get("actions", ()))
        return {"": f"Choose one of: {listed}."}
    return check_values(payload.get("form") or {}, values, action)


def check_values(
    form: Mapping[str, Any], values: Mapping[str, Any], action: Mapping[str, Any]
) -> dict[str, str]:
    """What is wrong with the values of a form when `action` is chosen."""
    properties: Mapping[str, Any] = form.get("properties", {})
    found: dict[str, str] = {}
    required = [*form.get("required", ()), *action.get("requires", ())]
    if action.get("validates", True):
        for name, schema in properties.items():
            if name not in values:
                if name in required:
                    found[name] = "must be filled in."
            elif problem := _problem(values[name], schema):
                found[name] = problem
    return found


def _problem(value: Any, schema: Mapping[str, Any]) -> str:
    options = schema.get("oneOf") or schema.get("items", {}).get("oneOf")
    if options is not None:
        allowed = {option["const"] for option in options}
        strays = [each for each in (value if isinstance(value, list) else [value]) if each not in allowed]
        if strays:
            return f"“{str(strays[0])[:60]}” is none of the options."
    if "x-file" in schema:
        for file in value if isinstance(value, list) else [value]:
            if problem := file_problem(file, schema["x-file"]):
                return problem
    plain = {name: part for name, part in schema.items() if name not in {"oneOf", "default"}}
    errors = records.check(value, plain)
    return str(errors[0]["message"]) if errors else ""


def file_problem(file: Any, rules: Mapping[str, Any]) -> str:
    """Why this is no file of the kind that is wanted; empty when it is."""
    if not types.is_file(file):
        return "must be a file."
    extension = PurePath(str(file["name"])).suffix.lower()
    wanted = [str(each) for each in rules.get("extensions", ())]
    if wanted and extension not in {each if each.startswith(".") else f".{each}" for each in wanted}:
        return f"may only be: {', '.join(wanted)}."
    kinds = rules.get("kinds", ())
    if kinds and kind_of_file(file) not in kinds:
        return f"may only be: {', '.join(str(kind) for kind in kinds)}."
    method = "upload" if file.get("id") else "address"
    if rules.get("methods") and method not in rules["methods"]:
        return "must be uploaded." if method == "address" else "must be given by its address."
    return ""


def kind_of_file(file: Mapping[str, Any]) -> str:
    """image, document, audio, video or other, by the file's type and name."""
    name = str(file.get("name") or "")
    kind = str(file.get("content_type") or "") or mimetypes.guess_type(name)[0] or ""
    main = kind.partition("/")[0]
    if main in {"image", "audio", "video"}:
        return main
    if main == "text" or PurePath(name).suffix.lower() in _DOCUMENTS or kind == "application/pdf":
        return "document"
    return "other"
