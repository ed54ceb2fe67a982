"""Sessions: the list, and one as a conversation."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.core.actors import Actor
from apps.tracing.models import Trace
from apps.tracing.services.comment import add_comment
from apps.tracing.services.score import record_score
from apps.tracing.sessions import list_sessions, read_conversation
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db

LIST = "/admin/sessions/"


def queries(client, url):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200
    return response.content.decode(), len(captured)


def test_sessions_are_listed_by_their_newest_trace_in_pages(viewer, workspace):
    for session, ago in (("old", 500), ("mixed", 400), ("new", 100), ("mixed", 50), ("other", 30)):
        make_trace(workspace, SESSION_ID=session, ago_s=ago, name=session)
    make_trace(workspace)
    asked = {"user": viewer, "workspace": workspace, "start": timezone.now() - timedelta(hours=1), "size": 2}
    first = list_sessions(**asked)
    assert [(row.session_id, row.traces) for row in first.rows] == [("other", 1), ("mixed", 2)]
    second = list_sessions(**asked, cursor=first.older)
    assert [row.session_id for row in second.rows] == ["new", "old"]
    assert second.older == ""
    assert list_sessions(**asked, cursor=second.newer).rows == first.rows
    assert [row.session_id for row in list_sessions(**asked, text="MIX").rows] == ["mixed"]
    make_trace(workspace, SESSION_ID="mixed", USER_ID="ada", ago_s=20)
    make_trace(workspace, SESSION_ID="mixed", USER_ID="bob", ago_s=10)
    assert [(row.session_id, row.last.user_id) for row in list_sessions(**asked, user_id="ada").rows] == [
        ("mixed", "ada")
    ]


def test_the_list_page_needs_the_same_number_of_queries_at_any_length(console, viewer, workspace, system):
    client = console(viewer)
    make_trace(workspace, SESSION_ID="s 0")
    queries(client, LIST)
    _html, before = queries(client, LIST)
    for number in range(1, 4):
        make_trace(workspace, SESSION_ID=f"s {number}", USER_ID="ada")
        record_score(
            actor=system, workspace=workspace, trace_id="", session_id=f"s {number}", name="mood",
            data_type="boolean", value=1, source="api",
        )  # fmt: skip
    html, after = queries(client, LIST)
    assert after == before <= 19
    assert "mood: Yes" in html
    assert reverse("admin:tracing_session", args=["s 3"]) in html
    assert (
        "No sessions"
        in queries(client, f"{LIST}?range=custom&start=2020-01-01T00:00&end=2020-01-02T00:00")[0]
    )
    assert client.get(f"{LIST}?cursor=nonsense").status_code == 404


def test_a_conversation_is_paged_both_ways(workspace):
    made = [make_trace(workspace, SESSION_ID="s", ago_s=100 - n).trace_id for n in range(5)]
    traces = Trace.objects.in_workspace(workspace).of_session("s")

    def page(cursor=""):
        found = read_conversation(traces, workspace=workspace, cursor=cursor, size=2)
        return [turn.trace.trace_id for turn in found.turns], found

    ids, first = page()
    assert (ids, first.earlier) == (made[:2], "")
    ids, second = page(first.later)
    assert ids == made[2:4]
    ids, third = page(second.later)
    assert (ids, third.later) == (made[4:], "")
    ids, back = page(third.earlier)
    assert ids == made[2:4]
    ids, start = page(back.earlier)
    assert (ids, start.earlier) == (made[:2], "")


def test_the_page_replays_the_session(console, viewer, editor, stranger, workspace, system):
    client = console(viewer)
    trace = make_trace(workspace, SESSION_ID="s 1", USER_ID="ada", ago_s=90)
    address = reverse("admin:tracing_session", args=["s 1"])
    queries(client, address)
    _html, before = queries(client, address)
    for number in range(3):
        make_trace(workspace, SESSION_ID="s 1", INPUT=f"Question {number}", ago_s=50 - number)
    actor = Actor.for_user(editor)
    add_comment(actor=actor, workspace=workspace, trace_id=trace.trace_id, text="Odd.")
    add_comment(actor=actor, workspace=workspace, session_id="s 1", text="A strange session.")
    record_score(
        actor=system, workspace=workspace, trace_id=trace.trace_id, name="thumb", data_type="boolean",
        value=0, source="user",
    )  # fmt: skip
    html, after = queries(client, address)
    assert after == before <= 21
    for text in (
        "What is it?",
        "It is this.",
        "Question 2",
        "thumb: No",
        "1 comment",
        "1 step in between",
        "retrieve",
    ):
        assert text in html
    assert html.index("Question 0") < html.index("Question 1") < html.index("Question 2")
    notes = json.loads(re.search(r'id="session-notes" type="application/json">(.*?)</script>', html)[1])
    assert [comment["text"] for comment in notes["comments"]] == ["A strange session."]
    assert notes["subject"] == {"session_id": "s 1"}
    assert client.get(f"{address}?cursor=nonsense").status_code == 404
    assert console(stranger).get(address).status_code == 404
