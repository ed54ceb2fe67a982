"""Agents that speak by a prompt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from apps.agents.admin.forms import read_variables, shown_variables
from apps.agents.exceptions import AgentNotReadyError, PromptInUseError
from apps.agents.models import Agent, Conversation, Prompt, PromptVersion
from apps.agents.prompt_figures import ScoreFigure, version_figures
from apps.agents.resolution import cached_content
from apps.agents.runtime import AgentSpec, Turn
from apps.agents.runtime.prompt import build_messages
from apps.agents.services.agent import create_agent, update_agent
from apps.agents.services.agent_prompt import instructions_of
from apps.agents.services.prompt import add_prompt_version, delete_prompt, set_labels
from apps.agents.threads import in_thread
from apps.core.exceptions import Invalid
from apps.core.models import User, Workspace
from apps.tracing import export
from apps.tracing.models import Observation, RollupProgress
from apps.tracing.services import rollup
from apps.tracing.services.score import record_score
from tests.factories.agents import make_agent
from tests.factories.core import SYSTEM, make_api_key, make_member, make_workspace
from tests.factories.tracing import make_row, make_span, new_trace_id, store
from tests.tracing.test_rollup import roll

CHAT = [
    {"role": "system", "content": "You are {{who}}. Be {{tone}}."},
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": "4"},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": "Asked on {{date}}: {{question}}"},
]


def add(
    workspace: Workspace, content: Any = "Be {{tone}}.", name: str = "tone", **fields: Any
) -> PromptVersion:
    kind = "text" if isinstance(content, str) else "chat"
    given = {"labels": ["production"], **fields}
    return add_prompt_version(
        actor=SYSTEM, workspace=workspace, name=name, type=kind, content=content, **given
    )


def told(agent: Agent, **variables: str) -> Any:
    return instructions_of(Agent.objects.get(pk=agent.pk), question="Why {{tone}}?", variables=variables)


@pytest.mark.django_db
def test_labels_are_followed_and_versions_stay(workspace: Workspace) -> None:
    version = add(workspace)
    agent = create_agent(
        actor=SYSTEM, workspace=workspace, name="A", instructions="Sign as Bo.", prompt=version.prompt,
        prompt_variables={"tone": "kind"},
    )  # fmt: skip
    assert told(agent).text == "Be kind.\n\nSign as Bo."
    assert told(agent, tone="short").text == "Be short.\n\nSign as Bo."
    add(workspace, "Speak {{tone}}.")
    assert (told(agent).text, told(agent).version.number) == ("Speak kind.\n\nSign as Bo.", 2)
    update_agent(actor=SYSTEM, agent=agent, changes={"prompt_version": 1, "instructions": ""})
    assert told(agent).text == "Be kind."
    update_agent(actor=SYSTEM, agent=agent, changes={"prompt_version": None, "prompt_label": "latest"})
    assert told(agent).version.number == 2
    set_labels(actor=SYSTEM, version=version, labels=["old"])
    update_agent(actor=SYSTEM, agent=agent, changes={"prompt_label": "old"})
    assert told(agent).version.number == 1
    Prompt.objects.get().labels.filter(name="old").delete()
    with pytest.raises(AgentNotReadyError, match="old"):
        told(agent)
    with pytest.raises(PromptInUseError, match="A"):
        delete_prompt(actor=SYSTEM, prompt=version.prompt)
    for wrong in ({"prompt_version": 9}, {"prompt_label": "no"}, {"prompt_variables": {"a": "x" * 20_001}}):
        with pytest.raises(Invalid):
            update_agent(actor=SYSTEM, agent=agent, changes=wrong)
    foreign = add(make_workspace("Elsewhere")).prompt
    with pytest.raises(Invalid, match="this workspace"):
        update_agent(actor=SYSTEM, agent=agent, changes={"prompt": foreign})
    update_agent(actor=SYSTEM, agent=agent, changes={"prompt": None})
    delete_prompt(actor=SYSTEM, prompt=version.prompt)
    workspace.delete()


@pytest.mark.django_db
def test_a_chat_prompt_gives_examples_and_a_form_of_the_question(workspace: Workspace) -> None:
    agent = create_agent(
        actor=SYSTEM, workspace=workspace, name="Bo", prompt=add(workspace, CHAT).prompt,
        prompt_variables={"date": "Monday", "who": "{{tone}}"},
    )  # fmt: skip
    found = told(agent)
    assert (found.text, found.asked) == ("You are {{tone}}. Be {{tone}}.", "Asked on Monday: Why {{tone}}?")
    assert found.examples == [Turn("user", "2+2?"), Turn("assistant", "4")]
    spec = AgentSpec(name="Bo", instructions="Be.", examples=found.examples, asked=found.asked)
    messages, _passages = build_messages(spec, [Turn("user", "Hi"), Turn("assistant", "Hello")], "Why?", None)
    assert [message.content for message in messages] == ["Be.", "2+2?", "4", "Hi", "Hello", found.asked]


@pytest.mark.django_db
def test_the_content_of_a_version_is_read_once(
    workspace: Workspace, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = add(workspace, "kind", name="part")
    agent = make_agent(workspace, prompt=add(workspace).prompt)
    including = add(workspace, "Be @@@langfusePrompt:name=part|label=production@@@", name="whole")
    told(agent)
    fresh = Agent.objects.select_related("prompt").get(pk=agent.pk)
    with django_assert_num_queries(1):
        instructions_of(fresh, question="", variables={})
    assert cached_content(including) == "Be kind"
    add(workspace, "short", name="part")
    assert part.number == 1
    monkeypatch.setattr("apps.agents.resolution.time.monotonic", lambda: 1e12)
    assert cached_content(including) == "Be short"


def test_values_are_lines() -> None:
    text = "tone = kind\nrules = one\ntwo = 2\r\n\n  more\nempty ="
    assert read_variables(text) == {"tone": "kind", "rules": "one", "two": "2\n\n  more", "empty": ""}
    assert read_variables(shown_variables(read_variables(text))) == read_variables(text)


@pytest.mark.django_db
def test_the_form_and_the_api_choose_a_prompt(
    console: Any, api: Any, editor: User, workspace: Workspace
) -> None:
    prompt = add(workspace).prompt
    agent = make_agent(workspace)
    client = console(editor)
    path = f"/admin/agents/{agent.pk}/"
    form = {"name": "A", "history_window": 12, "prompt": str(prompt.pk), "prompt_variables": "tone = kind\n"}
    assert client.post(path, form).status_code == 302
    agent.refresh_from_db()
    assert (agent.prompt, agent.prompt_variables) == (prompt, {"tone": "kind"})
    assert b"tone = kind" in client.get(path).content
    wrong = client.post(path, {**form, "prompt_label": "nowhere", "name": "Kept"})
    assert (wrong.status_code, b'value="Kept"' in wrong.content) == (422, True)
    rest = api(editor)
    changed = rest.patch(
        f"/api/v1/agents/{agent.pk}/", {"prompt_label": "latest", "prompt_variables": {"tone": 3}}
    )
    assert changed.status_code == 200
    assert changed.json()["prompt"] == str(prompt.pk)
    assert changed.json()["prompt_variables"] == {"tone": "3"}
    refused = rest.patch(f"/api/v1/agents/{agent.pk}/", {"prompt_version": 7})
    assert (refused.status_code, "prompt_version" in refused.json()["errors"]) == (422, True)


@pytest.mark.usefixtures("hub")
async def test_answers_follow_the_prompt_and_say_so_in_the_trace(
    acme: Workspace, person: User, model_server: Any
) -> None:
    version = await in_thread(add, acme)
    agent = await in_thread(make_agent, acme, model_server.base_url, prompt=version.prompt)
    key = {"Authorization": f"Bearer {await in_thread(make_api_key, acme, person)}"}

    async def ask(**body: Any) -> Any:
        path = f"/api/v1/agents/{agent.pk}/chat"
        return await AsyncClient().post(path, body, content_type="application/json", headers=key)

    answered = (await ask(query="Hi", inputs={"tone": "brisk"})).json()
    assert model_server.requests[-1].body["messages"][0] == {"role": "system", "content": "Be brisk."}
    conversation = await in_thread(Conversation.objects.get, pk=answered["conversation_id"])
    assert conversation.variables == {"tone": "brisk"}
    await ask(query="And?", conversation_id=answered["conversation_id"])
    assert model_server.requests[-1].body["messages"][0]["content"] == "Be brisk."
    await in_thread(export.flush)
    rows = await in_thread(
        lambda: set(
            Observation.objects.filter(trace_id=answered["message"]["trace_id"]).values_list(
                "type", "prompt_name", "prompt_version"
            )
        )
    )
    assert rows == {("agent", "tone", "1"), ("generation", "tone", "1")}
    assert (await ask(query="x", inputs={"a": "x" * 20_001})).status_code == 422


@pytest.mark.django_db
def test_the_prompt_page_shows_how_versions_do(
    console: Any,
    editor: User,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    monkeypatch.setattr(rollup, "_MARGIN_S", -60)
    RollupProgress.objects.create(received_before=timezone.now() - timedelta(minutes=30))
    prompt = add(workspace).prompt
    add(workspace, "Speak {{tone}}.")
    other = add(workspace, name="other")
    agent = make_agent(workspace, prompt=prompt)
    traces = [new_trace_id() for _ in range(5)]
    calls = [(1, 1.0, "0.5", False), (1, 3.0, "0.5", True), (2, 2.0, "0.25", False), (2, 2.0, "0.25", False)]
    for trace_id, (number, seconds, cost, failed) in zip(traces, calls, strict=False):
        call: dict[str, Any] = {
            "trace_id": trace_id, "length_s": seconds, "failed": failed, "OBSERVATION_TYPE": "generation",
            "PROMPT_NAME": "tone", "PROMPT_VERSION": str(number), "COST": cost, "INPUT_TOKENS": 8, "OUTPUT_TOKENS": 2,
        }  # fmt: skip
        chain: dict[str, Any] = {**call, "OBSERVATION_TYPE": "chain", "number": 2}
        store(make_row(workspace, make_span(**call)), make_row(workspace, make_span(**chain)))
    stray: dict[str, Any] = {
        "OBSERVATION_TYPE": "generation",
        "PROMPT_NAME": other.prompt.name,
        "PROMPT_VERSION": "1",
    }
    store(make_row(workspace, make_span(trace_id=traces[4], **stray)))
    for trace_id, span, value in ((traces[0], "", 1.0), (traces[1], f"{1:016x}", 0.0), (traces[4], "", 0.0)):
        record_score(
            actor=SYSTEM, workspace=workspace, trace_id=trace_id, observation_id=span, name="good",
            data_type="numeric", value=value, source="api",
        )  # fmt: skip
    roll()
    second, first = version_figures(prompt, editor)
    assert (first.version, first.runs, first.errors, first.cost, first.cost_per_run) == (1, 2, 1, 1.0, 0.5)
    assert (second.version, second.runs, second.errors, second.tokens_per_run) == (2, 2, 0, 10)
    assert first.scores == (ScoreFigure("good", 0.5, 2),)
    assert second.scores == ()
    client = console(editor)
    with django_assert_max_num_queries(30):
        page = client.get(f"/admin/prompts/{prompt.pk}/").content.decode()
    assert "How the versions did in the last 30 days" in page
    assert "prompt_name%3Ais%3Atone&amp;f=prompt_version:is:2" in page
    assert agent.name in page
    assert version_figures(other.prompt, make_member(make_workspace("Elsewhere"))) == []
