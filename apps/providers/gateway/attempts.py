"""Runs one call that answers as a whole (embeddings, rankings) through limits, retries and fallbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from apps.providers import prices
from apps.providers.drivers import Driver, driver_for
from apps.providers.gateway import limits
from apps.providers.gateway.failures import model_error
from apps.providers.gateway.recording import CallRecord, cost_of
from apps.providers.gateway.retry import Plan
from apps.providers.models import Model, ModelSlot
from apps.providers.targets import Target, targets_of
from apps.providers.wire import Usage, WireError

T = TypeVar("T")


async def call(
    targets: Sequence[Target], record: CallRecord, run: Callable[[Driver], Awaitable[tuple[T, Usage]]]
) -> tuple[T, Usage]:
    """(what `run` gave, usage with cost). Raises a `ModelError`."""
    plan = Plan(targets)
    while True:
        try:
            async with limits.slot(plan.target):
                result, usage = await run(driver_for(plan.target))
        except WireError as error:
            failed_at = plan.target
            step = plan.after(error)
            if step is None:
                failure = model_error(error, failed_at)
                record.failed(str(failure.detail))
                raise failure from error
            record.next_step(error, step)
            await asyncio.sleep(step.pause_s)
        else:
            priced = await priced_usage(plan.target, usage)
            record.used(priced)
            return result, priced


async def price(*, model: Model, usage: Usage) -> Usage:
    """What such a call of a model would cost. Raises a `ModelError` when the model is switched off."""
    return await priced_usage((await targets_of(model, ModelSlot(model.slot)))[0], usage)


async def priced_usage(target: Target, usage: Usage) -> Usage:
    """The usage with its cost; the price list is read outside the event loop."""
    if not target.prices.are_set:
        await asyncio.to_thread(prices.load_list)
    return cost_of(target, usage)
