"""Values that fields had: noted while spans are stored, complete, bounded, and what lists make of them."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.tracing.explorer import OBSERVATIONS, TRACES, Condition, Search, read_page
from apps.tracing.explorer.condition import OPERATORS
from apps.tracing.explorer.known import known_values, suggest
from apps.tracing.models import Knowledge, KnownValue, Observation
from apps.tracing.services import retention
from apps.tracing.services.known_value import forget_values
from apps.tracing.services.traces import tag_traces
from apps.tracing.writer import SpanWriter, known
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.tracing import make_row, make_span, make_trace, store

pytestmark = pytest.mark.django_db


def row(workspace, number=1, ago_s=60.0, **fields):
    found = make_row(workspace, make_span(number=number, ago_s=ago_s))
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def values(user, workspace, text, kind=OBSERVATIONS, **options):
    now = datetime.now(UTC)
    options = {"start": now - timedelta(days=1), "end": now, **options}
    found = known_values(Condition.parse(text, kind.fields), user=user, workspace=workspace, **options)
    return None if found is None else sorted(found)


@pytest.fixture
def stored(workspace):
    store(
        row(
            workspace,
            1,
            name="plan",
            metadata={"a": {"b": 5, "c": None}, "flag": True, "list": [1], "x.y": 0.5},
        ),
        row(
            workspace,
            2,
            name="planner",
            status_message="no such file",
            metadata={"a": {"b": "x"}, "far": 1e-9},
        ),
        row(
            workspace,
            3,
            name="act",
            user_id="ada",
            release="r1",
            tags=["vip", "eu"],
            attributes={"k" * 300: 1, "n": -3},
        ),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name:contains:PLAN", ["plan", "planner"]),
        ("name:lacks:plan", ["act"]),
        ("name:not:act", ["plan", "planner"]),
        ("name:is:nothing", []),
        ("name:in:act, plan, other", ["act", "plan"]),
        ("release:set", ["r1"]),
        ("release:empty", [""]),
        ("status_message:starts:no", ["no such file"]),
        ("user_id:contains:d", ["ada"]),
        ("tags:has:vip", ["vip"]),
        ("tags:has:nothing", []),
        ("tags:set", ["eu", "vip"]),
        ("tags:lacks:vip", None),
        ("metadata.a.b:set", ["5", "x"]),
        ("metadata.a.b:gte:5", ["5"]),
        ("metadata.a.b:gt:5", []),
        ("metadata.a.c:set", []),
        ("metadata.flag:is:true", ["true"]),
        ("metadata.x.y:lt:1", ["0.5"]),
        ("attributes.n:lte:-3", ["-3"]),
        # not followed: a list, a number written in several ways, an object, a long way, and what lacks the key
        ("metadata.list:contains:1", None),
        ("metadata.list.0:is:1", None),
        ("metadata.list.-1:is:1", None),
        ("metadata.far:gt:0", None),
        ("metadata.a:contains:x", None),
        (f"attributes.{'k' * 300}:is:1", None),
        ("metadata.a.b:not:5", None),
        ("metadata.a.b:empty", None),
    ],
)
def test_values_are_known(viewer, workspace, stored, text, found):
    assert values(viewer, workspace, text) == found


def test_values_are_those_of_the_workspace_and_of_the_weeks(viewer, workspace, stored):
    stranger = make_workspace("Other")
    assert values(viewer, stranger, "name:contains:plan") == []
    store(row(stranger, name="planet"))
    assert values(viewer, stranger, "name:contains:plan") == []  # may not be seen
    long_ago = datetime.now(UTC) - timedelta(days=40)
    assert values(viewer, workspace, "name:contains:plan", start=long_ago, end=long_ago) == []


def test_a_field_with_many_values_is_not_followed(viewer, workspace, monkeypatch):
    monkeypatch.setitem(known.COLUMNS, "name", 3)
    monkeypatch.setattr(known, "MAX_VALUES_OF_KEY", 3)
    store(*(row(workspace, n, name=f"n{n}", metadata={"n": n, "same": 1}) for n in range(1, 4)))
    assert values(viewer, workspace, "name:contains:n") == ["n1", "n2", "n3"]
    assert values(viewer, workspace, "metadata.n:gt:0") == ["1", "2", "3"]
    with SpanWriter() as writer:
        writer.write([row(workspace, n, name=f"n{n}", metadata={"n": n, "same": 1}) for n in range(4, 9)])
        writer.write([row(workspace, n, name=f"n{n}", metadata={"n": n}) for n in range(9, 20)])
    assert values(viewer, workspace, "name:contains:n") is None
    assert values(viewer, workspace, "metadata.n:gt:0") is None
    assert values(viewer, workspace, "metadata.same:is:1") == ["1"]
    # a writer of three, and one of three more before it gave up
    assert KnownValue.objects.in_workspace(workspace).filter(field="name", kind=0).count() <= 6


def test_an_object_with_many_keys_is_not_followed(viewer, workspace, monkeypatch):
    monkeypatch.setattr(known, "MAX_KEYS", 5)
    store(*(row(workspace, n, attributes={f"k{n}": "v"}) for n in range(1, 9)))
    assert values(viewer, workspace, "attributes.k1:is:v") is None
    assert KnownValue.objects.in_workspace(workspace).filter(kind=Knowledge.MORE_KEYS).count() == 1


def test_what_is_deep_inside_is_not_followed(viewer, workspace):
    deep = {"a": 1}
    for _ in range(240):
        deep = {"": deep}
    store(row(workspace, metadata=deep))
    assert values(viewer, workspace, "metadata.a:set") == []
    assert values(viewer, workspace, f"metadata.{'.' * 240}a:set") is None


def test_the_name_of_a_trace_is_known_as_well(viewer, workspace):
    store(row(workspace, trace_name="my flow"))
    assert values(viewer, workspace, "name:contains:flow", TRACES) == ["my flow"]
    page = read_page(
        Search(TRACES, conditions=(Condition.parse("name:contains:FLO", TRACES.fields),)),
        user=viewer,
        workspace=workspace,
    )
    assert [trace.name for trace in page.rows] == ["my flow"]


def test_a_tag_given_by_hand_is_known(viewer, workspace):
    trace = make_trace(workspace, MODEL="small-1")
    assert values(viewer, workspace, "tags:set", TRACES) == []
    assert tag_traces(actor=SYSTEM, traces=[trace], tag="odd") == 1
    assert values(viewer, workspace, "tags:has:odd", TRACES) == ["odd"]
    assert values(viewer, workspace, "model:set", TRACES) == ["", "small-1"]
    for text in ("tags:has:odd", "tags:set", "model:set"):
        search = Search(TRACES, conditions=(Condition.parse(text, TRACES.fields),))
        assert [one.pk for one in read_page(search, user=viewer, workspace=workspace).rows] == [trace.pk]


def test_what_a_refused_batch_had_is_noted_again(viewer, workspace):
    """The rows that the database refuses take the notes of their batch with them, and the good ones bring theirs."""
    bad = row(workspace, 2, name="bad\0")
    with SpanWriter() as writer:
        result = writer.write([row(workspace, 1, name="good", metadata={"a": "b"}), bad])
    assert (result.stored, len(result.rejected)) == (1, 1)
    assert values(viewer, workspace, "name:is:good") == ["good"]
    assert values(viewer, workspace, "metadata.a:is:b") == ["b"]


def test_values_go_with_their_weeks(workspace):
    store(row(workspace, 1, name="new"), row(workspace, 2, ago_s=86400 * 30, name="old"))
    found = KnownValue.objects.in_workspace(workspace).filter(field="name", kind=Knowledge.VALUE)
    assert set(found.values_list("value", flat=True)) == {"new", "old"}
    forget_values(before=datetime.now(UTC) - timedelta(days=31), workspace=workspace)
    assert found.count() == 2
    retention.drop_expired(days=10)
    assert set(found.values_list("value", flat=True)) == {"new"}


def test_values_and_keys_are_suggested(viewer, workspace, stored):
    since = datetime.now(UTC) - timedelta(days=1)

    def suggested(name, key="", typed=""):
        field = OBSERVATIONS.fields[name]
        return suggest(field, key, typed, user=viewer, workspace=workspace, start=since)

    assert suggested("name", typed="PL") == ["plan", "planner"]
    assert suggested("release") == ["r1"]
    assert suggested("metadata", typed="a.") == ["a.b"]
    assert suggested("metadata", key="a.b") == ["5", "x"]
    assert suggested("input") == suggested("cost") == []


def test_the_page_suggests(console, viewer, stranger, workspace, stored):
    url = "/admin/observations/?fragment=values&range=1h"
    assert console(viewer).get(f"{url}&field=name&typed=pl").json() == {"values": ["plan", "planner"]}
    assert console(viewer).get(f"{url}&field=nonsense&key=%00").json() == {"values": []}


# Any content: whatever a row has, its own value is either known or the field is not followed, so no list leaves it out.
_texts = st.text(max_size=8, alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    _texts,
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2)
)
_contents = st.dictionaries(_texts, _values)


@pytest.fixture(scope="module")
def notes():
    """A writer's memory without a database: it hands out what it would store."""

    class Memory:
        def __init__(self):
            self.stored = set()

        def execute(self, statement, params):
            if statement.lstrip().startswith("INSERT"):
                self.stored |= set(zip(*params, strict=True))
            return []

    return Memory()


