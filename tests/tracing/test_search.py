"""Search indexes: what they hold, when they are built, and that a list finds the same with them and without."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from apps.tracing import terms
from apps.tracing.explorer import OBSERVATIONS, TRACES, Condition, Search, count_facets, read_page, steps
from apps.tracing.models import Observation
from apps.tracing.services import sealing
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)


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
    )
    metadata = {"customer": {"tier": "gold"}, "seats": 12, "plan.name": "pro"}
    Observation.objects.of_trace(old).filter(span_id="0000000000000001").update(metadata=metadata)
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


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("metadata.customer.tier:is:gold", ["answer"]),
        ("metadata.seats:is:12", ["answer"]),
        ("metadata.plan.name:is:pro", ["answer"]),
        ("metadata.seats:is:13", []),
        ("tags:has:vip", ["answer"]),
        ("name:in:answer, nothing", ["answer"]),
        ("environment:is:live-7", ["answer"]),
        ("user_id:is:ada", ["answer", "chat", "retrieve"]),
        ("user_id:is:bob", []),
        ("cost:gt:0.1", []),
    ],
)
def test_what_is_seldom_is_found_through_the_index(viewer, workspace, far_away, condition, found):
    assert names(OBSERVATIONS, viewer, workspace, condition) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("züri", True),
        ("88 WO", True),
        ("订单", True),
        ("单订", False),
        ("rich", False),
        ("?", True),
        ("zürich nowhere", False),
    ],
)
def test_words_are_found_by_their_beginnings(viewer, workspace, far_away, text, found):
    assert ("answer" in names(OBSERVATIONS, viewer, workspace, text=text)) is found
    assert ("answer" in names(TRACES, viewer, workspace, text=text)) is found


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


def test_words_are_split_as_the_database_splits_them(db):
    text = "It's ADA@example.org (№ 7), 运行-订单。x"
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(tracing_words(%s))", [text])
        assert sorted(cursor.fetchone()[0]) == sorted(terms.words(text))
