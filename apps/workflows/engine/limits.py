"""The limits of a run, and what it has used of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Protocol

from apps.workflows.engine.errors import LimitExceeded
from apps.workflows.engine.sizes import exceeds


class LimitsLike(Protocol):
    """Limits as documents state them; None is no limit.

    steps: attempts of nodes. depth: nesting of containers and sub-workflows. seconds: time in which something runs
    (waiting for people doesn't count). cost: USD. variable_bytes: of one variable as JSON. parallel: node tasks.
    """

    @property
    def steps(self) -> int | None:
        """Attempts of nodes."""

    @property
    def depth(self) -> int | None:
        """Nesting of containers and sub-workflows."""

    @property
    def seconds(self) -> float | None:
        """Time in which something runs."""

    @property
    def tokens(self) -> int | None:
        """Input and output tokens of all models."""

    @property
    def cost(self) -> Any:
        """What models and tools may cost, USD."""

    @property
    def variable_bytes(self) -> int | None:
        """Size of one variable as JSON."""

    @property
    def parallel(self) -> int | None:
        """Node tasks at once."""


class Budget:
    """What one run has used, checked against its limits at every step."""

    __slots__ = (
        "_cost_limit",
        "cost",
        "depth",
        "input_tokens",
        "output_tokens",
        "step_limit",
        "steps",
        "tokens",
        "variable_bytes",
    )

    def __init__(self, limits: LimitsLike) -> None:
        self.steps = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost = Decimal(0)
        self.step_limit = limits.steps if limits.steps is not None else 1 << 62
        self.depth = limits.depth
        self.tokens = limits.tokens
        self._cost_limit = None if limits.cost is None else Decimal(str(limits.cost))
        self.variable_bytes = limits.variable_bytes

    def step(self) -> None:
        """Count one attempt of a node."""
        if self.steps >= self.step_limit:
            raise LimitExceeded(
                f"The run may take {self.step_limit} steps, and took them all.", code="limit_steps"
            )
        self.steps += 1

    def enter(self, depth: int) -> None:
        """Check the nesting that a container is about to reach."""
        if self.depth is not None and depth > self.depth:
            raise LimitExceeded(f"Containers may be nested {self.depth} deep.", code="limit_depth")

    def add(self, input_tokens: int, output_tokens: int, cost: str) -> None:
        """Count usage; it is counted also when it passes a limit."""
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if cost != "0":
            self.cost += Decimal(cost)
        if self.tokens is not None and self.input_tokens + self.output_tokens > self.tokens:
            raise LimitExceeded(f"The run may use {self.tokens} tokens, and used more.", code="limit_tokens")
        if self._cost_limit is not None and self.cost > self._cost_limit:
            raise LimitExceeded(f"The run may cost {self._cost_limit} USD, and cost more.", code="limit_cost")

    def check(self, outputs: dict[str, Any], place: str) -> None:
        """Check the size of variables about to be set."""
        limit = self.variable_bytes
        if limit is None:
            return
        for name, value in outputs.items():
            # the plain cases are decided here: this runs for every output of every node
            kind = type(value)
            if kind is int or kind is bool or value is None or (kind is str and len(value) * 4 < limit):
                continue
            if exceeds(value, limit):
                raise LimitExceeded(
                    f"{place}.{name} is larger than the {limit} bytes a variable may have.",
                    code="limit_variable_bytes",
                    details={"variable": f"{place}.{name}", "limit": limit},
                )

    def usage(self) -> dict[str, Any]:
        """The sums as plain JSON."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": str(self.cost),
        }
