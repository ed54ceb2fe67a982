"""Conditions: a tree of comparisons, an expression, or true and false.

As a tree::

    all:
      - {left: $.order.amount, op: ">", right: 1000}
      - any:
          - {left: $.customer.tier, op: in, right: [gold, platinum]}
          - {left: $.files, op: contains, where: {left: "@.content_type", op: starts_with, right: image/}}

``left`` and ``right`` are values of any kind. ``where`` looks at the items of a list, each of which is ``@``.
What can't be compared is false, as in RFC 9535; `Condition.explain` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.workflows.dsl.errors import ConditionSyntaxError, LanguageError
from apps.workflows.dsl.expressions import compile_expression
from apps.workflows.dsl.operators import OPERATORS, Operator, find_operator, truthy
from apps.workflows.dsl.problems import join_place
from apps.workflows.dsl.references import Reference, compile_reference
from apps.workflows.dsl.scope import ItemScope, Scope
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.templates import Template
from apps.workflows.dsl.values import Resolve, Value, compile_value

MAX_DEPTH = 20
MAX_LEAVES = 500

Check = Callable[[Scope], bool]

#: Operators that can look at the items of a list with `where`.
_OVER_ITEMS = {"contains": any, "all_of": all}
_LEAF_KEYS = frozenset({"left", "op", "right", "where"})


@dataclass(frozen=True, slots=True)
class Finding:
    """How one comparison came out. notice: why it could not say anything, empty otherwise."""

    place: str
    left: Any
    op: str
    right: Any
    result: bool
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison of a tree."""

    place: str
    operator: Operator
    left: Value
    right: Value | None
    check: Check

    def explain(self, scope: Scope) -> Finding:
        """The values that were compared, and the outcome."""
        left = _or_nothing(self.left.resolve, scope)
        right = None if self.right is None else _or_nothing(self.right.resolve, scope)
        notice = ""
        if self.operator.needs is not None and not self.operator.needs(left, right):
            notice = "The two can't be compared." if left is not None else "There is no value to compare."
        return Finding(self.place, left, self.operator.name, right, self.check(scope), notice)


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. `evaluate` never raises."""

    raw: Any
    evaluate: Check
    references: tuple[Reference, ...]
    templates: tuple[Template, ...] = ()
    leaves: tuple[Leaf, ...] = ()

    def explain(self, scope: Scope) -> list[Finding]:
        """How each comparison of a tree comes out, for the page of a run."""
        return [leaf.explain(scope) for leaf in self.leaves]

    def holds_for(self, item: Any, scope: Scope) -> bool:
        """Whether it holds with ``@`` as `item`."""
        return self.evaluate(ItemScope(scope, item))


def compile_condition(raw: Any, *, item: bool = False) -> Condition:
    """Compile a condition; with `item` it may read ``@``. Raises ConditionSyntaxError with the place."""
    builder = _Builder()
    check = builder.build(raw, "", 0)
    references = tuple({found.text: found for found in builder.references}.values())
    if not item and any(found.root == "@" for found in references):
        raise ConditionSyntaxError(_("@ stands for an item, which only exists inside where."))
    return Condition(raw, check, references, tuple(builder.templates), tuple(builder.leaves))


class _Builder:
    """Collects what a condition reads while its parts are compiled."""

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self.templates: list[Template] = []
        self.leaves: list[Leaf] = []
        self._count = 0

    def build(self, raw: Any, place: str, depth: int) -> Check:
        """One part of the tree."""
        if depth > MAX_DEPTH:
            raise ConditionSyntaxError(_("The condition is nested too deeply."), place)
        if isinstance(raw, bool):
            return lambda _scope: raw
        if isinstance(raw, str):
            return self._expression(raw, place)
        if isinstance(raw, list):
            return self._group("all", raw, place, depth)
        if not isinstance(raw, dict):
            raise ConditionSyntaxError(
                _("A condition is a text, an object with all, any, not or op, or a list."), place
            )
        for key in ("all", "any", "not"):
            if key in raw:
                if len(raw) > 1:
                    others = ", ".join(sorted(str(other) for other in raw if other != key))
                    raise ConditionSyntaxError(
                        _("Beside {key} there can't be {others}.", key=key, others=others), place
                    )
                return self._combined(key, raw[key], join_place(place, key), depth)
        return self._leaf(raw, place)

    def _combined(self, key: str, raw: Any, place: str, depth: int) -> Check:
        if key == "not":
            inner = self.build(raw, place, depth + 1)
            return lambda scope: not inner(scope)
        return self._group(key, raw, place, depth)

    def _group(self, key: str, raw: Any, place: str, depth: int) -> Check:
        if not isinstance(raw, list):
            raise ConditionSyntaxError(_("{key} takes a list of conditions.", key=key), place)
        if not raw:
            raise ConditionSyntaxError(_("There is no condition in the list."), place)
        parts = [self.build(part, join_place(place, index), depth + 1) for index, part in enumerate(raw)]
        if len(parts) == 1:
            return parts[0]
        if key == "all":
            return lambda scope: all(part(scope) for part in parts)
        return lambda scope: any(part(scope) for part in parts)

    def _expression(self, raw: str, place: str) -> Check:
        try:
            evaluate, references = compile_expression(raw)
        except ConditionSyntaxError as error:
            raise ConditionSyntaxError(error.sentence, place) from error
        self.references.extend(references)
        return lambda scope: truthy(evaluate(scope))

    def _leaf(self, raw: dict[str, Any], place: str) -> Check:
        self._count += 1
        if self._count > MAX_LEAVES:
            raise ConditionSyntaxError(
                _("A condition may have at most {limit} comparisons.", limit=MAX_LEAVES), place
            )
        unknown = sorted(str(key) for key in raw if key not in _LEAF_KEYS)
        if unknown:
            raise ConditionSyntaxError(_("A comparison has no {names}.", names=", ".join(unknown)), place)
        operator = _operator(raw, place)
        left = self._value(raw.get("left"), join_place(place, "left"))
        if "where" in raw:
            return self._where(raw, operator, left, place)
        right = None
        if not operator.unary:
            if "right" not in raw:
                raise ConditionSyntaxError(_("{name} needs a right side.", name=operator.name), place)
            right = self._value(raw["right"], join_place(place, "right"))
        check = _comparison(operator, left, right)
        self.leaves.append(Leaf(place, operator, left, right, check))
        return check

    def _where(self, raw: dict[str, Any], operator: Operator, left: Value, place: str) -> Check:
        negated = operator.name == "not_contains"
        quantify = _OVER_ITEMS.get("contains" if negated else operator.name)
        if quantify is None or "right" in raw:
            raise ConditionSyntaxError(
                _("where goes with contains, not_contains or all_of, and takes the place of right."), place
            )
        inner = compile_condition(raw["where"], item=True)
        self.references.extend(found for found in inner.references if found.root != "@")
        self.templates.extend(inner.templates)
        get, holds = left.resolve, inner.evaluate

        def check(scope: Scope) -> bool:
            items = _or_nothing(get, scope)
            if not isinstance(items, list):
                return negated
            return quantify(holds(ItemScope(scope, item)) for item in items) is not negated

        return check

    def _value(self, raw: Any, place: str) -> Value:
        try:
            value = _item_value(raw) if isinstance(raw, str) and raw.startswith("@") else compile_value(raw)
        except LanguageError as error:
            raise ConditionSyntaxError(error.sentence, place) from error
        self.references.extend(value.references)
        self.templates.extend(value.templates)
        return value


def _operator(raw: dict[str, Any], place: str) -> Operator:
    if "left" not in raw or not isinstance(raw.get("op"), str):
        raise ConditionSyntaxError(_("A comparison needs left and op."), place)
    operator = find_operator(raw["op"])
    if operator is None:
        raise ConditionSyntaxError(
            _("There is no operator {op!r}; known are {known}.", op=raw["op"], known=", ".join(OPERATORS)),
            join_place(place, "op"),
        )
    return operator


def _item_value(raw: str) -> Value:
    if raw != "@" and raw[1:2] not in {".", "["}:
        return compile_value(raw)
    reference = compile_reference(raw)
    return Value(raw, "any", reference.get, False, (reference,), reference=reference)


def _comparison(operator: Operator, left: Value, right: Value | None) -> Check:
    """The fastest function for what is compared with what."""
    test, get = operator.test, _safe(left)
    if operator.name in {"exists", "not_exists"} and left.reference is not None:
        present, wanted = left.reference.present, operator.name == "exists"
        return lambda scope: present(scope) is wanted
    if right is None:
        return lambda scope: test(get(scope), None)
    if right.constant:
        value = right.resolve({})
        return lambda scope: test(get(scope), value)
    other = _safe(right)
    return lambda scope: test(get(scope), other(scope))


def _safe(value: Value) -> Resolve:
    """References never fail; a template may, and is nothing then."""
    if value.reference is not None or value.constant:
        return value.resolve
    return lambda scope: _or_nothing(value.resolve, scope)


def _or_nothing(resolve: Resolve, scope: Scope) -> Any:
    try:
        return resolve(scope)
    except LanguageError:
        return None
