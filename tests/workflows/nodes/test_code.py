"""The code node: what it makes of a sandbox's answers, and a real sandbox."""

from __future__ import annotations

from uuid import uuid4

import pytest
from opentelemetry.trace import NoOpTracer

from apps.core.sandbox import policy
from apps.core.sandbox.jobs import Limits
from apps.workflows.adapters.code import CodeAdapter
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import CodeResult, Ports
from tests.sandbox.conftest import ground, no_sandbox, sandbox
from tests.workflows.nodes.harness import KEY, Bench, MemoryFiles, ScriptedCode

__all__ = ["ground", "no_sandbox", "sandbox"]


@pytest.fixture
def node(files: MemoryFiles) -> Bench:
    node = Bench("code")
    node.ctx.ports = Ports(files=files)
    return node


def answering(node: Bench, value: object, **more: object) -> ScriptedCode:
    port = ScriptedCode(CodeResult(value, **more))
    node.ctx.ports.code = port
    return port


async def test_inputs_go_in_and_declared_outputs_come_out(node):
    port = answering(node, {"n": 2.0, "extra": 1, "who": None})
    outputs = {"n": "integer", "who": {"type": "string", "required": False}}
    assert await node.outputs(code="…", inputs={"a": [1]}, outputs=outputs, timeout=3) == {
        "n": 2,
        "who": None,
    }
    call = port.calls[0]
    assert (call["language"], call["inputs"], call["timeout_s"]) == ("python", {"a": [1]}, 3)


NESTED = {
    "rows": {
        "type": "array[object]",
        "properties": {"name": "string", "at": {"type": "object", "properties": {"x": "number"}}},
    }
}


@pytest.mark.parametrize(
    ("value", "outputs", "sentence"),
    [
        (None, {"a": "string"}, "The code must return an object with a."),
        ({}, {"a": "string"}, "The result lacks “a”."),
        ({"a": 1}, {"a": "string"}, "“a” must be a string, but it is an integer."),
        ({"a": True}, {"a": "number"}, "“a” must be a number, but it is a boolean."),
        ({"a": None}, {"a": "object"}, "“a” must be an object, but it is null."),
        ({"a": [1, "x"]}, {"a": "array[number]"}, "“a” must be an array of numbers, but it is an array."),
        ({"rows": [{"name": "x", "at": {"x": 1}}, {"name": "y", "at": {"x": "1"}}]}, NESTED,
         "“rows[1].at.x” must be a number, but it is a string."),
        ({"rows": [{"name": "x"}]}, NESTED, "The result lacks “rows[0].at”."),
    ],
)  # fmt: skip
async def test_a_result_that_does_not_fit(node, value, outputs, sentence):
    answering(node, value)
    assert (await node.fails("result_mismatch", code="…", outputs=outputs)).message == sentence


async def test_no_outputs_take_any_result(node):
    answering(node, 7)
    assert await node.outputs(code="…", outputs={}) == {}


async def test_fields_that_are_not_declared_stay_within_objects(node):
    answering(node, {"rows": [{"name": "x", "at": {"x": 1, "y": 2}, "more": 3}]})
    assert (await node.outputs(code="…", outputs=NESTED))["rows"] == [
        {"name": "x", "at": {"x": 1, "y": 2}, "more": 3}
    ]


async def test_what_is_printed_is_logged(node):
    answering(node, {"a": 1}, stdout="x" * 30_000, stderr="careful")
    await node.run(code="…", outputs={"a": "any"})
    logged = dict(node.ctx.logged)
    assert (len(logged["stdout"]["text"]), logged["stdout"]["cut"]) == (20_000, True)
    assert logged["stderr"] == {"text": "careful", "cut": False}


async def test_an_error_names_the_line(node):
    details = {"line": 3, "traceback": "…", "stdout": "before", "stderr": ""}
    node.ctx.ports.code = ScriptedCode(
        NodeError("ZeroDivisionError: division by zero", code="sandbox_code_failed", details=details)
    )
    error = await node.fails("sandbox_code_failed", code="…")
    assert error.message == "Line 3: ZeroDivisionError: division by zero"
    assert error.details == {"line": 3, "traceback": "…"}
    assert node.ctx.logged == [("stdout", {"text": "before", "cut": False})]


async def test_files_go_in_and_come_out(node, files):
    port = answering(node, {"a": 1}, files={"b.txt": b"2", "a.png": b"1"})
    given = [files.give("in.csv", b"a,b")]
    outputs = await node.outputs(code="…", outputs={"a": "integer"}, files=given, collect_files=True)
    assert port.calls[0]["files"] == {"in.csv": b"a,b"}
    assert [file["name"] for file in outputs["files"]] == ["a.png", "b.txt"]
    assert files.kept[f"{KEY}:a.png"] == ("a.png", "image/png", b"1")
    await node.fails("duplicate_file", code="…", files=[*given, *given])


async def test_without_a_sandbox_it_says_so(node):
    await node.fails("port_missing", code="…")


def test_problems(node):
    found = node.problems(code=" ", inputs={"a b": 1}, outputs={"files": "any"}, collect_files=True)
    assert set(found) == {"code", "inputs.a b", "outputs.files"}
    described = node.type.outputs(
        node.config(outputs={"a": {"type": "array[object]", "properties": {"x": "number"}}})
    )
    assert described["a"].schema == {
        "type": "array",
        "items": {"type": "object", "properties": {"x": {"type": "number"}}},
    }


@pytest.fixture
def real(node: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The node with the product's adapter, for a workspace in no database: its policy is known, no spans are left."""
    monkeypatch.setattr("apps.core.sandbox.service._tracer", NoOpTracer())
    workspace_id = uuid4()
    policy.keep_policy(workspace_id, policy.Policy(Limits(), (), 4, allow_private=False))
    node.ctx.ports.code = CodeAdapter(workspace_id=workspace_id)
    return node


async def test_python_and_javascript_in_a_real_sandbox(sandbox, real):
    python = "def main(items):\n    print('hi')\n    return {'total': sum(items)}\n"
    assert await real.outputs(code=python, inputs={"items": [1, 2]}, outputs={"total": "integer"}) == {
        "total": 3
    }
    assert ("stdout", {"text": "hi\n", "cut": False}) in real.ctx.logged
    script = "function main({items}) { return {total: items.length}; }"
    found = await real.outputs(
        language="javascript", code=script, inputs={"items": [1, 2]}, outputs={"total": "number"}
    )
    assert found == {"total": 2}


async def test_a_failure_in_a_real_sandbox_names_the_line(sandbox, real):
    error = await real.fails("sandbox_code_failed", code="def main():\n    return 1 / 0\n")
    assert error.message.startswith("Line 2: ")
    assert not error.retryable


async def test_no_sandbox_runs(no_sandbox, real):
    error = await real.fails("sandbox_unavailable", code="def main():\n    return {}\n")
    assert error.retryable
