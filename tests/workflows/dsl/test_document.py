"""Documents: reading, writing, caps, older versions, files."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.workflows import dsl
from apps.workflows.dsl import Document, DocumentError, dump_json, dump_yaml, parse
from apps.workflows.dsl.files import file_name, read_file, write_file
from apps.workflows.dsl.migrate import migrate, step, versions
from apps.workflows.dsl.reading import read
from tests.workflows.dsl.catalogue import CATALOGUE
from tests.workflows.dsl.support import document

YAML = """\
version: flywheel/v1
kind: workflow
name: Order triage
variables:
  environment:
    - name: API_URL
      value: https://x.test
    - name: TOKEN
      type: secret
limits:
  steps: 50
nodes:
  - id: start
    type: start
  - id: each
    type: loop
    title: Each order
    config:
      items: $.start.orders
      prompt: |-
        Two lines:
        {{ start.name }}
      op: '='
    retry:
      attempts: 5
    on_error:
      strategy: branch
    position:
      x: 10
      y: 2.5
    body:
      nodes:
        - id: inner
          type: step
      edges: []
edges:
  - source: start
    target: each
  - source: each
    target: start
    port: error
"""


def problem_of(source: str | dict[str, Any]) -> dsl.Problem:
    with pytest.raises(DocumentError) as error:
        parse(source)
    return error.value.problems[0]


def test_reads_and_writes_the_same_yaml() -> None:
    parsed = parse(YAML)
    assert parsed.nodes[1].config["prompt"] == "Two lines:\n{{ start.name }}"
    assert dump_yaml(parsed) == YAML
    assert parse(dump_json(parsed)) == parsed
    assert parse(dsl.dump(parsed)) == parsed


def test_walks_every_node_with_its_place() -> None:
    assert [(node.id, place) for node, place in parse(YAML).walk()] == [
        ("start", "nodes[0]"),
        ("each", "nodes[1]"),
        ("inner", "nodes[1].body.nodes[0]"),
    ]


def test_writes_configurations_in_the_order_of_their_type() -> None:
    config = {"size": 5, "pairs": [{"value": "v", "name": "n"}], "text": "t", "unknown": {"b": 1, "a": 2}}
    parsed = parse(document([{"id": "a", "type": "step", "config": config}], []))
    without = dsl.dump(parsed)["nodes"][0]["config"]
    assert list(without) == ["size", "pairs", "text", "unknown"]
    ordered = dsl.dump(parsed, CATALOGUE)["nodes"][0]["config"]
    assert list(ordered) == ["text", "pairs", "size", "unknown"]
    assert ordered == config
    del config["unknown"]
    valid = dsl.dump(parse(document([{"id": "a", "type": "step", "config": config}], [])), CATALOGUE)
    assert list(valid["nodes"][0]["config"]["pairs"][0]) == ["name", "value"]


safe_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
TRICKY = """
    = ~ null yes on No 1e3 0o17 0x1F 1_000 12:30 2024-01-01 .5 -.5e1 +1 .inf - ? : # ! & * | > % @ ` { } [ ] , '' ""
    << a: :a #a -1 1. 0 007
