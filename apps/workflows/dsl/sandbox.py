"""The Jinja2 environment of templates: plain data in, text out, and nothing of Python to get hold of.

Jinja2's own sandbox keeps templates away from Python's internals. This one goes further, because templates come from
people who share a process: attributes exist only on objects of the data and on a short list of methods; loops, macros
and everything that makes text or lists longer count against a budget per rendering.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import monotonic
from typing import Any

from jinja2 import ChainableUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from apps.workflows.dsl.sentences import Sentence, _
from apps.workflows.dsl.types import text

#: Characters that one rendering may produce, inner pieces included.
MAX_OUTPUT = 1_000_000
#: Rounds of loops and calls of macros in one rendering.
MAX_ROUNDS = 100_000
MAX_RANGE = 10_000
MAX_ITEMS = 100_000
#: Looked at in every round; a single step is bounded by the sizes above.
MAX_SECONDS = 2.0
_MAX_BITS = 4_096

#: The name under which the budget travels; templates can't write it, names with two underscores are refused.
BUDGET = "__budget__"


class Refused(SecurityError):
    """A template does what it may not, or reached one of its limits."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class Budget:
    """What one rendering may still use up."""

    __slots__ = ("characters", "deadline", "rounds")

    def __init__(self) -> None:
        self.characters = MAX_OUTPUT
        self.rounds = MAX_ROUNDS
        self.deadline = monotonic() + MAX_SECONDS

    def say(self, count: int) -> None:
        """Count characters; raises SecurityError when they are used up."""
        self.characters -= count
        if self.characters < 0:
            raise Refused(_("A template may produce at most {limit:,} characters.", limit=MAX_OUTPUT))

    def tick(self) -> None:
        """Count a round of a loop or a call of a macro."""
        self.rounds -= 1
        if self.rounds < 0:
            raise Refused(_("A template may go through at most {limit:,} rounds.", limit=MAX_ROUNDS))
        if monotonic() > self.deadline:
            raise Refused(_("A template may take at most {limit:g} seconds.", limit=MAX_SECONDS))


def _budget(context: Context) -> Budget:
    found: Budget = context.parent[BUDGET]
    return found


def _is_data(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | dict | list | tuple | Iterator)


@pass_context
def _finalize(context: Context, value: Any) -> str:
    """Each printed value as text: JSON for what is not text, nothing for what is missing."""
    shown = text(list(value) if isinstance(value, Iterator) else value) if _is_data(value) else ""
    _budget(context).say(len(shown))
    return shown


@pass_context
def _counted(context: Context, items: Any) -> Iterator[Any]:
    """The items of a loop, each counted."""
    tick = _budget(context).tick
    for item in items:
        tick()
        yield item


@pass_context
def _called(context: Context, value: Any) -> Any:
    """First thing in every macro: a call is a round."""
    _budget(context).tick()
    return value


@pass_context
def _joined(context: Context, items: list[Any]) -> str:
    """``a ~ b``, counted."""
    result = "".join("" if isinstance(item, ChainableUndefined) else text(item) for item in items)
    _budget(context).say(len(result))
    return result


def _small(value: Any, most: int = 1_000) -> int:
    number = int(value)
    if abs(number) > most:
        raise Refused(_("{number} is too large here; at most {most:,}.", number=number, most=most))
    return number


def _plain(value: Any) -> str:
    return "" if isinstance(value, ChainableUndefined) else text(value)


def replace_text(value: Any, old: Any, new: Any, count: Any = -1) -> str:
    """`str.replace` that can't explode; replacing the empty text is refused."""
    source, old, new = _plain(value), _plain(old), _plain(new)
    if not old:
        raise Refused(_("replace needs a text to look for."))
    if source.count(old) * len(new) > MAX_OUTPUT:
        raise Refused(_("A template may produce at most {limit:,} characters.", limit=MAX_OUTPUT))
    return source.replace(old, new, int(count) if count is not None else -1)


def join_items(value: Any, glue: Any = "", attribute: Any = None) -> str:
    """The items of a list as one text."""
    items = list(value) if not isinstance(value, ChainableUndefined) else []
    if attribute is not None:
        items = [_member(item, attribute) for item in items]
    parts, joint = [_plain(item) for item in items], _plain(glue)
    if sum(map(len, parts)) + len(joint) * len(parts) > MAX_OUTPUT:
        raise Refused(_("A template may produce at most {limit:,} characters.", limit=MAX_OUTPUT))
    return joint.join(parts)


