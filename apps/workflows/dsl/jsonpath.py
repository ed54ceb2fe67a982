"""Queries beyond a plain path: JSONPath as RFC 9535 has it, without `match` and `search`.

Those two run patterns that a document brings along, which can keep a process busy for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from jsonpath import JSONPathEnvironment, JSONPathError
from jsonpath.filter import FilterQuery, RootFilterQuery
from jsonpath.path import CompoundJSONPath, JSONPath
from jsonpath.selectors import Filter, NameSelector

from apps.workflows.dsl.errors import ReferenceSyntaxError
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.sentences import _

#: More results than this are refused: a query gets no further than its cost.
MAX_RESULTS = 100_000
MAX_LENGTH = 2_000


class _Environment(JSONPathEnvironment):
    max_recursion_depth = 64

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        for name in ("match", "search"):
            self.function_extensions.pop(name, None)


_ENVIRONMENT = _Environment(strict=True)


class _Root(Mapping[str, Any]):
    """The scope as the document that a query runs over; its names can be read, not listed."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        value = self._scope.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def compile_query(root: str, rest: str) -> tuple[Callable[[Scope], list[Any]], frozenset[str]]:
    """A query ``$.<root><rest>`` as a function, and the names that its filters read from the scope.

    Raises ReferenceSyntaxError. The function returns a list; it is empty when nothing matches.
    """
    if len(rest) > MAX_LENGTH:
        raise ReferenceSyntaxError(_("A path may have at most {limit} characters.", limit=MAX_LENGTH))
    try:
        query = _ENVIRONMENT.compile(f"$[{root!r}]{rest}")
        names = frozenset(_root_names(query))
    except (JSONPathError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else _("nested too deeply")
        raise ReferenceSyntaxError(
            _("The path {rest!r} can't be read: {reason}.", rest=rest, reason=reason)
        ) from error
    if isinstance(query, CompoundJSONPath):
        raise ReferenceSyntaxError(_("Paths can't be joined by | or &."))

    def find(scope: Scope) -> list[Any]:
        try:
            found = [match.obj for match in islice(query.finditer(_Root(scope)), MAX_RESULTS + 1)]
        except (JSONPathError, RecursionError) as error:
            raise LookupError(f"The path {rest!r} can't be followed: {error}") from error
        if len(found) > MAX_RESULTS:
            raise LookupError(f"The path {rest!r} finds more than {MAX_RESULTS} values.")
        return found

    return find, names


def _root_names(query: Any) -> Iterator[str]:
    """First names after ``$`` inside the filters of a query."""
    for segment in query.segments if isinstance(query, JSONPath) else ():
        for selector in segment.selectors:
            if isinstance(selector, Filter):
                yield from _names_in(selector.expression)


def _names_in(expression: Any) -> Iterator[str]:
    if isinstance(expression, FilterQuery):
        if isinstance(expression, RootFilterQuery):
            yield _first_name(expression.path)
        yield from _root_names(expression.path)
        return
    for child in expression.children():
        yield from _names_in(child)


def _first_name(path: Any) -> str:
    first: tuple[Any, ...] = path.segments[0].selectors if path.segments else ()
    if len(first) != 1 or not isinstance(first[0], NameSelector):
        raise ReferenceSyntaxError(_("Inside a filter, $ must be followed by the name of a node."))
    return str(first[0].name)
