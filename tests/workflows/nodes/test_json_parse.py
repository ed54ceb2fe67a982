"""Reading JSON."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows.nodes.support import tolerant_json
from tests.workflows.nodes.harness import Bench

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def node() -> Bench:
    return Bench("json_parse")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Sure!\n```json\n{"a": [1, 2,],}\n``` Anything else?', {"a": [1, 2]}),
        (
            "{'a': 'it's', b: True, // note\n c: None, /* x */ d: .5}",
            {"a": "it's", "b": True, "c": None, "d": 0.5},
        ),
        ('{"a": [1, 2, {"b": "unfin', {"a": [1, 2, {"b": "unfin"}]}),
        ('{"a": 1, "b', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('The result is [] and then {"x": 1}.', {"x": 1}),
        ("nothing but []", []),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ("{“a”: “b”}", {"a": "b"}),
        ("{a: hello world, b: 2}", {"a": "hello world", "b": 2}),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ("[1 2 3]", [1, 2, 3]),
        (
            '{"emoji": "\\ud83d\\ude00", "half": "\\ud83d",}',
            {"emoji": "😀", "half": "\N{REPLACEMENT CHARACTER}"},
        ),
        ("```\n[1]\n```", [1]),
        ('{"a": "http://x.org/#y"} # done', {"a": "http://x.org/#y"}),
        ("  7 ", 7),
    ],
)
async def test_forgives(node, text, expected):
    assert await node.outputs(text=text, tolerant=True) == {"output": expected}


@pytest.mark.parametrize("text", ["", "no json here", "{{{{", "{:}", "]", "{" * 5_000, "[" * 100_000])
async def test_gives_up_with_the_first_mistake(node, text):
    error = await node.fails("invalid_json", text=text, tolerant=True)
    assert error.details["line"] == 1


async def test_strict_reading_names_the_place(node):
    error = await node.fails("invalid_json", text='{\n "a": 1,\n}')
    assert (error.details["line"], error.retryable) == (2, False)
    assert "line 2" in error.message


@given(VALUES)
def test_valid_json_is_read_as_it_is(value):
    assert tolerant_json.loads(json.dumps(value)) == value


@given(
    VALUES.filter(lambda value: isinstance(value, dict | list) and value),
    st.text(alphabet="abc .,!\n", max_size=20),
)
def test_json_between_words_is_found(value, words):
    assert tolerant_json.loads(f"{words}\n```json\n{json.dumps(value)}\n```\n{words}") == value


@given(st.text(alphabet="{}[]\",:'\\ua1 \n/*#`", max_size=60))
def test_nothing_breaks_it(text):
    with suppress(tolerant_json.NoJson):
        tolerant_json.loads(text)


DATA = {"items": [{"name": "a", "price": 1}, {"name": "b"}]}


async def test_takes_a_part(node):
    assert (await node.outputs(text=DATA, path="$.items[0].name"))["output"] == "a"
    assert (await node.outputs(text=json.dumps(DATA), path="$.items[*].name", matches="all"))["output"] == [
        "a",
        "b",
    ]
    assert (await node.outputs(text=DATA, path="$.items[?@.price > 0].name"))["output"] == "a"
    assert (await node.outputs(text=DATA, path="$.none", required=False))["output"] is None
    await node.fails("path_not_found", text=DATA, path="$.none")


async def test_the_value_meets_the_schema(node):
    schema = {"type": "object", "properties": {"items": {"items": {"required": ["price"]}}}}
    assert (await node.outputs(text={"items": []}, json_schema=schema))["output"] == {"items": []}
    error = await node.fails("schema_mismatch", text=DATA, json_schema=schema)
    assert error.message == "The value does not meet the schema: $.items[1] lacks the field “price”."


def test_problems_and_types(node):
    assert set(node.problems(text="", path="items", json_schema={"type": "x"})) == {
        "path",
        "json_schema.type",
    }
    assert (
        node.type.outputs(node.config(text="", json_schema={"type": "array"}))["output"].type == "array[any]"
    )
    assert node.type.outputs(node.config(text="", path="$.a", matches="all"))["output"].type == "array[any]"
