"""Types: inference, checks, conversion, and which type can become which."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows.dsl import MissingValue, TypeMismatch, check, convert, infer
from apps.workflows.dsl.types import TYPES, fit, is_type, named, text

FILE = {"id": "f1", "name": "a.pdf", "content_type": "application/pdf", "size": 3, "url": ""}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (None, "any"),
        ("x", "string"),
        (True, "boolean"),
        (3, "integer"),
        (3.5, "number"),
        ({"a": 1}, "object"),
        (FILE, "file"),
        ([], "array[any]"),
        (["a"], "array[string]"),
        ([1, 2.5], "array[number]"),
        ([FILE, {}], "array[object]"),
        ([1, "a"], "array[any]"),
        ([[1]], "array[any]"),
    ],
)
def test_infers_the_most_precise_type(value: Any, type_: str) -> None:
    assert infer(value) == type_
    assert check(value, type_)


@pytest.mark.parametrize(
    ("value", "type_", "result"),
    [
        ("10", "number", 10),
        (" 10.50 ", "number", 10.5),
        ("1e3", "number", 1000.0),
        (True, "number", 1),
        ("10.0", "integer", 10),
        (4.0, "integer", 4),
        ("TRUE", "boolean", True),
        ("no", "boolean", False),
        (0, "boolean", False),
        (2, "string", "2"),
        (True, "string", "true"),
        (None, "string", ""),
        ({"a": "ü"}, "string", '{"a": "ü"}'),
        ('{"a": 1}', "object", {"a": 1}),
        ("[1, 2]", "array[string]", ["1", "2"]),
        (["1", 2], "array[integer]", [1, 2]),
        (FILE, "array[file]", [FILE]),
        (None, "any", None),
    ],
)
def test_converts_what_fits(value: Any, type_: str, result: Any) -> None:
    found = convert(value, type_)
    assert found == result
    assert type(found) is type(result)


def test_an_address_becomes_a_file() -> None:
    assert convert("https://x.test/a/report%20one.pdf?v=1", "file") == {
        "id": "",
        "name": "report one.pdf",
        "content_type": "application/pdf",
        "size": None,
        "url": "https://x.test/a/report%20one.pdf?v=1",
    }


@pytest.mark.parametrize(
    ("value", "type_", "message"),
    [
        ("abc", "number", "A string is no number: 'abc'."),
        ("1" * 5_000, "number", None),
        ("1e999", "number", None),
        (float("nan"), "number", "A number must be finite."),
        ("0x10", "integer", "A string is no integer: '0x10'."),
        (2.5, "integer", "A number is no integer: '2.5'."),
        ("maybe", "boolean", "A string is no boolean: 'maybe'."),
        ([1], "object", "An array of integers is no object: '[1]'."),
        ("[1", "array[any]", "A string is no array: '[1'."),
        (["1", "b"], "array[number]", "Item 1: A string is no number: 'b'."),
        ("ftp://x", "file", "A string is no file: 'ftp://x'."),
        (1, "array[text]", "There is no type 'array[text]'."),
        (1, "text", "There is no type 'text'."),
    ],
)
def test_refuses_what_does_not_fit(value: Any, type_: str, message: str | None) -> None:
    with pytest.raises(TypeMismatch) as error:
        convert(value, type_)
    if message:
        assert error.value.message == message


def test_nothing_is_missing_where_a_value_is_needed() -> None:
    with pytest.raises(MissingValue, match=r"There is no value, and a number is needed\."):
        convert(None, "number")


@given(json_values, st.sampled_from(TYPES))
def test_conversion_gives_the_type_or_says_no(value: Any, type_: str) -> None:
    try:
        result = convert(value, type_)
    except TypeMismatch:
        return
    assert check(result, type_) or value is None
    assert convert(result, type_) == result


@given(json_values)
def test_every_value_is_of_its_inferred_type(value: Any) -> None:
    assert check(value, infer(value))
    assert is_type(infer(value))
    assert isinstance(text(value), str)


@pytest.mark.parametrize(
    ("source", "target", "result"),
    [
        ("string", "string", "same"),
        ("integer", "any", "same"),
        ("any", "array[file]", "converts"),
        ("string", "number", "converts"),
        ("array[string]", "string", "converts"),
        ("array[string]", "array[number]", "converts"),
        ("array[object]", "array[number]", "never"),
        ("array[any]", "array[number]", "converts"),
        ("array[number]", "number", "never"),
        ("object", "number", "never"),
        ("object", "array[any]", "never"),
        ("file", "array[file]", "converts"),
        ("number", "object", "never"),
        ("integer", "number", "converts"),
    ],
)
def test_knows_what_can_never_fit(source: str, target: str, result: str) -> None:
    assert fit(source, target) == result


@given(json_values, st.sampled_from(TYPES))
def test_what_converts_was_not_called_impossible(value: Any, target: str) -> None:
    try:
        convert(value, target)
    except TypeMismatch:
        return
    # an empty list fits every list
    if value is not None and value != [] and infer(value) != "array[any]":
        assert fit(infer(value), target) != "never"


def test_types_are_named_in_sentences() -> None:
    assert [named(t) for t in ("string", "integer", "array[file]", "array[any]", "any")] == [
        "a string",
        "an integer",
        "an array of files",
        "an array",
        "a value",
    ]
