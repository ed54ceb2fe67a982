"""One SQL statement as somebody wrote it: taken apart, judged, and made ready to run with bound parameters.

The judgement is the outer wall; the inner one is the role the statement runs under, which owns nothing and may only
touch the rows of its workspace's tables. Between them lies what PostgreSQL lets every role do: read the catalogue,
call functions that run SQL from a text or change settings, keep the server busy. So functions are allowed by name,
and names of the catalogue are refused wherever they stand. Lexical rules: PostgreSQL documentation, 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid
from apps.workflows.tables.functions import FUNCTIONS, SYNTAX

MAX_CHARS: Final = 50_000

_FIRST: Final = frozenset({"select", "with", "insert", "update", "delete", "values", "table"})
_WRITES: Final = frozenset({"insert", "update", "delete", "merge"})
_FORBIDDEN_WORDS: Final = frozenset(
    {
        "current_user", "session_user", "user", "current_role", "current_catalog", "current_schema", "system_user",
    }
)  # fmt: skip
_FORBIDDEN_NAMES: Final = frozenset(
    {
        "information_schema", "tableoid", "xmin", "xmax", "cmin", "cmax", "regclass", "regproc", "regprocedure",
        "regoper", "regoperator", "regtype", "regrole", "regnamespace", "regconfig", "regdictionary", "regcollation",
    }
)  # fmt: skip
_FORBIDDEN_PREFIXES: Final = ("pg_", "fw_ws_")
# `name (` after one of these begins a list of columns, not a call
_BEFORE_COLUMNS: Final = frozenset({"into", "as", "with", "recursive"})

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+|--[^\r\n]*)
    |(?P<comment>/\*)
    |(?P<unicode>[uU]&['"])
    |(?P<escaped>[eE]'(?:[^'\\]|''|\\.)*')
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<number>\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<cast>::)
    |(?P<parameter>:[A-Za-z_][A-Za-z0-9_]*)
    |(?P<word>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*)
    |(?P<mark>[-+*/<>=~!@\#%^&|`?.,;:()\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_UPPER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` as in the expression above; `value` is a name as PostgreSQL would read it."""

    kind: str
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Ready to run: `text` with ``%(name)s`` places, and the names it takes.

    `writes`: it changes rows. `silent`: it certainly gives no rows back.
    """

    text: str
    parameters: tuple[str, ...]
    writes: bool
    silent: bool


def parse(source: str, *, read_only: bool = False) -> Statement:
    """Judge a statement. Raises Invalid with the reason."""
    tokens = tokenize(source)
    while tokens and tokens[-1].value == ";":
        tokens.pop()
    solid = [token for token in tokens if token.kind != "space"]
    if not solid:
        raise _refused(_("The statement is empty."))
    _check_kind(solid)
    for position, token in enumerate(solid):
        _check_token(token, solid, position)
    writes = any(token.kind == "word" and token.value in _WRITES for token in solid)
    if writes and read_only:
        raise _refused(_("This node only reads: statements that change rows are switched off in it."))
    return Statement(
        "".join(_rendered(token) for token in tokens),
        tuple(dict.fromkeys(token.value for token in solid if token.kind == "parameter")),
        writes,
        silent=solid[0].value in _WRITES and all(token.value != "returning" for token in solid),
    )


def bind(statement: Statement, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the statement's parameters. Raises Invalid when one is missing."""
    missing = [name for name in statement.parameters if name not in given]
    if missing:
        raise _refused(
            _("The parameter “:%(name)s” has no value. Add it to the node's parameters.")
            % {"name": missing[0]}
        )
    return {name: given[name] for name in statement.parameters}


def tokenize(source: str) -> list[Token]:
    """Take a text apart; comments become spaces. Raises Invalid for what PostgreSQL could read differently."""
    if len(source) > MAX_CHARS:
        raise _refused(_("The statement is longer than %(limit)d characters.") % {"limit": MAX_CHARS})
    if "\x00" in source:
        raise _refused(_("The statement holds a character that is not allowed."))
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise _refused(
                _("The statement can't be read from “%(rest)s” on.")
                % {"rest": source[position : position + 20]}
            )
        kind = match.lastgroup or ""
        position = match.end()
        if kind == "comment":
            position = _end_of_comment(source, position)
            kind = "space"
        tokens.append(_token(kind, match.group()))
    return tokens


def _token(kind: str, text: str) -> Token:
    if kind == "unicode":
        raise _refused(_("Texts and names with Unicode escapes (U&) are not allowed."))
    if kind == "space":
        # one space in place of a comment: the words around it stay apart
        return Token(kind, " ", " ")
    if kind == "quoted":
        return Token(kind, text[1:-1].replace('""', '"'), text)
    if kind == "parameter":
        return Token(kind, text[1:], text)
    return Token(kind, text.translate(_UPPER) if kind == "word" else text, text)


def _end_of_comment(source: str, position: int) -> int:
    """Comments nest."""
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(source, position):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    raise _refused(_("A comment has no end."))


def _rendered(token: Token) -> str:
    if token.kind == "parameter":
        return f"%({token.value})s"
    return token.text.replace("%", "%%")


def _check_kind(tokens: list[Token]) -> None:
    first = next((token for token in tokens if token.value != "("), tokens[0])
    if first.kind != "word" or first.value not in _FIRST:
        raise _refused(
            _("Only SELECT, INSERT, UPDATE, DELETE, WITH and VALUES can be run, not “%(word)s”.")
            % {"word": first.text[:30]}
        )


def _check_token(token: Token, tokens: list[Token], position: int) -> None:
    before = tokens[position - 1] if position else None
    after = tokens[position + 1] if position + 1 < len(tokens) else None
    if token.kind == "mark" and token.value == ";":
        raise _refused(_("One statement at a time: take the “;” and what follows it out."))
    if token.kind in ("word", "quoted"):
        _check_name(token)
        if token.kind == "word":
            _check_word(token, before)
        if after is not None and after.value == "(" and after.kind == "mark":
            _check_call(token, before)


def _check_name(token: Token) -> None:
    name = token.value.translate(_UPPER)
    if name.startswith(_FORBIDDEN_PREFIXES) or name in _FORBIDDEN_NAMES:
        raise _refused(
            _("“%(name)s” can't be used: statements see the workspace's tables only.") % {"name": name[:60]}
        )


def _check_word(token: Token, before: Token | None) -> None:
    if token.value in _FORBIDDEN_WORDS and not (before is not None and before.value == "."):
        raise _refused(_("“%(name)s” can't be used here.") % {"name": token.text})
    if token.value == "into" and not (before is not None and before.value in {"insert", "merge"}):
        raise _refused(_("SELECT INTO would make a table. Tables are made under Build → Data tables."))


def _check_call(token: Token, before: Token | None) -> None:
    """`token` stands before an opening bracket."""
    if before is not None and before.kind == "mark" and before.value == ".":
        raise _refused(_("Write “%(name)s” without the schema before it.") % {"name": token.value[:60]})
    if token.kind == "word" and token.value in SYNTAX:
        return
    if before is not None and before.kind == "word" and before.value in _BEFORE_COLUMNS:
        return
    if token.value not in FUNCTIONS:
        raise _refused(
            _("The function “%(name)s” is not available in statements.") % {"name": token.value[:60]}
        )


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"statement": [sentence]})