def _member(item: Any, name: Any) -> Any:
    return item.get(name) if isinstance(item, dict) else None


_FORMAT = re.compile(r"%(?:%|\(\w+\)|[-+ #0]{0,3}\d{0,3}(?:\.\d{0,3})?[sdifeEgGxXoc])")


def format_text(value: Any, *args: Any, **kwargs: Any) -> str:
    """``"%.2f" | format(x)`` with widths of at most three digits."""
    pattern = str(value)
    if "%" in _FORMAT.sub("", pattern) or len(pattern) > 10_000:
        raise Refused(_("format knows %s, %d, %f, %e, %g, %x and %o with widths of up to three digits."))
    try:
        return pattern % (kwargs or args)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise Refused(_("format: {detail}", detail=str(error))) from error


def to_json(value: Any, indent: Any = None) -> str:
    """A value as JSON, readable when an indent is given."""
    if isinstance(value, ChainableUndefined):
        return "null"
    return json.dumps(value, ensure_ascii=False, default=str, indent=_small(indent, 8) if indent else None)


def _bounded(function: Callable[..., Any], position: int) -> Callable[..., Any]:
    """A filter of Jinja2 whose argument at `position` is a size: small ones pass."""

    def bounded(value: Any, *args: Any, **kwargs: Any) -> Any:
        for argument in (*args[position : position + 1], *kwargs.values()):
            if isinstance(argument, int | float):
                _small(argument)
        return function(value, *args, **kwargs)

    return bounded


#: Filters of Jinja2 that stay as they are: they neither grow their input nor draw lots.
_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "groupby",
    "int",
    "items",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "striptags",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
    "truncate",
]
_TESTS = [
    "boolean",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
    "upper",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
]

#: Methods that templates may call on values, because people know them from Python.
_METHODS: dict[type, frozenset[str]] = {
    dict: frozenset({"get", "items", "keys", "values"}),
    str: frozenset(
        [
            "upper",
            "lower",
            "title",
            "capitalize",
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "find",
            "count",
            "isdigit",
            "isalpha",
            "isalnum",
            "replace",
            "join",
        ]
    ),
    list: frozenset({"index", "count"}),
}


def callable_methods() -> frozenset[str]:
    """Names that, called on a value, are methods and not keys of its data."""
    return frozenset().union(*_METHODS.values())


