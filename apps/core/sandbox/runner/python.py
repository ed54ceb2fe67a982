"""Running Python.

How inputs reach the function (`entry`, usually `main`):

- `def main(a, b)` or `def main(**inputs)`: by name, exactly as given. `async def` works too.
- `async def main(args)`: one parameter that no input is named after, called `args` or annotated `Args`, or in an
  `async def`: an object whose `params` holds the inputs.

Also in reach: `files` (name to bytes), `open()` for these names, and `http_request()` when the job has a network.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import types
from typing import TYPE_CHECKING

from apps.core.sandbox.runner import files, frames, network, selftest
from apps.core.sandbox.runner.selftest import RUN, SELF_TEST_DEADLY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FILE = "<code>"
KEYWORDS_FLAG = 0x08  # CO_VARKEYWORDS
POSITIONALS_FLAG = 0x04  # CO_VARARGS
COROUTINE_FLAG = 0x80  # CO_COROUTINE
MAX_MESSAGE, MAX_TRACEBACK, MAX_FRAMES = 2_000, 6_000, 12

_META = b'{"code":54,"inputs":20,"entry":"main","memory_mb":128}'
REHEARSED = (
    len(_META).to_bytes(4, "little")
    + _META
    + b"def main(a, b):\n    c = f'{a}'\n    return {'b': [c]}  "
    + b'{"a":1,"b":[1.5,""]}'
)

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


class Args:
    """The one argument of `async def main(args)`."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.input = params

    def __class_getitem__(cls, item: Any) -> type[Args]:
        return cls


def prepare(config: dict[str, Any]) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Import what jobs may use and return `run` and `rehearse`; called in the zygote."""
    from apps.core.sandbox.runner import preload

    preload.python(config)
    for _ in range(20):  # fills the interpreter's own caches, which all forks then share
        rehearse()
    failure(ValueError("x"))
    return run, rehearse


def rehearse() -> None:
    """Go the way of a small job once, without a job."""
    payload = REHEARSED
    job = frames.Job(payload)
    scope = _scope({})
    _run(job.code, scope)
    _report(_call(scope, "main", json.loads(job.inputs)))


def run(what: int) -> None:
    """Read the job, run it, send the result; the process ends here."""
    if what != RUN:
        _self_test(what)
    _, payload = frames.read_frame()
    job = frames.Job(payload)
    try:
        report = _report(_execute(job))
        files.take(job.files)
    except BaseException as error:  # noqa: BLE001 - SystemExit and whatever else code raises are its failure
        report = failure(error)
    frames.flush()
    frames.finish(report)


def _self_test(what: int) -> None:
    if what == SELF_TEST_DEADLY:
        selftest.deadly()
    frames.send(frames.RESULT, _report(selftest.leaks()))
    os._exit(0)


def _execute(job: frames.Job) -> Any:
    files.give(job.files, job.meta.get("file_mb", 0))
    generator = sys.modules.get("numpy.random")
    if generator is not None:
        generator.seed(
            int.from_bytes(os.urandom(4), "little")
        )  # every fork would begin with the same numbers
    scope = _scope({"http_request": network.http_request} if job.meta.get("network") else {})
    linecache = sys.modules.get("linecache")
    if linecache is not None:
        linecache.cache[FILE] = (len(job.code), None, job.code.splitlines(True), FILE)  # lines for tracebacks
    gc.enable()
    _run(job.code, scope)
    return _call(scope, job.meta["entry"], json.loads(job.inputs))


def _run(code: str, scope: dict[str, Any]) -> None:
    exec(compile(code, FILE, "exec", dont_inherit=True), scope)  # noqa: S102 - this is what it is for


def _scope(extra: dict[str, Any]) -> dict[str, Any]:
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    module.__dict__.update(files=files.contents, Args=Args, Output=dict, **extra)
    return module.__dict__


def _call(scope: dict[str, Any], entry: str, inputs: dict[str, Any]) -> Any:
    """Call the function in the style its signature asks for."""
    function = scope.get(entry)
    if not callable(function):
        raise NameError(f"The code must define a function {entry}(...).")  # noqa: TRY004 - it is missing
    value = function(Args(inputs)) if _takes_args(function, inputs) else function(**inputs)
    return _wait(value) if hasattr(value, "__await__") else value


def _takes_args(function: Any, inputs: dict[str, Any]) -> bool:
    code = getattr(function, "__code__", None)
    if code is None or code.co_argcount != 1 or code.co_kwonlyargcount:
        return False
    if code.co_flags & (KEYWORDS_FLAG | POSITIONALS_FLAG):
        return False
    name = code.co_varnames[0]
    if name in inputs or function.__defaults__:
        return False
    annotation = function.__annotations__.get(name)
    named = name == "args" or annotation is Args or str(annotation).startswith("Args")
    return named or bool(code.co_flags & COROUTINE_FLAG)


def _wait(coroutine: Any) -> Any:
    """Finish a coroutine; one that never really waits needs no event loop."""
    if "asyncio" in sys.modules:
        import asyncio

        if asyncio.iscoroutine(coroutine):
            return asyncio.run(coroutine)
        return asyncio.new_event_loop().run_until_complete(coroutine)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("The code waits for something that does not exist in the sandbox.")


class NotJson(Exception):
    """A value that is no JSON; the client has an error of its own for it."""

    __module__ = "builtins"


class TooDeep(Exception):
    """A value with too many levels."""

    __module__ = "builtins"


def _report(value: Any) -> bytes:
    try:
        text = _encode(value)
    except RecursionError:
        raise TooDeep from None
    except (TypeError, ValueError, OverflowError) as error:
        raise NotJson(f"The function returned something that is no JSON: {error}") from None
    return f'{{"ok":true,"value":{text}}}'.encode("utf-8", "surrogatepass")


def failure(error: BaseException) -> bytes:
    """The report of an exception, with the lines of the author's code and nothing else."""
    name = type(error).__name__
    message, trace, line = "", name, None
    try:
        message = str(error)[:MAX_MESSAGE]
        trace, line = _trace(error)
    except BaseException:  # noqa: BLE001 - exceptions of hostile code can fail in every way
        message = message or "(the error could not be shown)"
    report = {"ok": False, "error": name, "message": message, "traceback": trace, "line": line}
    return json.dumps(report).encode("ascii", "replace")


def _trace(error: BaseException) -> tuple[str, int | None]:
    import traceback

    shown = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    line = shown[-1].lineno if shown else None
    if isinstance(error, SyntaxError) and error.filename == FILE:
        line = error.lineno
    last = traceback.format_exception_only(type(error), error)
    head = ["Traceback (most recent call last):\n"] if shown else []
    text = "".join([*head, *traceback.format_list(shown[-MAX_FRAMES:]), *last])
    return text[-MAX_TRACEBACK:], line
