"""Providers: rules of the services, the API and the console; and that a key is never seen again."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid, NotAllowed
from apps.core.models import AuditEntry
from apps.providers.models import Model, Provider
from apps.providers.services.connection import check_model, check_provider
from apps.providers.services.provider import create_provider, delete_provider, update_provider
from tests.factories.core import SYSTEM
from tests.factories.providers import KEY, make_model, make_provider

pytestmark = pytest.mark.django_db

ADD = "admin:providers_provider_add"
CHANGE = "admin:providers_provider_change"


def create(workspace, **fields):
    given = {"name": "P", "base_url": "https://api.example.com/v1", "api_key": KEY, **fields}
    return create_provider(actor=SYSTEM, workspace=workspace, **given)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        (" https://api.example.com/v1/ ", "https://api.example.com/v1"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1"),
        ("http://[::1]:11434/v1", "http://[::1]:11434/v1"),
    ],
)
def test_addresses_are_tidied(workspace, typed, stored):
    assert create(workspace, base_url=typed).base_url == stored


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "https://x:99999/",
        "https://user:secret@example.com/v1",
        "https://example.com/v1?key=1",
        "http://[::1",
    ],
)
def test_addresses_that_are_none(workspace, url):
    with pytest.raises(Invalid) as caught:
        create(workspace, base_url=url)
    assert "base_url" in caught.value.extra["errors"]


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "ключ", "x" * 1001])
def test_keys_that_are_none(workspace, key):
    with pytest.raises(Invalid):
        create(workspace, api_key=key)


def test_names_are_unique_in_a_workspace(workspace):
    create(workspace)
    with pytest.raises(Conflict, match="already"):
        create(workspace)


def test_a_key_goes_only_to_the_host_it_was_entered_for(workspace):
    provider = create(workspace)
    with pytest.raises(Invalid, match="another host"):
        update_provider(actor=SYSTEM, provider=provider, base_url="https://evil.example/v1")
    same_host = update_provider(actor=SYSTEM, provider=provider, base_url="https://api.example.com/v2")
    assert same_host.credentials == {"api_key": KEY}
    moved = update_provider(
        actor=SYSTEM, provider=provider, base_url="https://other.example/v1", api_key="sk-new"
    )
    assert moved.credentials == {"api_key": "sk-new"}


def test_an_empty_key_removes_and_none_keeps(workspace):
    provider = create(workspace)
    assert update_provider(actor=SYSTEM, provider=provider, name="Q").has_key
    assert not update_provider(actor=SYSTEM, provider=provider, api_key="").has_key


def test_the_built_in_provider_stays(workspace):
    local = Provider.objects.get(workspace=workspace, kind="local")
    with pytest.raises(Conflict):
        delete_provider(actor=SYSTEM, provider=local)
    with pytest.raises(Conflict):
        update_provider(actor=SYSTEM, provider=local, base_url="https://x.example")
    assert not update_provider(actor=SYSTEM, provider=local, enabled=False).enabled


def test_writes_are_audited_without_the_key(workspace, owner):
    actor = Actor.for_user(owner)
    provider = create_provider(
        actor=actor, workspace=workspace, name="P", base_url="https://e.com", api_key=KEY
    )
    update_provider(actor=actor, provider=provider, api_key="sk-second-key")
    delete_provider(actor=actor, provider=provider)
    entries = AuditEntry.objects.filter(action__startswith="providers.provider", actor_id=owner.pk)
    assert sorted(entry.action.rsplit(".")[-1] for entry in entries) == ["create", "delete", "update"]
    changes = json.dumps([entry.changes for entry in entries])
    assert KEY not in changes
    assert "sk-second-key" not in changes
    assert "credentials" in entries.get(action="providers.provider.update").changes


@pytest.mark.parametrize("role", ["editor", "annotator", "viewer", "stranger"])
def test_only_administrators_write(workspace, role, request):
    actor = Actor.for_user(request.getfixturevalue(role))
    provider = create(workspace)
    for attempt in (
        lambda: create_provider(actor=actor, workspace=workspace, name="X", base_url="https://e.com"),
        lambda: update_provider(actor=actor, provider=provider, name="X"),
        lambda: delete_provider(actor=actor, provider=provider),
        lambda: check_provider(actor=actor, provider=provider),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert list(Provider.objects.filter(workspace=workspace, kind="openai_compatible")) == [provider]


def test_a_connection_test_tells_and_remembers_the_outcome(workspace, model_server):
    provider = make_provider(workspace, model_server.base_url)
    report = check_provider(actor=SYSTEM, provider=provider)
    assert report.ok
    assert "echo" in report.models
    provider.refresh_from_db()
    assert (provider.test_result, provider.test_message) == ("ok", "Connected. 6 models are offered.")
    wrong = make_provider(workspace, model_server.base_url, credentials={"api_key": "sk-wrong"})
    assert "refused the API key" in check_provider(actor=SYSTEM, provider=wrong).message
    gone = make_provider(workspace, "http://127.0.0.1:1/v1")
    assert "can't be reached" in check_provider(actor=SYSTEM, provider=gone).message
    gone.refresh_from_db()
    assert gone.test_result == "failed"


def test_an_endpoint_without_a_model_list_is_tested_by_a_call(workspace, model_server):
    provider = make_provider(workspace, f"{model_server.base_url}/nothing")
    assert "lists no models" in check_provider(actor=SYSTEM, provider=provider).message
    make_model(workspace, provider=provider)
    assert "does not know the model" in check_provider(actor=SYSTEM, provider=provider).message


@pytest.mark.parametrize(
    ("slot", "name", "message"),
    [
        ("chat", "echo", "“echo” answered: Reply with the single word: ready"),
        ("embedding", "embed", "“embed” gives vectors of 256 numbers."),
        ("rerank", "rerank", "“rerank” ranked 2 documents."),
        ("chat", "badkey", "refused the API key"),
    ],
)
def test_a_model_is_tested_by_one_small_call(workspace, model_server, slot, name, message):
    model = make_model(workspace, model_server.base_url, name, slot)
    report = check_model(actor=SYSTEM, model=model)
    assert message in report.message
    assert report.ok is (name != "badkey")


def test_an_embedding_models_dimensions_are_noted(workspace, model_server, django_db_blocker):
    model = make_model(workspace, model_server.base_url, "embed", "embedding")
    check_model(actor=SYSTEM, model=model)
    assert Model.objects.get(pk=model.pk).dimensions == 256


# -- API --------------------------------------------------------------------------------


def test_the_api_writes_and_never_shows_the_key(workspace, owner, api, model_server):
    client = api(owner)
    body = {"name": "Fake", "base_url": model_server.base_url, "api_key": KEY}
    created = client.post("/api/v1/providers/", body, format="json")
    assert created.status_code == 201
    path = f"/api/v1/providers/{created.data['id']}/"
    changed = client.patch(path, {"name": "Renamed"}, format="json")
    tested = client.post(f"{path}test/", format="json")
    answers = [created, changed, tested, client.get(path), client.get("/api/v1/providers/")]
    assert all(KEY not in answer.content.decode() for answer in answers)
    assert changed.data["has_key"] is True
    assert tested.data["ok"] is True
    assert client.delete(path).status_code == 204
    assert not Provider.objects.filter(pk=created.data["id"]).exists()


def test_the_api_refuses_wrong_input_with_the_field(owner, api):
    answer = api(owner).post("/api/v1/providers/", {"name": "X", "base_url": "nonsense"}, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"base_url": ["Enter an address such as https://api.openai.com/v1"]}


def test_the_api_by_role(workspace, api, editor, viewer, stranger, client):
    provider = create(workspace)
    path = f"/api/v1/providers/{provider.pk}/"
    assert api(editor).get(path).status_code == 200
    assert api(editor).patch(path, {"name": "X"}, format="json").status_code == 403
    assert api(editor).post(f"{path}test/").status_code == 403
    assert api(editor).delete(path).status_code == 403
    assert api(viewer).get(path).status_code == 404
    client.force_login(stranger)
    assert client.get(path).status_code == 404
    assert client.get("/api/v1/providers/").json()["results"][0]["kind"] == "local"


def test_the_list_costs_the_same_for_many(workspace, owner, api):
    client = api(owner)
    client.get("/api/v1/providers/")
    with CaptureQueriesContext(connection) as few:
        client.get("/api/v1/providers/")
    for n in range(10):
        create(workspace, name=f"P{n}")
    with CaptureQueriesContext(connection) as many:
        assert len(client.get("/api/v1/providers/").json()["results"]) == 11
    assert len(many) == len(few)


# -- console --------------------------------------------------------------------------------


def test_a_provider_is_added_tested_and_its_models_chosen(workspace, owner, console, model_server):
    client = console(owner)
    page = client.get(reverse(ADD)).content.decode()
    assert "DeepSeek" in page
    form = {"name": "Fake", "base_url": model_server.base_url, "api_key": KEY, "enabled": "on"}
    response = client.post(reverse(ADD), form, follow=True)
    provider = Provider.objects.get(name="Fake")
    assert response.redirect_chain[-1][0] == reverse("admin:providers_offered_models", args=[provider.pk])
    text = response.content.decode()
    assert "Connected. 6 models are offered." in text
    assert "embed-small" in text
    done = client.post(response.redirect_chain[-1][0], {"model": ["echo", "embed-small"]}, follow=True)
    assert "2 models added" in done.content.decode()
    assert {(m.name, m.slot, m.is_default) for m in provider.models.all()} == {
        ("echo", "chat", True),
        ("embed-small", "embedding", True),
    }
    assert KEY not in text + done.content.decode()


def test_a_wrong_key_is_told_on_the_providers_page(workspace, owner, console, model_server):
    form = {"name": "Fake", "base_url": model_server.base_url, "api_key": "sk-wrong", "enabled": "on"}
    response = console(owner).post(reverse(ADD), form, follow=True)
    assert response.redirect_chain[-1][0] == reverse(CHANGE, args=[Provider.objects.get(name="Fake").pk])
    assert "refused the API key" in response.content.decode()
    assert "sk-wrong" not in response.content.decode()


def test_wrong_input_is_marked_and_nothing_is_lost(workspace, owner, console):
    create(workspace, name="Taken")
    page = console(owner).post(reverse(ADD), {"name": "Taken", "base_url": "nonsense", "api_key": "a b"})
    text = page.content.decode()
    assert page.status_code == 200
    for sentence in ("with this name already", "Enter an address such as", "characters that keys don"):
        assert sentence in text


def test_the_form_never_shows_the_key_and_blank_keeps_it(workspace, owner, console):
    client = console(owner)
    provider = create(workspace)
    url = reverse(CHANGE, args=[provider.pk])
    page = client.get(url).content.decode()
    assert "A key is stored. Leave this empty to keep it." in page
    assert KEY not in page
    client.post(url, {"name": "Renamed", "base_url": provider.base_url, "api_key": "", "enabled": "on"})
    provider.refresh_from_db()
    assert (provider.name, provider.credentials) == ("Renamed", {"api_key": KEY})
    assert KEY not in client.get(reverse("admin:providers_provider_changelist")).content.decode()


def test_the_test_button_and_action(workspace, owner, console, model_server):
    client = console(owner)
    provider = make_provider(workspace, model_server.base_url)
    url = reverse("admin:providers_provider_test", args=[provider.pk])
    assert client.get(url).status_code == 403
    assert "Connected." in client.post(url, follow=True).content.decode()
    listing = reverse("admin:providers_provider_changelist")
    form = {"action": "test_selected", "_selected_action": [str(provider.pk)]}
    assert "Connected." in client.post(listing, form, follow=True).content.decode()


def test_the_built_in_provider_is_not_deleted_with_others(workspace, owner, console):
    create(workspace)
    rows = [str(pk) for pk in Provider.objects.filter(workspace=workspace).values_list("pk", flat=True)]
    form = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}
    page = console(owner).post(reverse("admin:providers_provider_changelist"), form)
    assert page.status_code == 200
    assert Provider.objects.filter(workspace=workspace).count() == 2
    form["_selected_action"] = [str(Provider.objects.get(name="P").pk)]
    console(owner).post(reverse("admin:providers_provider_changelist"), form)
    assert Provider.objects.get(workspace=workspace).is_local


def test_the_built_in_provider_has_no_address_in_its_form(workspace, owner, console):
    local = Provider.objects.get(workspace=workspace, kind="local")
    page = console(owner).get(reverse(CHANGE, args=[local.pk])).content.decode()
    assert 'name="base_url"' not in page
    assert 'name="api_key"' not in page


@pytest.mark.parametrize(("role", "listing"), [("editor", 200), ("viewer", 403), ("stranger", 200)])
def test_the_console_by_role(workspace, console, role, listing, request):
    client = console(request.getfixturevalue(role))
    provider = create(workspace, name="Hidden away")
    page = client.get(reverse("admin:providers_provider_changelist"))
    assert page.status_code == listing
    assert ("Hidden away" in page.content.decode()) is (role == "editor")
    assert client.post(reverse("admin:providers_provider_test", args=[provider.pk])).status_code in (403, 404)
    models = client.get(reverse("admin:providers_offered_models", args=[provider.pk]))
    assert models.status_code in (403, 404)
    client.post(reverse(CHANGE, args=[provider.pk]), {"name": "X", "base_url": "https://e.com"})
    provider.refresh_from_db()
    assert provider.name == "Hidden away"


def test_the_console_list_costs_the_same_for_many(workspace, owner, console):
    client = console(owner)
    url = reverse("admin:providers_provider_changelist")
    create(workspace)
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for n in range(10):
        create(workspace, name=f"P{n}")
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few)
