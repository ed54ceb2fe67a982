"""Console pages of tracing."""

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.core.access import Role
from apps.tracing import links, panels
from apps.tracing.admin.cards import trace_cards
from apps.tracing.models import RollupProgress, Trace
from apps.tracing.services import rollup
from apps.tracing.services.score import record_score
from tests.factories.core import make_member
from tests.factories.tracing import make_row, make_span, make_trace, store

pytestmark = pytest.mark.django_db

LIST = "/admin/traces/"


def queries(client, url):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_list_shows_traces_with_their_scores(console, viewer, workspace, system):
    trace = make_trace(workspace, name="Reply to Ada")
    record_score(
        actor=system,
        workspace=workspace,
        trace_id=trace.trace_id,
        name="thumb",
        data_type="boolean",
        value=1,
        source="user",
    )
    html = console(viewer).get(LIST).content.decode()
    for text in ("Reply to Ada", "What is it?", "It is this.", "2.00 s", "$0.0015", "150", "thumb: Yes"):
        assert text in html


def test_the_list_needs_the_same_number_of_queries_at_any_length(console, viewer, workspace, system):
    client = console(viewer)
    make_trace(workspace)
    queries(client, LIST)
    before = queries(client, LIST)
    for _ in range(3):
        trace = make_trace(workspace)
        record_score(
            actor=system,
            workspace=workspace,
            trace_id=trace.trace_id,
            name="s",
            data_type="numeric",
            value=1,
            source="api",
        )
    assert queries(client, LIST) == before
    # four of them bound the time of the search
    assert before <= 18


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", True),
        ("range=1h", True),
        ("range=bogus", True),
        ("range=custom&start=2020-01-01T00:00&end=2020-01-02T00:00", False),
        ("range=custom&start=nonsense", True),
        ("q=what", True),
        ("q=nothing+like+it", False),
        ("min_latency=1", True),
        ("min_latency=60", False),
        ("min_latency=many", True),
        ("status=failed_step", False),
        ("model=small-1", True),
        ("tag=x", False),
    ],
)
def test_the_list_can_be_filtered(console, viewer, workspace, query, shown):
    make_trace(workspace, name="Needle")
    html = console(viewer).get(f"{LIST}?{query}").content.decode()
    assert (">Needle<" in html) is shown


def test_a_filter_that_is_not_known_is_told_and_never_widens_what_is_done(console, editor, workspace):
    make_trace(workspace)
    client = console(editor)
    url = f"{LIST}?f=moon:is:full&f=name:is:answer"
    assert "The filter “moon:is:full” makes no sense here." in client.get(url).content.decode()
    assert "makes no sense" not in client.get(f"{LIST}?f=name:is:answer&f=").content.decode()
    sent = {"action": "delete", "scope": "all"}
    response = client.post(url, sent, follow=True)
    assert "The filter “moon:is:full” makes no sense here." in response.content.decode()
    assert Trace.objects.in_workspace(workspace).count() == 1
    client.post(f"{LIST}?f=name:is:answer", sent)
    assert not Trace.objects.in_workspace(workspace).exists()


def test_a_cursor_of_somebody_else_is_not_found(console, viewer):
    assert console(viewer).get(f"{LIST}?cursor=abc").status_code == 404


def test_the_trace_page_carries_its_steps(console, viewer, workspace):
    trace = make_trace(workspace, SESSION_ID="s/1 ?", USER_ID="ada@example.org")
    html = console(viewer).get(trace.get_absolute_url()).content.decode()
    data = json.loads(re.search(r'id="trace-data" type="application/json">(.*?)</script>', html)[1])
    assert [row["name"] for row in data["observations"]] == ["answer", "retrieve", "chat"]
    assert data["observations"][2]["ttft"] == 200
    assert reverse("admin:tracing_session", args=["s/1 ?"]) in html


def test_the_trace_page_offers_what_the_role_may_do(console, workspace):
    url = make_trace(workspace, name="lower case").get_absolute_url()
    offered = {}
    for role in (Role.VIEWER, Role.ANNOTATOR, Role.EDITOR):
        html = console(make_member(workspace, role)).get(url).content.decode()
        assert "<span>lower case</span>" in html
        offered[role] = [mark in html for mark in ("data-bulk-menu", 'value="bookmark"', 'value="delete"')]
    assert list(offered.values()) == [[False] * 3, [True, True, False], [True] * 3]


