"""The list node."""

from __future__ import annotations

import pytest

from apps.workflows.dsl.operators import OPERATORS
from tests.workflows.nodes.harness import Bench

PEOPLE = [
    {"name": "Ann", "age": 31, "city": {"zip": "10"}},
    {"name": "bob", "age": "7", "city": None},
    {"name": "Cy", "age": None, "city": {"zip": "9"}},
    {"name": "Ann", "age": 20, "city": {"zip": "10"}},
]
FILES = [
    {"id": "1", "name": "a.PDF", "content_type": "application/pdf", "size": 10, "url": "/x"},
    {"id": "", "name": "b.png", "content_type": "image/png", "size": 300, "url": "https://example.org/b.png"},
    {"id": "3", "name": "c.bin", "content_type": "", "size": 2, "url": ""},
]


@pytest.fixture
def node() -> Bench:
    return Bench("list_operator")


async def names(node: Bench, items: list, **config) -> list:
    return [item["name"] for item in (await node.outputs(items=items, **config))["result"]]


def where(*conditions: tuple, match: str = "all") -> dict:
    listed = [{"key": key, "op": op, "value": value} for key, op, value in conditions]
    return {"match": match, "conditions": listed}


@pytest.mark.parametrize(
    ("conditions", "match", "expected"),
    [
        ([("age", ">", 10)], "all", ["Ann", "Ann"]),
        ([("age", "<", 10)], "all", ["bob"]),
        ([("name", "is", "Ann"), ("age", "≥", 31)], "all", ["Ann"]),
        ([("name", "start with", "C"), ("city", "null", None)], "any", ["bob", "Cy"]),
        ([("city.zip", "in", ["10", "11"])], "all", ["Ann", "Ann"]),
        ([("city.zip", "not empty", None)], "all", ["Ann", "Cy", "Ann"]),
        ([("name", "contains", "n"), ("age", "!=", 20)], "all", ["Ann"]),
        ([("name", "length_>", 2)], "all", ["Ann", "bob", "Ann"]),
        ([], "all", ["Ann", "bob", "Cy", "Ann"]),
    ],
)
async def test_filters_objects(node, conditions, match, expected):
    assert await names(node, PEOPLE, filter=where(*conditions, match=match)) == expected


@pytest.mark.parametrize("op", sorted(OPERATORS))
async def test_every_operator_can_be_used(node, op):
    outputs = await node.outputs(items=["a", 1, None, [], {}], filter=where(("", op, "a")))
    assert outputs["count"] <= 5


@pytest.mark.parametrize(
    ("key", "op", "value", "expected"),
    [
        ("type", "in", ["image", "document"], ["a.PDF", "b.png"]),
        ("type", "is", "other", ["c.bin"]),
        ("extension", "is", ".pdf", ["a.PDF"]),
        ("mime_type", "starts_with", "image/", ["b.png"]),
        ("transfer_method", "is", "remote_url", ["b.png"]),
        ("size", "<", 100, ["a.PDF", "c.bin"]),
        ("name", "ends_with", ".bin", ["c.bin"]),
        ("url", "contains", "example.org", ["b.png"]),
        ("related_id", "is", "3", ["c.bin"]),
    ],
)
async def test_files_have_attributes(node, key, op, value, expected):
    assert await names(node, FILES, filter=where((key, op, value))) == expected


async def test_sorts_by_several_keys_and_keeps_what_has_no_value_at_one_end(node):
    order = [{"key": "name"}, {"key": "age", "direction": "desc", "sort_as": "number"}]
    found = (await node.outputs(items=PEOPLE, order_by=order))["result"]
    assert [(each["name"], each["age"]) for each in found] == [
        ("Ann", 31),
        ("Ann", 20),
        ("Cy", None),
        ("bob", "7"),
    ]
    by_age = [{"key": "age", "sort_as": "number", "direction": "desc"}]
    assert await names(node, PEOPLE, order_by=by_age) == ["Ann", "Ann", "bob", "Cy"]
    by_age[0]["nulls"] = "first"
    assert await names(node, PEOPLE, order_by=by_age) == ["Cy", "Ann", "Ann", "bob"]
    assert await names(node, PEOPLE, order_by=[{"key": "name", "ignore_case": True}]) == [
        "Ann",
        "Ann",
        "bob",
        "Cy",
    ]


async def test_values_of_different_kinds_have_an_order(node):
    found = await node.outputs(items=["b", 2, None, True, [1], "a", 1.5, {"x": 1}], order_by=[{}])
    assert found["result"] == [True, 1.5, 2, "a", "b", [1], {"x": 1}, None]


async def test_sorts_dates(node):
    items = ["2026-03-01", "2025-12-31T23:00:00Z", "2026-01-01T01:00:00+03:00"]
    found = await node.outputs(items=items, order_by=[{"sort_as": "date"}])
    assert found["result"] == [items[2], items[1], items[0]]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"limit": 2}, [3, 1]),
        ({"offset": 1, "limit": 2}, [1, 3]),
        ({"offset": 9}, []),
        ({"limit": 0}, []),
        ({"extract": 2}, [1]),
        ({"extract": -1}, [2]),
        ({"unique": True}, [3, 1, 2]),
        ({"unique": True, "order_by": [{}]}, [1, 2, 3]),
        ({"reverse": True}, [2, 3, 1, 3]),
        ({"filter": where(("", ">", 1)), "extract": 1}, [3]),
    ],
)
async def test_cuts_numbers(node, config, expected):
    outputs = await node.outputs(items=[3, 1, 3, 2], **config)
    assert outputs["result"] == expected
    assert outputs["count"] == len(expected)
    assert outputs["first_record"] == (expected[0] if expected else None)
    assert outputs["last_record"] == (expected[-1] if expected else None)


async def test_there_must_be_the_item_that_is_asked_for(node):
    for number in (0, 3, -3):
        await node.fails("no_such_item", items=["a", "b"], extract=number)


async def test_dissolves_picks_and_tells_equal_from_alike(node):
    assert (await node.outputs(items=[[1], [2, [3]], 4], flatten=True))["result"] == [1, 2, [3], 4]
    assert (await node.outputs(items=PEOPLE, pick="city.zip", unique=True, unique_by="name"))["result"] == [
        "10",
        None,
        "9",
    ]
    assert (await node.outputs(items=[1, True, 1.0, "1", {"a": 1}, {"a": 1.0}], unique=True))["result"] == [
        1,
        True,
        "1",
        {"a": 1},
    ]


def test_problems_name_their_places(node):
    found = node.problems(
        items=[], filter=where(("a..", "resembles", 1)), order_by=[{"key": "]"}], extract=0, pick="a["
    )
    assert set(found) == {
        "filter.conditions[0].key", "filter.conditions[0].op", "order_by[0].key", "extract", "pick",
    }  # fmt: skip


def test_what_comes_out_is_of_the_type_that_went_in(node):
    outputs = node.type.outputs(node.config(items="$.a.files", item_type="file"))
    assert (outputs["result"].type, outputs["first_record"].type) == ("array[file]", "file")
