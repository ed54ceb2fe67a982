"""Search indexes: what they hold, when they are built, and that a list finds the same with them and without."""

from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from apps.tracing import terms
from apps.tracing.explorer import OBSERVATIONS, TRACES, Condition, Search, count_facets, read_page, steps
from apps.tracing.explorer.keyset import Cursor
from apps.tracing.models import Observation, Trace
from apps.tracing.services import sealing
from apps.tracing.writer import known
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
#: A search that lasts so long is over at once.
HASTE = -1.0


def names(kind, user, workspace, *conditions, text="", size=50):
    found = tuple(Condition.parse(condition, kind.fields) for condition in conditions)
    page = read_page(Search(kind, text=text, conditions=found), user=user, workspace=workspace, size=size)
    return sorted(row.name for row in page.rows)


@pytest.fixture
def far_away(viewer, workspace, monkeypatch):
    """What is looked for began three days ago, in a day that is indexed; newer rows have none of it."""
    monkeypatch.setattr(steps, "LOOKED_AT", 2)
    old = make_trace(
        workspace,
        ago_s=3 * 86400,
        USER_ID="ada",
        TAGS='["vip"]',
        ENVIRONMENT="live-7",
        INPUT="Wo ist 订单号 Zürich-88?",
        metadata={
            "customer": {"tier": "gold"},
            "seats": 12,
            "plan.name": "pro",
            "share": "0.25",
            "gone": None,
        },
    )
    Observation.objects.of_trace(old).filter(span_id="0000000000000001").update(
        end_time=old.start_time + timedelta(milliseconds=90_000.4)
    )
    retrieval = Observation.objects.of_trace(old).get(span_id="0000000000000002")
    Observation.objects.of_trace(old).filter(span_id=retrieval.span_id).update(
        cost="0.03", end_time=retrieval.start_time + timedelta(milliseconds=0.5)
    )
    for hours in range(1, 4):
        make_trace(workspace, ago_s=3600 * hours, name="other")
    assert old.start_time.date() in sealing.seal(now=timezone.now())
    return old


def test_a_day_is_indexed_once_when_it_is_over(workspace):
    today = timezone.now().date()
    make_trace(workspace, ago_s=86400 * 3)
    days = sealing.seal()
    assert today - timedelta(days=3) in days
    assert today not in days
    assert sealing.seal() == []


#: What each condition finds of the old trace.
BY_CONDITION = {
    "metadata.customer.tier:is:gold": ["answer"],
    "metadata.seats:is:12": ["answer"],
    "metadata.plan.name:is:pro": ["answer"],
    "metadata.seats:is:13": [],
    "tags:has:vip": ["answer"],
    "name:in:answer, nothing": ["answer"],
    "environment:is:live-7": ["answer"],
    "user_id:is:ada": ["answer", "chat", "retrieve"],
    "user_id:is:bob": [],
    "cost:gt:0.1": [],
    "cost:gt:0.02": ["retrieve"],
    "latency_ms:gt:90000": ["answer"],
    "latency_ms:gte:90000.4": ["answer"],
    "latency_ms:gt:90000.4": [],
    "latency_ms:eq:90000.4": ["answer"],
    "latency_ms:lte:0.5": ["retrieve"],
    "latency_ms:lt:0.5": [],
}
#: The same of what is not known of its values.
BY_JSON = {
    "metadata.seats:gte:12": ["answer"],
    "metadata.seats:gt:12": [],
    "metadata.seats:lte:12": ["answer"],
    "metadata.seats:lt:1": [],
    "metadata.share:gt:0.2": ["answer"],
    "metadata.share:gt:0.26": [],
    "metadata.customer.tier:contains:OL": ["answer"],
    "metadata.customer.tier:set": ["answer"],
    "metadata.customer.tier:gt:1": [],
    "metadata.plan.name:set": ["answer"],
    "metadata.gone:set": [],
    "metadata.seats.0:set": [],
    "input:contains:ist 订": ["answer"],
    "input:contains:rich-8": ["answer"],
    "input:contains:rich 8": [],
    "input:starts:wo is": ["answer"],
    "input:words:zür wo": ["answer"],
    "input:words:rich": [],
}
#: Whether each text finds it.
BY_TEXT = {
    "züri": True, "88 WO": True, "订单": True, "单订": False, "rich": False, "?": True, "zürich nowhere": False,
}  # fmt: skip