_LOOP = frozenset(
    [
        "index",
        "index0",
        "revindex",
        "revindex0",
        "first",
        "last",
        "length",
        "depth",
        "previtem",
        "nextitem",
        "changed",
        "cycle",
    ]
)
_MINE: dict[tuple[type, str], Callable[..., Any]] = {
    (str, "replace"): replace_text,
    (str, "join"): lambda glue, items: join_items(items, glue),
}


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 with attribute access on plain data only, and a budget for whatever grows."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=ChainableUndefined,
            finalize=_finalize,
            keep_trailing_newline=True,
            autoescape=False,
            cache_size=0,
            # folding constants would run filters while compiling, outside of any budget
            optimized=False,
        )
        self.filters = self._allowed_filters()
        self.tests = {name: test for name, test in self.tests.items() if name in _TESTS}
        self.globals = {"range": _range, "dict": dict, "namespace": Namespace}

    def _allowed_filters(self) -> dict[str, Callable[..., Any]]:
        own: dict[str, Callable[..., Any]] = {name: self.filters[name] for name in _FILTERS}
        for name, position in (("center", 0), ("indent", 0), ("batch", 0), ("slice", 0), ("wordwrap", 0)):
            own[name] = _bounded(self.filters[name], position)
        own |= {"replace": replace_text, "join": join_items, "format": format_text}
        own |= {"tojson": to_json, "string": _plain}
        return own | {"_counted": _counted, "_called": _called, "_joined": _joined}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``: a key of an object, a listed method, or missing. `secure` marks calls by ``()``."""
        called = attribute.endswith("()")
        attribute = attribute.removesuffix("()")
        if isinstance(obj, dict):
            # data.items is the key of that name, where there is one; data.items() is always the method
            if attribute in obj and not called:
                return obj[attribute]
        elif isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _LOOP else self.undefined(name=attribute)
        elif isinstance(obj, Namespace):
            hidden = attribute.startswith("_")
            return self.undefined(name=attribute) if hidden else getattr(obj, attribute, self.undefined())
        elif isinstance(obj, ChainableUndefined):
            return obj
        for kind, methods in _METHODS.items():
            if isinstance(obj, kind) and attribute in methods:
                mine = _MINE.get((kind, attribute))
                return partial(mine, obj) if mine else getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``: a key of an object, a position of a list or text, or missing."""
        if isinstance(obj, ChainableUndefined):
            return obj
        if isinstance(obj, dict | list | tuple | str):
            try:
                return obj[argument]
            except (KeyError, IndexError, TypeError):
                pass
        return self.undefined(obj=obj, name=str(argument))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Nothing is reached by Jinja2's own way."""
        return False

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic whose result has a size that was looked at before."""
        _BINOPS[operator](left, right)
        return super().call_binop(context, operator, left, right)


def _range(*args: Any) -> range:
    found = range(*(_small(argument, 10**9) for argument in args))
    if len(found) > MAX_RANGE:
        raise Refused(_("A range may have at most {limit:,} items.", limit=MAX_RANGE))
    return found


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


def _may_add(left: Any, right: Any) -> None:
    if _size(left) + _size(right) > (MAX_OUTPUT if isinstance(left, str) else MAX_ITEMS):
        raise Refused(_("The result of + is too long."))


def _may_multiply(left: Any, right: Any) -> None:
    for many, times in ((left, right), (right, left)):
        if _size(many) and isinstance(times, int) and _size(many) * times > MAX_ITEMS:
            raise Refused(_("The result of * is too long."))
    if (
        isinstance(left, int)
        and isinstance(right, int)
        and left.bit_length() + right.bit_length() > _MAX_BITS
    ):
        raise Refused(_("The result of * is too large."))


def _may_raise(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MAX_BITS:
        raise Refused(_("The result of ** is too large."))


def _may_take_rest(left: Any, _right: Any) -> None:
    if isinstance(left, str):
        raise Refused(_("Use the filter format on texts; it stands for the operator %."))


_BINOPS: dict[str, Callable[[Any, Any], None]] = {
    "+": _may_add,
    "*": _may_multiply,
    "**": _may_raise,
    "%": _may_take_rest,
}

#: What a template may not do at all: reach other templates, or call itself without end.
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
}


#: Names that Jinja2 gives to itself.
HIDDEN = frozenset({"self", "super", "caller", "varargs", "kwargs"})


def refuse(tree: nodes.Template) -> None:
    """Raise SecurityError for what a template may not do at all."""
    for node in tree.find_all(nodes.Node):
        refused = _REFUSED.get(type(node))
        if refused:
            raise Refused(_("{refused} can't be used in a template.", refused=refused))
        if isinstance(node, nodes.Name) and (node.name.startswith("__") or node.name in HIDDEN):
            raise Refused(_("{name} can't be used in a template.", name=node.name))
        if isinstance(node, nodes.For) and node.recursive:
            raise Refused(_("A loop can't be recursive."))


def secure(tree: nodes.Template) -> nodes.Template:
    """Count loops, macros and joined texts of a parsed template, and mark calls of methods."""
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.For):
            node.iter = _filtered(node.iter, "_counted")
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            if node.node.attr in callable_methods():
                node.node.attr += "()"
        elif isinstance(node, nodes.Macro | nodes.CallBlock):
            node.body.insert(0, nodes.Output([_filtered(nodes.Const(""), "_called")]))
    return _count_joins(tree)


def _count_joins(tree: nodes.Template) -> nodes.Template:
    """Replace every ``a ~ b`` by a counted one, wherever it stands."""
    for node in [tree, *tree.find_all(nodes.Node)]:
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(node, name, _counted_join(value))
            elif isinstance(value, list):
                value[:] = [_counted_join(item) if isinstance(item, nodes.Concat) else item for item in value]
    return tree


def _counted_join(node: nodes.Concat) -> nodes.Filter:
    return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")


def _filtered(value: Any, name: str) -> nodes.Filter:
    return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)


def printable(values: Iterable[Any]) -> str:
    """Pieces of a template that needs no Jinja2, within the limit of characters."""
    result = "".join(values)
    if len(result) > MAX_OUTPUT:
        raise Refused(_("A template may produce at most {limit:,} characters.", limit=MAX_OUTPUT))
    return result


ENVIRONMENT = TemplateEnvironment()