@given(contents=st.lists(_contents, min_size=1, max_size=4))
def test_no_value_is_missing(notes, contents):
    workspace_id, memory = uuid4(), known.KnownValues()
    rows = [
        make_row(type("W", (), {"pk": workspace_id}), make_span(number=n)) for n, _ in enumerate(contents, 1)
    ]
    for one, content in zip(rows, contents, strict=True):
        one.metadata = content
    memory.note(notes, rows)
    own = {(note[2], note[3], note[4], note[5]) for note in notes.stored if note[0] == workspace_id}
    for content in contents:
        for key, value in leaves(content):
            given_up = ("metadata", key, Knowledge.MORE_VALUES, "") in own
            assert given_up or ("metadata", key, Knowledge.VALUE, known._text(value)) in own, (key, value)


def leaves(content, prefix=""):
    for last, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{last}.")
        elif value is not None:
            yield prefix + last, value


def test_a_week_begins_on_monday():
    assert known.week_of(datetime(2026, 11, 29, 23, 59, tzinfo=UTC)).isoformat() == "2026-11-23"
    assert known.week_of(datetime(2026, 11, 30, tzinfo=UTC)).isoformat() == "2026-11-30"
    assert known.week_of(datetime(1970, 1, 1, tzinfo=UTC)).isoformat() == "1969-12-29"
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-9))
    assert known.week_of(datetime(1, 1, 1, tzinfo=east)).isoformat() == "0001-01-01"
    assert known.week_of(datetime(9999, 12, 31, 23, tzinfo=west)).isoformat() == "9999-12-27"