def test_what_is_seldom_is_found_through_the_index(viewer, workspace, far_away):
    found = {condition: names(OBSERVATIONS, viewer, workspace, condition) for condition in BY_CONDITION}
    assert found == BY_CONDITION


@pytest.fixture
def unknown(monkeypatch):
    """Values of JSON fields are not noted."""
    monkeypatch.setattr(known, "MAX_VALUES_OF_KEY", 0)


def test_what_is_not_known_is_found_through_the_index(viewer, workspace, unknown, far_away):
    found = {condition: names(OBSERVATIONS, viewer, workspace, condition) for condition in BY_JSON}
    assert found == BY_JSON


#: The same for traces, which have indexes of their own for what few of them are.
BY_CONDITION_OF_TRACE = {
    "user_id:is:ada": ["answer"],
    "user_id:is:bob": [],
    "bookmarked:yes": ["answer"],
    "complete:no": ["answer"],
    "errors:gt:5": ["answer"],
    "errors:gt:7": [],
}


def test_traces_of_which_there_are_few_are_found(viewer, workspace, far_away):
    Trace.objects.filter(pk=far_away.pk).update(bookmarked=True, has_root=False, error_count=7)
    found = {condition: names(TRACES, viewer, workspace, condition) for condition in BY_CONDITION_OF_TRACE}
    assert found == BY_CONDITION_OF_TRACE


@pytest.mark.parametrize("kind", [OBSERVATIONS, TRACES], ids=["observations", "traces"])
def test_words_are_found_by_their_beginnings(viewer, workspace, far_away, kind):
    assert {text: "answer" in names(kind, viewer, workspace, text=text) for text in BY_TEXT} == BY_TEXT


@pytest.mark.parametrize(
    "ask",
    [
        lambda pk: terms.OBSERVATIONS.compares(pk, "duration", "gte", 90_000),
        lambda pk: terms.OBSERVATIONS.has_key(pk, "metadata", "a.b"),
        lambda pk: terms.OBSERVATIONS.compares_key(pk, "attributes", "a.b", "lt", 3),
    ],
)
def test_a_day_that_is_over_has_an_index_for_what_the_list_asks(workspace, ask):
    trace = make_trace(workspace, ago_s=86400 * 3)
    table = f"tracing_observation_p{trace.start_time:%Y%m%d}"
    row = Observation.objects.of_trace(trace).get(span_id="0000000000000003")
    Observation.objects.bulk_create(clone(row, number) for number in range(100, 400))
    sealing.seal()
    found = Observation.objects.in_workspace(workspace).filter(ask(workspace.pk))
    sql, params = found.query.sql_with_params()
    with connection.cursor() as cursor, steps.without("indexscan", "seqscan"):
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert f"{table}_search" in plan, plan


def clone(row, number):
    found = copy(row)
    found.span_id = f"{number:016x}"
    return found


def test_facets_count_what_only_the_index_finds(viewer, workspace, far_away):
    condition = Condition.parse("metadata.seats:is:12", OBSERVATIONS.fields)
    facets = count_facets(Search(OBSERVATIONS, conditions=(condition,)), user=viewer, workspace=workspace)
    assert (facets.sampled, facets.complete) == (1, True)


def test_pages_through_the_index_meet_every_row_once(viewer, workspace, far_away):
    search = Search(OBSERVATIONS, text="other")
    pages = [read_page(search, user=viewer, workspace=workspace, size=1)]
    while pages[-1].older:
        pages.append(read_page(search, user=viewer, workspace=workspace, size=1, cursor=pages[-1].older))
    assert len({row.pk for page in pages for row in page.rows}) == len(pages) == 3
    back = read_page(search, user=viewer, workspace=workspace, size=1, cursor=pages[2].newer)
    assert [row.pk for row in back.rows] == [row.pk for row in pages[1].rows]


@pytest.fixture
def hurried(monkeypatch):
    """A page stops behind each step, and steps are short."""
    monkeypatch.setattr(steps, "PAGE_S", HASTE)
    monkeypatch.setattr(steps, "PORTION", 1)