"""
tricky_text = st.sampled_from([*TRICKY.split(), "", " a", "a "]) | st.sampled_from(
    [
        "a\n",
        "\na",
        " a\nb",
        "a \nb",
        "a\n\nb",
        "\t",
        "a\tb\nc",
        "é\n中\n😀",
        "a\u2028b",
        "a\x85b",
        "\x7f\x01",
        "\ufeff",
        "a\r\nb",
        "---\na",
        "...",
        "- a\n- b",
        "{{ a }}\n{% b %}",
        "\x1f",
        "\x85",
        "\u200b\n\u200b",
    ]
)
texts = safe_text | tricky_text
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
ids = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
nodes = st.recursive(
    st.fixed_dictionaries(
        {"id": ids, "type": st.sampled_from(["step", "x.y"])},
        optional={
            "title": texts,
            "config": st.dictionaries(texts, plain, max_size=3),
            "timeout_s": st.floats(0.1, 100),
            "retry": st.fixed_dictionaries(
                {}, optional={"attempts": st.integers(1, 20), "jitter": st.booleans()}
            ),
            "on_error": st.fixed_dictionaries(
                {"strategy": st.sampled_from(["fail", "default", "branch"])},
                optional={"default": st.dictionaries(texts, plain, max_size=2)},
            ),
            "position": st.fixed_dictionaries({"x": st.floats(-9, 9), "y": st.integers(-9, 9)}),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {
            "id": ids,
            "type": st.just("loop"),
            "body": st.fixed_dictionaries({"nodes": st.lists(inner, max_size=2)}),
        }
    ),
    max_leaves=3,
)
documents = st.fixed_dictionaries(
    {"version": st.just(dsl.VERSION), "nodes": st.lists(nodes, max_size=3)},
    optional={
        "kind": st.sampled_from(["workflow", "chatflow"]),
        "name": texts,
        "description": texts,
        "variables": st.fixed_dictionaries(
            {},
            optional={
                "environment": st.lists(
                    st.fixed_dictionaries({"name": st.just("A"), "value": plain}), max_size=1
                )
            },
        ),
        "limits": st.fixed_dictionaries(
            {}, optional={"steps": st.none() | st.integers(1, 99), "cost": st.floats(0.1, 9)}
        ),
        "features": st.fixed_dictionaries(
            {}, optional={"opening": texts, "suggested_questions": st.lists(texts, max_size=2)}
        ),
        "edges": st.lists(
            st.fixed_dictionaries({"source": ids, "target": ids}, optional={"port": ids}), max_size=2
        ),
    },
)


@settings(max_examples=30)
@given(documents)
def test_nothing_is_lost_on_the_way_to_text_and_back(data: dict[str, Any]) -> None:
    try:
        parsed = parse(data)
    except DocumentError:
        # numbers of a thousand bits and other things that can't be stored
        return
    for written in (dump_yaml(parsed), dump_json(parsed), dump_yaml(parsed, CATALOGUE)):
        again = parse(written)
        assert again == parsed
        assert dump_yaml(again) == dump_yaml(parsed)
    for node in data["nodes"]:
        if "config" in node:
            assert node["config"] in [found.config for found in parsed.nodes]


@settings(max_examples=40)
@given(st.dictionaries(texts, plain, max_size=4))
def test_yaml_of_other_writers_is_read_as_json_would_be(data: dict[str, Any]) -> None:
    try:
        found = read(json.dumps(data)).data
    except DocumentError:
        # numbers of a thousand bits
        return
    assert found == data


@settings(max_examples=40)
@given(st.text(alphabet="ab: -[]{}\n'\"|>#&*!%1.", max_size=60) | st.text(max_size=30))
def test_any_text_is_read_or_refused(source: str) -> None:
    with suppress(DocumentError):
        parse(f"version: flywheel/v1\n{source}")


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("", "not_an_object", None),
        ("- 1", "not_an_object", None),
        ("a: [", "yaml_syntax", 2),
        ("a: 1\n b: 2", "yaml_syntax", 2),
        ("a: 1\nb:\n  c: 1\n  c: 2", "duplicate_key", 4),
        ('{"a": 1,\n "a": 2}', "duplicate_key", 2),
        ("a: &x [1]\nb: *x", "yaml_alias", 2),
        ("a: !!python/object/apply:os.system [x]", "yaml_tag", 1),
        ("a: !custom x", "yaml_tag", 1),
        ("a: !!int '3'", "yaml_tag", 1),
        ("a: 1\n---\nb: 2", "yaml_documents", 2),
        ("? [a]\n: b", "key_not_text", 1),
        ("? {a: b}\n: c", "key_not_text", 1),
        ("a: .inf", "not_finite", 1),
        ("a: 1e999", "not_finite", 1),
        ('{"a": 1e999}', "not_finite", 1),
        ('{"a": NaN, "version": "flywheel/v1"}', "unknown_key", None),
        ("a: " + "9" * 400, "number_too_long", 1),
        ('a: "\\0"', "unstorable_character", 1),
        ("a: \x01", "yaml_syntax", None),
        ("a: " + "[" * 80 + "]" * 80, "too_deep", 1),
        ("- " * 500 + "a", "too_deep", 1),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, "too_deep", 1),
        ("[" * 50_000, "yaml_syntax", 1),
        ("x" * (5 * 2**20 + 1), "too_large", None),
        ("name: x", "version_missing", None),
        ("version: 1", "version_unknown", None),
        ("version: flywheel/v2", "version_unknown", None),
        ("version: flywheel/v1\nnodes: {}", "invalid_field", 2),
    ],
)
def test_refuses_with_the_line(source: str, code: str, line: int | None) -> None:
    problem = problem_of(source)
    assert (problem.code, problem.line if code != "unknown_key" else line) == (code, line)


def test_bombs_of_aliases_are_refused_before_they_unfold() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert problem_of("\n".join(lines)).code == "yaml_alias"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "not_finite"),
        (10**400, "number_too_long"),
        ("a\x00", "unstorable_character"),
        ("\ud800", "unstorable_character"),
        ({1: 2}, "key_not_text"),
        ({1, 2}, "not_plain"),
        ([[[]]] * 3, None),
    ],
)
def test_plain_data_is_checked_too(value: Any, code: str | None) -> None:
    data = document([{"id": "a", "type": "step", "config": {"x": value}}], [])
    if code is None:
        assert isinstance(parse(data), Document)
    else:
        assert problem_of(data).code == code


def test_yaml_is_read_as_its_core_schema() -> None:
    source = (
        "{a: yes, b: 2024-01-01, c: =, d: 012, e: 0o14, f: 0x1f, g: ~, h: True, i: 1_000, j: 12:30, k: .5, l: 1.,"
        " m: null}"
    )
    assert read(f"x: {source}").data["x"] == {
        "a": "yes",
        "b": "2024-01-01",
        "c": "=",
        "d": 12,
        "e": 12,
        "f": 31,
        "g": None,
        "h": True,
        "i": "1_000",
        "j": "12:30",
        "k": 0.5,
        "l": 1.0,
        "m": None,
    }


def test_all_problems_of_form_are_reported_with_their_lines() -> None:
    source = """\
