"""From attributes to rows."""

import json
import time
import uuid
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.tracing import attributes as names
from apps.tracing.mapping import SpanError, SpanEvent, SpanRecord, map_span
from apps.tracing.mapping.preview import preview
from apps.tracing.mapping.table import Convention, Field, compile_table
from apps.tracing.writer import SpanWriter

WORKSPACE = uuid.UUID(int=7)


def span(**fields):
    now = time.time_ns()
    known = {
        "trace_id": "1" * 32,
        "span_id": "2" * 16,
        "parent_id": "",
        "name": "n",
        "start_ns": now,
        "end_ns": now + 5,
    }
    return SpanRecord(**{**known, **fields})


def test_cached_and_reasoning_tokens_are_counted_once():
    row = map_span(
        span(
            attributes={
                names.MODEL: "m",
                names.INPUT_TOKENS: 100,
                names.CACHED_TOKENS: 60,
                names.OUTPUT_TOKENS: 50,
                names.REASONING_TOKENS: 20,
            }
        ),
        workspace_id=WORKSPACE,
    )
    assert (row.input_tokens, row.output_tokens) == (100, 50)
    assert row.usage == {"input": 40, "input_cached_tokens": 60, "output": 30, "output_reasoning_tokens": 20}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({names.OBSERVATION_TYPE: "retriever", names.MODEL: "m"}, "retriever"),
        ({names.OBSERVATION_TYPE: "nonsense", names.MODEL: "m"}, "generation"),
        ({names.OPERATION: "embeddings", names.MODEL: "m"}, "embedding"),
        ({"gen_ai.tool.name": "search"}, "tool"),
        ({names.RESPONSE_MODEL: "m"}, "generation"),
        ({"http.method": "GET"}, "span"),
    ],
)
def test_the_type_comes_from_the_best_source(attributes, expected):
    assert map_span(span(attributes=attributes), workspace_id=WORKSPACE).type == expected


def test_wrappers_keep_no_usage_that_their_children_report():
    row = map_span(
        span(attributes={names.OBSERVATION_TYPE: "agent", names.INPUT_TOKENS: 9, names.COST: "1"}),
        workspace_id=WORKSPACE,
    )
    assert (row.input_tokens, row.cost, row.usage) == (None, None, None)


def test_the_response_model_wins_and_our_input_wins():
    row = map_span(
        span(
            attributes={
                "gen_ai.input.messages": "[]",
                names.INPUT: "ours",
                names.MODEL: "asked",
                names.RESPONSE_MODEL: "answered",
            }
        ),
        workspace_id=WORKSPACE,
    )
    assert (row.model, row.input_preview) == ("answered", "ours")


def test_system_instructions_become_the_first_message():
    row = map_span(
        span(
            attributes={
                "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
                "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]',
            }
        ),
        workspace_id=WORKSPACE,
    )
    assert [message["role"] for message in json.loads(row.input)] == ["system", "user"]
    assert row.input_preview == "Hi"


def test_a_span_never_chooses_its_workspace():
    row = map_span(span(attributes={names.WORKSPACE_ID: str(uuid.uuid4())}), workspace_id=WORKSPACE)
    assert row.workspace_id == WORKSPACE
    assert row.attributes is None


def test_metadata_and_unknown_attributes_are_kept():
    row = map_span(
        span(attributes={"flywheel.metadata.k": [1, 2], "http.status": 200}), workspace_id=WORKSPACE
    )
    assert row.metadata == {"k": [1, 2]}
    assert row.attributes == {"http.status": 200}


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": "0" * 32},
        {"trace_id": "xyz"},
        {"span_id": ""},
        {"span_id": "G" * 16},
        {"start_ns": 0},
        {"start_ns": time.time_ns() + 10 * 86400 * 10**9},
        {"start_ns": 2**63},
        {"end_ns": 2**80},
    ],
)
def test_impossible_spans_are_refused_with_a_reason(fields):
    with pytest.raises(SpanError, match=r"\w"):
        map_span(span(**fields), workspace_id=WORKSPACE)


@pytest.mark.parametrize("name", ["", "  ", "\n\t"])
def test_a_span_without_a_name_can_be_named(name):
    assert map_span(span(name=name), workspace_id=WORKSPACE).name == "span"


def test_an_end_before_the_start_is_the_start():
    now = time.time_ns()
    row = map_span(span(start_ns=now, end_ns=now - 10**9), workspace_id=WORKSPACE)
    assert row.end_time == row.start_time


def test_exact_costs_survive():
    assert map_span(span(attributes={names.COST: "0.0000001234"}), workspace_id=WORKSPACE).cost == Decimal(
        "0.0000001234"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ('[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]', "a"),
        ('{"messages": [{"role": "user", "content": [{"type": "text", "text": "deep"}]}]}', "deep"),
        ('{"question": "q", "k": 1}', "q"),
        ("[1, 2, 3]", "[1, 2, 3]"),
        ("{broken", "{broken"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_previews_show_what_was_said(value, expected):
    assert preview(value, role="user") == expected


def test_earlier_conventions_take_precedence():
    first = Convention("first", (Field("name", ("a", "b"), str),))
    second = Convention("second", (Field("name", ("c",), str),))
    table = compile_table((first, second))
    assert [table.entries[key][0].rank for key in "abc"] == [1, 2, 3]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary()
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
)
keys = st.sampled_from(
    sorted(value for name, value in vars(names).items() if name.isupper() and isinstance(value, str))
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    attributes=st.dictionaries(keys | st.text(st.characters(), max_size=20), anything, max_size=12),
    name=st.text(st.characters()),
    message=st.text(st.characters()),
    event=st.dictionaries(st.text(st.characters(), max_size=10), anything, max_size=3),
)
@pytest.mark.django_db
def test_no_attribute_poisons_a_batch(attributes, name, message, event):
    identity = uuid.uuid4()
    odd = span(
        trace_id=identity.hex,
        name=name,
        status_message=message,
        attributes=attributes,
        events=[SpanEvent("exception", 1, event), SpanEvent("other", 2, event)],
    )
    good = span(trace_id=identity.hex, span_id="3" * 16)
    rows = [map_span(record, workspace_id=identity) for record in (odd, good)]
    with SpanWriter() as writer:
        result = writer.write(rows)
    assert (result.stored, result.rejected) == (2, [])
