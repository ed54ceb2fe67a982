"""Two traces beside each other."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.tracing.comparison import match, steps_of
from apps.tracing.models import Observation
from apps.tracing.text_diff import diff_lines
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id, store

URL = "/admin/traces/compare/"
BOLD = "It is <b>that</b>."
LINES = st.lists(st.sampled_from(["a", "b", "c d", "e  f!", ""]), max_size=30)


def side(rows, name):
    """One side of the rows put together again; only possible while nothing is skipped."""
    lines = [getattr(row, name) for row in rows]
    return ["".join(text for text, _changed in line) for line in lines if line is not None]


@given(LINES, LINES)
def test_a_diff_tells_both_texts(one, other):
    rows = diff_lines("\n".join(one), "\n".join(other))
    expected = ("\n".join(one).splitlines(), "\n".join(other).splitlines())
    if not any(row.skipped for row in rows):
        assert (side(rows, "left"), side(rows, "right")) == expected
    shown = sum(row.left is not None for row in rows) + sum(row.skipped for row in rows)
    assert shown == len(expected[0])


def test_only_the_words_that_differ_are_marked():
    (row,) = diff_lines("It is this.", "It is that.")
    assert [text for text, changed in row.left if changed] == ["this"]
    assert [text for text, changed in row.right if changed] == ["that"]


def test_long_stretches_without_change_are_left_out():
    lines = [str(number) for number in range(100)]
    rows = diff_lines("\n".join(lines), "\n".join([*lines[:-1], "x"]))
    assert [row.skipped for row in rows if row.skipped] == [96]
    assert len(rows) == 5


def steps(*names, parents=()):
    """Steps of a chain of siblings, or with a parent for each."""
    observations = [
        Observation(span_id=f"{at:016x}", parent_id=parents[at] if parents else None, type=name[0], name=name)
        for at, name in enumerate(names)
    ]
    return steps_of(observations)


def named(pairs):
    return [
        (pair.left and pair.left.observation.name, pair.right and pair.right.observation.name)
        for pair in pairs
    ]


def test_steps_are_matched_by_order_type_and_name():
    pairs = match(steps("plan", "search", "answer"), steps("plan", "search", "search", "answer"))
    assert ("plan", "plan") in named(pairs)
    assert ("answer", "answer") in named(pairs)
    assert named(pairs).count((None, "search")) == 1
    assert named(match(steps("ask a", "z"), steps("ask b", "z"))) == [("ask a", "ask b"), ("z", "z")]
    assert named(match(steps("ask"), steps("tell"))) == [("ask", None), (None, "tell")]
    assert match([], []) == []


def test_parents_come_before_children_and_orphans_are_roots():
    first, second = f"{0:016x}", f"{1:016x}"
    found = steps("a", "b", "c", "d", parents=(None, first, second, "f" * 16))
    assert [(step.observation.name, step.depth) for step in found] == [("a", 0), ("b", 1), ("c", 2), ("d", 0)]


@pytest.mark.django_db
def test_the_page_compares_two_traces(console, viewer, stranger, workspace):
    one = make_trace(workspace, name="answer", OUTPUT="It is this.", SESSION_ID="s-1")
    trace_id = new_trace_id()
    base = {"trace_id": trace_id, "base_ns": time.time_ns() - 10**10}
    store(
        make_row(workspace, make_span(**base, name="answer", length_s=3, OBSERVATION_TYPE="agent", OUTPUT=BOLD)),
        make_row(workspace, make_span(**base, number=9, parent=1, name="search", OBSERVATION_TYPE="tool")),
    )  # fmt: skip
    client = console(viewer)
    address = f"{URL}?left={one.trace_id}&right={trace_id}"
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        html = client.get(address).content.decode()
    assert len(captured) <= 15
    for text in ("+1.00 s", "(+50 %)", "no such step", "retrieve", "search"):
        assert text in html
    diff = client.get(f"{address}&fragment=diff&left_step={1:016x}&right_step={1:016x}").content.decode()
    assert "<del>this</del>" in diff
    assert "<b>" not in diff
    alone = client.get(f"{address}&fragment=diff&left_step=&right_step={9:016x}")
    assert alone.status_code == 200
    assert client.get(f"{address}&fragment=diff&left_step={77:016x}&right_step=").status_code == 404
    assert client.get(f"{URL}?left=x&right={trace_id}").status_code == 404
    assert console(stranger).get(address).status_code == 404
    offered = client.get(f"{URL}?left={one.trace_id}").content.decode()
    assert f"right={trace_id}" in offered
    assert client.get(URL).status_code == 200
