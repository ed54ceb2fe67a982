"""Values and configurations: what is literal, what is resolved, and what errors name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from apps.workflows.dsl import (
    FieldError,
    MissingValue,
    ReferenceSyntaxError,
    TemplateSyntaxError,
    TypeMismatch,
    compile_config,
    compile_value,
    dynamic_fields,
    literal,
)
from apps.workflows.dsl.dynamic import (
    BodyAny,
    BodyCondition,
    DynamicAny,
    DynamicArray,
    DynamicCondition,
    DynamicInteger,
    DynamicText,
    ModelName,
    Target,
)
from tests.workflows.dsl.test_types import json_values

SCOPE: dict[str, Any] = {"n": {"text": "x", "number": 3, "digits": "85", "list": [1, 2], "none": None}}


@pytest.mark.parametrize(
    ("raw", "type_", "value"),
    [
        ("plain", "string", "plain"),
        (3, "string", "3"),
        ("7", "integer", 7),
        ("$.n.text", "string", "x"),
        ("$.n.digits", "integer", 85),
        ("$.n.list", "string", "[1, 2]"),
        ("{{ n.digits }}", "number", 85),
        ("{{ n.list }}", "array[any]", [1, 2]),
        ("{{ n.list }}", "any", "[1, 2]"),
        ("{{ n.number }}0", "integer", 30),
        ("$.n.none", "string", ""),
        ("$.n.none", "any", None),
        ({"a": ["$.n.number", {"b": "{{ n.text }}!"}], "c": 1}, "any", {"a": [3, {"b": "x!"}], "c": 1}),
        ({"$literal": "$.n.text"}, "string", "$.n.text"),
        ({"$literal": "{{ n.text }}"}, "any", "{{ n.text }}"),
        ([{"$literal": {"$literal": 1}}], "any", [{"$literal": 1}]),
        ({"$literal": 1, "more": 2}, "any", {"$literal": 1, "more": 2}),
        (["1", "$.n.digits"], "array[number]", [1, 85]),
        ("$ 5", "string", "$ 5"),
        ("costs $.5", "string", "costs $.5"),
    ],
)
def test_resolves(raw: Any, type_: str, value: Any) -> None:
    assert compile_value(raw, type_).resolve(SCOPE) == value


def test_a_single_reference_in_a_template_hands_the_value_on_as_it_is() -> None:
    assert compile_value("{{ n.list }}", "array[any]").resolve(SCOPE) is SCOPE["n"]["list"]


def test_knows_what_is_constant_and_what_it_reads() -> None:
    assert compile_value({"a": [1, "x"]}).constant
    value = compile_value({"a": "$.n.text", "b": ["{{ n.number }}{{ sys.query }}"]})
    assert not value.constant
    assert [found.text for found in value.references] == ["$.n.text", "$.n.number", "$.sys.query"]
    assert compile_value("$.n.text").reference is not None
    assert compile_value("{{ n.text }}").template is not None


@pytest.mark.parametrize(
    ("raw", "type_", "error", "message"),
    [
        ("$.n.text", "number", TypeMismatch, "$.n.text: A string is no number: 'x'."),
        ("$.n.zip", "integer", MissingValue, "$.n.zip has no value, and an integer is needed."),
        ("{{ n.text }}!", "boolean", TypeMismatch, "{{ n.text }}!: A string is no boolean: 'x!'."),
        (["$.n.text"], "array[number]", TypeMismatch, "The value: Item 0: A string is no number: 'x'."),
    ],
)
def test_says_what_does_not_fit(raw: Any, type_: str, error: type[Exception], message: str) -> None:
    value = compile_value(raw, type_)
    with pytest.raises(error) as raised:
        value.resolve(SCOPE)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("raw", "type_", "error"),
    [
        ("many", "number", TypeMismatch),
        (None, "number", MissingValue),
        ("$.n.", "any", ReferenceSyntaxError),
        ({"a": ["{{ n"]}, "any", TemplateSyntaxError),
    ],
)
def test_refuses_while_compiling(raw: Any, type_: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        compile_value(raw, type_)


def test_optional_values_may_be_nothing() -> None:
    assert compile_value("$.n.zip", "integer", optional=True).resolve(SCOPE) is None
    assert compile_value(None, "integer", optional=True).resolve(SCOPE) is None


texts = st.sampled_from(["$.n.text", "{{ n.text }}", "{% if %}", "$literal", "$.", "plain"])
raw_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=8,
)


@given(raw_values | json_values)
def test_any_plain_value_can_be_written_as_a_literal(value: Any) -> None:
    compiled = compile_value(literal(value))
    assert compiled.constant
    assert compiled.resolve({}) == value


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(Model):
    name: str
    value: DynamicText
    enabled: bool = True


class Config(Model):
    url: DynamicText = Field("", title="Address", max_length=None)
    count: DynamicInteger | None = None
    pairs: list[Pair] = Field(default_factory=list)
    pair: Pair | None = None
    named: dict[str, Pair] = Field(default_factory=dict)
    values: dict[str, DynamicAny] = Field(default_factory=dict)
    texts: list[DynamicText] = Field(default_factory=list)
    items: DynamicArray | None = None
    when: DynamicCondition = False
    collect: BodyAny = None
    until: BodyCondition = None
    target: Target | None = None
    model: ModelName = ""
    fixed: str = "$.n.text"


def test_fills_in_every_dynamic_field_and_no_other() -> None:
    config = Config(
        url="http://{{ n.text }}",
        count="$.n.digits",
        pairs=[Pair(name="$.n.text", value="$.n.text"), Pair(name="b", value="b")],
        pair=Pair(name="c", value="{{ n.number }}"),
        named={"d": Pair(name="d", value="$.n.list", enabled=False)},
        values={"e": ["$.n.number"], "f": 1},
        texts=["a", "$.n.text"],
        items="$.n.list",
        when="$.n.number > 2",
        collect="$.inner.x",
        until="$.n.number > 2",
        target="$.conversation.topic",
    )
    source = compile_config(config)
    assert source.dynamic
    assert source.resolve(SCOPE) == Config.model_construct(
        url="http://x",
        count=85,
        pairs=[Pair(name="$.n.text", value="x"), Pair(name="b", value="b")],
        pair=Pair(name="c", value="3"),
        named={"d": Pair(name="d", value="[1, 2]", enabled=False)},
        values={"e": [3], "f": 1},
        texts=["a", "x"],
        items=[1, 2],
        when=True,
        collect="$.inner.x",
        until="$.n.number > 2",
        target="$.conversation.topic",
        model="",
        fixed="$.n.text",
    )
    assert config.url == "http://{{ n.text }}"
    assert source.resolve(SCOPE).model_fields_set == config.model_fields_set


def test_a_configuration_without_dynamic_values_is_handed_out_as_it_is() -> None:
    config = Config(url="x", pairs=[Pair(name="a", value="b")])
    source = compile_config(config)
    assert not source.dynamic
    assert source.resolve(SCOPE) is source.resolve({})
    assert source.resolve(SCOPE) == config


def test_literals_are_converted_once() -> None:
    source = compile_config(Config(url=5, count="7", texts=[1], values={"a": {"$literal": "$.x"}}))
    assert not source.dynamic
    resolved = source.resolve({})
    assert (resolved.url, resolved.count, resolved.texts, resolved.values) == ("5", 7, ["1"], {"a": "$.x"})


def test_optional_fields_without_a_value_are_none() -> None:
    assert compile_config(Config(count="$.n.zip")).resolve(SCOPE).count is None


@pytest.mark.parametrize(
    ("config", "place", "code"),
    [
        (Config(pairs=[Pair(name="a", value="{{ }")]), "pairs[0].value", "template_syntax"),
        (Config(values={"odd key": "$.n."}), "values['odd key']", "reference_syntax"),
        (Config(count="many"), "count", "type_mismatch"),
        (Config(when="1 +"), "when", "condition_syntax"),
    ],
)
def test_errors_of_compiling_name_the_field(config: Config, place: str, code: str) -> None:
    with pytest.raises(FieldError) as error:
        compile_config(config)
    assert (error.value.place, error.value.code) == (place, code)


def test_errors_of_resolving_name_the_field() -> None:
    source = compile_config(Config(named={"a": Pair(name="a", value="{{ 1 / n.zero }}")}, count="$.n.text"))
    with pytest.raises(FieldError) as error:
        source.resolve(SCOPE)
    assert str(error.value) == "count: $.n.text: A string is no integer: 'x'."
    assert (error.value.place, error.value.code) == ("count", "type_mismatch")


def test_finds_every_marked_field_with_its_place() -> None:
    config = Config(pairs=[Pair(name="a", value="b")], values={"x": 1}, texts=["t"])
    assert [
        (field.place, type(field.marker).__name__, field.optional) for field in dynamic_fields(config)
    ] == [
        ("url", "Dynamic", False),
        ("count", "Dynamic", True),
        ("pairs[0].value", "Dynamic", False),
        ("values.x", "Dynamic", True),
        ("texts[0]", "Dynamic", False),
        ("items", "Dynamic", True),
        ("when", "Dynamic", False),
        ("collect", "Dynamic", True),
        ("until", "Dynamic", True),
        ("target", "Dynamic", True),
        ("model", "Resource", False),
    ]
