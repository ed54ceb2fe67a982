"""Conventions of the API: keys, scopes, problems, idempotency, pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core import jobs
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.middleware import SESSION_KEY
from apps.core.models import ApiKey, IdempotencyRecord, Job, Membership
from apps.core.services.api_key import create_api_key, find_api_key
from tests.factories.core import SYSTEM, make_member, make_user, make_workspace


@jobs.task("tests.api_nothing")
def nothing(ctx: jobs.JobContext) -> None:
    """Do nothing."""


def problem_of(response):
    assert response["Content-Type"].startswith("application/problem+json")
    document = response.json()
    assert {"type", "title", "status", "code"} <= set(document)
    assert document["status"] == response.status_code
    return document


def test_a_key_tells_who_where_and_which_role(api, editor, workspace):
    me = api(editor).get("/api/v1/me/").json()
    assert me["user"]["email"] == editor.email
    assert me["workspace"]["id"] == str(workspace.pk)
    assert me["role"] == "editor"


@pytest.mark.parametrize(
    "header", [None, "Bearer nonsense", "Bearer fw_abc_def", "Bearer ", "Basic Zm9vOmJhcg=="]
)
def test_bad_credentials_are_a_401_problem(db, header):
    client = APIClient()
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    response = client.get("/api/v1/me/")
    assert response.status_code == 401
    problem_of(response)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked_at": timezone.now()}, "revoked_key"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expired_key"),
    ],
)
def test_a_dead_key_says_why(api, editor, change, code):
    client = api(editor)
    ApiKey.objects.update(**change)
    response = client.get("/api/v1/me/")
    assert response.status_code == 401
    assert problem_of(response)["code"] == code


def test_a_key_of_a_closed_account_is_dead(api, editor):
    client = api(editor)
    editor.is_active = False
    editor.save()
    assert client.get("/api/v1/me/").status_code == 401


def test_the_secret_is_stored_as_a_hash_only(workspace, owner):
    key, presented = create_api_key(
        actor=Actor.for_user(owner), workspace=workspace, name="k", scopes=["read"]
    )
    _fw, _prefix, secret = presented.split("_", 2)
    assert secret not in str(ApiKey.objects.values().get(pk=key.pk))
    assert find_api_key(presented) == key
    assert find_api_key(presented + "x") is None


def test_a_key_in_the_past_is_refused(workspace, owner):
    with pytest.raises(Invalid):
        create_api_key(
            actor=Actor.for_user(owner),
            workspace=workspace,
            name="k",
            scopes=["read"],
            expires_at=timezone.now(),
        )


def test_a_read_key_cannot_write(api, owner, workspace):
    job = jobs.enqueue("tests.api_nothing", actor=SYSTEM, workspace=workspace)
    reader = api(owner, ("read",))
    assert reader.get("/api/v1/jobs/").status_code == 200
    assert reader.post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 403
    job.refresh_from_db()
    assert not job.cancel_requested


def test_a_key_is_created_once_and_its_secret_never_shown_again(console, owner, workspace):
    client = console(owner)
    created = client.post(
        "/api/v1/api-keys/", {"name": "ci", "scopes": ["read"]}, content_type="application/json"
    )
    assert created.status_code == 201
    secret = created.json()["key"]
    listed = client.get("/api/v1/api-keys/")
    assert secret not in listed.content.decode()
    key = APIClient(headers={"Authorization": f"Bearer {secret}"})
    assert key.get("/api/v1/me/").status_code == 200
    assert key.post("/api/v1/api-keys/", {"name": "more", "scopes": ["read"]}).status_code == 403
    assert client.post(f"/api/v1/api-keys/{created.json()['id']}/revoke/").status_code == 200
    assert key.get("/api/v1/me/").status_code == 401


def test_a_session_names_its_workspace_by_header(console, editor):
    other = make_workspace("Second")
    Membership.objects.create(workspace=other, user=editor, role=Role.VIEWER)
    client = console(editor)
    assert (
        client.get("/api/v1/me/", headers={"X-Workspace": str(other.pk)}).json()["workspace"]["name"]
        == "Second"
    )


def test_a_foreign_workspace_in_the_header_is_refused(console, editor, stranger):
    foreign = stranger.memberships.get().workspace
    response = console(editor).get("/api/v1/me/", headers={"X-Workspace": str(foreign.pk)})
    assert response.status_code == 403


def test_a_foreign_workspace_in_the_session_falls_back_to_an_own_one(console, editor, stranger, workspace):
    client = console(editor)
    session = client.session
    session[SESSION_KEY] = str(stranger.memberships.get().workspace_id)
    session.save()
    assert client.get("/api/v1/me/").json()["workspace"]["id"] == str(workspace.pk)


def test_somebody_without_a_workspace_is_told_so(console, db):
    response = console(make_user()).get("/api/v1/me/")
    assert response.status_code == 403
    assert "X-Workspace" in problem_of(response)["detail"]


def test_lists_are_paged_by_cursor_with_a_constant_number_of_queries(
    api, editor, workspace, django_assert_max_num_queries
):
    for _ in range(5):
        jobs.enqueue("tests.api_nothing", actor=SYSTEM, workspace=workspace)
    client = api(editor)
    client.get("/api/v1/jobs/")
    with django_assert_max_num_queries(4):
        page = client.get("/api/v1/jobs/?page_size=2").json()
    assert len(page["results"]) == 2
    assert page["next"]
    assert len(client.get(page["next"]).json()["results"]) == 2


def test_a_stranger_gets_404_for_a_job(api, workspace, stranger):
    job = jobs.enqueue("tests.api_nothing", actor=SYSTEM, workspace=workspace)
    client = APIClient()
    client.force_login(stranger)
    response = client.get(f"/api/v1/jobs/{job.pk}/")
    assert response.status_code == 404
    problem_of(response)


def test_the_same_idempotency_key_gets_the_same_answer(api, owner, workspace):
    person = make_user()
    client = api(owner)
    body = {"email": person.email, "role": "viewer"}
    first = client.post("/api/v1/members/", body, headers={"Idempotency-Key": "k1"})
    second = client.post("/api/v1/members/", body, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second["Idempotent-Replay"] == "true"
    assert Membership.objects.filter(user=person).count() == 1
    other = client.post("/api/v1/members/", {**body, "role": "editor"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 409


def test_a_failed_write_may_be_tried_again_with_its_key(api, owner):
    client = api(owner)
    body = {"email": "nobody@example.org", "role": "viewer"}
    assert client.post("/api/v1/members/", body, headers={"Idempotency-Key": "k2"}).status_code == 404
    assert IdempotencyRecord.objects.count() == 0


def test_invalid_input_names_the_fields(api, owner):
    response = api(owner).post("/api/v1/members/", {"email": "x", "role": "king"})
    assert response.status_code == 400
    assert set(problem_of(response)["errors"]) == {"email", "role"}


@pytest.mark.parametrize("body", ["{", "[]", "null", '"x"', "\x00", "[" * 500])
def test_a_malformed_body_is_a_400(api, owner, body):
    response = api(owner).post("/api/v1/members/", body, content_type="application/json")
    assert response.status_code == 400
    problem_of(response)


def test_a_value_that_no_column_holds_is_the_clients(api, owner):
    refused = api(owner).get("/api/v1/runs/?after=5641-02-23T06:55:44-20:35")
    assert refused.status_code == 400
    assert "outside" in str(problem_of(refused)["errors"])


def test_more_fields_than_anybody_sends_are_refused(api, owner):
    many = "&".join(f"f{number}=1" for number in range(5_000))
    response = api(owner).post("/api/v1/members/", many, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    problem_of(response)


def test_a_rate_limit_of_a_key_answers_429_with_retry_after(api, editor):
    client = api(editor)
    ApiKey.objects.update(rate_limit_per_minute=2)
    assert [client.get("/api/v1/me/").status_code for _ in range(3)] == [200, 200, 429]
    response = client.get("/api/v1/me/")
    assert int(response["Retry-After"]) > 0
    problem_of(response)


def test_a_viewer_cannot_add_members(api, viewer, workspace):
    person = make_user()
    response = api(viewer).post("/api/v1/members/", {"email": person.email, "role": "viewer"})
    assert response.status_code == 403
    assert not Membership.objects.filter(user=person).exists()


def test_role_and_removal_over_the_api(api, owner, workspace):
    member = make_member(workspace, Role.VIEWER).memberships.get()
    client = api(owner)
    assert client.patch(f"/api/v1/members/{member.pk}/", {"role": "annotator"}).json()["role"] == "annotator"
    assert client.delete(f"/api/v1/members/{member.pk}/").status_code == 204
    assert not Membership.objects.filter(pk=member.pk).exists()


def test_audit_is_for_administrators(api, owner, viewer):
    assert api(owner).get("/api/v1/audit-entries/").json()["results"]
    assert api(viewer).get("/api/v1/audit-entries/").json()["results"] == []


def test_health_answers(client, db):
    assert client.get("/health/").json() == {"status": "ok"}


def test_the_description_of_the_api_is_complete(superuser, console):
    document = console(superuser).get("/api/schema/").content.decode()
    assert "/api/v1/jobs/{id}/cancel/" in document
    assert Job.__name__ in document
