"""Runs one node without an engine: what a node sees of a run, in memory."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.core.exceptions import FlywheelError
from apps.workflows.adapters.database import node_error
from apps.workflows.dsl.references import compile_reference
from apps.workflows.dsl.templates import compile_template
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Result, Wait
from apps.workflows.engine.ports import CodeResult, HttpResponse, Ports
from apps.workflows.nodes.registry import catalogue

KEY = "3f0e8c1a-0000-5000-8000-000000000001"


@dataclass
class Context:
    """A `NodeContext` that remembers what a node told."""

    scope: dict[str, Any] = field(default_factory=dict)
    ports: Ports = field(default_factory=Ports)
    run_id: str = "run"
    node_id: str = "node"
    path: str = "node"
    attempt: int = 1
    idempotency_key: str = KEY
    deadline: datetime | None = None
    parent: Any = None
    recalled_version: int | None = None
    logged: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=lambda: {"input_tokens": 0, "output_tokens": 0})
    said: list[str] = field(default_factory=list)

    def lookup(self, reference: str) -> Any:
        return compile_reference(reference).resolve(self.scope)

    def render(self, template: str, values: Mapping[str, Any] | None = None) -> str:
        return compile_template(template).render(self.scope, values)

    def text(self, delta: str) -> None:
        self.said.append(delta)

    def reasoning(self, delta: str) -> None:
        """Nobody listens."""

    def log(self, name: str, data: Mapping[str, Any]) -> None:
        self.logged.append((name, dict(data)))

    def use(self, *, input_tokens: int = 0, output_tokens: int = 0, cost: str = "0") -> None:
        self.used["input_tokens"] += input_tokens
        self.used["output_tokens"] += output_tokens

    def set_variable(self, namespace: str, name: str, value: Any) -> None:
        """Nothing to set."""


class Bench:
    """One node type, run with configurations whose dynamic fields hold values already."""

    def __init__(self, name: str) -> None:
        self.type = catalogue()[name]
        self.ctx = Context()

    def config(self, **config: Any) -> Any:
        return self.type.Config.model_validate(config)

    async def run(self, **config: Any) -> Result | Wait:
        """Run a node; what it leaves behind must be what it says it leaves behind."""
        made = self.config(**config)
        outcome = self.type(made).run(self.ctx, made)
        return self._checked(made, await outcome if inspect.isawaitable(outcome) else outcome)

    async def outputs(self, **config: Any) -> dict[str, Any]:
        outcome = await self.run(**config)
        assert isinstance(outcome, Result)
        return outcome.outputs

    async def resume(self, wait: Wait, answer: dict[str, Any], **config: Any) -> Result | Wait:
        """Go on after a wait, whose state has been through JSON as in the ledger."""
        made = self.config(**config)
        outcome = self.type(made).resume(self.ctx, made, dict(wait.state), answer)
        return self._checked(made, await outcome if inspect.isawaitable(outcome) else outcome)

    async def fails(self, code: str, /, **config: Any) -> NodeError:
        """Run a node that must fail with this code."""
        with pytest.raises(NodeError) as caught:
            await self.run(**config)
        assert caught.value.code == code
        return caught.value

    def problems(self, **config: Any) -> dict[str, str]:
        return dict(self.type.problems(self.config(**config)))

    def _checked(self, config: Any, outcome: Any) -> Any:
        if isinstance(outcome, Result):
            assert set(outcome.outputs) == set(self.type.outputs(config))
            assert outcome.port in {port.name for port in self.type.ports(config)}
        return outcome


class MemoryFiles:
    """A file port in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, str, bytes]] = {}
        self.contents: dict[str, bytes] = {}

    def give(self, name: str, content: bytes, content_type: str = "") -> dict[str, Any]:
        """A file as a variable holds it."""
        self.contents[name] = content
        return {"id": name, "name": name, "content_type": content_type, "size": len(content), "url": ""}

    async def read(self, file: Mapping[str, Any]) -> bytes:
        try:
            return self.contents[file["id"]]
        except KeyError:
            raise NodeError("There is no such file.", code="file_not_found") from None

    async def save(self, name: str, content_type: str, content: bytes, *, key: str) -> dict[str, Any]:
        self.kept.setdefault(key, (name, content_type, content))
        return self.give(name, content, content_type)


@dataclass
class RecordedHttp:
    """An HTTP port that remembers requests and answers as told."""

    answer: HttpResponse
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def request(self, method: str, url: str, **more: Any) -> HttpResponse:
        self.requests.append({"method": method, "url": url, **more})
        return self.answer


@dataclass
class ScriptedCode:
    """A code port that returns or raises what it was given."""

    result: CodeResult | NodeError
    calls: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, language: str, code: str, inputs: Mapping[str, Any], **more: Any) -> CodeResult:
        self.calls.append({"language": language, "code": code, "inputs": dict(inputs), **more})
        if isinstance(self.result, NodeError):
            raise self.result
        return self.result


async def in_this_transaction(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Stands in for `adapters.database.in_thread`: called by way of `async_to_sync`, it works on the test's own
    connection, so that what a test makes can be rolled back instead of deleted."""
    try:
        return await sync_to_async(function)(*args, **kwargs)
    except FlywheelError as error:
        raise node_error(error) from error
