"""JSONPath (RFC 9535) over one plain value, with the language's own limits."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from apps.workflows.dsl.errors import ReferenceSyntaxError
from apps.workflows.dsl.jsonpath import compile_query
from apps.workflows.dsl.scope import Scope
from apps.workflows.engine.errors import NodeError

_ROOT = "value"


@lru_cache(maxsize=1_000)
def _compile(path: str) -> Callable[[Scope], list[Any]]:
    if not path.startswith("$"):
        raise ReferenceSyntaxError("A path begins with $.")
    find, _names = compile_query(_ROOT, path[1:])
    return find


def problem(path: str) -> str:
    """Why this is no path; empty when it is one."""
    try:
        _compile(path)
    except ReferenceSyntaxError as error:
        return error.message
    return ""


def find(path: str, value: Any) -> list[Any]:
    """Every value at the path, in the document's order; raises `NodeError` (invalid_path)."""
    try:
        return _compile(path)({_ROOT: value})
    except (ReferenceSyntaxError, LookupError) as error:
        raise NodeError(str(error), code="invalid_path") from error
