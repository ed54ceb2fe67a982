"""Models: rules of the services, the API and the console."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid, NotAllowed
from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.services.model import (
    add_models,
    create_model,
    delete_model,
    set_default_model,
    update_model,
)
from tests.factories.core import SYSTEM
from tests.factories.providers import make_model, make_provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(workspace):
    return make_provider(workspace, "https://api.example.com/v1")


def create(provider, name="m", slot="chat", **fields):
    return create_model(actor=SYSTEM, provider=provider, slot=slot, name=name, **fields)


def default_of(workspace, slot="chat"):
    return Model.objects.get(workspace=workspace, slot=slot, is_default=True)


def test_the_first_real_model_becomes_the_default(workspace, provider):
    assert default_of(workspace).name == "extractive"
    first = create(provider, "first")
    second = create(provider, "second")
    assert default_of(workspace) == first
    set_default_model(actor=SYSTEM, model=second)
    assert default_of(workspace) == second
    assert Model.objects.for_slot(workspace, "chat").first() == second


def test_a_deleted_default_hands_over(workspace, provider):
    first = create(provider, "first")
    delete_model(actor=SYSTEM, model=first)
    assert default_of(workspace).name == "extractive"


def test_the_database_allows_one_default_per_slot(workspace, provider):
    create(provider)
    with pytest.raises(IntegrityError), transaction.atomic():
        Model.objects.create(workspace=workspace, provider=provider, slot="chat", name="x", is_default=True)


def test_a_model_that_is_off_is_no_default(workspace, provider):
    model = create(provider, enabled=False)
    assert not model.is_default
    with pytest.raises(Conflict):
        set_default_model(actor=SYSTEM, model=model)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"slot": "speech"}, "slot"),
        ({"input_price": Decimal(-1)}, "input_price"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"abilities": ["x"]}, "abilities"),
    ],
)
def test_wrong_fields_are_named(provider, fields, field):
    with pytest.raises(Invalid) as caught:
        create(provider, **fields)
    assert field in caught.value.extra["errors"]


def test_a_model_is_added_once(provider):
    create(provider)
    with pytest.raises(Conflict):
        create(provider)


def test_fallbacks_are_checked(workspace, provider, stranger):
    spare, embedding = create(provider, "spare"), create(provider, "e", "embedding")
    model = create(provider, "model", fallback=spare)
    elsewhere = Model.objects.exclude(workspace=workspace).filter(slot="chat").first()
    for wrong in (model, embedding, elsewhere):
        with pytest.raises(Invalid):
            update_model(actor=SYSTEM, model=spare, fallback=wrong)
    with pytest.raises(Invalid, match="no fallback"):
        update_model(actor=SYSTEM, model=embedding, fallback=spare)
    assert update_model(actor=SYSTEM, model=model, fallback=None).fallback is None


def test_the_built_in_models_stay(workspace):
    local = Provider.objects.get(workspace=workspace, kind="local")
    model = local.models.first()
    with pytest.raises(Conflict):
        delete_model(actor=SYSTEM, model=model)
    with pytest.raises(Conflict):
        update_model(actor=SYSTEM, model=model, name="other")
    with pytest.raises(Conflict):
        create(local)


def test_offered_models_are_added_with_a_guess_what_they_are_for(provider):
    names = ["gpt-4o-mini", "text-embedding-3-small", "bge-reranker-v2", "gpt-4o-mini", " "]
    added = add_models(actor=SYSTEM, provider=provider, names=names)
    assert [(m.name, m.slot) for m in added] == [
        ("gpt-4o-mini", ModelSlot.CHAT),
        ("text-embedding-3-small", ModelSlot.EMBEDDING),
        ("bge-reranker-v2", ModelSlot.RERANK),
    ]
    assert add_models(actor=SYSTEM, provider=provider, names=names) == []
    with pytest.raises(Invalid):
        add_models(actor=SYSTEM, provider=provider, names=[str(n) for n in range(201)])


@pytest.mark.parametrize("role", ["editor", "annotator", "viewer", "stranger"])
def test_only_administrators_write(provider, role, request):
    actor = Actor.for_user(request.getfixturevalue(role))
    model = create(provider)
    for attempt in (
        lambda: create_model(actor=actor, provider=provider, slot="chat", name="x"),
        lambda: update_model(actor=actor, model=model, title="x"),
        lambda: set_default_model(actor=actor, model=model),
        lambda: delete_model(actor=actor, model=model),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_the_api(workspace, owner, viewer, api, model_server):
    provider = make_provider(workspace, model_server.base_url)
    client = api(owner)
    body = {"provider": str(provider.pk), "slot": "chat", "name": "echo", "input_price": "0.15"}
    created = client.post("/api/v1/models/", body, format="json")
    assert created.status_code == 201, created.data
    assert created.data["input_price"] == "0.150000"
    path = f"/api/v1/models/{created.data['id']}/"
    assert client.patch(path, {"title": "Echo", "timeout_s": 5}, format="json").data["title"] == "Echo"
    assert client.post(f"{path}test/").data["ok"] is True
    assert client.post(f"{path}set-default/").data["is_default"] is True
    assert {m["slot"] for m in api(viewer).get("/api/v1/models/?slot=chat").json()["results"]} == {"chat"}
    assert api(viewer).patch(path, {"title": "x"}, format="json").status_code == 403
    assert client.post("/api/v1/models/", {**body, "slot": "nothing"}, format="json").status_code == 400
    assert client.delete(path).status_code == 204


def test_the_api_knows_no_objects_of_other_workspaces(workspace, owner, stranger, api, provider):
    other = Provider.objects.exclude(workspace=workspace).first()
    body = {"provider": str(other.pk), "slot": "chat", "name": "x"}
    assert api(owner).post("/api/v1/models/", body, format="json").status_code == 400


def test_the_console(workspace, owner, console, model_server):
    provider = make_provider(workspace, model_server.base_url)
    client = console(owner)
    form = {"provider": str(provider.pk), "slot": "chat", "name": "echo", "abilities": "", "timeout_s": "60"}
    page = client.post(reverse("admin:providers_model_add"), {**form, "enabled": "on"}, follow=True)
    model = Model.objects.get(name="echo")
    assert page.status_code == 200
    assert model.is_default
    change = reverse("admin:providers_model_change", args=[model.pk])
    assert "0 calls, 0 tokens in" in client.get(change).content.decode()
    form = {
        "name": "echo",
        "title": "Echo",
        "input_price": "1.5",
        "abilities": "{}",
        "timeout_s": "9",
        "enabled": "on",
    }
    client.post(change, form)
    model.refresh_from_db()
    assert (model.title, model.input_price, model.timeout_s) == ("Echo", Decimal("1.5"), 9)
    tested = client.post(reverse("admin:providers_model_test", args=[model.pk]), follow=True)
    assert "answered: Reply with" in tested.content.decode()
    wrong = client.post(change, {**form, "timeout_s": "0"})
    assert wrong.status_code == 200
    extractive = Model.objects.get(workspace=workspace, name="extractive")
    client.post(reverse("admin:providers_model_set_default", args=[extractive.pk]))
    assert default_of(workspace) == extractive
    listing = client.get(reverse("admin:providers_model_changelist") + f"?provider__id__exact={provider.pk}")
    assert "$1.5 / $0" in listing.content.decode()
    delete = reverse("admin:providers_model_delete", args=[model.pk])
    assert "Models: 1" in client.get(delete).content.decode()
    client.post(delete, {"post": "yes"})
    assert not Model.objects.filter(pk=model.pk).exists()


def test_a_viewer_sees_models_and_changes_none(workspace, viewer, console, provider):
    model = create(provider, "visible-model")
    client = console(viewer)
    assert "visible-model" in client.get(reverse("admin:providers_model_changelist")).content.decode()
    assert client.get(reverse("admin:providers_model_add")).status_code == 403
    assert client.post(reverse("admin:providers_model_set_default", args=[model.pk])).status_code == 403
    assert client.post(reverse("admin:providers_model_test", args=[model.pk])).status_code == 403


def test_the_console_list_costs_the_same_for_many(workspace, owner, console, provider):
    client = console(owner)
    url = reverse("admin:providers_model_changelist")
    create(provider)
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for n in range(10):
        make_model(workspace, provider=provider, name=f"m{n}")
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few)
