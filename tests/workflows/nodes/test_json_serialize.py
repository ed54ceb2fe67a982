"""Writing JSON."""

from __future__ import annotations

import pytest

from tests.workflows.nodes.harness import Bench


@pytest.fixture
def node() -> Bench:
    return Bench("json_serialize")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, '{"b":[1,2],"a":"ü"}'),
        ({"pretty": True, "sort_keys": True}, '{\n  "a": "ü",\n  "b": [\n    1,\n    2\n  ]\n}'),
        ({"ensure_ascii": True}, '{"b":[1,2],"a":"\\u00fc"}'),
        ({"pretty": True, "indent": 1}, '{\n "b": [\n  1,\n  2\n ],\n "a": "ü"\n}'),
    ],
)
async def test_writes(node, config, expected):
    assert await node.outputs(value={"b": [1, 2], "a": "ü"}, **config) == {"output": expected}


async def test_refuses_what_json_does_not_know(node):
    await node.fails("not_json", value={"a": float("nan")})
    await node.fails("not_json", value={"a": {1, 2}})
    nested: list = []
    for _depth in range(100_000):
        nested = [nested]
    await node.fails("not_json", value=nested)
