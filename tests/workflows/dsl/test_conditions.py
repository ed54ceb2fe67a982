"""Conditions: every operator, missing values, trees, expressions, and hostile input."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows.dsl import ConditionSyntaxError, compile_condition
from apps.workflows.dsl.expressions import compile_expression
from apps.workflows.dsl.operators import OPERATORS, find_operator
from tests.workflows.dsl.test_types import json_values

FILES = [{"name": "a.png", "type": "image", "size": 10}, {"name": "b.pdf", "type": "document", "size": 200}]
SCOPE: dict[str, Any] = {
    "n": {
        "text": "Berlin",
        "digits": "85",
        "number": 10,
        "zero": 0,
        "float": 2.5,
        "yes": True,
        "no": False,
        "word": "true",
        "null": None,
        "empty": "",
        "list": ["a", "b", 3],
        "none": [],
        "object": {"k": 1},
        "date": "2026-03-01",
        "time": "2026-03-01T12:00:00+02:00",
        "files": FILES,
    }
}


@pytest.mark.parametrize(
    ("left", "op", "right", "result"),
    [
        # sameness, with texts of numbers and booleans read as such
        ("text", "==", "Berlin", True),
        ("text", "is", "berlin", False),
        ("number", "=", "10", True),
        ("number", "==", "10.0", True),
        ("digits", "==", 85, True),
        ("digits", "==", "85.0", False),
        ("yes", "==", "true", True),
        ("yes", "==", 1, False),
        ("zero", "==", False, False),
        ("list", "==", ["a", "b", "3"], True),
        ("object", "==", {"k": "1"}, True),
        ("null", "==", None, True),
        ("missing", "==", None, True),
        ("missing", "==", "", False),
        ("text", "≠", "Paris", True),
        ("text", "is not", "Berlin", False),
        ("missing", "!=", "x", True),
        # order
        ("number", ">", 9, True),
        ("number", ">", "9", True),
        ("digits", "≥", 85, True),
        ("digits", "<", "9", True),
        ("float", "<=", 2.5, True),
        ("number", "≤", 9, False),
        ("text", ">", 5, False),
        ("text", "<=", 5, False),
        ("object", ">", 0, False),
        ("yes", ">", 0, False),
        ("missing", ">", 0, False),
        ("missing", "<=", 0, False),
        # parts
        ("text", "contains", "erl", True),
        ("digits", "contains", 8, True),
        ("list", "contain", "a", True),
        ("list", "contains", "3", True),
        ("list", "contains", "z", False),
        ("object", "contains", "k", True),
        ("number", "contains", 1, False),
        ("missing", "contains", "", False),
        ("text", "not contains", "x", True),
        ("missing", "not contain", "x", True),
        ("text", "start with", "Ber", True),
        ("number", "starts_with", 1, True),
        ("text", "ends_with", "lin", True),
        ("list", "end with", "b", False),
        ("missing", "starts_with", "", False),
        ("text", "in", ["Paris", "Berlin"], True),
        ("text", "in", "Berlin and Paris", True),
        ("number", "in", ["10"], True),
        ("missing", "in", ["x"], False),
        ("text", "not in", ["Paris"], True),
        ("missing", "not_in", ["x"], True),
        ("list", "all of", ["a", 3], True),
        ("list", "all_of", ["a", "z"], False),
        ("missing", "all_of", [], False),
        # content
        ("empty", "empty", None, True),
        ("none", "empty", None, True),
        ("null", "is empty", None, True),
        ("missing", "empty", None, True),
        ("zero", "empty", None, False),
        ("no", "empty", None, False),
        ("text", "not empty", None, True),
        ("null", "null", None, True),
        ("missing", "null", None, True),
        ("empty", "not null", None, True),
        ("null", "exists", None, True),
        ("missing", "exists", None, False),
        ("missing", "not exists", None, True),
        ("yes", "true", None, True),
        ("word", "is_true", None, True),
        ("number", "true", None, False),
        ("no", "false", None, True),
        ("missing", "false", None, False),
        # moments
        ("date", "before", "2026-03-02", True),
        ("date", "after", "2026-02-28T23:59:59Z", True),
        ("time", "before", "2026-03-01T10:30:00Z", True),
        ("date", "before", 4_000_000_000, True),
        ("text", "before", "2026-01-01", False),
        ("missing", "after", "2026-01-01", False),
        # length
        ("text", "length ==", 6, True),
        ("list", "length >", 2, True),
        ("list", "length >=", "3", True),
        ("object", "length <", 1, False),
        ("none", "length <=", 0, True),
        ("text", "length !=", 5, True),
        ("number", "length >", 0, False),
        ("missing", "length <", 5, False),
    ],
)
def test_compares(left: str, op: str, right: Any, result: bool) -> None:
    raw: dict[str, Any] = {"left": f"$.n.{left}", "op": op}
    operator = find_operator(op)
    assert operator is not None
    if not operator.unary:
        raw["right"] = right
    assert compile_condition(raw).evaluate(SCOPE) is result


def test_right_sides_may_be_references_and_templates() -> None:
    assert compile_condition({"left": "$.n.number", "op": ">", "right": "$.n.float"}).evaluate(SCOPE)
    assert compile_condition({"left": "{{ n.text }}!", "op": "is", "right": "Berlin{{ '!' }}"}).evaluate(
        SCOPE
    )
    assert compile_condition({"left": 5, "op": ">", "right": "$.n.float"}).evaluate(SCOPE)


def test_a_template_that_fails_is_nothing() -> None:
    condition = compile_condition({"left": "{{ 1 / n.zero }}", "op": "empty"})
    assert condition.evaluate(SCOPE) is True


@pytest.mark.parametrize(
    ("raw", "result"),
    [
        (True, True),
        (False, False),
        ({"all": [True, {"any": [False, {"not": False}]}]}, True),
        ({"any": [False, False]}, False),
        ([True, "$.n.number == 10"], True),
        ({"not": {"left": "$.n.text", "op": "is", "right": "Berlin"}}, False),
        (
            {
                "left": "$.n.files",
                "op": "contains",
                "where": {"left": "@.type", "op": "is", "right": "image"},
            },
            True,
        ),
        ({"left": "$.n.files", "op": "contains", "where": "@.size > 500"}, False),
        ({"left": "$.n.files", "op": "not contains", "where": "@.size > 500"}, True),
        ({"left": "$.n.files", "op": "not contains", "where": "@.size > 100"}, False),
        ({"left": "$.n.files", "op": "all of", "where": "@.size > $.n.number"}, False),
        ({"left": "$.n.files", "op": "all of", "where": ["@.size >= $.n.number", "@.name"]}, True),
        ({"left": "$.n.missing", "op": "not contains", "where": "@.x"}, True),
        ({"left": "$.n.missing", "op": "contains", "where": "@.x"}, False),
    ],
)
def test_combines(raw: Any, result: bool) -> None:
    assert compile_condition(raw).evaluate(SCOPE) is result


def test_looks_at_items() -> None:
    condition = compile_condition({"left": "@.size", "op": ">", "right": "$.n.number"}, item=True)
    assert [condition.holds_for(file, SCOPE) for file in FILES] == [False, True]


def test_knows_what_it_reads() -> None:
    condition = compile_condition(
        {
            "all": [
                {"left": "$.a.b", "op": "in", "right": ["$.c.d", "x"]},
                "$.e.f > 1 && exists($.g.h)",
                {"left": "$.i.j", "op": "contains", "where": {"left": "@.k", "op": "is", "right": "$.l.m"}},
            ]
        }
    )
    assert {found.text for found in condition.references} == {
        "$.a.b",
        "$.c.d",
        "$.e.f",
        "$.g.h",
        "$.i.j",
        "$.l.m",
    }


def test_explains_how_each_comparison_came_out() -> None:
    condition = compile_condition(
        {
            "all": [
                {"left": "$.n.text", "op": ">", "right": 5},
                {"any": [{"left": "$.n.zip", "op": "<", "right": 5}]},
            ]
        }
    )
    findings = condition.explain(SCOPE)
    assert [
        (found.place, found.left, found.op, found.right, found.result, found.notice) for found in findings
    ] == [
        ("all[0]", "Berlin", ">", 5, False, "The two can't be compared."),
        ("all[1].any[0]", None, "<", 5, False, "There is no value to compare."),
    ]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (3, ""),
        (None, ""),
        ("", ""),
        ([], ""),
        ({}, ""),
        ({"all": {}}, "all"),
        ({"any": []}, "any"),
        ({"all": [True, {"left": 1}]}, "all[1]"),
        ({"all": [{"left": 1, "op": "like", "right": 2}]}, "all[0].op"),
        ({"left": 1, "op": ">"}, ""),
        ({"left": 1, "op": ">", "right": 2, "extra": 3}, ""),
        ({"all": [True], "op": "x"}, ""),
        ({"left": "$.", "op": "empty"}, "left"),
        ({"left": "$.a.b", "op": "is", "right": "{{ x"}, "right"),
        ({"left": "$.a.b", "op": ">", "where": "@.x"}, ""),
        ({"left": "$.a.b", "op": "contains", "where": "@.x", "right": 1}, ""),
        ({"left": "@.x", "op": "empty"}, ""),
        ({"all": ["1 +"]}, "all[0]"),
    ],
)
def test_refuses_with_the_place(raw: Any, place: str) -> None:
    with pytest.raises(ConditionSyntaxError) as error:
        compile_condition(raw)
    assert error.value.place == place
    assert error.value.message


def test_refuses_what_is_too_deep_or_too_long() -> None:
    deep: Any = True
    for _ in range(30):
        deep = {"not": deep}
    with pytest.raises(ConditionSyntaxError, match="nested too deeply"):
        compile_condition(deep)
    with pytest.raises(ConditionSyntaxError, match="at most 500"):
        compile_condition([{"left": 1, "op": "empty"}] * 501)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$.n.number > 5 && $.n.text == 'Berlin'", True),
        ('$.n.number > 5 and not ($.n.text == "Paris")', True),
        ("$.n.number>50||$.n.yes", True),
        ("!$.n.yes", False),
        ("not not $.n.yes", True),
        ("$.n.number == 10 or 1/0 > 3", True),
        ("$.n.number + 2 * 3 - 1", 15),
        ("($.n.number + 2) * 3 % 7", 1),
        ("-$.n.number + 12", 2),
        ("- -3", 3),
        ("$.n.digits / 2", 42.5),
        ("$.n.number / 0", None),
        ("$.n.text + '!'", "Berlin!"),
        ("$.n.text + 1", None),
        ("$.n.missing + 1 > 0", False),
        ("$.n.number in [1, 10]", True),
        ("'z' not in $.n.list", True),
        ("$.n.list contains 'a'", True),
        ("$.n.text starts_with 'B'", True),
        ("length($.n.list) == 3", True),
        ("count($.n.files[?@.size > 50]) == 1", True),
        ("value($.n.files[?@.size > 50].name) == 'b.pdf'", True),
        ("sum($.n.files[*].size)", 210),
        ("max($.n.number, 3, $.n.digits)", 85),
        ("min($.n.files[*].size)", 10),
        ("round(2.567, 1)", 2.6),
        ("round($.n.float + 1)", 4),
        ("abs(-3)", 3),
        ("lower(trim('  X '))", "x"),
        ("upper($.n.text) == 'BERLIN'", True),
        ("number('12') + 1", 13),
        ("text(12) + 'x'", "12x"),
        ("exists($.n.null) && missing($.n.zip)", True),
        ("empty($.n.none)", True),
        ("$.n.null == null && $.n.zip == None", True),
        ("$.n.files[0].name", "a.png"),
        ("$.n['text']", "Berlin"),
        ("'it\\'s' == \"it's\"", True),
        ("'\\u00fc\\n' == '\u00fc\n'", True),
        ("[1, [2, $.n.zero]]", [1, [2, 0]]),
        ("[]", []),
        ("true AND False", False),
        ("1e3 == 1000", True),
        ("$.n.number <> 3", True),
        ("$.n.date before '2027-01-01'", True),
    ],
)
def test_expressions(source: str, value: Any) -> None:
    evaluate, _ = compile_expression(source)
    assert evaluate(SCOPE) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("$.n.x ==", "Something is missing at the end (column 9)."),
        ("== 3", "'==' can't stand here (column 1)."),
        ("$.n.x 3", "'3' can't stand here (column 7)."),
        ("($.n.x", ") is missing (column 7)."),
        ("[1, 2", "] is missing (column 6)."),
        ("1 < 2 < 3", "Comparisons can't be chained; join two of them with && (column 7)."),
        ("2 ** 3", "'*' can't stand here (column 4)."),
        ("$.n.x = 'abc", '"\'" means nothing here (column 9).'),
        ("1 ; 2", "';' means nothing here (column 3)."),
        ("true &&\n  && false", "'&&' can't stand here (line 2, column 3)."),
        ("$.n.[", "'.' means nothing here (column 4)."),
        ("length(1, 2)", "length takes 1 value(s) (column 12)."),
        ("exists('x')", "exists takes a reference (column 8)."),
        ("'\\q'", "The text has an escape that JSON doesn't know (column 1)."),
        ("1e999", "The number is too large (column 1)."),
    ],
)
def test_expressions_say_where_they_break_off(source: str, message: str) -> None:
    with pytest.raises(ConditionSyntaxError) as error:
        compile_expression(source)
    assert error.value.message == message


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('x')",
        "().__class__",
        "lambda: 1",
        "[x for x in $.n.list]",
        "open('/etc/passwd')",
        "$.n.text.__class__.__mro__[0] == 1 || eval('1')",
        "9" * 500,
        "(" * 100 + "1" + ")" * 100,
        "1" + "+1" * 1_000,
        "[" * 5_000,
        "x" * 20_000,
        "'" * 9_999,
        "$" * 9_999,
        "$.a" + "[" * 5_000,
    ],
)
def test_expressions_refuse_what_is_hostile(source: str) -> None:
    with pytest.raises(ConditionSyntaxError):
        compile_expression(source)


@pytest.mark.parametrize(
    "source",
    [
        "!" * 5_000 + "true",
        "-" * 5_000 + "1",
        "true" + " && true" * 1_000,
        "'a' + " * 150 + "'a'",
        "9999999999" + " * 9999999999" * 150,
        "1e308 * 10",
        "$.n.number" + " * $.n.number" * 190,
    ],
)
def test_long_expressions_are_computed_or_nothing(source: str) -> None:
    evaluate, _ = compile_expression(source)
    value = evaluate(SCOPE)
    assert value is None or isinstance(value, bool | str) or math.isfinite(value)


WORDS = """
    $.n.text $.n.number $.n.list $.n.files[*].size $.zip.x @.y 1 2.5 'a' "b" true null ( ) [ ] , && || ! and or not in
    contains == != < >= + - * / % length( count( max( exists( missing( round( value( text(
"""
words = st.sampled_from(WORDS.split())


@settings(max_examples=40)
@given(st.lists(words, max_size=14))
def test_any_expression_has_a_value_or_is_refused(tokens: list[str]) -> None:
    try:
        evaluate, _ = compile_expression(" ".join(tokens))
    except ConditionSyntaxError:
        return
    for scope in (SCOPE, {}, {"n": [1], "zip": "x"}):
        evaluate(scope)
        assert isinstance(compile_condition([" ".join(tokens)], item=True).evaluate(scope), bool)


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_refused(source: str) -> None:
    try:
        evaluate, _ = compile_expression(source)
    except ConditionSyntaxError:
        return
    evaluate(SCOPE)


@settings(max_examples=40)
@given(json_values, st.sampled_from(sorted(OPERATORS)), json_values)
def test_operators_say_yes_or_no_about_anything(left: Any, op: str, right: Any) -> None:
    assert isinstance(OPERATORS[op].test(left, right), bool)


@given(json_values)
def test_every_value_equals_itself(value: Any) -> None:
    assert OPERATORS["=="].test(value, value)
    assert not OPERATORS["!="].test(value, value)


numbers = st.integers(-50, 50)


@settings(max_examples=40)
@given(
    st.recursive(
        numbers.map(str),
        lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        max_leaves=12,
    )
)
def test_arithmetic_is_that_of_python(source: str) -> None:
    evaluate, _ = compile_expression(source)
    assert evaluate({}) == eval(source)  # noqa: S307 - digits, brackets and + - * made above


@settings(max_examples=40)
@given(
    st.recursive(
        st.sampled_from(["true", "false"]),
        lambda inner: (
            inner.map(lambda x: f"!({x})")
            | st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        ),
        max_leaves=12,
    )
)
def test_logic_is_that_of_python(source: str) -> None:
    evaluate, _ = compile_expression(source)
    python = source.replace("true", "True").replace("false", "False")
    python = python.replace("&&", "and").replace("||", "or").replace("!", "not ")
    assert bool(evaluate({})) == eval(python)  # noqa: S307 - made of True, False, and, or, not above
