"""Nodes in a run of the engine: references below the top of a configuration, ports, waits, errors."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.dsl import parse, validate
from apps.workflows.engine import Ports, Run, compile  # noqa: A004  # the verb of the engine's interface
from apps.workflows.engine.ports import CodeResult, HttpResponse
from apps.workflows.nodes.registry import catalogue
from tests.workflows.nodes.harness import MemoryFiles, RecordedHttp, ScriptedCode

ORDERS = b'{"orders": [{"id": 1, "price": "12.5"}, {"id": 2, "price": "x"}, {"id": 3, "price": "80"}]}'

DOCUMENT: dict[str, Any] = {
    "version": "flywheel/v1",
    "kind": "workflow",
    "name": "Orders",
    "variables": {"environment": [{"name": "URL", "type": "string", "value": "https://example.org"}]},
    "nodes": [
        {"id": "start", "type": "start", "config": {"inputs": [
            {"name": "since"}, {"name": "note", "type": "file", "required": False}]}},
        {"id": "read", "type": "document_extractor", "config": {"files": "$.start.note"}},
        {"id": "get", "type": "http_request", "config": {
            "method": "POST", "url": "$.env.URL",
            "params": [{"name": "since", "value": "{{ start.since }}"}],
            "auth": {"type": "bearer", "token": "t-{{ start.since }}"},
            "body": {"type": "json", "value": {"note": "$.read.text", "keep": {"$literal": "{{ x }}"}}},
        }},
        {"id": "data", "type": "json_parse", "config": {"text": "$.get.body", "path": "$.orders"}},
        {"id": "check", "type": "data_validation", "config": {
            "data": "$.data.output", "coerce": True, "reject_when": "all",
            "json_schema": {"type": "object", "properties": {"price": {"type": "number"}}},
        }},
        {"id": "big", "type": "list_operator", "config": {
            "items": "$.check.output", "item_type": "object",
            "filter": {"conditions": [{"key": "price", "op": ">", "value": "$.sum.least"}]},
            "order_by": [{"key": "price", "direction": "desc"}],
        }},
        {"id": "sum", "type": "code", "config": {
            "code": "…", "inputs": {"orders": "$.check.output"}, "outputs": {"least": "integer"}}},
        {"id": "text", "type": "template", "config": {
            "template": "{{ n }} of {{ check.valid_count }}", "variables": {"n": "$.big.count"}}},
        {"id": "loud", "type": "text", "config": {"operation": "concat", "parts": ["$.text.output", "!"]}},
        {"id": "ask", "type": "approval", "config": {"content": "{{ loud.output }} Fine?"}},
        {"id": "form", "type": "human_input", "config": {
            "content": "[[why]]", "fields": [{"name": "why", "default": "{{ ask.comment }}"}]}},
        {"id": "json", "type": "json_serialize", "config": {"value": {"why": "$.form.why", "n": "$.big.count"}}},
        {"id": "end", "type": "end", "config": {"outputs": [{"name": "result", "value": "$.json.output"}]}},
    ],
    "edges": [
        {"source": "start", "target": "read"}, {"source": "read", "target": "get"}, {"source": "get", "target": "data"},
        {"source": "data", "target": "check"}, {"source": "check", "target": "sum"}, {"source": "sum", "target": "big"},
        {"source": "big", "target": "text"}, {"source": "text", "target": "loud"}, {"source": "loud", "target": "ask"},
        {"source": "ask", "target": "form", "port": "rejected"}, {"source": "form", "target": "json", "port": "submit"},
        {"source": "json", "target": "end"},
    ],
}  # fmt: skip


async def test_a_workflow_of_all_of_them(files: MemoryFiles):
    document = parse(DOCUMENT)
    assert [str(problem) for problem in validate(document, catalogue()) if problem.severity == "error"] == []
    http = RecordedHttp(
        HttpResponse(200, {"content-type": "application/json"}, ORDERS, "https://example.org")
    )
    code = ScriptedCode(CodeResult({"least": 20}))
    run = Run(
        compile(document, catalogue()),
        run_id="3f0e8c1a-0000-5000-8000-000000000000",
        inputs={"since": "May", "note": files.give("n.txt", b"hello")},
        environment={"URL": "https://example.org"},
        ports=Ports(http=http, files=files, code=code),
    )
    waits = []
    events = []
    async for event in run.events():
        events.append(event)
        if event.type == "node.waiting":
            waits.append(event.data)
            values = {"comment": "no"} if len(waits) == 1 else {"why": "because"}
            action = "rejected" if len(waits) == 1 else "submit"
            run.answer(event.data["path"], {"action": action, "values": values})
    assert events[-1].type == "run.completed", events[-1]
    assert events[-1].data["outputs"] == {"result": '{"why":"because","n":1}'}
    assert waits[0]["payload"]["content"] == "1 of 2! Fine?"
    assert waits[1]["payload"]["form"]["properties"]["why"]["default"] == "no"
    asked = http.requests[0]
    assert asked["params"] == [("since", "May")]
    assert asked["headers"]["Authorization"] == "Bearer t-May"
    assert asked["body"] == b'{"note":"hello","keep":"{{ x }}"}'
    assert len(asked["headers"]["Idempotency-Key"]) == 36
    assert code.calls[0]["inputs"] == {"orders": [{"id": 1, "price": 12.5}, {"id": 3, "price": 80}]}


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_request_is_tried_again_with_the_same_key(attempts: int):
    http = RecordedHttp(HttpResponse(503, {"retry-after": "0"}, b"", "https://example.org"))
    nodes = [
        {"id": "start", "type": "start"},
        {"id": "get", "type": "http_request", "config": {"method": "PUT", "url": "https://example.org"},
         "retry": {"attempts": attempts, "delay_ms": 1, "jitter": False}, "on_error": {"strategy": "branch"}},
        {"id": "end", "type": "end", "config": {"outputs": [{"name": "why", "value": "$.get.error_code"}]}},
    ]  # fmt: skip
    edges = [{"source": "start", "target": "get"}, {"source": "get", "target": "end", "port": "error"}]
    document = parse(
        {"version": "flywheel/v1", "kind": "workflow", "name": "R", "nodes": nodes, "edges": edges}
    )
    run = Run(
        compile(document, catalogue()), run_id="3f0e8c1a-0000-5000-8000-000000000000", ports=Ports(http=http)
    )
    events = [event async for event in run.events()]
    assert events[-1].data["outputs"] == {"why": "http_status"}
    assert len(http.requests) == attempts
    assert len({request["headers"]["Idempotency-Key"] for request in http.requests}) == 1
