"""Dashboards: services, pages, the API, and the endpoint for metrics."""

import json
import re
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError, NotAllowed
from apps.core.models import AuditEntry
from apps.tracing.dashboards import DashboardSpec, WidgetSpec, built_in
from apps.tracing.exceptions import InvalidDashboard, InvalidMetricQuery
from apps.tracing.models import Dashboard, RollupProgress, Widget
from apps.tracing.rollups import MetricFilter, MetricQuery
from apps.tracing.services import rollup
from apps.tracing.services.dashboard import (
    create_dashboard,
    delete_dashboard,
    duplicate_dashboard,
    update_dashboard,
)
from apps.tracing.services.widget import Place, add_widget, arrange_widgets, delete_widget, update_widget
from tests.factories.core import make_member
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db

LIST = "/admin/dashboards/"
API = "/api/v1/dashboards/"
COUNT = WidgetSpec("Traces", "number", MetricQuery("traces", ("count",)), 3, 1)
COST = WidgetSpec("Cost", "stacked", MetricQuery("observations", ("cost",), "model"))


@pytest.fixture
def board(workspace, editor):
    spec = DashboardSpec("Support", "For the team.", widgets=(COUNT, COST))
    return create_dashboard(actor=Actor.for_user(editor), workspace=workspace, spec=spec)


@pytest.fixture
def stored(workspace, monkeypatch):
    """One trace, added up."""
    monkeypatch.setattr(rollup, "_MARGIN_S", -60)
    RollupProgress.objects.create(received_before=timezone.now() - timedelta(minutes=2))
    make_trace(workspace, name="answer", ENVIRONMENT="live")
    rollup.roll_up()


def specs_of(dashboard):
    return [WidgetSpec.of(widget) for widget in dashboard.widgets.all()]


def drawn(html):
    return json.loads(re.search(r'id="board-data" type="application/json">(.*?)</script>', html)[1])


def test_a_dashboard_keeps_its_widgets_in_order_and_is_audited(workspace, editor, board):
    actor = Actor.for_user(editor)
    assert specs_of(board) == [COUNT, COST]
    third = add_widget(actor=actor, dashboard=board, spec=COUNT)
    update_widget(actor=actor, widget=third, spec=COST)
    first, second, third = board.widgets.all()
    arrange_widgets(
        actor=actor,
        dashboard=board,
        places=[Place(third.pk, 12, 3), Place(first.pk, 4, 1), Place(second.pk, 8, 2)],
    )
    assert [(spec.title, spec.width, spec.height) for spec in specs_of(board)] == [
        ("Cost", 12, 3), ("Traces", 4, 1), ("Cost", 8, 2),
    ]  # fmt: skip
    with pytest.raises(FlywheelError, match="Reload"):
        arrange_widgets(actor=actor, dashboard=board, places=[Place(first.pk, 4, 1)])
    with pytest.raises(InvalidDashboard):
        arrange_widgets(
            actor=actor, dashboard=board,
            places=[Place(first.pk, 13, 1), Place(second.pk, 1, 1), Place(third.pk, 1, 1)],
        )  # fmt: skip
    delete_widget(actor=actor, widget=first)
    copy = duplicate_dashboard(actor=actor, dashboard=board)
    assert (copy.name, len(specs_of(copy))) == ("Support (copy)", 2)
    update_dashboard(actor=actor, dashboard=board, name="Sales", widgets=[COUNT])
    board.refresh_from_db()
    assert (board.name, board.description, specs_of(board)) == ("Sales", "For the team.", [COUNT])
    delete_dashboard(actor=actor, dashboard=board)
    assert Widget.objects.filter(workspace=workspace).count() == 2
    actions = set(AuditEntry.objects.filter(workspace=workspace).values_list("action", flat=True))
    assert {f"tracing.dashboard.{verb}" for verb in ("create", "update", "arrange", "delete")} <= actions


def test_one_that_is_not_shared_is_its_owners(workspace, editor, board, console):
    other = make_member(workspace, Role.EDITOR)
    update_dashboard(actor=Actor.for_user(other), dashboard=board, description="Changed by a colleague.")
    update_dashboard(actor=Actor.for_user(editor), dashboard=board, shared=False)
    board.refresh_from_db()
    with pytest.raises(NotAllowed):
        update_dashboard(actor=Actor.for_user(other), dashboard=board, name="Mine")
    assert console(other).get(board.get_absolute_url()).status_code == 404
    assert console(editor).get(board.get_absolute_url()).status_code == 200
    assert list(Dashboard.objects.visible_to(other)) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANNOTATOR])
