"""Prompts: versions, labels, inclusion, API and pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.exceptions import PromptChangedError
from apps.agents.models import Prompt, PromptVersion
from apps.agents.prompts import (
    ContentError,
    as_lines,
    clean_messages,
    clean_text,
    references_of,
    variables_of,
)
from apps.agents.resolution import resolve_content
from apps.agents.selectors import find_prompt_version, labels_of
from apps.agents.services.prompt import add_prompt_version, delete_prompt, remove_label, set_labels
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import AuditEntry, User, Workspace
from tests.factories.core import SYSTEM

pytestmark = pytest.mark.django_db
CHAT = [
    {"role": "system", "content": "You are {{ who }}."},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": "{{question}}"},
]


def add(workspace: Workspace, name: str = "greeting", content: Any = "Hello", **fields: Any) -> PromptVersion:
    kind = "text" if isinstance(content, str) else "chat"
    return add_prompt_version(
        actor=SYSTEM, workspace=workspace, name=name, type=kind, content=content, **fields
    )


def include(name: str, selector: str = "label=production") -> str:
    return f"@@@langfusePrompt:name={name}|{selector}@@@"


def test_versions_are_numbered_and_labels_move(workspace: Workspace, viewer: User) -> None:
    first = add(workspace, labels=["production", "staging", "latest"])
    second = add(workspace, content="Good day", labels=["staging"])
    assert (first.number, second.number) == (1, 2)
    assert Prompt.objects.get().newest == 2
    found = {
        label: find_prompt_version(user=viewer, workspace=workspace, name="greeting", label=label)
        for label in ("", "production", "staging", "latest", "nowhere")
    }
    assert {label: version and version.number for label, version in found.items()} == {
        "": 1, "production": 1, "staging": 2, "latest": 2, "nowhere": None,
    }  # fmt: skip
    assert sorted(labels_of(found["latest"])) == ["latest", "staging"]
    set_labels(actor=SYSTEM, version=first, labels=["staging"])
    assert sorted(labels_of(PromptVersion.objects.get(number=1))) == ["production", "staging"]
    remove_label(actor=SYSTEM, prompt=first.prompt, label="production")
    assert find_prompt_version(user=viewer, workspace=workspace, name="greeting") is None
    by_number = find_prompt_version(user=viewer, workspace=workspace, name="greeting", version=1)
    assert by_number == first
    actions = AuditEntry.objects.filter(workspace=workspace, action__startswith="agents.prompt")
    assert actions.count() == 4


def test_labels_move_only_from_what_the_caller_saw(workspace: Workspace) -> None:
    version = add(workspace)
    seen = version.prompt.revision
    set_labels(actor=SYSTEM, version=version, labels=["a"], revision=seen)
    with pytest.raises(PromptChangedError):
        set_labels(actor=SYSTEM, version=version, labels=["b"], revision=seen)
    assert labels_of(version) == ["a", "latest"]


def test_only_editors_write_and_strangers_find_nothing(
    workspace: Workspace, viewer: User, stranger: User
) -> None:
    version = add(workspace, labels=["production"])
    actor = Actor.for_user(viewer)
    with pytest.raises(NotAllowed):
        add_prompt_version(actor=actor, workspace=workspace, name="x", type="text", content="x")
    with pytest.raises(NotAllowed):
        set_labels(actor=actor, version=version, labels=["x"])
    with pytest.raises(NotAllowed):
        delete_prompt(actor=actor, prompt=version.prompt)
    for user in (stranger, AnonymousUser()):
        assert find_prompt_version(user=user, workspace=workspace, name="greeting") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": ""},
        {"content": []},
        {"content": [{"role": "user"}]},
        {"content": [{"type": "placeholder"}]},
        {"content": ["text"]},
        {"name": ""},
        {"name": "a//b"},
        {"name": "a|b"},
        {"name": "x" * 201},
        {"labels": ["Production"]},
        {"labels": ["x" * 37]},
        {"tags": ["x" * 101]},
        {"config": {"a": "x" * 200_000}},
        {"config": {"a": "\0"}},
    ],
)
def test_what_is_wrong_is_refused(workspace: Workspace, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        add(workspace, **wrong)
    assert not Prompt.objects.exists()


def test_a_prompt_keeps_its_type(workspace: Workspace) -> None:
    add(workspace)
    with pytest.raises(Invalid):
        add(workspace, content=CHAT)
    assert Prompt.objects.get().newest == 1


def test_variables_and_placeholders_are_found() -> None:
    assert variables_of(CHAT) == ["who", "history", "question"]
    assert variables_of("{{a}} {{ b.c }} {{a}} {{1}} { {x} }") == ["a", "b.c"]
    assert as_lines(clean_messages(CHAT))[:2] == ["[system]", "You are {{ who }}."]


def test_prompts_include_others(workspace: Workspace) -> None:
    add(workspace, "parts/tone", "Be kind.", labels=["production"])
    add(workspace, "parts/tone", "Be short.")
    add(
        workspace,
        "parts/both",
        f"{include('parts/tone')} And {include('parts/tone', 'version=2')}",
        labels=["a"],
    )
    chat = add(workspace, "chat", [{"role": "system", "content": include("parts/both", "label=a")}])
    assert resolve_content(chat) == [{"role": "system", "content": "Be kind. And Be short."}]
    assert len(references_of(chat.content)) == 1
    # what is included follows its label
    set_labels(
        actor=SYSTEM,
        version=PromptVersion.objects.get(prompt__name="parts/tone", number=2),
        labels=["production"],
    )
    assert resolve_content(chat) == [{"role": "system", "content": "Be short. And Be short."}]


def test_cycles_and_missing_parts_are_refused(workspace: Workspace) -> None:
    with pytest.raises(Invalid, match="no text prompt"):
        add(workspace, "a", include("b"))
    add(workspace, "a", "plain", labels=["production"])
    add(workspace, "b", include("a"), labels=["production"])
    with pytest.raises(Invalid, match="itself"):
        add(workspace, "a", include("b"), labels=["production"])
    add(workspace, "chat", CHAT, labels=["production"])
    with pytest.raises(Invalid, match="no text prompt"):
        add(workspace, "c", include("chat"))


@given(st.text(max_size=200))
def test_any_text_is_a_prompt_or_refused(value: str) -> None:
    try:
        cleaned = clean_text(value)
    except ContentError:
        return
    cleaned.encode()
    assert "\0" not in cleaned
    variables_of(cleaned)
    references_of(cleaned)


def test_the_api(api: Any, editor: User, django_assert_max_num_queries: Any, workspace: Workspace) -> None:
    client = api(editor)
    body = {"name": "support/greeting", "content": "Hi {{name}}", "labels": ["production"], "tags": ["x"]}
    made = client.post("/api/v1/prompts/", body)
    assert made.status_code == 201
    assert made.json()["variables"] == ["name"]
    assert client.post("/api/v1/prompts/", {**body, "labels": []}).json()["version"] == 2
    client.post("/api/v1/prompts/", {"name": "other", "type": "chat", "content": CHAT})
    for query, count in (
        ("", 2),
        ("?folder=support", 1),
        ("?tag=x", 1),
        ("?type=chat", 1),
        ("?label=production", 1),
    ):
        with django_assert_max_num_queries(8):
            assert len(client.get(f"/api/v1/prompts/{query}").json()["results"]) == count, query
    prompt = client.get("/api/v1/prompts/?folder=support").json()["results"][0]
    assert prompt["labels"] == {"production": 1, "latest": 2}
    path = f"/api/v1/prompts/{prompt['id']}/"
    assert [row["version"] for row in client.get(f"{path}versions/").json()["results"]] == [2, 1]
    assert client.get(f"{path}versions/1/").json()["content"] == "Hi {{name}}"
    assert client.get(f"{path}versions/9/").status_code == 404
    etag = client.get(path)["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    moved = client.put(f"{path}labels/production/", {"version": 2}, headers={"If-Match": etag})
    assert moved.json()["labels"] == {"production": 2, "latest": 2}
    late = client.put(f"{path}labels/production/", {"version": 1}, headers={"If-Match": etag})
    assert late.status_code == 412
    assert client.put(f"{path}labels/latest/", {"version": 1}).status_code == 422
    assert client.patch(path, {"tags": ["y"]}).json()["tags"] == ["y"]
    assert client.delete(f"{path}labels/production/").status_code == 204
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_fetching_is_conditional_and_sees_every_change(api: Any, editor: User, workspace: Workspace) -> None:
    client = api(editor)
    add(workspace, "part", "one", labels=["production"])
    add(workspace, "whole", include("part"), labels=["production"])
    address = "/api/v1/prompts/resolve/?name=whole"
    first = client.get(address)
    assert (first.json()["content"], first.json()["version"]) == ("one", 1)
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304
    add(workspace, "part", "two", labels=["production"])
    second = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (second.status_code, second.json()["content"]) == (200, "two")
    assert client.get("/api/v1/prompts/resolve/?name=whole&label=no").status_code == 404
    assert client.get("/api/v1/prompts/resolve/?name=whole&version=x").status_code == 400


def test_pages(console: Any, editor: User, viewer: User, stranger: User, workspace: Workspace) -> None:
    client = console(editor)
    for path in ("/admin/prompts/", "/admin/prompts/new/", "/admin/prompts/new/?type=chat"):
        assert client.get(path).status_code == 200, path
    made = client.post(
        "/admin/prompts/new/", {"type": "text", "name": "greeting", "text": "One\r\ntwo", "production": "on"}
    )
    prompt = Prompt.objects.get()
    assert made["Location"] == f"/admin/prompts/{prompt.pk}/"
    edited = client.post(
        f"/admin/prompts/{prompt.pk}/edit/", {"text": "One\nthree <b>", "config": '{"model": "m"}'}
    )
    assert edited.status_code == 302
    assert prompt.versions.get(number=1).content == "One\ntwo"
    page = client.get(f"/admin/prompts/{prompt.pk}/?compare=1").content.decode()
    assert "<del>two</del>" in page
    assert "<ins>three &lt;b&gt;</ins>" in page
    client.post(f"/admin/prompts/{prompt.pk}/", {"version": 2, "label": "production"})
    assert sorted(labels_of(PromptVersion.objects.get(number=2))) == ["latest", "production"]
    client.post(f"/admin/prompts/{prompt.pk}/", {"version": 2, "tags": "a, b"})
    prompt.refresh_from_db()
    assert prompt.tags == ["a", "b"]
    wrong = client.post(f"/admin/prompts/{prompt.pk}/edit/", {"text": "", "config": "{"})
    assert wrong.status_code == 422
    assert console(stranger).get(f"/admin/prompts/{prompt.pk}/").status_code == 404
    looking = console(viewer)
    assert looking.get(f"/admin/prompts/{prompt.pk}/").status_code == 200
    assert looking.get(f"/admin/prompts/{prompt.pk}/edit/").status_code == 403
    looking.post(f"/admin/prompts/{prompt.pk}/", {"delete": "1"})
    assert Prompt.objects.exists()
    client.post(f"/admin/prompts/{prompt.pk}/", {"delete": "1"})
    assert not Prompt.objects.exists()


def test_chat_prompts_in_the_editor(console: Any, editor: User) -> None:
    client = console(editor)
    rows = {
        "type": "chat",
        "name": "chat",
        "role": ["system", "placeholder", "user"],
        "content": ["Be.", "history", ""],
    }
    more = client.post("/admin/prompts/new/", {**rows, "more": "1"}).content.decode()
    assert more.count('name="content"') == 3
    typed = client.post("/admin/prompts/new/", {**rows, "more": "1", "config": '{"a": 1}'}).content.decode()
    assert "{&quot;a&quot;: 1}" in typed
    client.post("/admin/prompts/new/", rows)
    version = PromptVersion.objects.get()
    assert version.content == [
        {"role": "system", "content": "Be."},
        {"type": "placeholder", "name": "history"},
    ]
    page = client.get(f"/admin/prompts/{version.prompt_id}/edit/").content.decode()
    assert page.count('name="content"') == 2


def test_the_list_page_needs_few_queries(
    console: Any, viewer: User, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        add(workspace, f"prompt {number}", labels=["production", "staging"])
    client = console(viewer)
    client.get("/admin/prompts/")
    with django_assert_max_num_queries(25):
        assert client.get("/admin/prompts/").content.count(b"production") >= 12


def test_examples_of_tool_calls_outlive_the_editor(console: Any, editor: User, workspace: Workspace) -> None:
    called = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "1", "name": "look", "arguments": "{}"}],
    }
    content = [
        {"role": "user", "content": "Rome?"},
        called,
        {"role": "tool", "content": "Sunny", "tool_call_id": "1"},
    ]
    version = add(workspace, content=content)
    assert version.content == content
    assert "→ look({})" in as_lines(version.content)
    client = console(editor)
    address = f"/admin/prompts/{version.prompt_id}/"
    assert "→ look({})" in client.get(address).content.decode()
    rows = client.get(f"{address}edit/").context["draft"].rows
    posted = {name: [row[name] for row in rows] for name in ("role", "content", "calls")}
    posted["content"][0] = "Oslo?"
    assert client.post(f"{address}edit/", posted).status_code == 302
    newest = PromptVersion.objects.get(number=2)
    assert newest.content == [{"role": "user", "content": "Oslo?"}, *content[1:]]
    posted["calls"][1] = "{broken"
    assert client.post(f"{address}edit/", posted).status_code == 302
    assert PromptVersion.objects.get(number=3).content[1] == {"role": "assistant", "content": ""}
