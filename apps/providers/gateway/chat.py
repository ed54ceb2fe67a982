"""Chat, streamed or whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from apps.providers.drivers import driver_for
from apps.providers.exceptions import ModelError
from apps.providers.gateway import limits
from apps.providers.gateway.attempts import priced_usage
from apps.providers.gateway.failures import model_error
from apps.providers.gateway.recording import (
    CallRecord,
    cost_of,
    describe_answer,
    describe_parameters,
    describe_request,
)
from apps.providers.gateway.retry import Plan
from apps.providers.models import Model, ModelSlot
from apps.providers.targets import targets_of
from apps.providers.wire import ChatMessage, ChatRequest, Completed, StreamEvent, TextDelta, WireError
from apps.providers.wire.chat import estimate_usage
from apps.tracing import attributes


async def stream_chat(
    *, model: Model, request: ChatRequest, noted: Mapping[str, Any] | None = None
) -> AsyncGenerator[StreamEvent, None]:
    """Yields deltas as they arrive, then one `Completed` whose usage carries the cost.

    Before the first token a failure is retried, then handed to the fallback; after it, it is raised. Closing
    the generator (wrap it in `contextlib.aclosing`) or cancelling the task closes the socket at once.
    noted: further attributes of the call's span, such as the prompt it comes from. Raises a `ModelError`.
    """
    targets = await targets_of(model, ModelSlot.CHAT)
    record = CallRecord("chat", "generation", "chat", targets[0], describe_request(request))
    record.set({**describe_parameters(request), **(noted or {})})
    said: list[str] = []
    try:
        async with aclosing(_attempts(Plan(targets), record, request)) as events:
            async for event in events:
                if type(event) is TextDelta:
                    said.append(event.text)
                elif type(event) is Completed:
                    event = await _completed(record, event)  # noqa: PLW2901 - the same event, with its cost
                yield event
    except ModelError as failure:
        record.failed(str(failure.detail))
        _record_partial(record, request, "".join(said), "error")
        raise
    except (asyncio.CancelledError, GeneratorExit):
        _record_partial(record, request, "".join(said), "cancelled")
        raise
    finally:
        record.end()


async def chat(*, model: Model, request: ChatRequest, noted: Mapping[str, Any] | None = None) -> Completed:
    """The whole answer at once; see `stream_chat`."""
    async with aclosing(stream_chat(model=model, request=request, noted=noted)) as events:
        async for event in events:
            if isinstance(event, Completed):
                return event
    raise AssertionError("A stream ends with Completed or raises.")


async def _attempts(
    plan: Plan, record: CallRecord, request: ChatRequest
) -> AsyncGenerator[StreamEvent, None]:
    """The events of the first attempt that gets as far as a token."""
    while True:
        started = False
        try:
            async with (
                limits.slot(plan.target),
                aclosing(driver_for(plan.target).stream_chat(request)) as events,
            ):
                async for event in events:
                    if not started:
                        started = True
                        record.first_token()
                    yield event
        except WireError as error:
            failed_at = plan.target
            step = None if started else plan.after(error)
            if step is None:
                raise model_error(error, failed_at) from error
            record.next_step(error, step)
            await asyncio.sleep(step.pause_s)
        else:
            return


async def _completed(record: CallRecord, completed: Completed) -> Completed:
    usage = await priced_usage(record.target, completed.usage)
    record.used(usage)
    record.set(
        {
            attributes.OUTPUT: describe_answer(completed),
            attributes.FINISH_REASONS: [completed.finish_reason],
            attributes.RESPONSE_MODEL: completed.model,
        }
    )
    return replace(completed, usage=usage)


def _record_partial(record: CallRecord, request: ChatRequest, said: str, reason: str) -> None:
    """What was said before the end came is kept, with an estimate of what it cost."""
    record.set({attributes.FINISH_REASONS: [reason]})
    if not said:
        return
    partial = Completed(
        ChatMessage("assistant", said), estimate_usage(request, said), reason, record.target.name
    )
    record.set({attributes.OUTPUT: describe_answer(partial)})
    record.used(cost_of(record.target, partial.usage))
