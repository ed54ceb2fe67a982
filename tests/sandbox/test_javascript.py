"""JavaScript in the sandbox: how code is called, what it can use, and how its failures are told."""

from __future__ import annotations

import asyncio

import pytest

from apps.core.sandbox import errors
from apps.core.sandbox.client import execute
from apps.core.sandbox.jobs import CodeJob, JobResult, Limits
from apps.core.sandbox.protocol import answer_frame, refusal_frame

pytestmark = pytest.mark.usefixtures("ground")


@pytest.fixture
def run(ground):
    """Return `run(code, inputs, **job)`."""

    def call(code: str, inputs=None, answer=None, **more) -> JobResult:
        job = CodeJob("javascript", code, inputs or {}, **more)
        return asyncio.run(execute(ground.transport, job, answer or _refuse))

    return call


async def _refuse(request) -> bytes:
    return refusal_frame("no")


@pytest.mark.parametrize(
    "code",
    [
        "function main(inputs) { return { sum: inputs.a + inputs.b } }",
        "function main({ a, b }) { return { sum: a + b } }",
        "async function main({ a, b }) { return { sum: a + b } }",
        "async function main({ params }) { return { sum: params.a + params.b } }",
        "export async function main({ params }) { return { sum: params.a + params.b } }",
        "export default async function main(args) { const { a, b } = args.params; return { sum: a + b } }",
        "const main = ({ a, b }) => ({ sum: a + b })",
        "let main = async (inputs) => ({ sum: Object.values(inputs).reduce((x, y) => x + y) })",
    ],
)
def test_every_signature_gets_its_inputs(run, code):
    assert run(code, {"a": 1, "b": 2}).value == {"sum": 3}


def test_an_input_called_params_is_an_input(run):
    assert run("function main({ params }) { return params }", {"params": 5}).value == 5
    assert run("function main(inputs) { return inputs }", {"a": 1}).value == {"a": 1}


@pytest.mark.parametrize(
    ("code", "kind", "line", "text"),
    [
        ("function main() {\n  null.x\n}", errors.CodeFailed, 2, "TypeError: cannot read property"),
        ("function main() {\n  let x = ;\n}", errors.CodeFailed, 2, "SyntaxError"),
        ("const x = 1", errors.CodeFailed, None, "must define a function main"),
        ("nothing()", errors.CodeFailed, 1, "ReferenceError"),
        ("function main() { return main() }", errors.CodeFailed, 1, "RangeError"),
        ("function main() { throw { a: 1 } }", errors.CodeFailed, None, "[object Object]"),
        ("async function main() {\n  throw new RangeError('far')\n}", errors.CodeFailed, 2, "RangeError: far"),
        ("function main() { return new Promise(() => {}) }", errors.CodeFailed, None, "never settled"),
        ("function main() { return 10n }", errors.ResultNotJson, None, "BigInt"),
        ("function main() { return () => 1 }", errors.ResultNotJson, None, "function"),
        ("function main() { const a = {}; a.a = a; return a }", errors.ResultNotJson, None, "circular"),
        ("function main() { return '\\0' }", errors.ResultNotJson, None, ""),
        ("function main() { return '\\ud800' }", errors.ResultNotJson, None, ""),
        ("function main() { let a = []; for (;;) a.push('x'.repeat(9999) + 1) }", errors.MemoryLimitExceeded, 1, ""),
        ("function main() { return 'x'.repeat(2e6) }", errors.ResultTooLarge, None, ""),
        ("function main() { for (;;) console.log('x'.repeat(999)) }", errors.OutputLimitExceeded, None, ""),
        ("import fs from 'fs'", errors.CodeFailed, 1, "SyntaxError"),
        ("function main() { return require('fs') }", errors.CodeFailed, 1, "ReferenceError"),
    ],
)  # fmt: skip
def test_failures_have_their_own_error(run, code, kind, line, text):
    with pytest.raises(errors.SandboxError) as caught:
        run(code)
    assert type(caught.value) is kind
    assert text in caught.value.message
    assert caught.value.line == line
    assert not caught.value.retryable


def test_time_limits(run):
    with pytest.raises(errors.CpuLimitExceeded):
        run("function main() { for (;;); }", limits=Limits(cpu_s=1))
    with pytest.raises(errors.WallLimitExceeded):
        run("const main = () => new Promise(done => setTimeout(done, 9e3))", limits=Limits(wall_s=0.2))