version: flywheel/v1
kind: flow
nodes:
  - id: 1x
    type: step
    colour: red
    retry: {attempts: 0}
  - type: step
limits: {memory: 5}
"""
    with pytest.raises(DocumentError) as error:
        parse(source)
    assert [(p.place, p.line, p.message) for p in error.value.problems] == [
        ("kind", 2, "kind must be one of 'workflow' or 'chatflow'."),
        ("limits.memory", 9, "Unknown key 'memory'."),
        ("nodes[0].id", 4, "id '1x' must be letters, digits and _, and begin with a letter."),
        ("nodes[0].retry.attempts", 7, "attempts must be at least 1."),
        ("nodes[0].colour", 6, "Unknown key 'colour'."),
        ("nodes[1].id", 8, "id is missing."),
    ]


def test_documents_of_the_version_before_are_brought_forward() -> None:
    old = {
        "version": "flywheel/v0",
        "kind": "chat",
        "variables": {"environment": {"URL": "x"}, "conversation": {"topic": "t"}},
        "nodes": [
            {"id": "start", "type": "start", "settings": {}},
            {
                "id": "l",
                "type": "loop",
                "settings": {"a": 1},
                "body": {
                    "nodes": [{"id": "i", "type": "step", "settings": {"b": 2}}],
                    "edges": [{"from": "i", "to": "i"}],
                },
            },
        ],
        "edges": [{"from": "start", "to": "l"}],
    }
    before = json.dumps(old)
    parsed = parse(old)
    assert json.dumps(old) == before
    assert (parsed.version, parsed.kind) == ("flywheel/v1", "chatflow")
    assert parsed.edges[0].source == "start"
    assert parsed.nodes[1].config == {"a": 1}
    assert parsed.nodes[1].body is not None
    assert parsed.nodes[1].body.nodes[0].config == {"b": 2}
    assert parsed.nodes[1].body.edges[0].target == "i"
    assert parsed.variables.environment[0].value == "x"
    assert parsed.variables.conversation[0].default == "t"
    assert versions() == ["flywheel/v0", "flywheel/v1"]


def test_a_migration_of_broken_data_leaves_the_finding_to_the_models() -> None:
    old = {"version": "flywheel/v0", "nodes": "x", "edges": [1, {"from": 3}], "variables": 7}
    with pytest.raises(DocumentError) as error:
        parse(old)
    assert {problem.place for problem in error.value.problems} >= {"nodes", "edges[0]", "variables"}


def test_there_is_one_migration_for_each_version() -> None:
    with pytest.raises(ValueError, match="already"):
        step("flywheel/v0", "flywheel/v1")(lambda data: None)
    current = {"version": "flywheel/v1"}
    assert migrate(current) is current


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Order triage", "order-triage.flywheel.yaml"),
        ("  ../../etc/passwd ", "etc-passwd.flywheel.yaml"),
        ("订单 分类", "订单-分类.flywheel.yaml"),
        ("", "workflow.flywheel.yaml"),
        ("x" * 200, "x" * 80 + ".flywheel.yaml"),
    ],
)
def test_exported_files_are_named_after_the_workflow(name: str, file: str) -> None:
    assert file_name(Document(name=name)) == file
    assert file_name(Document(name=name), "json").endswith(".flywheel.json")


def test_files_are_read_in_the_encodings_that_editors_write() -> None:
    parsed = parse(YAML)
    assert read_file(write_file(parsed)) == parsed
    assert read_file(write_file(parsed, "json")) == parsed
    assert read_file(b"\xef\xbb\xbf" + YAML.encode()) == parsed
    assert read_file(YAML.replace("\n", "\r\n").encode()) == parsed
    assert read_file(YAML.encode("utf-16")) == parsed
    with pytest.raises(DocumentError):
        read_file(b"\xff\x00\x81")


def test_yaml_of_ours_is_yaml_to_others() -> None:
    assert yaml.safe_load(dump_yaml(parse(YAML))) == dsl.dump(parse(YAML))
