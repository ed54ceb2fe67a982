"""Templates: sandboxed Jinja2 over the same names as references, ``{{ node.output }}``.

Most templates only put references and text one after the other. Those are split into `parts` and never meet Jinja2,
which makes them fast, and lets an answer stream while its parts arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template as Program
from jinja2 import TemplateError as JinjaError
from jinja2 import TemplateSyntaxError as JinjaSyntaxError
from jinja2 import meta, nodes

from apps.workflows.dsl.errors import LanguageError, ReferenceSyntaxError, TemplateError, TemplateSyntaxError
from apps.workflows.dsl.references import Reference, Step, compile_reference, quote_step
from apps.workflows.dsl.sandbox import (
    BUDGET,
    ENVIRONMENT,
    HIDDEN,
    Budget,
    callable_methods,
    printable,
    refuse,
    secure,
)
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.sentences import _, cause
from apps.workflows.dsl.types import text

MAX_LENGTH = 200_000
_MAX_NESTING = 50

_WORDS = frozenset(
    {"true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else"}
)
#: A node's id without a hyphen, which Jinja2 takes for a minus.
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_STEPS = r"(?:\.[A-Za-z_]\w*|\[(?:0|[1-9]\d{0,9})\]|\['[^'\\\n]*'\]|\[\"[^\"\\\n]*\"\])*"
_PRINT = re.compile(rf"\{{\{{\s*(({_NAME}){_STEPS})\s*\}}\}}", re.ASCII)
_MARK = re.compile(r"\{[{%#]")

#: Ids of nodes that templates can't read, because the word means something else there.
RESERVED_WORDS = _WORDS | frozenset(ENVIRONMENT.globals) | HIDDEN | {"ref", "loop"}

Part = str | Reference


def is_template(value: Any) -> bool:
    """Whether a value of a document is meant as a template: a text with ``{{`` or ``{%``."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


class Template:
    """A compiled template.

    parts: text and references in order, when it only concatenates them; None when it does more.
    references: what it reads, each once, in the order of their first use.
    """

    __slots__ = ("_embedded", "_names", "_program", "parts", "references", "source")

    def __init__(self, source: str) -> None:
        """Compile; raises TemplateSyntaxError."""
        self.source = source
        self._program: Program | None = None
        self._names: tuple[str, ...] = ()
        self._embedded: tuple[tuple[str, Reference], ...] = ()
        self.parts = _quick_parts(source)
        self.references = _unique(part for part in self.parts or () if isinstance(part, Reference))
        if self.parts is None:
            self._compile()

    def _compile(self) -> None:
        try:
            self._read(_parse(self.source))
        except JinjaSyntaxError as error:
            raise TemplateSyntaxError(cause(error), error.lineno) from error
        except JinjaError as error:
            raise TemplateSyntaxError(cause(error) or _("The template can't be read.")) from error
        except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
            if isinstance(error, LanguageError):
                raise TemplateSyntaxError(error.sentence) from error
            raise TemplateSyntaxError(_("The template is nested too deeply.")) from error

    def _read(self, tree: nodes.Template) -> None:
        refuse(tree)
        names = meta.find_undeclared_variables(tree) - set(ENVIRONMENT.globals) - {"ref"}
        self.parts = _parts_of(tree, names)
        self.references = _unique(_references_of(tree, names))
        if self.parts is None:
            self._names = tuple(sorted(names))
            tree = secure(tree)
            self._embedded = _embed_queries(tree)
            code = ENVIRONMENT.compile(tree, filename="<template>")
            self._program = Program.from_code(ENVIRONMENT, code, ENVIRONMENT.globals)

    @property
    def single(self) -> Reference | None:
        """The reference, when the template is nothing but one."""
        if self.parts is not None and len(self.parts) == 1 and isinstance(self.parts[0], Reference):
            return self.parts[0]
        return None

    def render(self, scope: Scope, values: Mapping[str, Any] | None = None) -> str:
        """The text; `values` are names that come before those of the scope. Raises TemplateError."""
        try:
            if self._program is None:
                return self._concatenate(scope, values)
            return self._run(self._program, scope, values)
        except JinjaError as error:
            raise TemplateError(cause(error) or _("The template failed.")) from error
        except RecursionError as error:
            raise TemplateError(_("The template calls itself without end.")) from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            # what an operation makes of data it does not fit: text plus number, division by zero, a missing argument
            raise TemplateError(_("The template failed: {detail}", detail=str(error))) from error

    def _concatenate(self, scope: Scope, values: Mapping[str, Any] | None) -> str:
        around: Scope = scope if values is None else _Overlay(scope, values)
        return printable(
            [part if isinstance(part, str) else text(part.get(around)) for part in self.parts or ()]
        )

    def _run(self, program: Program, scope: Scope, values: Mapping[str, Any] | None) -> str:
        variables: dict[str, Any] = dict(values) if values else {}
        for name in self._names:
            if name not in variables:
                try:
                    found = scope.get(name)
                except KeyError:
                    continue
                if found is not None:
                    variables[name] = found
        for name, reference in self._embedded:
            variables[name] = reference.get(scope)
        variables[BUDGET] = Budget()
        return "".join(program.root_render_func(program.new_context(variables)))

    def __repr__(self) -> str:
        return f"Template({self.source!r})"


class _Overlay:
    """A scope in which some names have values of their own."""

    __slots__ = ("_scope", "_values")

    def __init__(self, scope: Scope, values: Mapping[str, Any]) -> None:
        self._scope = scope
        self._values = values

    def get(self, name: str, /) -> Any:
        return self._values[name] if name in self._values else self._scope.get(name)


@lru_cache(maxsize=4_096)
def compile_template(source: str) -> Template:
    """Compile a template; equal texts share one. Raises TemplateSyntaxError."""
    return Template(source)


def _parse(source: str) -> nodes.Template:
    if len(source) > MAX_LENGTH:
        raise TemplateSyntaxError(_("A template may have at most {limit:,} characters.", limit=MAX_LENGTH))
    depth = 0
    for character in source:
        depth += (character in "([{") - (character in ")]}")
        if depth > _MAX_NESTING * 4:
            raise TemplateSyntaxError(_("The template is nested too deeply."))
    return ENVIRONMENT.parse(source)


def _quick_parts(source: str) -> tuple[Part, ...] | None:
    """Parts without Jinja2, for templates that are written plainly; None when it has to have a look."""
    parts: list[Part] = []
    position = 0
    for match in _PRINT.finditer(source):
        before = source[position : match.start()]
        if match.group(2) in RESERVED_WORDS or not _is_text(before):
            return None
        if before:
            parts.append(_newlines(before))
        parts.append(compile_reference(f"$.{match.group(1)}"))
        position = match.end()
    rest = source[position:]
    if _MARK.search(rest):
        return None
    if rest:
        parts.append(_newlines(rest))
    return tuple(parts)


def _is_text(piece: str) -> bool:
    return not _MARK.search(piece) and not piece.endswith("{")


def _newlines(piece: str) -> str:
    """Line ends as Jinja2 has them."""
    return piece.replace("\r\n", "\n").replace("\r", "\n") if "\r" in piece else piece


def _parts_of(tree: nodes.Template, names: set[str]) -> tuple[Part, ...] | None:
    parts: list[Part] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                parts.append(node.data)
                continue
            reference = _reference(node, names)
            if reference is None:
                return None
            parts.append(reference)
    return tuple(parts)


def _references_of(node: nodes.Node, names: set[str]) -> Iterator[Reference]:
    """The longest chains of names that begin with a variable of the scope."""
    if isinstance(node, nodes.Call):
        called = node.node
        if isinstance(called, nodes.Getattr) and called.attr in callable_methods():
            yield from _references_of(called.node, names)
            for child in (*node.args, *node.kwargs):
                yield from _references_of(child, names)
            return
    if isinstance(node, nodes.Expr):
        reference = _reference(node, names)
        if reference is not None:
            yield reference
            return
    for child in node.iter_child_nodes():
        yield from _references_of(child, names)


def _reference(node: nodes.Node, names: set[str]) -> Reference | None:
    """The reference that an expression is, if it is one: a chain of names, or ``ref('$.…')``."""
    if _is_query(node):
        return _query(node)
    chain = _chain(node)
    if chain is None or chain[0] not in names:
        return None
    return compile_reference(f"$.{chain[0]}" + "".join(map(quote_step, chain[1])))


def _chain(node: nodes.Node) -> tuple[str, list[Step]] | None:
    steps: list[Step] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            steps.append(node.attr)
        elif isinstance(node, nodes.Getitem) and (step := _constant(node.arg)) is not None:
            steps.append(step)
        else:
            return None
        node = node.node
    return node.name, steps[::-1]


def _constant(node: nodes.Node) -> Step | None:
    if isinstance(node, nodes.Const) and type(node.value) in {str, int}:
        found: Step = node.value
        return found
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const) and type(node.node.value) is int:
        return -node.node.value
    return None


def _is_query(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "ref"


def _query(node: Any) -> Reference:
    if len(node.args) != 1 or not isinstance(node.args[0], nodes.Const) or node.kwargs:
        raise ReferenceSyntaxError(_("ref takes one text, such as ref('$.node.items[*].name')."))
    return compile_reference(str(node.args[0].value))


def _embed_queries(tree: nodes.Template) -> tuple[tuple[str, Reference], ...]:
    """Turn every ``ref('…')`` into a variable; which variable holds which reference."""
    found: list[tuple[str, Reference]] = []

    def replaced(value: Any) -> Any:
        if not (isinstance(value, nodes.Node) and _is_query(value)):
            return value
        name = f"__ref_{len(found)}"
        found.append((name, _query(value)))
        return nodes.Name(name, "load", lineno=value.lineno)

    for node in [tree, *tree.find_all(nodes.Node)]:
        for field, value in node.iter_fields():
            if isinstance(value, list):
                value[:] = [replaced(item) for item in value]
            else:
                setattr(node, field, replaced(value))
    return tuple(found)


def _unique(references: Iterator[Reference]) -> tuple[Reference, ...]:
    return tuple({reference.text: reference for reference in references}.values())
