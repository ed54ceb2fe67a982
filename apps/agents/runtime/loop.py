"""The answer loop: retrieve, call the model, run the tools it asks for, until it only speaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from apps.agents.runtime.citations import cited
from apps.agents.runtime.events import (
    Event,
    Finished,
    RetrievalFinished,
    RetrievalStarted,
    ToolFinished,
    ToolStarted,
)
from apps.agents.runtime.ports import Passage, PortError, Ports, ToolPort
from apps.agents.runtime.prompt import build_messages
from apps.agents.runtime.query import search_query
from apps.agents.runtime.spec import AgentSpec, Turn
from apps.providers.wire import (
    ChatMessage,
    ChatRequest,
    Completed,
    ContextPassage,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)


@dataclass(slots=True)
class _State:
    """What the run knows so far."""

    started: float
    messages: list[ChatMessage] = field(default_factory=list)
    passages: Sequence[Passage] = ()
    text: list[str] = field(default_factory=list)
    usage: Usage | None = None
    first_token: float | None = None
    reply: Completed | None = None
    steps: int = 0


async def run(
    spec: AgentSpec, history: Sequence[Turn], question: str, ports: Ports
) -> AsyncGenerator[Event, None]:
    """Answer a question; the last event is `Finished`. Raises PortError when a port fails.

    Closing the generator or cancelling its task cancels the call to the model or tool that is under way.
    """
    state = _State(started=ports.clock())
    found: Sequence[Passage] | None = None
    if ports.retriever is not None:
        query = search_query(question, history)
        yield RetrievalStarted(query)
        began = ports.clock()
        retrieved = await ports.retriever(query)
        found = retrieved.passages
        state.messages, state.passages = build_messages(spec, history, question, found)
        yield RetrievalFinished(state.passages, retrieved.notices, ports.clock() - began)
    else:
        state.messages, _ = build_messages(spec, history, question, None)
    while True:
        async with aclosing(_speak(spec, state, ports)) as spoken:
            async for event in spoken:
                yield event
        calls = state.reply.message.tool_calls if state.reply else ()
        if not calls or ports.tools is None:
            break
        async for event in _use_tools(state, calls, ports):
            yield event
    yield _finished(state, ports)


async def _speak(spec: AgentSpec, state: _State, ports: Ports) -> AsyncGenerator[Event, None]:
    """One model call: its deltas are passed on, its reply is kept in the state."""
    state.steps += 1
    state.reply = None
    request = _request(spec, state, ports.tools)
    text = state.text
    async for event in ports.model(request):
        if isinstance(event, TextDelta):
            if state.first_token is None:
                state.first_token = ports.clock()
            text.append(event.text)
            yield event
        elif isinstance(event, ReasoningDelta):
            if state.first_token is None:
                state.first_token = ports.clock()
            yield event
        elif isinstance(event, Completed):
            state.reply = event
            state.usage = event.usage if state.usage is None else state.usage + event.usage
    if state.reply is None:
        raise PortError("The model broke off before its answer was complete.", "model_broke_off")


def _request(spec: AgentSpec, state: _State, tools: ToolPort | None) -> ChatRequest:
    # in the last step no tools are offered, so that the model has to answer with what it has
    offered: Sequence[ToolSpec] = tools.specs() if tools and state.steps < spec.max_steps else ()
    return ChatRequest(
        messages=tuple(state.messages),
        tools=tuple(offered),
        temperature=spec.temperature,
        max_tokens=spec.max_tokens,
        context=tuple(ContextPassage(id=p.id, text=p.text, title=p.title) for p in state.passages),
    )


async def _use_tools(state: _State, calls: Sequence[ToolCall], ports: Ports) -> AsyncIterator[Event]:
    """Run the tools of one reply side by side; results go back to the model in the order of the calls."""
    assert state.reply is not None  # noqa: S101 - the caller read the calls from it
    assert ports.tools is not None  # noqa: S101 - the caller looked
    state.messages.append(state.reply.message)
    for call in calls:
        yield ToolStarted(call.id, call.name, call.arguments)
    tasks = [asyncio.ensure_future(_call(call, ports)) for call in calls]
    try:
        for next_done in asyncio.as_completed(tasks):
            yield await next_done
    finally:
        for task in tasks:
            task.cancel()
    for task in tasks:
        result = task.result()
        state.messages.append(ChatMessage(role="tool", content=result.output, tool_call_id=result.id))


async def _call(call: ToolCall, ports: Ports) -> ToolFinished:
    assert ports.tools is not None  # noqa: S101 - only called with tools
    began = ports.clock()
    try:
        output, failed = await ports.tools.call(call.name, _arguments(call)), False
    except PortError as error:
        # the model gets the sentence and may try otherwise
        output, failed = f"Error: {error.sentence}", True
    return ToolFinished(call.id, call.name, output, failed, ports.clock() - began)


def _arguments(call: ToolCall) -> Mapping[str, Any]:
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        raise PortError("The arguments are not valid JSON.", "bad_arguments") from None
    if not isinstance(value, dict):
        raise PortError("The arguments have to be a JSON object.", "bad_arguments")
    return value


def _finished(state: _State, ports: Ports) -> Finished:
    assert state.reply is not None  # noqa: S101 - `_speak` raises without one
    text = "".join(state.text)
    return Finished(
        text=text,
        citations=cited(text, state.passages),
        usage=state.usage or Usage(),
        finish_reason=state.reply.finish_reason,
        model=state.reply.model,
        seconds=ports.clock() - state.started,
        seconds_to_first_token=None if state.first_token is None else state.first_token - state.started,
        steps=state.steps,
    )
