"""Validation of records."""

from __future__ import annotations

import time

import pytest

from tests.workflows.nodes.harness import Bench

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "email": {"type": "string", "format": "email"},
        "state": {"enum": ["open", "paid"], "default": "open"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1},
    },
    "required": ["id", "lines"],
    "additionalProperties": False,
    "$defs": {
        "line": {
            "type": "object",
            "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
                "price": {"type": "number"},
            },
            "required": ["sku"],
        }
    },
}
GOOD = {"id": 1, "lines": [{"sku": "AB-1", "price": 2.5}]}


@pytest.fixture
def node() -> Bench:
    return Bench("data_validation")


async def reasons(node: Bench, value, schema, **config) -> list[str]:
    outcome = await node.run(data=value, json_schema=schema, **config)
    return [reason for rejected in outcome.outputs["rejected"] for reason in rejected["reasons"]]


async def test_a_good_record_goes_on_with_defaults(node):
    outcome = await node.run(data=GOOD, json_schema=ORDER)
    assert outcome.port == "out"
    assert outcome.outputs["output"] == {**GOOD, "state": "open"}
    assert outcome.outputs["is_valid"] is True


async def test_bad_records_are_set_aside_with_reasons(node):
    bad = {"id": 0, "email": "nobody", "lines": [{"price": "x"}, {"sku": "ab"}], "colour": 1}
    outcome = await node.run(data=[GOOD, bad], json_schema=ORDER, defaults=False)
    assert outcome.port == "rejected"
    assert outcome.outputs["output"] == [GOOD]
    assert (outcome.outputs["valid_count"], outcome.outputs["rejected_count"]) == (1, 1)
    rejected = outcome.outputs["rejected"][0]
    assert (rejected["index"], rejected["record"]) == (1, bad)
    assert rejected["reasons"] == [
        "has unknown fields: colour.",
        "email is no valid email: “nobody”.",
        "id must be at least 1, not 0.",
        "lines[0] lacks the field “sku”.",
        "lines[0].price must be a number, not “x”.",
        "lines[1].sku does not match the pattern ^[A-Z]{2}-[0-9]+$: “ab”.",
    ]
    assert {"path": "$.id", "message": "must be at least 1, not 0.", "keyword": "minimum"} in rejected[
        "errors"
    ]


@pytest.mark.parametrize(
    ("reject_when", "data", "port"),
    [
        ("any", [GOOD, 1], "rejected"),
        ("any", [GOOD], "out"),
        ("any", [], "out"),
        ("all", [GOOD, 1], "out"),
        ("all", [1, 2], "rejected"),
        ("all", [], "out"),
        ("never", [1], "out"),
    ],
)
async def test_when_it_leaves_by_rejected(node, reject_when, data, port):
    assert (await node.run(data=data, json_schema=ORDER, reject_when=reject_when)).port == port


async def test_a_list_may_be_one_record(node):
    schema = {"type": "array", "items": {"type": "integer"}, "maxItems": 2}
    assert (await node.outputs(data=[1, 2], json_schema=schema))["output"] == [1, 2]
    assert await reasons(node, [1, 2, 3], schema) == ["may have at most 2 items, not 3."]
    assert await reasons(node, [1, 2], {"type": "object"}, mode="record") == ["must be an object, not [1,2]."]
    assert await reasons(node, [[1], ["x"]], schema, mode="list") == ["[0] must be a whole number, not “x”."]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, " 12 ", 12),
        ({"type": "number"}, "1.5e3", 1500.0),
        ({"type": "number"}, True, 1),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, 0, False),
        ({"type": "string"}, 12, "12"),
        ({"type": "array"}, "[1, 2]", [1, 2]),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, '{"a": "1"}', {"a": 1}),
        ({"type": ["integer", "null"]}, "", None),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
            ["1", 2],
            [1, "2"],
        ),
        ({"allOf": [{"properties": {"a": {"type": "integer"}}}]}, {"a": "3"}, {"a": 3}),
    ],
)
async def test_converts_what_is_plain(node, schema, value, expected):
    assert (await node.outputs(data=value, json_schema=schema, coerce=True, mode="record"))[
        "output"
    ] == expected