def test_of_an_id_that_was_used_twice_the_first_step_is_drawn(console, viewer, workspace):
    trace_id = "5" * 32
    for number in range(2):
        store(make_row(workspace, make_span(trace_id, name=f"step {number}", start_s=number)))
    html = console(viewer).get(f"{LIST}{trace_id}/").content.decode()
    data = json.loads(re.search(r'id="trace-data" type="application/json">(.*?)</script>', html)[1])
    assert [row["name"] for row in data["observations"]] == ["step 0"]
    assert "1 more step is not drawn." in html


def test_the_trace_page_links_to_its_source_and_shows_panels(console, viewer, workspace, monkeypatch):
    from django.utils.html import format_html

    source = uuid.uuid4()
    monkeypatch.setattr(links, "_resolvers", links.Registry("test"))
    monkeypatch.setattr(panels, "_panels", [])
    links.register("tests.thing", lambda key: links.Link("The thing", f"/thing/{key}"))
    panels.register(lambda _request, trace: format_html("<b>panel of {}</b>", trace.name))
    panels.register(lambda _request, _trace: "")
    trace = make_trace(workspace, SOURCE_TYPE="tests.thing", SOURCE_ID=str(source))
    html = console(viewer).get(trace.get_absolute_url()).content.decode()
    assert f'href="/thing/{source}"' in html
    assert "<b>panel of answer</b>" in html


def test_markup_in_a_trace_is_text(console, viewer, workspace):
    evil = "</script><script>alert(1)</script>"
    trace = make_trace(
        workspace, name=evil, INPUT=evil, SESSION_ID=evil, USER_ID=evil, TAGS=json.dumps([evil])
    )
    client = console(viewer)
    for url in (LIST, trace.get_absolute_url(), reverse("admin:tracing_session", args=[evil])):
        assert evil not in client.get(url).content.decode()


def test_the_session_page_lists_its_traces_in_order(console, viewer, workspace):
    make_trace(workspace, name="second", ago_s=50, SESSION_ID="s 1")
    make_trace(workspace, name="first", ago_s=90, SESSION_ID="s 1")
    make_trace(workspace, name="unrelated", SESSION_ID="other")
    html = console(viewer).get(reverse("admin:tracing_session", args=["s 1"])).content.decode()
    assert html.index("first") < html.index("second")
    assert "unrelated" not in html


def test_an_editor_bookmarks_and_deletes(console, editor, workspace):
    trace = make_trace(workspace)
    client = console(editor)
    client.post(trace.get_absolute_url(), {"action": "bookmark"})
    trace.refresh_from_db()
    assert trace.bookmarked
    assert client.post(trace.get_absolute_url(), {"action": "delete"}).status_code == 302
    assert not Trace.objects.filter(pk=trace.pk).exists()


def test_a_viewer_changes_nothing(console, viewer, workspace):
    trace = make_trace(workspace)
    client = console(viewer)
    for action in ("bookmark", "delete"):
        assert client.post(trace.get_absolute_url(), {"action": action}).status_code == 403
    trace.refresh_from_db()
    assert not trace.bookmarked


def test_strangers_find_nothing(console, stranger, workspace, client):
    trace = make_trace(workspace, name="Needle", SESSION_ID="s-9")
    outsider = console(stranger)
    for url in (trace.get_absolute_url(), reverse("admin:tracing_session", args=["s-9"])):
        assert outsider.get(url).status_code == 404
        assert outsider.post(url, {"action": "delete"}).status_code in (404, 405)
        assert client.get(url).status_code == 302
    assert trace.name not in outsider.get(LIST).content.decode()
    assert Trace.objects.filter(pk=trace.pk).exists()


def test_the_cards_tell_the_figures_of_the_workspace(rf, viewer, workspace, monkeypatch):
    for number in range(4):
        make_trace(workspace, ago_s=600 * number + 60, failed=number == 0)
    make_trace(workspace, ago_s=86400 * 3)
    monkeypatch.setattr(rollup, "_MARGIN_S", -60)
    RollupProgress.objects.create(received_before=timezone.now() - timedelta(minutes=5))
    rollup.roll_up()
    request = rf.get("/admin/")
    request.user, request.workspace = viewer, workspace
    traces, cost, latency, errors = trace_cards(request)
    assert (traces.value, cost.value, latency.value, errors.value) == ("4", "$0.0075", "1.89 s", "25.0%")
    assert sum(traces.series) == 4
    assert errors.tone == "error"
