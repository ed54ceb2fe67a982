"""Costs, to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.prices import Prices, cost_of, is_listed
from apps.providers.wire import Usage

OPENAI = "https://api.openai.com/v1"
PRICE = st.decimals(0, 1000, places=6)
COUNT = st.integers(0, 10_000_000)


@pytest.mark.parametrize(
    ("prices", "usage", "cost"),
    [
        (Prices(Decimal("0.15"), Decimal("0.60")), Usage(1000, 500), "0.00045"),
        (Prices(Decimal("0.15"), Decimal("0.60"), Decimal("0.075")), Usage(1000, 500, 400), "0.00042"),
        (Prices(Decimal(3)), Usage(1, 1_000_000), "0.000003"),
        (Prices(Decimal(1)), Usage(10, 0, 10), "0.00001"),
        (Prices(Decimal(0)), Usage(10, 10), "0"),
        (Prices(Decimal("0.000001")), Usage(1, 0), "0.000000000001"),
        (Prices(Decimal(1), cached=Decimal(0)), Usage(10, 0, 999), "0"),
    ],
)
def test_own_prices(prices: Prices, usage: Usage, cost: str) -> None:
    assert cost_of(prices, usage, model="m", base_url="http://x") == Decimal(cost)


@given(PRICE, PRICE, PRICE, COUNT, COUNT, COUNT)
def test_the_sum_is_exact(price_in, price_out, price_cached, fresh, cached, output) -> None:
    cost = Prices(price_in, price_out, price_cached).cost(Usage(fresh + cached, output, cached))
    assert cost * 10**6 == fresh * price_in + cached * price_cached + output * price_out


def test_the_public_list_is_asked_when_no_price_is_set() -> None:
    cost = cost_of(Prices(), Usage(1_000_000, 1_000_000), model="gpt-4o-mini", base_url=OPENAI)
    assert cost == Decimal("0.75")
    assert is_listed("gpt-4o-mini", OPENAI)


@pytest.mark.parametrize(
    ("model", "base_url"), [("my-own-model", OPENAI), ("gpt-4o-mini", "http://127.0.0.1:11434/v1"), ("", "")]
)
def test_what_is_not_listed_has_no_cost(model: str, base_url: str) -> None:
    assert cost_of(Prices(), Usage(10, 10), model=model, base_url=base_url) is None


def test_costs_of_several_calls_add_up() -> None:
    total = Usage(1, 2, cost=Decimal("0.1")) + Usage(3, 4, cost=None) + Usage(5, 6, cost=Decimal("0.2"))
    assert (total.input_tokens, total.output_tokens, total.cost) == (9, 12, Decimal("0.3"))
    assert (Usage() + Usage()).cost is None
