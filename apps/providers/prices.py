"""What a call costs: the model's own prices, else the public price list that comes with `genai-prices`."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.providers.wire import Usage

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens. All None: look the model up in the public list."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None

    @property
    def are_set(self) -> bool:
        """True when somebody entered a price."""
        return self.input is not None or self.output is not None or self.cached is not None

    def cost(self, usage: Usage) -> Decimal:
        """Exact; a price that was left out counts as zero, cached input as input."""
        price_in = self.input or Decimal(0)
        price_cached = price_in if self.cached is None else self.cached
        cached = min(usage.cached_tokens, usage.input_tokens)
        fresh = usage.input_tokens - cached
        return (
            fresh * price_in + cached * price_cached + usage.output_tokens * (self.output or Decimal(0))
        ) / MILLION


def cost_of(prices: Prices, usage: Usage, *, model: str, base_url: str) -> Decimal | None:
    """The cost in US dollars, or None when the price is not known."""
    if prices.are_set:
        return prices.cost(usage)
    return _listed_cost(usage, model, base_url)


def load_list() -> None:
    """Read the public list now (half a second, once per process), so that no later call has to."""
    _price_list()


@functools.lru_cache(maxsize=4096)
def is_listed(model: str, base_url: str) -> bool:
    """True when the public list knows the model at this address."""
    return _listed_cost(Usage(1000, 1000), model, base_url) is not None


@functools.cache
def _price_list() -> Any:
    # The table as shipped: it is never updated over the network from here.
    import genai_prices

    genai_prices.data_snapshot.get_snapshot()
    return genai_prices


@functools.lru_cache(maxsize=4096)
def listed_prices(model: str) -> Prices | None:
    """The public list's prices of a model where they don't depend on the amount; None for tiers and strangers."""
    try:
        _provider, found = (
            _price_list().data_snapshot.get_snapshot().find_provider_model(model, None, None, None)
        )
    except LookupError:
        return None
    prices = found.get_prices(timezone.now())
    values = [getattr(prices, f"{name}_mtok", None) for name in ("input", "output", "cache_read")]
    if all(value is None or isinstance(value, Decimal) for value in values):
        return Prices(*values)
    return None


def _listed_cost(usage: Usage, model: str, base_url: str) -> Decimal | None:
    listed = _price_list()
    try:
        found = listed.calc_price(
            listed.Usage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=min(usage.cached_tokens, usage.input_tokens),
            ),
            model,
            provider_api_url=base_url or None,
        )
    except (LookupError, ValueError):
        return None
    return Decimal(found.total_price)
