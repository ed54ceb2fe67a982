"""The playground: sessions, calls, page."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient

from apps.agents.models import PlaygroundSession
from apps.agents.services import playground
from apps.agents.services.playground import prepare_run
from apps.agents.services.prompt import add_prompt_version
from apps.agents.threads import in_thread
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import User, Workspace
from apps.tracing import export, links, openers
from apps.tracing.models import Observation, Trace
from tests.agents.test_api import parse_sse, read
from tests.factories.agents import make_chat_model
from tests.factories.core import SYSTEM, make_api_key, make_member
from tests.factories.tracing import make_row, make_span, new_trace_id, store

SESSIONS = "/api/v1/playground-sessions/"
ASK = [{"role": "system", "content": "Be {{tone}}."}, {"role": "user", "content": "Say {{what}}"}]


@pytest.mark.django_db
def test_sessions_are_kept_for_their_owner(
    api: Any, editor: User, viewer: User, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    client = api(editor)
    made = client.post(SESSIONS, {"state": {"columns": [{"a": "b\0c"}]}, "name": " One "})
    assert made.status_code == 201, made.content
    assert (made.json()["name"], made.json()["state"]) == ("One", {"columns": [{"a": "bc"}]})
    address = f"{SESSIONS}{made.json()['id']}/"
    assert client.patch(address, {"state": {"columns": []}}).json()["name"] == "One"
    assert client.patch(address, {"name": "Two"}).json()["state"] == {"columns": []}
    for number in range(3):
        client.post(SESSIONS, {"state": {"n": number}})
    with django_assert_max_num_queries(8):
        assert len(client.get(SESSIONS).json()["results"]) == 4
    colleague = api(make_member(workspace, Role.EDITOR))
    assert colleague.get(address).status_code == 404
    assert colleague.get(SESSIONS).json()["results"] == []
    with pytest.raises(NotAllowed):
        playground.update_session(
            actor=Actor.for_user(make_member(workspace, Role.OWNER)), session=PlaygroundSession.objects.get(name="Two"),
            name="Mine",
        )  # fmt: skip
    assert api(viewer).post(SESSIONS, {"state": {}}).status_code == 403
    assert client.post(SESSIONS, {"state": {"a": "x" * 2_100_000}}).status_code == 413
    assert client.post(SESSIONS, {"state": []}).status_code == 400
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


@pytest.mark.django_db
def test_old_sessions_without_a_name_go(
    editor: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playground, "MAX_SESSIONS", 2)
    actor = Actor.for_user(editor)
    for name in ("kept", "", "", "", ""):
        playground.create_session(actor=actor, workspace=workspace, state={}, name=name)
    assert list(PlaygroundSession.objects.values_list("name", flat=True)) == ["", "", "kept"]


@pytest.mark.django_db
def test_what_is_asked_is_what_the_column_says(workspace: Workspace, editor: User, viewer: User) -> None:
    make_chat_model(workspace, "http://127.0.0.1:1/v1")
    actor = Actor.for_user(editor)
    add_prompt_version(actor=SYSTEM, workspace=workspace, name="tone", type="text", content="kind")
    add_prompt_version(actor=SYSTEM, workspace=workspace, name="ask", type="chat", content=ASK)
    given: dict[str, Any] = {
        "actor": actor, "workspace": workspace, "messages": ASK, "prompt": {"name": "ask", "version": 1},
        "variables": {"tone": "@@@langfusePrompt:name=tone|label=latest@@@", "what": 3},
    }  # fmt: skip
    call = prepare_run(**given)
    assert [message.content for message in call.request.messages] == [
        "Be @@@langfusePrompt:name=tone|label=latest@@@.",
        "Say 3",
    ]
    assert (call.prompt_name, call.prompt_version) == ("ask", 1)
    # what was changed is not the version any more
    included = [{"role": "user", "content": "@@@langfusePrompt:name=tone|label=latest@@@"}]
    changed = prepare_run(**given | {"messages": included})
    assert (changed.prompt_name, changed.request.messages[0].content) == ("", "kind")
    called = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "name": "weather", "arguments": "{}"}]},
        {"role": "tool", "content": "Sunny", "tool_call_id": "c1"},
        {"type": "placeholder", "name": "rest"},
    ]  # fmt: skip
    call = prepare_run(
        **given | {
            "messages": called, "placeholders": {"rest": [{"role": "user", "content": "And?", "images": [{"url": "https://x/y"}]}]},
            "settings": {
                "tools": [{"name": "weather", "parameters": {"type": "object"}}], "tool_choice": "weather",
                "reasoning_effort": "low", "response_format": {"type": "json_object"}, "max_tokens": "", "top_p": None,
            },
        }
    )  # fmt: skip
    assert [message.role for message in call.request.messages] == ["user", "assistant", "tool", "user"]
    assert call.request.messages[1].tool_calls[0].name == "weather"
    assert call.request.messages[2].tool_call_id == "c1"
    assert call.request.messages[3].images[0].url == "https://x/y"
    assert (call.request.tool_choice, call.request.extra) == ("weather", {"reasoning_effort": "low"})
    refused: list[dict[str, Any]] = [
        {"messages": []},
        {"messages": [{"role": "user", "content": 3}]},
        {"messages": [{"role": "user", "content": "x", "tool_calls": [{"id": "1"}]}]},
        {"placeholders": {"rest": [{"type": "placeholder", "name": "again"}]}},
        {"settings": {"tools": [{"name": "a"}, {"name": "a"}]}},
        {"settings": {"tools": [{"name": "a", "parameters": {"type": "string"}}]}},
        {"settings": {"response_format": {"type": "xml"}}},
        {"messages": [{"role": "user", "content": "@@@langfusePrompt:name=gone|label=latest@@@"}]},
    ]
    for wrong in refused:
        with pytest.raises(Invalid):
            prepare_run(**given | wrong)
    with pytest.raises(NotAllowed):
        prepare_run(**given | {"actor": Actor.for_user(viewer)})


@pytest.mark.usefixtures("hub")
async def test_a_run_streams_and_leaves_a_trace(acme: Workspace, person: User, model_server: Any) -> None:
    await in_thread(make_chat_model, acme, model_server.base_url)
    await in_thread(make_chat_model, acme, model_server.base_url, "tool")
    key = {"Authorization": f"Bearer {await in_thread(make_api_key, acme, person, ('chat',))}"}
    session = uuid4()

    async def run(**body: Any) -> Any:
        given = {
            "messages": ASK,
            "variables": {"what": "hi"},
            "session": str(session),
            "stream": True,
            **body,
        }
        return await AsyncClient().post(
            "/api/v1/playground/run/", given, content_type="application/json", headers=key
        )

    events = parse_sse(await read(await run(model="echo")))
    assert [type_ for _id, type_, _data in events[:1] + events[-1:]] == ["call.started", "call.completed"]
    done = events[-1][2]
    assert done["content"] == "".join(data["text"] for _id, type_, data in events if type_ == "text.delta")
    assert done["usage"]["cost"] is not None
    assert done["ttft_ms"] <= done["latency_ms"]
    await in_thread(export.flush)
    trace = await in_thread(Trace.objects.get, trace_id=done["trace_id"])
    assert (trace.source_type, trace.source_id) == ("agents.playground", str(session))
    kinds = await in_thread(
        lambda: sorted(Observation.objects.of_trace(trace).values_list("type", flat=True))
    )
    assert kinds == ["chain", "generation"]
    tools = [{"name": "weather", "parameters": {"type": "object"}}]
    asked = parse_sse(await read(await run(model="tool", settings={"tools": tools})))[-1][2]
    assert [call["name"] for call in asked["tool_calls"]]
    assert (await run(messages=[])).status_code == 422
    assert (await run(messages="x")).status_code == 400


def config_of(response: Any) -> dict[str, Any]:
    assert response.status_code == 200
    found: dict[str, Any] = response.context["config"]
    return found


@pytest.mark.django_db
def test_the_page_opens_sessions_and_prompts(
    console: Any,
    editor: User,
    viewer: User,
    stranger: User,
    workspace: Workspace,
    django_assert_max_num_queries: Any,
) -> None:
    page = "/admin/playground/"
    model = make_chat_model(workspace, "http://127.0.0.1:1/v1")
    client = console(editor)
    assert config_of(client.get(page))["state"] is None
    version = add_prompt_version(
        actor=SYSTEM, workspace=workspace, name="ask", type="chat", content=ASK,
        config={
            "model": "echo", "temperature": 0.2, "top_p": 7, "stop": ["a", "b"], "json_mode": True,
            "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        },
    )  # fmt: skip
    opened = config_of(client.get(f"{page}?prompt={version.prompt_id}&version=1"))
    column = opened["state"]["columns"][0]
    assert (column["messages"], column["model"]) == (ASK, str(model.pk))
    # what is no usable setting is left out
    assert column["parameters"] == {"temperature": 0.2, "stop": "a\nb"}
    assert (column["format"]["type"], column["tools"][0]["name"]) == ("json_object", "look")
    assert column["prompt"] == {"id": str(version.prompt_id), "name": "ask", "version": 1, "type": "chat"}
    assert PlaygroundSession.objects.count() == 0
    session = playground.create_session(
        actor=Actor.for_user(editor), workspace=workspace, state={"columns": [column]}, name="Mine"
    )
    link = links.resolve("agents.playground", str(session.pk))
    assert link is not None
    assert (link.title, link.url) == ("Mine", f"{page}?session={session.pk}")
    assert links.resolve("agents.playground", str(uuid4())) is None
    with django_assert_max_num_queries(25):
        last = config_of(client.get(page))
    assert last["session"] == {"id": str(session.pk), "name": "Mine"}
    assert config_of(client.get(f"{page}?new"))["state"] is None
    # a colleague begins with a copy
    copied = config_of(console(make_member(workspace, Role.EDITOR)).get(f"{page}?session={session.pk}"))
    assert (copied["session"], copied["state"]) == (None, {"columns": [column]})
    for query in (f"?session={uuid4()}", "?session=x", f"?prompt={uuid4()}", "?prompt=\0"):
        assert client.get(page + query).status_code == 404, query
    assert console(viewer).get(page).status_code == 403
    assert console(stranger).get(f"{page}?session={session.pk}").status_code == 404
    assert b"Open in playground" in client.get(f"/admin/prompts/{version.prompt_id}/").content
    assert b"Open in playground" not in console(viewer).get(f"/admin/prompts/{version.prompt_id}/").content


def playground_addresses(user: User, observation: Observation) -> list[str]:
    """Where the playground opens this step."""
    links = openers.offered(Actor.for_user(user), observation)
    return [link.url for link in links if link.url.startswith("/admin/playground/")]


@pytest.mark.django_db
def test_observations_open_in_the_playground(
    console: Any, editor: User, viewer: User, workspace: Workspace
) -> None:
    dated = make_chat_model(workspace, "http://127.0.0.1:1/v1", "echo-mini")
    make_chat_model(workspace, "http://127.0.0.1:1/v1", "echo")
    add_prompt_version(actor=SYSTEM, workspace=workspace, name="ask", type="chat", content=ASK)
    said = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Say hi"}]
    trace_id = new_trace_id()
    model_call: dict[str, Any] = {
        "trace_id": trace_id, "OBSERVATION_TYPE": "generation", "MODEL": "echo-mini-2026-01-01",
        "PROMPT_NAME": "ask", "PROMPT_VERSION": "1", "TEMPERATURE": 0.3, "OUTPUT": "hi", "COST": "0.5",
    }  # fmt: skip
    tools = [{"name": "look", "description": "", "parameters": {"type": "object"}}]
    store(
        make_row(
            workspace, make_span(number=1, INPUT=json.dumps({"messages": said, "tools": tools}), **model_call)
        ),
        make_row(workspace, make_span(number=2, **model_call)),
        make_row(workspace, make_span(number=3, trace_id=trace_id, OBSERVATION_TYPE="tool", INPUT="{}")),
        make_row(workspace, make_span(number=4, INPUT="x", **model_call | {"MODEL": "unheard-of"})),
    )
    trace = Trace.objects.get(trace_id=trace_id)
    offered = {
        row.span_id[-1]: playground_addresses(editor, row) for row in Observation.objects.of_trace(trace)
    }
    address = f"/admin/playground/?trace={trace_id}&span={1:016x}"
    assert offered["1"] == [address]
    assert (offered["2"], offered["3"]) == ([], [])
    first = Observation.objects.of_trace(trace).get(span_id=f"{1:016x}")
    assert playground_addresses(viewer, first) == []
    client = console(editor)
    state = config_of(client.get(address))["state"]
    column = state["columns"][0]
    assert (column["messages"], state["variables"]) == (ASK, {"tone": "kind", "what": "hi"})
    assert (column["prompt"]["version"], column["model"]) == (1, str(dated.pk))
    assert (column["tools"][0]["name"], column["parameters"]) == ("look", {"temperature": 0.3})
    assert (column["answer"]["text"], column["answer"]["traceId"]) == ("hi", trace_id)
    other = client.get(f"/admin/playground/?trace={trace_id}&span={4:016x}")
    assert "unheard-of" in other.context["notice"]
    column = config_of(other)["state"]["columns"][0]
    assert (column["messages"], column["prompt"]) == ([{"role": "user", "content": "x"}], None)
    for span in (f"{2:016x}", f"{3:016x}", "x"):
        assert client.get(f"/admin/playground/?trace={trace_id}&span={span}").status_code == 404
    assert client.get(f"/admin/playground/?trace={new_trace_id()}&span={1:016x}").status_code == 404
