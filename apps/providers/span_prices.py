"""Prices for observations that came without a cost: the workspace's own models first, then the public list."""

from __future__ import annotations

import functools
import time
from decimal import Decimal
from typing import Final
from uuid import UUID

from apps.providers.models import Model
from apps.providers.prices import Prices, cost_of, is_listed, listed_prices
from apps.providers.wire import Usage

#: A price that was changed counts for new spans after this long.
KEPT_S: Final = 30.0


def price_span(
    workspace_id: UUID,
    model: str,
    provider: str,
    *,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int,
) -> Decimal | None:
    """US dollars, or None when nobody knows the price. `provider` is what the span called it."""
    usage = Usage(input_tokens, output_tokens, min(cached_tokens, input_tokens))
    own = _own_prices(workspace_id, int(time.monotonic() / KEPT_S)).get(model)
    prices = own or listed_prices(model)
    if prices is not None:
        return prices.cost(usage)
    # tiers depend on the amount, so the list itself has to say
    if not is_listed(model, ""):
        return None
    return cost_of(Prices(), usage, model=model, base_url="")


@functools.lru_cache(maxsize=256)
def _own_prices(workspace_id: UUID, _period: int) -> dict[str, Prices]:
    """Entered prices of a workspace by model name."""
    rows = Model.objects.filter(workspace_id=workspace_id).values_list(
        "name", "input_price", "output_price", "cached_price"
    )
    found = {name: Prices(*prices) for name, *prices in rows}
    return {name: prices for name, prices in found.items() if prices.are_set}