@pytest.mark.parametrize("value", ["twelve", "1" * 5_000, "inf", "nan", "1_000", [], {}])
async def test_leaves_what_is_not(node, value):
    found = await reasons(node, value, {"type": "integer"}, coerce=True, mode="record")
    assert found[0].startswith("must be a whole number")


async def test_leaves_out_unknown_fields(node):
    outputs = await node.outputs(data={**GOOD, "colour": "red"}, json_schema=ORDER, drop_unknown=True)
    assert outputs["is_valid"] is True
    assert "colour" not in outputs["output"]


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ({"const": 3}, 4, "must be 3, not 4."),
        ({"exclusiveMaximum": 3}, 3, "must be less than 3, not 3."),
        ({"multipleOf": 5}, 3, "must be a multiple of 5, not 3."),
        ({"minLength": 1}, "", "must not be empty."),
        ({"maxLength": 2}, "abc", "may have at most 2 characters, not 3."),
        ({"uniqueItems": True}, [1, 1.0], "holds the same item more than once."),
        ({"minProperties": 1}, {}, "must have at least 1 fields, not 0."),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            [],
            "must be a text or a whole number, not [].",
        ),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "fits more than one of its forms."),
        (
            {"anyOf": [{"required": ["a"]}, {"properties": {"b": {"type": "null"}}}]},
            {"b": 1},
            "b must be null, not 1.",
        ),
        ({"format": "date"}, "2026-02-30", "is no valid date: “2026-02-30”."),
        ({"format": "date-time"}, "2026-02-03T10:00:00", "is no valid date-time: “2026-02-03T10:00:00”."),
        ({"format": "uri"}, "http://", "is no valid uri: “http://”."),
        ({"patternProperties": {"^n_": {"type": "number"}}}, {"n_a": "x"}, "n_a must be a number, not “x”."),
        ({"additionalProperties": {"type": "number"}}, {"a": "x"}, "a must be a number, not “x”."),
    ],
)
async def test_reasons_are_sentences(node, schema, value, reason):
    assert await reasons(node, value, schema, mode="record") == [reason]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("date", "2026-02-28"), ("date-time", "2026-02-28T10:00:00Z"), ("time", "10:00:00+02:00"),
        ("email", "a@b.org"), ("hostname", "a-b.example"), ("ipv4", "1.2.3.4"), ("ipv6", "::1"),
        ("uri", "mailto:a@b"), ("uuid", "123e4567-e89b-12d3-a456-426614174000"), ("regex", "^a"),
        ("json-pointer", "/a~1b/0"), ("colour", "whatever"),
    ],
)  # fmt: skip
async def test_formats(node, name, text):
    assert (await node.outputs(data=text, json_schema={"format": name}))["is_valid"] is True


async def test_nobody_can_keep_the_process_busy(node):
    started = time.process_time()
    schema = {"type": "string", "pattern": "^(a+)+$"}
    assert await reasons(node, "a" * 64 + "b", schema) != []
    assert time.process_time() - started < 5  # without the limit it would take until the end of days


@pytest.mark.parametrize(
    "schema", [{"$ref": "https://example.org/schema"}, {"$ref": "#/$defs/none"}, {"$ref": "#"}]
)
async def test_a_schema_that_can_not_be_followed_is_an_error(node, schema):
    await node.fails("invalid_schema", data={"a": 1}, json_schema=schema)


def test_problems_of_the_schema(node):
    schema = {"properties": {"a": {"$ref": "https://example.org/x"}}}
    assert set(node.problems(data=1, json_schema=schema)) == {"json_schema.properties.a.$ref"}
    assert set(node.problems(data=1, json_schema={"minimum": "x"})) == {"json_schema.minimum"}
    assert [
        port.name for port in node.type.ports(node.config(data=1, json_schema={}, reject_when="never"))
    ] == ["out"]
