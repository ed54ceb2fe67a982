"""References: ``$.node.output.path[0]``.

A path of names and positions is compiled to direct access (`_ACCESS`), because every value of every node goes through
one; whatever JSONPath (RFC 9535) offers beyond that is left to `jsonpath`. A query gives a list of what it found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.workflows.dsl.errors import ReferenceSyntaxError
from apps.workflows.dsl.jsonpath import MAX_LENGTH, compile_query
from apps.workflows.dsl.scope import ITEM, Scope
from apps.workflows.dsl.sentences import Text, _

Step = str | int

#: What a node's id looks like; only the first segment of a reference may hold a hyphen.
NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,63}"
_KEY = r"[A-Za-z_\u0080-\uffff\U00010000-\U0010ffff][A-Za-z0-9_\u0080-\uffff\U00010000-\U0010ffff]*"
_QUOTED = r"'(?:[^'\\\x00-\x1f]|\\.)*'|\"(?:[^\"\\\x00-\x1f]|\\.)*\""
_STEP = re.compile(rf"\.({_KEY})|\[(-?(?:0|[1-9][0-9]{{0,15}}))\]|\[({_QUOTED})\]")
_HEAD = re.compile(rf"\$\.({NAME})|@")
#: One more piece of a path inside an expression, where something else may follow it.
_PIECE = re.compile(rf"\.\.?(?:{_KEY}|\*)|\.\.(?=\[)")


@dataclass(frozen=True, slots=True)
class Reference:
    """A compiled reference.

    root: the first name, a node's id or a namespace (``@`` for the item of a list).
    path: the names and positions that follow, as far as they are plain.
    plain: whether `path` is all there is; a query always gives a list.
    roots: every first name it reads, more than one only for a query with filters.
    """

    text: str
    root: str
    path: tuple[Step, ...]
    plain: bool
    roots: frozenset[str]
    #: the value, None when there is none
    get: Callable[[Scope], Any]

    def resolve(self, scope: Scope) -> Any:
        """The value, None when there is none; for a query the list of what it found."""
        return self.get(scope)

    def present(self, scope: Scope) -> bool:
        """Whether something is there, be it null."""
        if not self.plain:
            return bool(self.get(scope))
        try:
            value = scope.get(self.root)
        except KeyError:
            return False
        if value is None:
            return False
        for step in self.path:
            if not _has(value, step):
                return False
            value = value[step]
        return True

    @property
    def output(self) -> str | None:
        """The name right after the root: the output of the node, if there is one."""
        return self.path[0] if self.path and isinstance(self.path[0], str) else None

    def __str__(self) -> str:
        return self.text


def _has(value: Any, step: Step) -> bool:
    if isinstance(step, int):
        return isinstance(value, list) and -len(value) <= step < len(value)
    return isinstance(value, dict) and step in value


def is_reference(value: Any) -> bool:
    """Whether a value of a document is meant as a reference: a text that begins with ``$.``."""
    return isinstance(value, str) and value.startswith("$.")


@lru_cache(maxsize=16_384)
def compile_reference(source: str) -> Reference:
    """Compile a reference; equal texts share one. Raises ReferenceSyntaxError."""
    if len(source) > MAX_LENGTH:
        raise ReferenceSyntaxError(_("A reference may have at most {limit} characters.", limit=MAX_LENGTH))
    head = _HEAD.match(source)
    if head is None:
        raise ReferenceSyntaxError(
            _(
                "{shown!r} is no reference: $. must be followed by the name of a node."
                " Text that only looks like one is written {{'$literal': '…'}}.",
                shown=_shorten(source),
            )
        )
    root = head.group(1) or ITEM
    path, end = _read_path(source, head.end())
    if end == len(source):
        return Reference(source, root, path, True, frozenset({root}), _accessor(root, path))
    if source[end] not in ".[":
        raise ReferenceSyntaxError(
            _(
                "{shown!r} is no reference: {character!r} can't follow {before!r}.{hint}",
                shown=_shorten(source),
                character=source[end],
                before=source[:end],
                hint=_hint(source[end]),
            )
        )
    find, names = compile_query(root, source[head.end() :])
    return Reference(source, root, path, False, names | {root}, _finder(find))


def _hint(character: str) -> Text:
    if character == "-":
        return _(" A name with a hyphen is written ['…'].")
    return _(" Text that only looks like a reference is written {{'$literal': '…'}}.")


def _shorten(source: str) -> str:
    return source if len(source) <= 60 else f"{source[:59]}…"


def _read_path(source: str, position: int) -> tuple[tuple[Step, ...], int]:
    """Plain steps from `position` on, and where they end."""
    steps: list[Step] = []
    while match := _STEP.match(source, position):
        name, index, quoted = match.groups()
        if name is not None:
            steps.append(name)
        elif index is not None:
            steps.append(int(index))
        else:
            steps.append(_unquote(quoted))
        position = match.end()
    return tuple(steps), position


def _unquote(quoted: str) -> str:
    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner
    if quoted[0] == "'":
        inner = re.sub(r"\\.|\"", _as_json_escape, inner)
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise ReferenceSyntaxError(
            _("{quoted} has an escape that JSON doesn't know.", quoted=quoted)
        ) from None


def _as_json_escape(match: re.Match[str]) -> str:
    found = match.group()
    return {"\\'": "'", '"': '\\"'}.get(found, found)


def quote_step(step: Step) -> str:
    """A step as it is written in a reference."""
    if isinstance(step, int):
        return f"[{step}]"
    if re.fullmatch(_KEY, step):
        return f".{step}"
    escaped = json.dumps(step, ensure_ascii=False)
    return f"[{escaped}]"


def scan_reference(source: str, start: int) -> int:
    """Where the reference that begins at `start` ends, for expressions. Raises ReferenceSyntaxError."""
    head = _HEAD.match(source, start)
    if head is None:
        raise ReferenceSyntaxError(_("$ must be followed by .name"))
    position = head.end()
    while position < len(source):
        if piece := _PIECE.match(source, position):
            position = piece.end()
        elif source[position] == "[":
            position = _closing_bracket(source, position)
        else:
            break
    return position


def _closing_bracket(source: str, start: int) -> int:
    depth, position, quote = 0, start, ""
    while position < len(source):
        character = source[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    raise ReferenceSyntaxError(_("A [ is never closed"))


def _finder(find: Callable[[Scope], list[Any]]) -> Callable[[Scope], Any]:
    def get(scope: Scope) -> Any:
        try:
            return find(scope)
        except LookupError:
            return []

    return get


def _accessor(root: str, path: tuple[Step, ...]) -> Callable[[Scope], Any]:
    """Direct access for the commonest shapes; a loop for the rest."""
    if all(isinstance(step, str) for step in path) and len(path) in _ACCESS:
        return _ACCESS[len(path)](root, *path)
    return _walk(root, path)


# A missing name raises KeyError, a name below something that is not an object TypeError: either way there is no value.
_NOTHING = (KeyError, TypeError, IndexError)


def _access_0(root: str) -> Callable[[Scope], Any]:
    def get(scope: Scope) -> Any:
        try:
            return scope.get(root)
        except KeyError:
            return None

    return get


def _access_1(root: str, first: Any) -> Callable[[Scope], Any]:
    def get(scope: Scope) -> Any:
        try:
            return scope.get(root)[first]
        except _NOTHING:
            return None

    return get


def _access_2(root: str, first: Any, second: Any) -> Callable[[Scope], Any]:
    def get(scope: Scope) -> Any:
        try:
            return scope.get(root)[first][second]
        except _NOTHING:
            return None

    return get


def _access_3(root: str, first: Any, second: Any, third: Any) -> Callable[[Scope], Any]:
    def get(scope: Scope) -> Any:
        try:
            return scope.get(root)[first][second][third]
        except _NOTHING:
            return None

    return get


_ACCESS: dict[int, Callable[..., Callable[[Scope], Any]]] = {
    0: _access_0,
    1: _access_1,
    2: _access_2,
    3: _access_3,
}


def _walk(root: str, path: tuple[Step, ...]) -> Callable[[Scope], Any]:
    def get(scope: Scope) -> Any:
        try:
            value = scope.get(root)
            for step in path:
                # a position in a text or a dict is nothing, whatever Python makes of it
                if type(step) is int and type(value) is not list:
                    return None
                value = value[step]
        except _NOTHING:
            return None
        return value

    return get
