"""Python in the sandbox: how code is called, what it can use, and how its failures are told."""

from __future__ import annotations

import asyncio
import os

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
        job = CodeJob("python", code, inputs or {}, **more)
        return asyncio.run(execute(ground.transport, job, answer or _refuse))

    return call


async def _refuse(request) -> bytes:
    return refusal_frame("no")


@pytest.mark.parametrize(
    "code",
    [
        "def main(a, b):\n    return {'sum': a + b}",
        "def main(a, b=0, *, c=0):\n    return {'sum': a + b + c}",
        "def main(**inputs):\n    return {'sum': inputs['a'] + inputs['b']}",
        "async def main(a, b):\n    return {'sum': a + b}",
        "async def main(args):\n    return {'sum': args.params['a'] + args.params['b']}",
        "def main(args):\n    return {'sum': args.params['a'] + args.params['b']}",
        "async def main(args: Args) -> Output:\n    p = args.params\n    return {'sum': p['a'] + p['b']}",
        "async def main(event: Args[int]):\n    return {'sum': event.params['a'] + event.params['b']}",
        "class C:\n    def __call__(self, a, b):\n        return {'sum': a + b}\nmain = C()",
        "main = lambda **k: {'sum': sum(k.values())}",
    ],
)
def test_every_signature_gets_its_inputs(run, code):
    assert run(code, {"a": 1, "b": 2}).value == {"sum": 3}


def test_an_input_called_args_is_an_input(run):
    assert run("def main(args):\n    return args", {"args": 5}).value == 5


def test_another_entry(run):
    assert run("def evaluate(x):\n    return x", {"x": 1}, entry="evaluate").value == 1


@pytest.mark.parametrize(
    ("code", "kind", "line", "text"),
    [
        ("def main():\n    x = 1\n    return x / 0", errors.CodeFailed, 3, "ZeroDivisionError"),
        ("def f():\n    raise KeyError('k')\ndef main():\n    f()", errors.CodeFailed, 2, "KeyError"),
        ("def main():\n    return (1", errors.CodeFailed, 2, "SyntaxError"),
        ("x = 1", errors.CodeFailed, None, "must define a function main"),
        ("def main():\n    import sys\n    sys.exit(3)", errors.CodeFailed, 3, "SystemExit"),
        ("def main():\n    return main()", errors.CodeFailed, 2, "RecursionError"),
        ("import nothing_like_it", errors.CodeFailed, 1, "not available in the sandbox"),
        ("def main():\n    return open('/etc/passwd').read()", errors.CodeFailed, 2, "PermissionError"),
        ("def main(a):\n    return a", errors.CodeFailed, None, "missing 1 required"),
        ("def main():\n    return {1, 2}", errors.ResultNotJson, None, "set is not JSON"),
        ("def main():\n    return float('inf')", errors.ResultNotJson, None, "Out of range"),
        ("def main():\n    return '\\x00'", errors.ResultNotJson, None, ""),
        ("def main():\n    return '\\ud800'", errors.ResultNotJson, None, ""),
        (
            "def main():\n    a = []\n    for _ in range(30): a = [a]\n    return a",
            errors.ResultTooDeep,
            None,
            "",
        ),
        ("def main():\n    a = []\n    a.append(a)\n    return a", errors.ResultNotJson, None, "Circular"),
        ("def main():\n    return 'x' * 2_000_000", errors.ResultTooLarge, None, ""),
        ("def main():\n    return [0] * 10**9", errors.MemoryLimitExceeded, 2, ""),
        ("import os\ndef main():\n    os._exit(0)", errors.CodeFailed, None, "before it returned"),
        ("import os\ndef main():\n    os._exit(111)", errors.CodeFailed, None, "exit code 111"),
        ("import ctypes\ndef main():\n    ctypes.string_at(0)", errors.CodeFailed, None, "SIGSEGV"),
        ("import ctypes\ndef main():\n    ctypes.CDLL(None).ptrace(0)", errors.ForbiddenOperation, None, ""),
        ("def main():\n    print('x' * 300_000)", errors.OutputLimitExceeded, None, ""),
    ],
)
def test_failures_have_their_own_error(run, code, kind, line, text):
    with pytest.raises(errors.SandboxError) as caught:
        run(code)
    assert type(caught.value) is kind
    assert text in caught.value.message
    assert caught.value.line == line
    assert not caught.value.retryable


def test_time_limits(run):
    with pytest.raises(errors.WallLimitExceeded):
        run("import time\ndef main():\n    time.sleep(9)", limits=Limits(wall_s=0.2))
    with pytest.raises(errors.CpuLimitExceeded):
        run("def main():\n    while True: pass", limits=Limits(cpu_s=1))


def test_a_traceback_shows_the_authors_lines_only(run):
    with pytest.raises(errors.CodeFailed) as caught:
        run("import json\n\ndef main():\n    return json.loads('{')")
    assert 'File "<code>", line 4, in main' in caught.value.traceback
    assert "json.loads('{')" in caught.value.traceback
    assert caught.value.traceback.count("File") == 1


def test_what_is_printed_comes_back(run):
    code = (
        "import sys\nprint('before')\ndef main():\n    print('é😀', end='')\n    print('bad', file=sys.stderr)\n"
        "    sys.stdout.buffer.write(b' raw\\xff\\x00')\n"
    )
    result = run(code)
    assert (result.value, result.stdout, result.stderr) == (None, "before\né😀 raw��", "bad\n")
    with pytest.raises(errors.CodeFailed) as caught:
        run("print('so far')\ndef main():\n    1 / 0")
    assert caught.value.stdout == "so far\n"


