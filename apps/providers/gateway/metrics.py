"""Calls of models, counted for Prometheus."""

from __future__ import annotations

from typing import Final

from apps.core.metrics import counter, histogram
from apps.providers.wire import Usage

_MODEL: Final = ("provider", "model")
CALLS: Final = counter(
    "model_calls", "Calls of models, with all their attempts.", [*_MODEL, "operation", "outcome"]
)
CALL_SECONDS: Final = histogram("model_call_seconds", "From the call to its end.", [*_MODEL, "operation"])
FIRST_TOKEN_SECONDS: Final = histogram(
    "model_first_token_seconds", "From the call to the first token.", _MODEL
)
TOKENS: Final = counter("model_tokens", "Tokens of calls.", [*_MODEL, "kind"])
COST: Final = counter("model_cost_dollars", "What calls cost, as far as prices are known.", _MODEL)


def count_call(*, provider: str, model: str, operation: str, failed: bool, seconds: float) -> None:
    """A call ended."""
    CALLS.labels(provider, model, operation, "failed" if failed else "ok").inc()
    CALL_SECONDS.labels(provider, model, operation).observe(seconds)


def count_first_token(*, provider: str, model: str, seconds: float) -> None:
    """An answer began."""
    FIRST_TOKEN_SECONDS.labels(provider, model).observe(seconds)


def count_usage(*, provider: str, model: str, usage: Usage) -> None:
    """Cached tokens are part of the input, reasoning tokens part of the output; each is counted once."""
    cached, reasoning = usage.cached_tokens, usage.reasoning_tokens
    kinds = {
        "input": max(usage.input_tokens - cached, 0),
        "cached_input": cached,
        "output": max(usage.output_tokens - reasoning, 0),
        "reasoning": reasoning,
    }
    for kind, count in kinds.items():
        if count:
            TOKENS.labels(provider, model, kind).inc(count)
    if usage.cost:
        COST.labels(provider, model).inc(float(usage.cost))
