"""Running JavaScript with QuickJS, an interpreter without any host objects.

`main(inputs)` or `async main(inputs)`; Coze's `main({ params })` gets the same inputs under `params`. A leading
`export` is ignored. Timers work; there are no modules to import and no network but `http_request()`.

The engine, with the prelude evaluated, is made once in the zygote, so that a job begins with a ready one.
"""

from __future__ import annotations

import binascii
import importlib.machinery
import json
import os
import re
import sys
import time
from typing import TYPE_CHECKING

from apps.core.sandbox.runner import frames, selftest
from apps.core.sandbox.runner.selftest import RUN, SELF_TEST_DEADLY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ENGINE = "_quickjs"
STACK_BYTES = 2**20
MAX_MESSAGE, MAX_TRACEBACK = 2_000, 6_000
SHOWN_FILE = "<code>"

REHEARSED = "(() => { const main = ({ a }) => ({ b: [a] }); return JSON.stringify(main(JSON.parse('{\"a\":1}'))); })()"

_export = re.compile(
    r"^([ \t]*)export[ \t]+(?:default[ \t]+)?(?=(?:async|function|const|let|var|class)\b)", re.MULTILINE
)
_place = re.compile(r"<input>:(\d+)")
_name = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_outcome: list[tuple[str, str, str, str]] = []
_written: dict[str, int] = {"allowed": 0, "bytes": 0}
_engine: dict[str, Any] = {}


def prepare(config: dict[str, Any]) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Load the engine and return `run` and `rehearse`; called in the zygote."""
    quickjs = _load(config["engine"])
    context = quickjs.Context()
    context.set_max_stack_size(STACK_BYTES)
    context.add_callable("__write", _write)
    context.add_callable("__done", _done)
    context.add_callable("__ask", lambda request: json.dumps(frames.ask(request.encode())))
    context.add_callable("__file", _file)
    with open(__file__.replace("javascript.py", "prelude.js"), encoding="utf-8") as file:
        _engine.update(context=context, host=context.eval(file.read()), exception=quickjs.JSException)
    sys.path.clear()
    return run, rehearse


def rehearse() -> None:
    """Go part of the way of a small job once, leaving nothing behind in the engine."""
    json.loads('{"a":[1]}')
    _engine["context"].eval(REHEARSED)
    _engine["host"]("wait", "", "")


def _load(path: str) -> Any:
    """Import the C module alone; the package around it starts a thread."""
    loader = importlib.machinery.ExtensionFileLoader(ENGINE, path)
    spec = importlib.machinery.ModuleSpec(ENGINE, loader, origin=path)
    module = loader.create_module(spec)
    if module is None:
        raise ImportError("the JavaScript engine could not be loaded")
    loader.exec_module(module)
    return module


def run(what: int) -> None:
    """Read the job, run it, send the result; the process ends here."""
    if what != RUN:
        _self_test(what)
    _, payload = frames.read_frame()
    job = frames.Job(payload)
    try:
        report = _execute(job)
    except BaseException as error:  # noqa: BLE001 - what the binding raises is the code's failure as well
        report = _failure(type(error).__name__, str(error), "")
    frames.flush()
    frames.finish(report)


def _self_test(what: int) -> None:
    if what == SELF_TEST_DEADLY:
        selftest.deadly()
    found = json.dumps({"ok": True, "value": selftest.leaks()}).encode()
    frames.send(frames.RESULT, found)
    os._exit(0)


def _execute(job: frames.Job) -> bytes:
    context, host = _engine["context"], _engine["host"]
    context.set_memory_limit(job.meta["memory_mb"] * 2**20)
    context.set_max_stack_size(STACK_BYTES)
    host("seed", str([int.from_bytes(os.urandom(4), "little") for _ in range(4)]), "")
    if job.files or job.meta.get("file_mb"):
        _written["allowed"] = job.meta.get("file_mb", 0) * 2**20
        given = {name: binascii.b2a_base64(data, newline=False).decode() for name, data in job.files.items()}
        host("files", json.dumps(given), "")
    if job.meta.get("network"):
        host("network", "", "")
    entry = job.meta["entry"]
    if not _name.fullmatch(entry):
        return _failure("ReferenceError", "The name of the function is not a name.", "")
    code = job.code.encode("utf-8", "replace").decode()
    try:
        context.eval(_export.sub(r"\1", code) if "export" in code else code)
        host("call", entry, job.inputs)
        _settle(context, host)
    except _engine["exception"] as error:
        return _uncaught(str(error))
    return _report()


def _settle(context: Any, host: Any) -> None:
    """Run what is waiting until the result is there or nothing can bring it any more."""
    while not _outcome:
        if context.execute_pending_job():
            continue
        pause = host("wait", "", "")
        if pause < 0:
            return
        if pause > 0:
            frames.flush()
            time.sleep(pause / 1_000)
        host("fire", "", "")


def _report() -> bytes:
    if not _outcome:
        return _failure("Error", "The promise that the function returned was never settled.", "")
    kind, one, message, stack = _outcome[0]
    if kind == "r":
        return b'{"ok":true,"value":' + one.encode("utf-8", "surrogatepass") + b"}"
    if kind == "n":
        return _failure("NotJson", f"The function returned something that is no JSON: {message}", "")
    return _failure(one, message, stack)


def _uncaught(text: str) -> bytes:
    """An exception outside of the function: `Name: message`, then the stack."""
    text = text.rstrip()
    head, _, stack = text.partition("\n    at ")
    name, separator, message = head.partition(": ")
    if not separator or not _name.fullmatch(name):
        name, message = "Error", head
    return _failure(name, message, f"    at {stack}" if stack else "")


def _failure(name: str, message: str, stack: str) -> bytes:
    lines = []
    for line in stack.splitlines():
        if "sandboxCall" in line or "<input>" not in line:
            break  # from here on it is the prelude
        lines.append(line.replace("<input>", SHOWN_FILE))
    place = _place.search(stack)
    if name == "InternalError" and message == "out of memory":
        name = "OutOfMemory"
    report = {
        "ok": False,
        "error": name[:200],
        "message": message[:MAX_MESSAGE],
        "traceback": "\n".join([f"{name}: {message[:MAX_MESSAGE]}", *lines])[:MAX_TRACEBACK],
        "line": int(place[1]) if place and lines else None,
    }
    return json.dumps(report).encode("ascii", "replace")


def _write(kind: str, text: str) -> None:
    frames.streams[kind == "e"].write(text)


def _done(kind: str, one: str, message: str, stack: str) -> None:
    if not _outcome:
        _outcome.append((kind, one, message, stack))


def _file(name: str, content: str) -> str:
    data = binascii.a2b_base64(content)
    _written["bytes"] += len(data)
    if _written["bytes"] > _written["allowed"]:
        return "This code may not write files, or not so much."
    label = name.encode()
    frames.send(frames.FILE, len(label).to_bytes(2, "little") + label + data)
    return ""
