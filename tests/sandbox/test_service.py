"""Running code for a workspace, in a real sandbox."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID, uuid4

import pytest
from opentelemetry.trace import StatusCode

from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed, TooLarge
from apps.core.models import AuditEntry, SandboxPolicy
from apps.core.sandbox import run_code, run_code_sync, sandbox_state, service
from apps.core.sandbox.client import metrics
from apps.core.sandbox.errors import (
    CodeFailed,
    CpuLimitExceeded,
    JobCrashed,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    ResultTooDeep,
    ResultTooLarge,
    ResultTypeWrong,
    SandboxBusy,
    SandboxUnavailable,
    WallLimitExceeded,
)
from apps.core.sandbox.jobs import Limits
from apps.core.sandbox.policy import Policy, forget_policies, keep_policy
from apps.core.services.sandbox_policy import change_sandbox_policy
from tests.factories.core import SYSTEM, make_workspace
from tests.sandbox.fake import FakeSandbox, echo

pytestmark = [pytest.mark.django_db]


def run(workspace, code: str, language="python", inputs=None, **more):
    return run_code_sync(workspace_id=workspace.pk, language=language, code=code, inputs=inputs or {}, **more)


ALL_IN_ONE = "async def main(args):\n    return {'sum': args.params['a'] + args.params['b']}"
WAYS = {
    "python": ("python", "def main(a, b):\n    print('hi')\n    return {'sum': a + b}"),
    "python that is asynchronous": ("python", "async def main(a, b):\n    return {'sum': a + b}"),
    "python with one argument for all": ("python", ALL_IN_ONE),
    "javascript": ("javascript", "function main({a, b}) { console.log('hi'); return {sum: a + b} }"),
    "javascript that is asynchronous": (
        "javascript",
        "async function main({a, b}) { return {sum: (await a) + b} }",
    ),
    "javascript with one argument for all": (
        "javascript",
        "async function main({params}) { return {sum: params.a + params.b} }",
    ),
}


@pytest.mark.parametrize(("language", "code"), WAYS.values(), ids=WAYS.keys())
def test_every_way_to_write_main(sandbox, workspace, language, code):
    result = run(workspace, code, language, {"a": 2, "b": 3})
    assert result.value == {"sum": 5}
    assert result.cpu_ms > 0
    assert result.wall_ms > 0
    assert result.max_rss_kb > 1000


def test_what_is_printed_comes_beside_the_result(sandbox, workspace):
    code = "import sys\ndef main():\n    print('out')\n    print('err', file=sys.stderr)\n    return {}"
    result = run(workspace, code)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


LINES = [
    ("python", "def main():\n    x = 1\n    return 1 / 0\n", 3, "ZeroDivisionError"),
    ("python", "def main(:\n    pass\n", 1, "SyntaxError"),
    ("python", "import json\n\n\ndef inner():\n    json.loads('{')\ndef main():\n    inner()\n", 5, "JSONDecodeError"),
    ("javascript", "function main() {\n  const x = 1\n  return x.y.z\n}\n", 3, "TypeError"),
    ("javascript", "function main() {\n\n  throw new Error('no')\n}\n", 3, "no"),
    ("javascript", "async function main() {\n  await 1\n  throw new Error('later')\n}\n", 3, "later"),
    ("javascript", "function main() {\n  return {{\n}\n", 2, "SyntaxError"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "line", "name"), LINES)
def test_errors_name_the_line_of_the_authors_code(sandbox, workspace, language, code, line, name):
    with pytest.raises(CodeFailed, match=name) as caught:
        run(workspace, code, language)
    assert caught.value.line == line
    assert "site-packages" not in caught.value.traceback


def test_declared_outputs_are_checked(sandbox, workspace):
    code = "def main():\n    return {'n': 2.0, 'names': ['a'], 'more': 1}"
    result = run(workspace, code, outputs={"n": "integer", "names": "array[string]"})
    assert result.value == {"n": 2, "names": ["a"]}
    with pytest.raises(ResultTypeWrong):
        run(workspace, code, outputs={"names": "string"})
    with pytest.raises(Invalid):
        run(workspace, code, outputs={"n": "int"})


def test_calls_that_make_no_sense_are_refused(sandbox, workspace):
    with pytest.raises(Invalid):
        run(workspace, "x", "ruby")
    with pytest.raises(TooLarge):
        run(workspace, "#" * 300_000)
    with pytest.raises(Invalid):
        run(workspace, "def main(a):\n    return {}", inputs={"a": {1, 2}})


POLICIES = [
    ({"cpu_s": 1, "wall_s": 20}, "def main():\n    while True: pass", CpuLimitExceeded),
    ({"wall_s": 0.2}, "import time\ndef main():\n    time.sleep(9)", WallLimitExceeded),
    ({"memory_mb": 32}, "def main():\n    return {'n': len(bytearray(64 << 20))}", MemoryLimitExceeded),
    ({"output_kb": 1}, "def main():\n    print('x' * 2000)\n    return {}", OutputLimitExceeded),
    ({"result_kb": 1}, "def main():\n    return {'a': 'x' * 2000}", ResultTooLarge),
    ({"depth": 2}, "def main():\n    return {'a': [[1]]}", ResultTooDeep),
    ({"string_chars": 100}, "def main():\n    return {'a': 'x' * 101}", ResultTooLarge),
]


@pytest.mark.parametrize(("changes", "code", "error"), POLICIES)
def test_the_workspaces_policy_holds(sandbox, workspace, changes, code, error):
    change_sandbox_policy(actor=SYSTEM, workspace=workspace, **changes)
    with pytest.raises(error):
        run(workspace, code)


def test_a_caller_narrows_the_policy_and_never_widens_it(sandbox, workspace):
    change_sandbox_policy(actor=SYSTEM, workspace=workspace, wall_s=0.2)
    sleep = "import time\ndef main():\n    time.sleep(0.6)\n    return {}"
    with pytest.raises(WallLimitExceeded):
        run(workspace, sleep, limits=Limits(wall_s=60), timeout_s=60)
    forget_policies()
    change_sandbox_policy(actor=SYSTEM, workspace=workspace, wall_s=10)
    assert run(workspace, sleep).value == {}
    with pytest.raises(WallLimitExceeded):
        run(workspace, sleep, timeout_s=0.1)


def test_code_gets_no_network_by_default_and_a_broker_with_a_list(sandbox, workspace):
    probe = "def main():\n    return {'there': 'http_request' in globals() or hasattr(__builtins__, 'http_request')}"
    assert run(workspace, probe).value == {"there": False}
    change_sandbox_policy(actor=SYSTEM, workspace=workspace, hosts=["api.example.com"])
    forget_policies()
    asked = "def main():\n    return {'body': str(http_request('GET', 'http://127.0.0.1:9/'))}"
    with pytest.raises(CodeFailed, match="not on this workspace's list"):
        run(workspace, asked)


def test_without_a_sandbox_the_reason_is_told(no_sandbox, workspace):
    with pytest.raises(SandboxUnavailable, match=r"manage\.py sandbox"):
        run(workspace, "def main():\n    return {}")


async def test_state_tells_layers_or_the_reason(sandbox, no_sandbox, settings):
    state = await sandbox_state()
    assert (state["running"], state["layers"]) == (False, [])
    assert "manage.py sandbox" in state["reason"]


async def test_state_of_a_running_sandbox(sandbox):
    state = await sandbox_state()
    assert (state["running"], state["reason"]) == (True, "")
    assert {layer["name"] for layer in state["layers"] if layer["on"]} >= set(state["minimum"]) > set()


def known_workspace() -> UUID:
    """A workspace whose policy is remembered: these tests leave the database, and its connections, alone."""
    workspace_id = uuid4()
    keep_policy(workspace_id, Policy(Limits(), hosts=(), concurrency=8, allow_private=False))
    return workspace_id


async def test_cancelling_ends_the_job_at_once(sandbox):
    workspace_id = known_workspace()
    before = sandbox.busy()
    call = run_code(
        workspace_id=workspace_id, language="python", inputs={}, code="def main():\n    while True: pass"
    )
    task = asyncio.create_task(call)
    await asyncio.sleep(0.3)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(sandbox.settled, before)


async def test_more_than_may_wait_is_busy_and_the_rest_is_done(sandbox, settings):
    settings.SANDBOX_CLIENT_JOBS, settings.SANDBOX_QUEUE = 2, 3
    workspace_id = known_workspace()
    code = "import time\ndef main():\n    time.sleep(0.2)\n    return {}"
    calls = [run_code(workspace_id=workspace_id, language="python", code=code, inputs={}) for _ in range(8)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, SandboxBusy) for result in results) == 3
    assert sum(getattr(result, "value", None) == {} for result in results) == 5


async def test_a_job_that_goes_to_a_dying_process_is_given_to_the_next(tmp_path, settings):
    fake = FakeSandbox(tmp_path / "s", lambda job: fake.__setattr__("behave", echo))
    settings.SANDBOX_SOCKET = fake.directory
    service.transport.cache_clear()
    call = {"workspace_id": known_workspace(), "language": "python", "code": "…", "inputs": {"a": 1}}
    assert (await run_code(**call)).value == {"a": 1}

    fake.behave = lambda job: time.sleep(0.2)  # this one has begun
    with pytest.raises(JobCrashed):
        await run_code(**call)
    fake.close()
    service.transport.cache_clear()


def test_metrics_and_spans_tell_what_happened(sandbox, workspace, spans):
    before = metrics.outcomes()
    run(workspace, "def main(a):\n    return {'b': a}", inputs={"a": 1})
    with pytest.raises(CodeFailed):
        run(workspace, "def main():\n    raise ValueError('no')")
    after = metrics.outcomes()
    assert after["ok"] == before.get("ok", 0) + 1
    assert after["sandbox_code_failed"] == before.get("sandbox_code_failed", 0) + 1
    good, bad = spans()
    assert good.name == "code python"
    assert good.attributes["flywheel.input"] == '{"a": 1}'
    assert good.attributes["flywheel.output"] == '{"b": 1}'
    assert good.attributes["flywheel.workspace.id"] == str(workspace.pk)
    assert bad.status.status_code == StatusCode.ERROR
    assert bad.attributes["flywheel.code.outcome"] == "sandbox_code_failed"


def test_names_of_span_attributes_are_those_of_tracing():
    from apps.core.sandbox import service
    from apps.tracing import attributes

    assert (service._TYPE, service._INPUT, service._OUTPUT, service._WORKSPACE) == (
        attributes.OBSERVATION_TYPE,
        attributes.INPUT,
        attributes.OUTPUT,
        attributes.WORKSPACE_ID,
    )


def test_changing_the_policy_needs_an_administrator_and_is_audited(workspace, owner, editor):
    with pytest.raises(NotAllowed):
        change_sandbox_policy(actor=Actor.for_user(editor), workspace=workspace, wall_s=1)
    assert not SandboxPolicy.objects.exists()
    change_sandbox_policy(
        actor=Actor.for_user(owner), workspace=workspace, wall_s=1, hosts=["api.example.com"]
    )
    entry = AuditEntry.objects.get(action="core.sandbox_policy.update")
    assert entry.changes == {"wall_s": [10.0, 1], "hosts": [[], ["api.example.com"]]}


@pytest.mark.parametrize(
    "changes",
    [
        {"wall_s": 0},
        {"wall_s": 10_000},
        {"memory_mb": 1},
        {"depth": 0},
        {"concurrency": -1},
        {"hosts": ["http://x"]},
        {"hosts": ["a b"]},
        {"hosts": ["*"]},
        {"hosts": ["*.*.com"]},
        {"hosts": ["EXAMPLE.com"]},
        {"hosts": ["a.example.com"] * 60},
        {"cpu_s": "much"},
        {"nothing": 1},
    ],
)
def test_senseless_policies_are_refused(workspace, changes):
    with pytest.raises(Invalid):
        change_sandbox_policy(actor=SYSTEM, workspace=workspace, **changes)


def test_policies_hold_per_workspace(sandbox, workspace):
    change_sandbox_policy(actor=SYSTEM, workspace=workspace, depth=1)
    code = "def main():\n    return {'a': [1]}"
    with pytest.raises(ResultTooDeep):
        run(workspace, code)
    assert run(make_workspace("Other"), code).value == {"a": [1]}
    assert run_code_sync(workspace_id=uuid4(), language="python", code=code, inputs={}).value == {"a": [1]}
