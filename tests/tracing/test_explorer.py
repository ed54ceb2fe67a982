"""Lists of traces and observations: conditions, pages, facets, views, bulk actions."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.tracing.admin.forms import Address
from apps.tracing.exceptions import InvalidCursor, InvalidTag, SearchTooSlow
from apps.tracing.explorer import (
    LISTS,
    OBSERVATIONS,
    TRACES,
    Condition,
    Search,
    bounded,
    count_facets,
    read_page,
)
from apps.tracing.models import SavedView
from apps.tracing.services.traces import clean_tag
from tests.factories.tracing import make_row, make_span, make_trace, store

pytestmark = pytest.mark.django_db

LIST = "/admin/observations/"


def search(kind, *texts, **options):
    conditions = tuple(Condition.parse(text, kind.fields) for text in texts)
    assert None not in conditions
    return Search(kind, conditions=conditions, **options)


def names(kind, user, workspace, *texts, **options):
    page = read_page(search(kind, *texts, **options), user=user, workspace=workspace)
    return sorted(row.name for row in page.rows)


@pytest.fixture
def trace(workspace):
    metadata = {"customer": {"tier": "gold"}, "seats": 12, "plan.name": "pro"}
    return make_trace(
        workspace, USER_ID="ada", SESSION_ID="s-1", TAGS='["vip"]', ENVIRONMENT="live", metadata=metadata
    )


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("type:is:generation", ["chat"]),
        ("type:not:generation", ["answer", "retrieve"]),
        ("type:in:generation, agent", ["answer", "chat"]),
        ("name:contains:HA", ["chat"]),
        ("name:lacks:ha", ["answer", "retrieve"]),
        ("name:starts:RE", ["retrieve"]),
        ("model:set", ["chat"]),
        ("model:empty", ["answer", "retrieve"]),
        ("latency_ms:gte:1500", ["answer", "chat"]),
        ("latency_ms:lt:1500", ["retrieve"]),
        ("input_tokens:eq:120", ["chat"]),
        ("input_tokens:empty", ["answer", "retrieve"]),
        ("cost:gt:0.001", ["chat"]),
        ("cost:gt:0.002", []),
        ("ttft_ms:lte:200", ["chat"]),
        ("tags:has:vip", ["answer"]),
        ("tags:lacks:vip", ["chat", "retrieve"]),
        ("tags:empty", ["chat", "retrieve"]),
        ("user_id:is:ada", ["answer", "chat", "retrieve"]),
        ("user_id:is:bob", []),
        ("session_id:starts:s-", ["answer", "chat", "retrieve"]),
        ("metadata.customer.tier:is:gold", ["answer"]),
        ("metadata.customer.tier:not:gold", ["chat", "retrieve"]),
        ("metadata.plan.name:contains:PR", ["answer"]),
        ("metadata.seats:gte:12", ["answer"]),
        ("metadata.seats:gt:12", []),
        ("metadata.customer.tier:gt:1", []),
        ("metadata.nothing:empty", ["answer", "chat", "retrieve"]),
        ("metadata.seats:set", ["answer"]),
    ],
)
def test_observations_are_found_by_any_field(viewer, workspace, trace, condition, found):
    assert names(OBSERVATIONS, viewer, workspace, condition) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("model:has:small-1", True),
        ("model:lacks:small-1", False),
        ("latency_ms:gte:2000", True),
        ("observations:eq:3", True),
        ("errors:gte:1", False),
        ("bookmarked:yes", False),
        ("bookmarked:no", True),
        ("output:contains:IS THIS", True),
        ("environment:is:live", True),
    ],
)
def test_traces_are_found_by_any_field(viewer, workspace, trace, condition, found):
    assert names(TRACES, viewer, workspace, condition) == (["answer"] if found else [])


def test_every_condition_makes_a_query_that_runs(viewer, workspace, trace):
    from apps.tracing.explorer.condition import OPERATORS

    for kind in LISTS.values():
        for field in kind.fields.values():
            place = f"{field.name}.a'b%s" if field.kind == "json" else field.name
            for operator in OPERATORS[field.kind]:
                condition = Condition.parse(f"{place}:{operator}:1", kind.fields)
                assert condition, (field.name, operator)
                read_page(Search(kind, conditions=(condition,)), user=viewer, workspace=workspace)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_none_and_comes_back(text):
    fields = OBSERVATIONS.fields
    for start in ("", "name:is:", "metadata.", "cost:gt:", "attributes.k:is:"):
        condition = Condition.parse(start + text, fields)
        if condition is not None:
            assert Condition.parse(condition.encode(), fields) == condition


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name:is",
        "name:is:",
        "nope:is:1",
        "cost:gt:x",
        "cost:gt:nan",
        "cost:gt:1e300",
        "metadata:is:1",
    ],
)
def test_what_makes_no_sense_narrows_nothing(text):
    assert Condition.parse(text, OBSERVATIONS.fields) is None


def test_pages_go_both_ways_and_meet_every_row_once(viewer, workspace):
    trace_id = make_span().trace_id
    same = [
        make_row(workspace, trace_id=trace_id, number=n, base_ns=10**9 * 1_700_000_000) for n in range(1, 8)
    ]
    store(*same)
    wide = search(OBSERVATIONS, start=timezone.now() - timedelta(days=3000))

    def read(cursor):
        return read_page(wide, user=viewer, workspace=workspace, cursor=cursor, size=3)

    pages = [read("")]
    while pages[-1].older:
        pages.append(read(pages[-1].older))
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert len({row.span_id for page in pages for row in page.rows}) == 7
    back = read(pages[2].newer)
    assert [row.span_id for row in back.rows] == [row.span_id for row in pages[1].rows]
    assert not pages[0].newer
    with pytest.raises(InvalidCursor):
        read("bm90IGEgY3Vyc29y")


def test_nobody_sees_observations_of_another_workspace(stranger, workspace, trace):
    assert names(OBSERVATIONS, stranger, workspace) == []


def test_a_search_that_takes_too_long_is_stopped_and_said_so(viewer, workspace, monkeypatch, console):
    with pytest.raises(SearchTooSlow), bounded.at_most(0.01), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    def slow(*_args, **_kwargs):
        raise SearchTooSlow

    monkeypatch.setattr("apps.tracing.admin.explorer.read_page", slow)
    assert "takes too long" in console(viewer).get(LIST).content.decode()


def explain(queryset, workspace):
    sql, params = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    "condition", ["", "type:is:generation", "metadata.a:is:b", "user_id:is:ada", "cost:gt:1"]
)
def test_the_list_reads_only_the_days_of_its_range_and_by_an_index(viewer, workspace, condition):
    make_trace(workspace, metadata={"a": "b"})
    today = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    texts = [condition] if condition else []
    found = search(OBSERVATIONS, *texts, start=today, end=today + timedelta(hours=1))
    rows = found.rows(user=viewer, workspace=workspace).order_by("-start_time", "-trace_id", "-span_id")[:51]
    plan = explain(rows, workspace)
    partitions = set(re.findall(r" on (tracing_observation_\w+)", plan))
    assert partitions == {f"tracing_observation_p{today:%Y%m%d}"}
    assert "Seq Scan on tracing_observation" not in plan


def test_facets_count_what_matches(viewer, workspace, trace):
    facets = count_facets(search(OBSERVATIONS, "type:not:agent"), user=viewer, workspace=workspace)
    values = {facet.field.name: [(value, n) for value, n, _ in facet.values] for facet in facets.facets}
    assert dict(values["type"]) == {"generation": 1, "retriever": 1}
    assert values["model"] == [("small-1", 1)]
    assert facets.complete
    assert facets.sampled == 2


def test_facets_say_when_they_are_a_sample(console, viewer, workspace, trace, monkeypatch):
    monkeypatch.setattr("apps.tracing.explorer.lists.FACET_SAMPLE", 2)
    html = console(viewer).get(f"{LIST}?fragment=facets").content.decode()
    assert "newest 2 rows" in html
    assert "f=type%3Ais%3A" in html


def test_the_list_shows_chosen_columns_filters_and_links(console, viewer, workspace, trace):
    url = f"{LIST}?f=type:is:generation&columns=name,ttft,scores&f=nonsense"
    html = console(viewer).get(url).content.decode()
    assert "200 ms" in html
    assert f"/admin/traces/{trace.trace_id}/#0000000000000003" in html
    assert "Type is generation" in html
    assert ">retrieve<" not in html
    rows = console(viewer).get(f"{LIST}?fragment=rows").content.decode()
    assert ">retrieve<" in rows
    assert "<html" not in rows


def test_the_observation_list_needs_the_same_number_of_queries_at_any_length(console, viewer, workspace):
    client, url = console(viewer), f"{LIST}?columns=name,scores"

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    make_trace(workspace)
    queries()
    before = queries()
    for _ in range(3):
        make_trace(workspace)
    assert queries() == before <= 18


def test_addresses_of_other_pages_still_narrow():
    query = QueryDict("status=failed_step&user=ada&tag=x&model=m&min_latency=2&session=s&range=1h")
    encoded = [item.encode() for item in Address.read(TRACES, query).conditions]
    assert encoded == [
        "model:has:m", "session_id:is:s", "user_id:is:ada", "tags:has:x", "errors:gte:1", "latency_ms:gte:2000",
    ]  # fmt: skip


def test_a_view_is_saved_opened_shared_and_deleted(console, viewer, editor, workspace):
    client, other = console(viewer), console(editor)
    saved = client.post(
        "/admin/saved-views/", {"list": "observations", "name": "Slow", "query": "f=cost%3Agt%3A1&cursor=x"}
    )
    view = SavedView.objects.get(owner=viewer)
    assert parse_qs(urlsplit(saved["Location"]).query) == {"f": ["cost:gt:1"]}
    assert view.list_name == "observations"
    url = f"/admin/saved-views/{view.pk}/"
    assert other.get(url).status_code == 404
    client.post(
        "/admin/saved-views/", {"list": "observations", "name": "Slow", "query": "q=x", "shared": "on"}
    )
    assert other.get(url)["Location"] == f"{LIST}?q=x"
    assert "Slow" in other.get(LIST).content.decode()
    assert other.post(url, {"action": "delete"}).status_code == 404
    assert client.post(url, {"action": "delete"}).status_code == 302
    assert not SavedView.objects.exists()


def test_a_view_without_a_name_is_refused_with_a_sentence(console, viewer, workspace):
    response = console(viewer).post("/admin/saved-views/", {"list": "traces", "name": " "}, follow=True)
    assert "A view needs a name" in response.content.decode()


def test_a_tag_has_a_text():
    for tag in ("", " ", "\0", "x" * 101):
        with pytest.raises(InvalidTag):
            clean_tag(tag)
    assert clean_tag(" vip ") == "vip"