def test_looking_roles_look_only(workspace, board, console, role):
    member = make_member(workspace, role)
    for write in (
        lambda actor: create_dashboard(actor=actor, workspace=workspace, spec=DashboardSpec("x")),
        lambda actor: update_dashboard(actor=actor, dashboard=board, name="x"),
        lambda actor: add_widget(actor=actor, dashboard=board, spec=COUNT),
        lambda actor: delete_dashboard(actor=actor, dashboard=board),
        lambda actor: duplicate_dashboard(actor=actor, dashboard=board),
    ):
        with pytest.raises(NotAllowed):
            write(Actor.for_user(member))
    client = console(member)
    page = client.get(f"{board.get_absolute_url()}?edit=1").content.decode()
    assert "data-layout" not in page
    assert client.get(f"{board.get_absolute_url()}widgets/add/").status_code == 403
    assert client.post(board.get_absolute_url(), {"action": "delete"}).status_code == 403
    assert client.post(LIST, {"action": "clone"}).status_code == 403


@pytest.mark.parametrize(
    ("widget", "words"),
    [
        (WidgetSpec("", "line", COUNT.query), "title"),
        (WidgetSpec("x", "pie", COUNT.query), "charts"),
        (WidgetSpec("x", "bar", COUNT.query), "tell the values"),
        (WidgetSpec("x", "number", COST.query), "all values"),
        (WidgetSpec("x", "histogram", COUNT.query), "distribution"),
        (WidgetSpec("x", "line", MetricQuery("traces", ("count", "cost"))), "one unit"),
        (WidgetSpec("x", "line", MetricQuery("traces", ("count", "errors"), "name")), "one metric"),
        (WidgetSpec("x", "line", COUNT.query, 13), "columns"),
    ],
)
def test_a_widget_that_can_not_be_drawn_is_refused(widget, words):
    with pytest.raises(InvalidDashboard, match=words):
        widget.check()


def test_the_built_in_dashboard_is_sound_and_survives_its_file():
    spec = built_in().check()
    assert DashboardSpec.read(json.loads(json.dumps(spec.as_json()))) == spec


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    changes=st.dictionaries(st.sampled_from([*COST.as_json(), "widgets"]), anything, max_size=3),
    whole=anything,
)
def test_a_file_is_read_or_refused_and_nothing_else(changes, whole):
    for value in (
        whole,
        {**DashboardSpec("x").as_json(), "widgets": [{**COST.as_json(), **changes}], **changes},
    ):
        with suppress(InvalidDashboard, InvalidMetricQuery):
            DashboardSpec.read(value)


def test_the_pages_lead_from_the_list_to_a_widget(console, editor, workspace, stored):
    client = console(editor)
    assert client.post(LIST, {"action": "clone"}).status_code == 302
    clone = Dashboard.objects.get(workspace=workspace)
    assert specs_of(clone) == list(built_in().widgets)
    url = client.post(LIST, {"action": "create", "name": "Mine", "description": ""})["Location"].partition(
        "?"
    )[0]
    assert "no widgets yet" in client.get(url).content.decode()
    form = {
        "title": "Live answers", "chart": "stacked", "view": "traces", "metrics": ["count"], "dimension": "name",
        "limit": 5, "width": 6, "height": 2, "filters_field": ["environment", ""], "filters_operator": ["is", "is"],
        "filters_value": ["live", ""],
    }  # fmt: skip
    assert (
        "one unit"
        in client.post(
            f"{url}widgets/add/", {**form, "metrics": ["count", "cost"], "dimension": ""}
        ).content.decode()
    )
    assert client.post(f"{url}widgets/add/", form).status_code == 302
    widget = Widget.objects.get(title="Live answers")
    assert widget.filters == [{"field": "environment", "operator": "is", "value": "live"}]
    data = drawn(client.get(f"{url}?range=1h&edit=1").content.decode())
    [shown] = data["widgets"]
    assert (shown["query"], sum(shown["series"][0]["values"])) == ("f=environment%3Ais%3Alive", 1)
    assert shown["series"][0]["query"] == "f=name%3Ais%3Aanswer"
    assert 'value="live"' in client.get(shown["edit"]).content.decode()
    assert client.post(shown["edit"], {**form, "title": "All"}).status_code == 302
    layout = {"widgets": [{"id": str(widget.pk), "width": 9, "height": 3}]}
    posted = client.post(f"{url}layout/", json.dumps(layout), content_type="application/json")
    assert posted.json() == {"saved": 1}
    widget.refresh_from_db()
    assert (widget.title, widget.width, widget.height) == ("All", 9, 3)
    for body in ("", "[]", "{}", '{"widgets": [1]}', '{"widgets": [{"id": "x", "width": 1, "height": 1}]}'):
        assert client.post(f"{url}layout/", body, content_type="application/json").status_code == 422
    assert client.post(shown["edit"], {"action": "delete"}).status_code == 302
    client.post(url, {"action": "save", "name": "Ours", "shared": "on"})
    client.post(url, {"action": "save", "name": ""})
    client.post(url, {"action": "duplicate"})
    assert client.post(url, {"action": "delete"})["Location"] == LIST
    names = Dashboard.objects.filter(workspace=workspace).values_list("name", flat=True)
    assert sorted(names) == ["Analytics (copy)", "Ours (copy)"]


