"""One operation on texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny, DynamicArray, DynamicInteger, DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import codecs, texts
from apps.workflows.nodes.support.codecs import Encoding
from apps.workflows.nodes.support.texts import Case, Side, Unit

Operation = Literal[
    "concat",
    "split",
    "join",
    "replace",
    "trim",
    "case",
    "substring",
    "truncate",
    "between",
    "pad",
    "repeat",
    "reverse",
    "length",
    "count",
    "find",
    "encode",
    "decode",
]


def _used_by(*operations: Operation, **hints: Any) -> dict[str, Any]:
    """Form hints: the field belongs to these operations only."""
    return {"x-when": {"operation": list(operations)}, **hints}


class TextConfig(NodeConfig):
    """What to do, and with what. Fields of other operations are ignored."""

    operation: Operation = Field("concat", title=_("Operation"), json_schema_extra={"x-widget": "select"})
    text: DynamicText = Field(
        "",
        title=_("Text"),
        json_schema_extra={"x-widget": "textarea", "x-unless": {"operation": ["concat", "join"]}},
    )
    parts: list[DynamicAny] = Field(
        default_factory=list,
        title=_("Parts"),
        description=_("Put one after another. Items of a list are joined first."),
        json_schema_extra=_used_by("concat"),
    )
    items: DynamicArray = Field(default_factory=list, title=_("Items"), json_schema_extra=_used_by("join"))
    separator: DynamicText = Field(
        "",
        title=_("Separator"),
        description=_("Stands between the parts, items or repetitions."),
        json_schema_extra=_used_by("concat", "join", "repeat"),
    )
    item_separator: DynamicText = Field(
        ", ",
        title=_("Separator within lists"),
        json_schema_extra=_used_by("concat"),
    )
    delimiters: list[DynamicText] = Field(
        default_factory=lambda: ["\n"],
        title=_("Delimiters"),
        description=_("The text is cut at each of them. None: into single characters."),
        json_schema_extra=_used_by("split"),
    )
    trim_pieces: bool = Field(True, title=_("Trim the pieces"), json_schema_extra=_used_by("split"))
    keep_empty: bool = Field(False, title=_("Keep empty pieces"), json_schema_extra=_used_by("split"))
    limit: int | None = Field(
        None,
        ge=1,
        title=_("Most pieces"),
        description=_("The last one holds the rest."),
        json_schema_extra=_used_by("split"),
    )
    find: DynamicText = Field("", title=_("Find"), json_schema_extra=_used_by("replace", "count", "find"))
    replacement: DynamicText = Field("", title=_("Replace by"), json_schema_extra=_used_by("replace"))
    case_sensitive: bool = Field(
        True, title=_("Upper and lower case differ"), json_schema_extra=_used_by("replace", "count", "find")
    )
    count: int = Field(
        0,
        ge=0,
        title=_("How many"),
        description=_("0 replaces all."),
        json_schema_extra=_used_by("replace"),
    )
    side: Side = Field("both", title=_("Side"), json_schema_extra=_used_by("trim", "pad"))
    characters: str = Field(
        "",
        title=_("Characters"),
        description=_("Empty: white space."),
        json_schema_extra=_used_by("trim"),
    )
    case: Case = Field("lower", title=_("Case"), json_schema_extra=_used_by("case"))
    start: DynamicInteger = Field(
        0,
        title=_("Start"),
        description=_("Counts from 0; negative numbers count from the end."),
        json_schema_extra=_used_by("substring"),
    )
    length: DynamicInteger | None = Field(
        None,
        title=_("Length"),
        description=_("Empty: up to the end."),
        json_schema_extra=_used_by("substring", "truncate", "pad"),
    )
    unit: Unit = Field("characters", title=_("Counted in"), json_schema_extra=_used_by("substring", "length"))
    ending: str = Field("…", max_length=20, title=_("Ending"), json_schema_extra=_used_by("truncate"))
    before: DynamicText = Field(
        "",
        title=_("After this text"),
        description=_("Empty: from the beginning."),
        json_schema_extra=_used_by("between"),
    )
    after: DynamicText = Field(
        "",
        title=_("Up to this text"),
        description=_("Empty: to the end."),
        json_schema_extra=_used_by("between"),
    )
    fill: str = Field(" ", min_length=1, max_length=1, title=_("Filling"), json_schema_extra=_used_by("pad"))
    times: DynamicInteger = Field(1, title=_("Times"), json_schema_extra=_used_by("repeat"))
    encoding: Encoding = Field("base64", title=_("Encoding"), json_schema_extra=_used_by("encode", "decode"))


_OPERATIONS: dict[Operation, Callable[[TextConfig], Any]] = {
    "concat": lambda c: texts.concat(c.parts, c.separator, c.item_separator),
    "split": lambda c: texts.split(
        c.text, c.delimiters, trim=c.trim_pieces, keep_empty=c.keep_empty, limit=c.limit
    ),
    "join": lambda c: texts.concat([c.items], "", c.separator),
    "replace": lambda c: texts.replace(
        c.text, c.find, c.replacement, count=c.count, case_sensitive=c.case_sensitive
    ),
    "trim": lambda c: texts.trim(c.text, c.side, c.characters),
    "case": lambda c: texts.change_case(c.text, c.case),
    "substring": lambda c: texts.substring(c.text, c.start, c.length, c.unit),
    "truncate": lambda c: texts.truncate(c.text, _length(c), c.ending),
    "between": lambda c: texts.between(c.text, c.before, c.after),
    "pad": lambda c: texts.pad(c.text, _length(c), c.side, c.fill),
    "repeat": lambda c: texts.repeat(c.text, c.times, c.separator),
    "reverse": lambda c: c.text[::-1],
    "length": lambda c: texts.measure(c.text, c.unit),
    "count": lambda c: texts.occurrences(c.text, c.find, case_sensitive=c.case_sensitive),
    "find": lambda c: c.text.find(c.find) if c.case_sensitive else c.text.lower().find(c.find.lower()),
    "encode": lambda c: codecs.encode(c.text, c.encoding),
    "decode": lambda c: codecs.decode(c.text, c.encoding),
}
_LISTS = frozenset({"split", "between"})
_NUMBERS = frozenset({"length", "count", "find"})
_NEED_LENGTH = frozenset({"truncate", "pad"})
_NEED_FIND = frozenset({"replace", "count", "find"})


def _length(config: TextConfig) -> int:
    return 0 if config.length is None else max(0, config.length)


class TextNode(Node[TextConfig]):
    """Joins, cuts and changes texts."""

    type = "text"
    title = _("Text")
    description = _("Joins, splits, replaces, cuts, measures or encodes text.")
    group = "transform"
    icon = "text_fields"
    Config = TextConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """What the operation makes."""
        if config.operation in _LISTS:
            return {
                "output": Output("array[string]", _("The pieces")),
                "count": Output("integer", _("How many")),
            }
        if config.operation in _NUMBERS:
            return {"output": Output("integer", _("The number"))}
        return {"output": Output("string", _("The text"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Operands that the operation can't do without."""
        if config.operation in _NEED_LENGTH and config.length is None:
            yield "length", Sentence(_("Say how long the text may be."))
        if config.operation in _NEED_FIND and config.find == "":
            yield "find", Sentence(_("Say which text to look for."))
        if config.operation == "between" and config.before == "" and config.after == "":
            yield "before", Sentence(_("Give at least one of the two texts."))

    def run(self, ctx: NodeContext, config: TextConfig) -> Result:
        """Do it. Raises `NodeError` (text_failed)."""
        try:
            made = _OPERATIONS[config.operation](config)
        except ValueError as error:
            raise NodeError(str(error), code="text_failed") from error
        if isinstance(made, list):
            return Result({"output": made, "count": len(made)})
        return Result({"output": made})
