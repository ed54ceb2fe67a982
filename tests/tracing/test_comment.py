"""Comments: who writes, edits and deletes them, and where they are shown."""

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import AuditEntry
from apps.tracing.exceptions import InvalidComment
from apps.tracing.models import Comment
from apps.tracing.services.comment import add_comment, delete_comment, edit_comment
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db

TRACE, SPAN = "a" * 32, "b" * 16
URL = "/api/v1/comments/"


def comment(user, workspace, **fields):
    known = {"trace_id": TRACE, "text": "Odd."}
    return add_comment(actor=Actor.for_user(user), workspace=workspace, **{**known, **fields})


def test_an_author_writes_edits_and_deletes(workspace, annotator):
    made = comment(annotator, workspace, observation_id=SPAN, text="  Odd.\0 ")
    assert (made.text, made.author, made.edited_at) == ("Odd.", annotator, None)
    actor = Actor.for_user(annotator)
    edited = edit_comment(actor=actor, comment=made, text="Fine.")
    assert edited.text == "Fine."
    assert edited.edited_at is not None
    delete_comment(actor=actor, comment=made)
    assert not Comment.objects.filter(workspace=workspace).exists()
    actions = AuditEntry.objects.filter(workspace=workspace).order_by("created_at", "id")
    names = [entry.action for entry in actions if entry.action.startswith("tracing.comment")]
    assert names == [f"tracing.comment.{verb}" for verb in ("create", "update", "delete")]


def test_somebody_elses_comment_is_deleted_by_editors_and_edited_by_nobody(
    workspace, annotator, editor, viewer
):
    made = comment(annotator, workspace)
    other = comment(editor, workspace)
    with pytest.raises(NotAllowed):
        edit_comment(actor=Actor.for_user(editor), comment=made, text="No.")
    for user in (annotator, viewer):
        with pytest.raises(NotAllowed):
            delete_comment(actor=Actor.for_user(user), comment=other)
    delete_comment(actor=Actor.for_user(editor), comment=made)
    with pytest.raises(NotAllowed):
        comment(viewer, workspace)
    assert list(Comment.objects.filter(workspace=workspace)) == [other]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": " \0 "},
        {"text": "x" * 10_001},
        {"trace_id": ""},
        {"session_id": "s"},
        {"trace_id": "A" * 32},
        {"observation_id": "12"},
        {"trace_id": "", "observation_id": SPAN, "session_id": "s"},
        {"trace_id": "", "session_id": "s" * 201},
        {"trace_id": "", "session_id": "\0"},
    ],
)
def test_comments_that_make_no_sense_are_refused(workspace, annotator, fields):
    with pytest.raises(InvalidComment):
        comment(annotator, workspace, **fields)


def test_the_api_writes_lists_edits_and_deletes(api, workspace, annotator, viewer, stranger):
    client = api(annotator)
    made = client.post(URL, {"trace_id": TRACE, "observation_id": SPAN, "text": "Odd."}, format="json")
    assert made.status_code == 201
    comment(annotator, workspace, trace_id="", session_id="s 1")
    assert made.json()["author_name"] == str(annotator)
    listed = client.get(f"{URL}?trace_id={TRACE}").json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert len(client.get(f"{URL}?session_id=s+1").json()["results"]) == 1
    place = f"{URL}{made.json()['id']}/"
    assert client.patch(place, {"text": "Fine."}, format="json").json()["text"] == "Fine."
    assert client.patch(place, {"text": " "}, format="json").status_code == 400
    assert api(viewer).patch(place, {"text": "No."}, format="json").status_code == 403
    assert api(viewer).post(URL, {"trace_id": TRACE, "text": "No."}, format="json").status_code == 403
    assert api(stranger).get(place).status_code in {403, 404}
    assert client.post(URL, {"text": "Where?"}, format="json").status_code == 422
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def test_the_list_needs_the_same_number_of_queries_at_any_length(api, workspace, annotator):
    client = api(annotator)
    client.get(URL)
    counts = []
    for _ in range(2):
        comment(annotator, workspace)
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{URL}?trace_id={TRACE}")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_trace_page_carries_scores_and_comments(console, workspace, annotator, system):
    trace = make_trace(workspace)
    client = console(annotator)

    def page():
        with CaptureQueriesContext(connection) as captured:
            html = client.get(trace.get_absolute_url()).content.decode()
        found = re.search(r'id="trace-data" type="application/json">(.*?)</script>', html)[1]
        return json.loads(found)["notes"], len(captured)

    page()
    empty, before = page()
    assert (empty["scores"], empty["comments"]) == ([], [])
    assert empty["rights"] == {"score": True, "comment": True, "remove": False}
    for text in ("One", "Two"):
        comment(annotator, workspace, trace_id=trace.trace_id, observation_id=SPAN, text=text)
    notes, after = page()
    assert [row["text"] for row in notes["comments"]] == ["One", "Two"]
    assert notes["me"] == notes["comments"][0]["author"]
    assert after == before <= 20


def test_a_deleted_trace_takes_its_comments_along(console, workspace, editor):
    trace = make_trace(workspace)
    comment(editor, workspace, trace_id=trace.trace_id)
    kept = comment(editor, workspace)
    console(editor).post(trace.get_absolute_url(), {"action": "delete"})
    assert list(Comment.objects.filter(workspace=workspace)) == [kept]