def test_a_stack_shows_the_authors_lines_only(run):
    with pytest.raises(errors.CodeFailed) as caught:
        run("function f() { throw new Error('x') }\nfunction main() { f() }")
    assert caught.value.traceback.splitlines() == [
        "Error: x", "    at f (<code>:1:26)", "    at main (<code>:2:19)",
    ]  # fmt: skip


def test_what_is_printed_comes_back(run):
    code = "console.log('a', 1, { b: [2] }, null); console.error('bad \\0 \\ud800'); function main() {}"
    result = run(code)
    assert (result.value, result.stdout, result.stderr) == (None, 'a 1 {"b":[2]} null\n', "bad � �\n")


def test_timers_fire_in_order(run):
    code = """
async function main() {
  const seen = [];
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  setTimeout(() => seen.push("late"), 12);
  const every = setInterval(() => seen.length && clearInterval(every), 1);
  clearTimeout(setTimeout(() => seen.push("never"), 1));
  await wait(4);
  seen.push("early");
  await wait(20);
  return seen;
}"""
    assert run(code).value == ["early", "late"]


def test_what_the_language_lacks_is_added(run):
    code = """
function main() {
  const clone = structuredClone({ date: new Date(5), map: new Map([[1, [2]]]), list: [1, { a: 2 }] });
  const text = new TextDecoder().decode(new TextEncoder().encode("é😀"));
  return [clone.date.getTime(), clone.map.get(1), clone.list, text, [3, 1, 2].toSorted(), btoa("x")];
}"""
    assert run(code).value == [5, [2], [1, {"a": 2}], "é😀", [1, 2, 3], "eA=="]


def test_files_by_content(run):
    code = """
function main() {
  writeFile("out.txt", readText("in.txt") + "é");
  writeFile("raw.bin", new Uint8Array([0, 255]));
  return [files["in.txt"].length, readText("out.txt")];
}"""
    result = run(code, files={"in.txt": b"text"}, limits=Limits(file_mb=1))
    assert result.value == [4, "texté"]
    assert result.files == {"out.txt": "texté".encode(), "raw.bin": b"\0\xff"}
    with pytest.raises(errors.CodeFailed, match="may not write"):
        run("function main() { writeFile('a', 'b') }", files={"a": b""})


def test_the_network_is_a_broker_or_nothing(run):
    async def answer(request) -> bytes:
        return (
            answer_frame(200, {"x": "y"}, request.body)
            if "good" in request.url
            else refusal_frame("not allowed")
        )

    code = """
function main() {
  const answer = http_request("POST", "https://good.example/", {}, '{"n":1}');
  try {
    http_request("GET", "http://bad.example/");
  } catch (error) {
    return [answer.status, answer.json(), error.message];
  }
}"""
    assert run(code, answer=answer, network=("good.example",)).value == [200, {"n": 1}, "not allowed"]
    with pytest.raises(errors.CodeFailed, match="http_request"):
        run(code)


def test_forks_differ_in_their_random_numbers(run):
    code = "function main() { return [Math.random(), Math.random()] }"
    numbers = run(code).value + run(code).value
    assert len(set(numbers)) == 4
    assert all(0 <= number < 1 for number in numbers)


def test_code_reaches_nothing_of_the_host(run):
    code = """
function main() {
  const found = Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith("_") || name === "host");
  let sites = [];
  Error.prepareStackTrace = (error, frames) => (sites = frames.map((frame) => typeof frame.getFunction), "");
  new Error("x").stack;
  return [found, sites.includes("function")];
}"""
    assert run(code).value == [[], False]


def test_a_job_finds_nothing_of_the_one_before(run):
    poison = (
        "JSON.stringify = null; Array.prototype.POISON = globalThis.POISON = 1; function main() { return 1 }"
    )
    for _ in range(6):  # more than wait in advance
        assert run(poison).value == 1
    assert run("function main() { return [typeof POISON, typeof [].POISON, typeof JSON.stringify] }").value == [
        "undefined", "undefined", "function",
    ]  # fmt: skip


def test_code_that_breaks_the_language_breaks_itself_only(run):
    code = "Promise.prototype.then = String = JSON = Object = null; async function main({ a }) { return a }"
    assert run(code, {"a": 1}).value == 1