def test_usage_is_measured(run):
    result = run("def main():\n    return sum(range(2_000_000))")
    assert result.cpu_ms > 5
    assert result.wall_ms > 5
    assert result.max_rss_kb > 5_000


def test_reading_input_ends_at_once(run):
    with pytest.raises(errors.CodeFailed, match="EOFError"):
        run("def main():\n    return input()")


def test_files_by_content(run):
    code = """
import json, pathlib
def main():
    with open("data.json") as file:
        data = json.load(file)
    text = open("data.json", "rb").read().decode()
    with open("out.txt", "w") as file:
        file.write("first\\n")
    with open("out.txt", "a") as file:
        file.write("second")
    files["raw.bin"] = bytes([1, 2])
    return {"data": data, "same": files["data.json"].decode() == text, "path": pathlib.Path("out.txt").read_text()}
"""
    result = run(code, files={"data.json": b'{"x": 1}'}, limits=Limits(file_mb=1))
    assert result.value == {"data": {"x": 1}, "same": True, "path": "first\nsecond"}
    assert result.files == {"out.txt": b"first\nsecond", "raw.bin": b"\1\2"}


def test_files_keep_to_their_limits(run):
    with pytest.raises(errors.CodeFailed, match="may not write"):
        run("def main():\n    open('a', 'w')", files={"a": b""})
    with pytest.raises(errors.OutputLimitExceeded):
        run("def main():\n    files['a'] = bytes(2_000_000)", limits=Limits(file_mb=1))
    with pytest.raises(errors.CodeFailed, match="FileNotFoundError"):
        run("def main():\n    open('b')", files={"a": b""}, limits=Limits(file_mb=1))


def test_the_network_is_a_broker_or_nothing(run):
    asked = []

    async def answer(request) -> bytes:
        asked.append(request)
        return answer_frame(201, {"x": "y"}, b'{"n": 1}') if len(asked) == 1 else refusal_frame("not allowed")

    code = """
def main():
    answer = http_request("POST", "https://api.example.com/", {"a": "b"}, "body")
    try:
        http_request("GET", "http://localhost/")
    except ConnectionError as error:
        return [answer.status, answer.headers, answer.json(), str(error)]
"""
    result = run(code, answer=answer, network=("api.example.com",))
    assert result.value == [201, {"x": "y"}, {"n": 1}, "not allowed"]
    assert (asked[0].method, asked[0].url, asked[0].body) == ("POST", "https://api.example.com/", b"body")
    with pytest.raises(errors.CodeFailed, match="http_request"):
        run(code)


def test_the_standard_library_is_there(run):
    code = """
import asyncio, csv, dataclasses, decimal, email.message, hashlib, html, io, logging, pathlib, re, statistics
import string, unicodedata, urllib.parse, uuid, xml.etree.ElementTree as ET, zipfile, zlib, zoneinfo
from datetime import datetime
async def twice(x):
    await asyncio.sleep(0.001)
    return x * 2
@dataclasses.dataclass
class Point:
    x: int
async def main():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "text")
    berlin = datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    return [
        hashlib.sha256(b"").hexdigest()[:8], str(decimal.Decimal("1.1") + 1), statistics.mean([1, 2, 3]),
        ET.fromstring("<a><b>1</b></a>").find("b").text, list(csv.reader(["a,b"])), Point(3).x,
        await asyncio.gather(twice(1), twice(2)), zipfile.ZipFile(archive).read("a.txt").decode(),
        str(berlin.utcoffset()), datetime.strptime("2024-02-29", "%Y-%m-%d").day, len(uuid.uuid4().hex),
        "é".encode("cp1252").hex(), "中".encode("gb18030").hex(), urllib.parse.quote("a b"),
    ]
"""
    assert run(code).value == [
        "e3b0c442", "2.1", 2, "1", [["a", "b"]], 3, [2, 4], "text", "2:00:00", 29, 32, "e9", "d6d0", "a%20b",
    ]  # fmt: skip


def test_forks_differ_in_their_random_numbers(run):
    code = "import os, random, uuid\ndef main():\n    return [random.random(), os.urandom(8).hex(), str(uuid.uuid4())]"
    one, other = run(code).value, run(code).value
    assert not set(one) & set(other)


def test_nothing_of_this_machine_shows(run, settings):
    code = """
import os, platform, sys
def main():
    frames, frame = [], sys._getframe()
    while frame:
        frames.append([frame.f_code.co_filename, str(frame.f_globals.get("__file__"))])
        frame = frame.f_back
    names = ("__file__", "__path__", "__spec__")
    places = [str(getattr(module, name, "")) for module in list(sys.modules.values()) for name in names]
    return [frames, places, sys.path, sys.executable, sys.prefix, dict(os.environ), platform.platform(), sys.argv]
"""
    seen = str(run(code).value)
    for secret in (
        str(settings.BASE_DIR),
        "/root",
        "/home",
        "site-packages",
        os.uname().release,
    ):
        assert secret not in seen


def test_a_job_finds_nothing_of_the_one_before(run):
    poison = """
import builtins, json, sys
def main():
    builtins.POISON = json.POISON = sys.POISON = 1
    json.dumps = json.loads = print = None
    sys.modules.clear()
    return 1
"""
    for _ in range(6):  # more than wait in advance
        assert run(poison).value == 1
    look = "import builtins, json, sys\ndef main():\n    return [hasattr(m, 'POISON') for m in (builtins, json, sys)]"
    assert run(look).value == [False, False, False]
