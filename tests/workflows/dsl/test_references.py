"""References: direct access, JSONPath, what is there and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows.dsl import ItemScope, ReferenceSyntaxError, compile_reference, jsonpath
from apps.workflows.dsl.references import quote_step, scan_reference

SCOPE: dict[str, Any] = {
    "a": {"b": {"c": [1, {"d": 5}], "null": None, "text": "abc", "x-y": 7, "it's": 8, 'q"': 9}},
    "my-node": {"items": [{"price": 1}, {"price": 3}, {"price": 8}]},
    "start": {"limit": 2},
}


class Strict:
    """A scope that raises KeyError, as the engine's does."""

    def get(self, name: str, /) -> Any:
        return SCOPE[name]


@pytest.mark.parametrize("scope", [SCOPE, Strict()])
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$.a.b.c[0]", 1),
        ("$.a.b.c[-1].d", 5),
        ("$.a['b'][\"c\"][1]['d']", 5),
        ("$.a.b['x-y']", 7),
        ("$.a.b['it\\'s']", 8),
        ("$.a.b['q\"']", 9),
        ("$.a.b.null", None),
        ("$.a.b.c[7]", None),
        ("$.a.b.text[0]", None),
        ("$.a.b.text.length", None),
        ("$.a.b[0]", None),
        ("$.nobody.x.y", None),
        ("$.my-node.items[*].price", [1, 3, 8]),
        ("$.my-node.items[?@.price > $.start.limit].price", [3, 8]),
        ("$.my-node.items[?@.price > $['my-node'].items[1].price].price", [8]),
        ("$.my-node..price", [1, 3, 8]),
        ("$.my-node.items[0:2].price", [1, 3]),
        ("$.nobody.items[*]", []),
    ],
)
def test_reads(scope: Any, source: str, value: Any) -> None:
    assert compile_reference(source).resolve(scope) == value


@pytest.mark.parametrize(
    ("source", "present"),
    [
        ("$.a.b.null", True),
        ("$.a.b.c[1]", True),
        ("$.a.b.c[2]", False),
        ("$.a.b.text[0]", False),
        ("$.a.zzz", False),
        ("$.nobody", False),
        ("$.my-node.items[?@.price > 7]", True),
        ("$.my-node.items[?@.price > 9]", False),
    ],
)
def test_tells_null_from_nothing(source: str, present: bool) -> None:
    assert compile_reference(source).present(SCOPE) is present
    assert compile_reference(source).present(Strict()) is present


def test_knows_what_it_reads() -> None:
    plain = compile_reference("$.my-node.items[0].price")
    assert (plain.root, plain.path, plain.plain, plain.output) == (
        "my-node",
        ("items", 0, "price"),
        True,
        "items",
    )
    query = compile_reference("$.a.list[?@.x == $.start.limit && count($.other.y) > 0].z")
    assert (query.root, query.path, query.plain) == ("a", ("list",), False)
    assert query.roots == {"a", "start", "other"}


def test_reads_the_item_of_a_list() -> None:
    scope = ItemScope(SCOPE, {"price": 4})
    assert compile_reference("@.price").resolve(scope) == 4
    assert compile_reference("@").resolve(scope) == {"price": 4}
    assert compile_reference("$.start.limit").resolve(scope) == 2


@pytest.mark.parametrize(
    "source",
    [
        "",
        "$",
        "$.",
        "$..a",
        "$.1",
        "$.*",
        "$.a b",
        "$.a.b c",
        "$.a.x-y",
        "$.a[",
        "$.a['x",
        "$.a[?match(@.x, 'a.*')]",
        "$.a[?search(@.x, 'a.*')]",
        "$.a[?@.x == $[*]]",
        "$.a | $.b",
        "$.a[*] & $.b",
        "$.a[1.5]",
        "$.a['\\q']",
        "$." + "a" * 3_000,
        "$.a" + "[?(" * 500,
        "$.a[?" + "(" * 900 + "@" + ")" * 900 + "]",
    ],
)
def test_refuses(source: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as error:
        compile_reference(source)
    assert error.value.message


def test_a_query_over_very_deep_or_large_data_finds_nothing_instead_of_failing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jsonpath, "MAX_RESULTS", 100)
    deep: Any = {"x": 1}
    for _ in range(500):
        deep = {"a": deep}
    assert compile_reference("$.n..x").resolve({"n": deep}) == []
    assert compile_reference("$.n[*]").resolve({"n": [0] * 100}) == [0] * 100
    assert compile_reference("$.n[*]").resolve({"n": [0] * 101}) == []


steps = st.one_of(st.text(min_size=1, max_size=6), st.integers(-2, 3))
trees = st.recursive(
    st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def _expected(value: Any, path: list[Any]) -> Any:
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                return None
        elif not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


@given(trees, st.lists(steps, max_size=5))
def test_paths_of_any_names_read_what_is_there(tree: Any, path: list[Any]) -> None:
    source = "$.node" + "".join(map(quote_step, path))
    reference = compile_reference(source)
    assert reference.path == tuple(path)
    assert reference.resolve({"node": tree}) == _expected(tree, path)


@given(trees, st.data())
def test_every_place_of_a_tree_can_be_read(tree: Any, data: st.DataObject) -> None:
    path: list[Any] = []
    at = tree
    while isinstance(at, dict | list) and at:
        step = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        path.append(step)
        at = at[step]
    reference = compile_reference("$.node" + "".join(map(quote_step, path)))
    assert reference.resolve({"node": tree}) == at
    assert reference.present({"node": tree})


@given(st.text(alphabet="$.@[]'\"?*:ab01-() &|!<>=,\\", max_size=40))
def test_any_text_is_a_reference_or_refused(source: str) -> None:
    try:
        reference = compile_reference(f"$.a{source}")
    except ReferenceSyntaxError:
        return
    json.dumps(reference.resolve({"a": {"b": [1, 2, {"a": "0"}]}}))


@given(st.text(alphabet="$.@[]'\"?ab01-() ", max_size=30))
def test_scanning_ends_within_the_text(source: str) -> None:
    try:
        end = scan_reference(f"$.a{source}", 0)
    except ReferenceSyntaxError:
        return
    assert 3 <= end <= len(source) + 3