def test_a_dashboard_moves_as_a_file(console, editor, stranger, board):
    response = console(editor).get(f"{board.get_absolute_url()}?export=1")
    assert response["Content-Disposition"] == 'attachment; filename="support.json"'
    elsewhere = console(stranger)
    file = SimpleUploadedFile("x.json", response.content)
    assert elsewhere.post(LIST, {"action": "import", "file": file}).status_code == 302
    copy = Dashboard.objects.exclude(pk=board.pk).get()
    assert (copy.name, specs_of(copy)) == ("Support", [COUNT, COST])
    for content in (b"", b"\xff", b"[]", b'{"format": "other"}', b"[" * 100_000):
        file = SimpleUploadedFile("x.json", content)
        assert elsewhere.post(LIST, {"action": "import", "file": file}, follow=True).status_code == 200
    assert Dashboard.objects.count() == 2


def test_the_list_and_a_page_need_the_same_queries_at_any_size(console, editor, board, workspace):
    client = console(editor)

    def queries(url):
        client.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    before = queries(LIST), queries(board.get_absolute_url())
    # three more widgets that ask what others ask already
    for metric in ("errors", "cost", "latency_p95"):
        spec = WidgetSpec(metric, "line", MetricQuery("traces", (metric,)))
        add_widget(actor=Actor.for_user(editor), dashboard=board, spec=spec)
    duplicate_dashboard(actor=Actor.for_user(editor), dashboard=board)
    assert (queries(LIST), queries(board.get_absolute_url())) == before


def test_the_api_keeps_dashboards(api, editor, viewer, stranger, workspace):
    client = api(editor)
    body = {"name": "Support", "widgets": [COST.as_json()]}
    made = client.post(API, body, format="json").json()
    assert (made["format"], made["shared"]) == ("flywheel/dashboard/v1", True)
    assert made["widgets"] == [COST.as_json()]
    url = f"{API}{made['id']}/"
    assert client.patch(url, {"widgets": [COUNT.as_json()], "shared": False}, format="json").json()[
        "widgets"
    ] == [COUNT.as_json()]
    bare = {name: value for name, value in COST.as_json().items() if name not in ("filters", "width")}
    [widget] = client.patch(url, {"widgets": [bare]}, format="json").json()["widgets"]
    assert (widget["title"], widget["filters"], widget["width"]) == (COST.title, [], 6)
    assert client.patch(url, {"widgets": [{"title": "x"}]}, format="json").status_code in (400, 422)
    assert api(viewer).get(url).status_code == 404
    assert client.post(f"{url}duplicate/").json()["name"] == "Support (copy)"
    bad = {**COST.as_json(), "metrics": ["speed"]}
    refused = client.post(API, {"name": "x", "widgets": [bad]}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_metric_query")
    assert api(viewer).post(API, body, format="json").status_code == 403
    assert client.delete(url).status_code == 204
    with CaptureQueriesContext(connection) as one:
        assert client.get(API).json()["results"][0]["name"] == "Support (copy)"
    client.post(API, body, format="json")
    with CaptureQueriesContext(connection) as two:
        client.get(API)
    assert len(two) <= len(one)


def test_the_api_answers_questions(api, viewer, stored):
    client = api(viewer)
    found = client.get(
        "/api/v1/metrics/",
        {
            "metric": ["count", "latency_p50"],
            "filter": ["environment:is:live"],
            "dimension": "name",
            "step": "hour",
        },
    ).json()
    [series] = found["series"]
    assert (series["value"], series["totals"]["count"], sum(series["points"]["count"])) == ("answer", 1, 1)
    assert found["step_seconds"] == 3600
    assert found["units"] == {"count": "count", "latency_p50": "duration"}
    whole = client.get("/api/v1/metrics/").json()
    assert (whole["step_seconds"], whole["series"]) == (None, [{"value": "", "totals": {"count": 1}}])
    for step in ("none", "auto", "minute"):
        query = {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z", "step": step}
        [series] = client.get("/api/v1/metrics/", query).json()["series"]
        assert series["totals"] == {"count": 1}
    for query in (
        "view=x",
        "metric=speed",
        "filter=model",
        "dimension=moon",
        "start=2100-01-01T00:00:00Z",
        "step=x",
    ):
        assert client.get(f"/api/v1/metrics/?{query}").status_code in {400, 422}
    for query in (
        "start=0001-01-01T00:00:00Z",
        "start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z&step=day",
    ):
        assert client.get(f"/api/v1/metrics/?{query}").status_code == 200


def test_filters_are_written_in_two_forms():
    item = MetricFilter("model", "in", "a, b:c")
    assert MetricFilter.parse(item.encode()) == MetricFilter.read(item.as_json()) == item
    assert item.values == ["a", "b:c"]
