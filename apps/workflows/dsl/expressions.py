"""Conditions written as one text: ``$.order.amount > 1000 && $.customer == 'x'``.

The syntax is that of RFC 9535 filters with what people write besides: ``and``, ``or``, ``not``, ``in``, ``contains``,
arithmetic, and a few functions. A text is compiled once to functions that call each other; nothing is ever handed to
Python. Grammar, from loose to tight::

    or      = and { ("||" | "or") and }
    and     = not { ("&&" | "and") not }
    not     = ("!" | "not") not | compare
    compare = sum [ operator sum ]
    sum     = term { ("+" | "-") term }
    term    = sign { ("*" | "/" | "%") sign }
    sign    = "-" sign | atom
    atom    = number | text | true | false | null | reference | list | function "(" … ")" | "(" or ")"
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from apps.workflows.dsl import operators
from apps.workflows.dsl.errors import ConditionSyntaxError, ReferenceSyntaxError
from apps.workflows.dsl.references import Reference, compile_reference, scan_reference
from apps.workflows.dsl.scope import Scope
from apps.workflows.dsl.sentences import Text, _
from apps.workflows.dsl.types import text

MAX_LENGTH = 10_000
MAX_DEPTH = 40
MAX_SUMS = 200
_MAX_TEXT = 1_000_000
_MAX_BITS = 1_024

Evaluate = Callable[[Scope], Any]


class Token(NamedTuple):
    """A piece of an expression: what kind, its value, and where it begins."""

    kind: str
    value: Any
    position: int


_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGN = re.compile(r"&&|\|\||==|!=|<>|>=|<=|[≠≥≤=<>!+\-*/%(),\[\]]")
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None}
_JOINS = {"and": "&&", "or": "||", "not": "!"}
_COMPARE = {"==", "=", "!=", "<>", "≠", ">", ">=", "≥", "<", "<=", "≤"}
_WORD_OPERATORS = {"in", "contains", "starts_with", "ends_with", "all_of", "before", "after"}


def tokenize(source: str) -> list[Token]:
    """The pieces of an expression, with an end mark. Raises ConditionSyntaxError."""
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        if space := _SPACE.match(source, position):
            position = space.end()
            continue
        token, position = _next(source, position)
        tokens.append(token)
    return [*tokens, Token("end", "", len(source))]


def _next(source: str, start: int) -> tuple[Token, int]:
    if source[start] in "$@":
        try:
            end = scan_reference(source, start)
            return Token("reference", compile_reference(source[start:end]), start), end
        except ReferenceSyntaxError as error:
            raise _wrong(error.message.rstrip("."), source, start) from error
    if match := _NUMBER.match(source, start):
        return Token("constant", _number(match.group(), source, start), start), match.end()
    if match := _TEXT.match(source, start):
        return Token("constant", _unquote(match.group(), source, start), start), match.end()
    if match := _WORD.match(source, start):
        return _word(match.group(), start), match.end()
    if match := _SIGN.match(source, start):
        return Token("sign", match.group(), start), match.end()
    raise _wrong(_("{character!r} means nothing here", character=source[start]), source, start)


def _word(word: str, start: int) -> Token:
    lower = word.lower()
    if lower in _CONSTANTS:
        return Token("constant", _CONSTANTS[lower], start)
    if lower in _JOINS:
        return Token("sign", _JOINS[lower], start)
    return Token("word", lower, start)


def _number(found: str, source: str, start: int) -> int | float:
    if len(found) > 300:
        raise _wrong(_("The number is too long"), source, start)
    value = int(found) if found.isdigit() else float(found)
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(_("The number is too large"), source, start)
    return value


_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|\"|[\x00-\x1f]", re.DOTALL)


def _unquote(found: str, source: str, start: int) -> str:
    inner = _ESCAPE.sub(_json_escape, found[1:-1])
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise _wrong(_("The text has an escape that JSON doesn't know"), source, start) from None


def _json_escape(match: re.Match[str]) -> str:
    found = match.group()
    if found == "\\'":
        return "'"
    if found == '"':
        return '\\"'
    return json.dumps(found)[1:-1] if len(found) == 1 else found


def _wrong(message: Text, source: str, position: int) -> ConditionSyntaxError:
    line = source.count("\n", 0, position) + 1
    column = position - (source.rfind("\n", 0, position) + 1) + 1
    where = (
        _("line {line}, column {column}", line=line, column=column)
        if line > 1
        else _("column {column}", column=column)
    )
    return ConditionSyntaxError(_("{detail} ({where}).", detail=message, where=where))


def compile_expression(source: str) -> tuple[Evaluate, tuple[Reference, ...]]:
    """An expression as a function of the scope that gives a value, and the references it reads.

    The function never raises: what can't be computed is nothing. Raises ConditionSyntaxError.
    """
    if len(source) > MAX_LENGTH:
        raise ConditionSyntaxError(
            _("An expression may have at most {limit:,} characters.", limit=MAX_LENGTH)
        )
    parser = _Parser(source)
    return parser.parse(), tuple({found.text: found for found in parser.references}.values())


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokenize(source)
        self._position = 0
        self._depth = 0
        self._sums = 0
        self.references: list[Reference] = []

    def parse(self) -> Evaluate:
        if self._token.kind == "end":
            raise ConditionSyntaxError(_("The expression is empty."))
        result = self._or()
        if self._token.kind != "end":
            raise self._error()
        return result

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._token
        self._position += 1
        return token

    def _accept(self, *signs: str) -> str | None:
        token = self._token
        if token.kind == "sign" and token.value in signs:
            self._position += 1
            return str(token.value)
        return None

    def _expect(self, sign: str) -> None:
        if self._accept(sign) is None:
            raise self._error(_("{sign} is missing", sign=sign))

    def _error(self, message: Text = "") -> ConditionSyntaxError:
        token = self._token
        if token.kind == "end":
            message = message or "Something is missing at the end"
        return _wrong(
            message or _("{word!r} can't stand here", word=_shown(token)), self._source, token.position
        )

    def _or(self) -> Evaluate:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(_("The expression is nested too deeply"))
        parts = [self._and()]
        while self._accept("||"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else _any(parts)

    def _and(self) -> Evaluate:
        parts = [self._not()]
        while self._accept("&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else _all(parts)

    def _not(self) -> Evaluate:
        negations = 0
        while self._accept("!"):
            negations += 1
        inner = self._compare()
        if not negations:
            return inner
        return (lambda scope: not inner(scope)) if negations % 2 else (lambda scope: bool(inner(scope)))

    def _compare(self) -> Evaluate:
        left = self._sum()
        name = self._operator()
        if name is None:
            return left
        right_at = self._token
        right = self._sum()
        if self._token.kind == "sign" and self._token.value in _COMPARE:
            raise self._error(_("Comparisons can't be chained; join two of them with &&"))
        operator = operators.find_operator(name)
        if operator is None:
            raise self._error()
        return _test(operator.test, left, right, right_at if self._alone(right_at) else None)

    def _alone(self, token: Token) -> bool:
        """Whether the token just read is all of the right side."""
        return token.kind == "constant" and self._tokens[self._position - 1] is token

    def _operator(self) -> str | None:
        token = self._token
        if token.kind == "sign" and token.value in _COMPARE:
            return str(self._take().value)
        if token.kind == "word" and token.value in _WORD_OPERATORS:
            return str(self._take().value)
        following = self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        if token.kind == "sign" and token.value == "!" and following.value in {"in", "contains"}:
            self._position += 2
            return f"not {following.value}"
        return None

    def _sum(self) -> Evaluate:
        left = self._term()
        while sign := self._accept("+", "-"):
            left = self._arithmetic(sign, left, self._term())
        return left

    def _term(self) -> Evaluate:
        left = self._sign()
        while sign := self._accept("*", "/", "%"):
            left = self._arithmetic(sign, left, self._sign())
        return left

    def _arithmetic(self, sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
        # each one is a call inside the next, so their number is bounded like the depth of brackets
        self._sums += 1
        if self._sums > MAX_SUMS:
            raise self._error(_("An expression may have at most {limit} operations", limit=MAX_SUMS))
        return _arithmetic(sign, left, right)

    def _sign(self) -> Evaluate:
        negative = False
        while self._accept("-"):
            negative = not negative
        inner = self._atom()
        return _arithmetic("-", lambda _scope: 0, inner) if negative else inner

    def _atom(self) -> Evaluate:
        token = self._token
        if token.kind == "constant":
            value = self._take().value
            return lambda _scope: value
        if token.kind == "reference":
            self.references.append(self._take().value)
            get: Evaluate = token.value.get
            return get
        if token.kind == "word":
            return self._call()
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        if self._accept("["):
            return _list(self._items("]"))
        raise self._error()

    def _call(self) -> Evaluate:
        token = self._take()
        function = FUNCTIONS.get(token.value)
        if function is None or self._accept("(") is None:
            self._position -= 1
            known = ", ".join(sorted(FUNCTIONS))
            hint = "a text needs quotes" if function is None else "it needs ( )"
            raise self._error(
                _(
                    "{value!r} is no name in expressions: {hint}; functions are {known}",
                    value=token.value,
                    hint=hint,
                    known=known,
                )
            )
        if token.value in {"exists", "missing"}:
            return self._presence(token.value == "exists")
        items = self._items(")")
        low, high, compute = function
        if not low <= len(items) <= high:
            self._position -= 1
            raise self._error(
                _(
                    "{value} takes {count} value(s)",
                    value=token.value,
                    count=low if low == high else f"{low} to {high}",
                )
            )
        if len(items) == 1:
            only = items[0]
            return lambda scope: compute(only(scope))
        return lambda scope: compute(*[item(scope) for item in items])

    def _presence(self, wanted: bool) -> Evaluate:
        token = self._token
        if token.kind != "reference":
            raise self._error(_("exists takes a reference"))
        self._take()
        self._expect(")")
        reference: Reference = token.value
        self.references.append(reference)
        return lambda scope: reference.present(scope) is wanted

    def _items(self, end: str) -> list[Evaluate]:
        items: list[Evaluate] = []
        if self._accept(end):
            return items
        while True:
            items.append(self._or())
            if self._accept(end):
                return items
            if self._accept(",") is None:
                raise self._error(_("{end} is missing", end=end))


def _shown(token: Token) -> str:
    value = token.value.text if isinstance(token.value, Reference) else str(token.value)
    return value if len(value) <= 30 else f"{value[:29]}…"


def _any(parts: list[Evaluate]) -> Evaluate:
    if len(parts) == 2:
        first, second = parts
        return lambda scope: bool(first(scope) or second(scope))
    return lambda scope: any(part(scope) for part in parts)


def _all(parts: list[Evaluate]) -> Evaluate:
    if len(parts) == 2:
        first, second = parts
        return lambda scope: bool(first(scope) and second(scope))
    return lambda scope: all(part(scope) for part in parts)


def _list(items: list[Evaluate]) -> Evaluate:
    return lambda scope: [item(scope) for item in items]


def _test(test: operators.Test, left: Evaluate, right: Evaluate, constant: Token | None) -> Evaluate:
    """A comparison; with a constant on the right, one call less."""
    if constant is not None:
        value = constant.value
        return lambda scope: test(left(scope), value)
    return lambda scope: test(left(scope), right(scope))


def _arithmetic(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    compute = _ARITHMETIC[sign]

    def evaluate(scope: Scope) -> Any:
        first, second = left(scope), right(scope)
        if sign == "+" and isinstance(first, str) and isinstance(second, str):
            return first + second if len(first) + len(second) <= _MAX_TEXT else None
        pair = operators.numbers(first, second)
        return None if pair is None else _computed(compute, *pair)

    return evaluate


def _computed(compute: Callable[[Any, Any], Any], first: float, second: float) -> Any:
    if _bits(first) + _bits(second) > _MAX_BITS:
        return None
    try:
        result = compute(first, second)
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _bits(value: float) -> int:
    return value.bit_length() if isinstance(value, int) else 0


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
}


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _rounded(value: Any, digits: Any = 0) -> Any:
    found, places = operators.number(value), operators.number(digits)
    if found is None or not isinstance(places, int) or abs(places) > 15:
        return None
    return round(found, places) if places > 0 else int(round(found, places))


def _numeric(values: Any) -> list[int | float]:
    found = map(operators.number, values if isinstance(values, list) else [values])
    return [value for value in found if value is not None]


def _extreme(pick: Callable[[list[int | float]], Any], *values: Any) -> Any:
    found = _numeric(values[0] if len(values) == 1 else list(values))
    return pick(found) if found else None


def _absolute(value: Any) -> Any:
    found = operators.number(value)
    return None if found is None else abs(found)


#: Functions of expressions: fewest and most arguments, and what they compute. They never raise.
FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "length": (1, 1, operators.length),
    "count": (1, 1, lambda value: len(value) if isinstance(value, list) else int(value is not None)),
    "value": (1, 1, lambda value: value[0] if isinstance(value, list) and len(value) == 1 else None),
    "empty": (1, 1, operators.is_empty),
    "exists": (1, 1, operators.truthy),
    "missing": (1, 1, operators.truthy),
    "lower": (1, 1, _lower),
    "upper": (1, 1, _upper),
    "trim": (1, 1, _trim),
    "text": (1, 1, text),
    "number": (1, 1, operators.number),
    "abs": (1, 1, _absolute),
    "round": (1, 2, _rounded),
    "min": (1, 20, lambda *values: _extreme(min, *values)),
    "max": (1, 20, lambda *values: _extreme(max, *values)),
    "sum": (1, 1, lambda value: _extreme(sum, value)),
}