def comparisons():
    """Conditions of every operator, on values that are there and others."""
    values = {
        "name": ("chat", "ha"), "environment": ("live",), "release": ("x",), "input": ("rder-7, ple", "退", "order"),
        "metadata.a.b": ("5", "x"), "metadata.c.d": ("x",), "metadata.e": ("5", "5.0"), "metadata.a": ("5",),
    }  # fmt: skip
    for place, wanted in values.items():
        field = OBSERVATIONS.fields[place.partition(".")[0]]
        for operator in OPERATORS[field.kind]:
            yield from (
                Condition.parse(f"{place}:{operator}:{value}", OBSERVATIONS.fields) for value in wanted
            )


def test_lists_find_the_same_with_and_without_what_is_known(viewer, workspace):
    """Every operator finds what the database finds by itself."""
    make_trace(workspace, USER_ID="ada", ENVIRONMENT="live", metadata={"a": {"b": 5}, "c.d": "x", "e": "5.0"})
    make_trace(workspace, name="other", INPUT="退款 order-7, please", metadata={"a": {"b": "5"}})
    rows = Observation.objects.in_workspace(workspace)
    for condition in filter(None, comparisons()):
        page = read_page(Search(OBSERVATIONS, conditions=(condition,)), user=viewer, workspace=workspace)
        found = {one.pk for one in page.rows}
        assert found == {one.pk for one in rows.filter(condition.to_q())}, condition.encode()