def test_a_long_search_stops_says_where_and_goes_on(viewer, workspace, far_away, console, hurried):
    condition = Condition.parse("cost:empty", OBSERVATIONS.fields)
    search = Search(OBSERVATIONS, conditions=(condition,))
    pages = [read_page(search, user=viewer, workspace=workspace, patience_s=HASTE)]
    while pages[-1].stopped:
        cursor = pages[-1].older
        pages.append(read_page(search, user=viewer, workspace=workspace, cursor=cursor, patience_s=HASTE))
        assert pages[-1].stopped is None or pages[-1].stopped < pages[-2].stopped
    found = [row.pk for page in pages for row in page.rows]
    assert len(found) == len(set(found)) == 7
    assert len(pages) > 2
    html = console(viewer).get("/admin/observations/?f=cost:empty").content.decode()
    assert "Searched as far as" in html
    assert f"cursor={pages[0].further[:8]}" in html


def test_a_search_towards_newer_rows_goes_on_there(viewer, workspace, far_away, hurried):
    condition = Condition.parse("cost:empty", OBSERVATIONS.fields)
    search = Search(OBSERVATIONS, conditions=(condition,))
    cursor, found = Cursor(far_away.start_time, (), newer=True).encode(), []
    while cursor:
        page = read_page(search, user=viewer, workspace=workspace, cursor=cursor, patience_s=HASTE)
        found, cursor = [*page.rows, *found], page.further
    assert len(found) == 6
    assert found == sorted(found, key=lambda row: row.start_time, reverse=True)


def test_stretches_cover_the_range_without_gaps_both_ways():
    start, end = NOW - timedelta(days=20), NOW
    older = list(steps.stretches(steps.Range(start, end)))
    newer = list(steps.stretches(steps.Range(start, end, True)))
    assert (older[0].end, older[-1].start) == (end, start)
    assert (newer[0].start, newer[-1].end) == (start, end)
    assert all(near.start == far.end for near, far in pairwise(older))
    assert all(near.end == far.start for near, far in pairwise(newer))
    assert len(older) < 8 > len(newer)
    assert older[0].start == datetime(2026, 3, 10, tzinfo=UTC)


def test_an_index_is_not_asked_for_what_most_rows_have(viewer, workspace, far_away, monkeypatch):
    """Rows are gone through where an index would name too many; the same ones are found."""
    monkeypatch.setattr(steps, "SELDOM", 0)
    found = {condition: names(OBSERVATIONS, viewer, workspace, condition) for condition in BY_CONDITION}
    assert found == BY_CONDITION


@pytest.mark.parametrize("place", ["q=nowhere", "f=metadata.a:not:1", "f=input:contains:a+b"])
def test_a_range_may_be_as_long_as_time(console, viewer, workspace, far_away, place):
    client = console(viewer)
    for start, end in (
        ("0001-01-01T00:00", "9999-12-31T23:59"),
        ("0001-01-01T00:00%2B09:00", "0001-01-01T05:00%2B09:00"),
        ("9999-12-31T00:00", "9999-12-31T23:59-09:00"),
    ):
        url = f"/admin/observations/?range=custom&start={start}&end={end}&{place}&fragment=rows"
        assert client.get(url).status_code == 200


def test_a_cursor_may_be_at_the_ends_of_time(console, viewer, workspace, far_away):
    client = console(viewer)
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        for newer in (False, True):
            cursor = Cursor(moment, (), newer).encode()
            url = f"/admin/observations/?f=cost:empty&fragment=rows&cursor={cursor}"
            assert client.get(url).status_code == 200


def test_stretches_reach_the_ends_of_time():
    ends = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
    assert list(steps.stretches(steps.Range(*ends)))[-1].start == ends[0]
    assert list(steps.stretches(steps.Range(*ends, newer=True)))[-1].end == ends[1]


def test_words_are_split_as_the_database_splits_them(db):
    text = "It's ADA@example.org (№ 7), 运行-订单。x"
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(tracing_words(%s))", [text])
        assert sorted(cursor.fetchone()[0]) == sorted(terms.words(text))
