"""Descriptors that the job holds, and lies about how it ended."""

from __future__ import annotations

from tests.sandbox.attacks.model import (
    CPU,
    CRASHED,
    DEEP,
    FAILED,
    FORBIDDEN,
    LARGE,
    NOT_JSON,
    OK,
    OUTPUT,
    WALL,
    Attack,
    plain,
    python,
)

ANY_ANSWER = (OK, FAILED, NOT_JSON, DEEP, LARGE)
FORGED = """
import os, struct, time
def F(kind, payload, size=None):
    return struct.pack('<cI', kind, len(payload) if size is None else size) + payload
def main():
    for fd in (0, 1, 2, 3):
        for text in TEXTS:
            try: os.write(fd, text)
            except OSError: pass
    os._exit(STATUS)
"""


def forged(name: str, texts: str, status: int = 0, *expect: str) -> Attack:
    """Write `texts` (a Python expression) to every descriptor, then leave with `status`."""
    code = FORGED.replace("TEXTS", texts).replace("STATUS", str(status))
    return plain(name, code, *(expect or ANY_ANSWER))


def framed(name: str, texts: str, status: int = 0, *expect: str) -> Attack:
    """The same as frames of the wire."""
    return forged(f"{name}, as a frame", f"[F(b'r', text) for text in {texts}]", status, *expect)


RESULTS = {
    "forge a result": """[b'{"ok":true,"value":{"forged":1}}']""",
    "forge two results": """[b'{"ok":true,"value":{"a":1}}', b'{"ok":true,"value":{"a":2}}']""",
    "forge a readiness mark": """[b'R', b'RRRR', b'R{"ok":true,"value":{}}']""",
    "forge a result that is no UTF-8": """[b'{"ok":true,"value":{"a":"\\xff\\xfe"}}']""",
    "forge NaN": """[b'{"ok":true,"value":{"a":NaN,"b":Infinity,"c":-Infinity}}']""",
    "forge an infinite number": """[b'{"ok":true,"value":{"a":1e999}}']""",
    "forge an infinite number of many digits": """[b'{"ok":true,"value":1' + b'0' * 250 + b'e99}']""",
    "forge a huge integer": """[b'{"ok":true,"value":{"a":' + b'9' * 10000 + b'}}']""",
    "forge a deep result": """[b'{"ok":true,"value":' + b'[' * 200000 + b']' * 200000 + b'}']""",
    "forge duplicate keys": """[b'{"ok":true,"ok":false,"value":{"a":1},"value":{"a":2}}']""",
    "forge surrogates and NUL": """[b'{"ok":true,"value":{"a":"\\\\ud800","b":"\\\\u0000"}}']""",
    "forge a truncated result": """[b'{"ok":true,"val']""",
    "forge a result with more in it": """[b'{"ok":true,"value":1,"state":"failed","retryable":true}']""",
    "forge an error with odd types": """[b'{"ok":false,"error":{"a":[1]},"message":[1,2],"traceback":7,"line":"x"}']""",
    "forge an error with a huge message": """[b'{"ok":false,"error":"E","message":"' + b'm' * 60000 + b'"}']""",
    "forge a failure of the platform": """[b'{"ok":false,"error":"SandboxUnavailable","message":"x","retryable":true}']""",
}

ATTACKS: list[Attack] = [
    *[forged(name, texts) for name, texts in RESULTS.items()],
    *[framed(name, texts) for name, texts in RESULTS.items()],
    framed("forge a failure with its exit code", RESULTS["forge a failure of the platform"], 111, FAILED),
    forged(
        "forge a set-up failure",
        """[b'\\x00SETUP OSError', b'!OSError: no', b'{"state":"failed","message":"no"}']""",
        111,
    ),
    forged(
        "forge a verdict",
        """[b'{"state":"busy","ready":false}', F(b'V', b'{"state":"busy","ready":false}')]""",
    ),
    forged("forge a gigantic length", """[F(b'r', b'', 2 ** 32 - 1)]""", 0, LARGE, NOT_JSON),
    forged("forge frames of every kind", """[F(bytes([kind]), b'{}') for kind in range(256)]"""),
    forged("forge half a header", """[b'r\\x10']""", 0, NOT_JSON, FAILED),
    forged("forge half a frame", """[F(b'r', b'{"ok":', 100)]""", 0, NOT_JSON, FAILED),
    forged("forge a file with a path", """[F(b'f', struct.pack('<H', 9) + b'../../etc' + b'x')]"""),
    forged(
        "forge a file with an odd name",
        """[F(b'f', struct.pack('<H', 3) + b'\\xff\\x00/' + b'x'), F(b'f', b'\\xff')]""",
    ),
    forged(
        "forge a request to the broker",
        """[F(b'h', b'{"method":"GET","url":"http://127.0.0.1/","headers":{},"body":""}')]""",
        0,
        FORBIDDEN,
    ),
    forged("forge a request that is none", """[F(b'h', b'[' * 100000), F(b'h', b'{"method":[]}')]"""),
    plain(
        "requests to the broker without end",
        'import os, struct\nbody = b\'{"method":"GET","url":"http://127.0.0.1/","headers":{},"body":""}\'\nframe = struct.pack(\'<cI\', b\'h\', len(body)) + body\ndef main():\n    while True: os.write(0, frame)',
        FORBIDDEN,
        limits={"cpu_s": 1, "wall_s": 0.6},
    ),
    plain(
        "empty frames without end",
        "import os, struct\nframes = struct.pack('<cI', b'o', 0) * 10000\ndef main():\n    while True: os.write(0, frames)",
        OUTPUT,
        limits={"cpu_s": 2, "wall_s": 6},
    ),
    plain(
        "half a frame, then nothing",
        "import os, struct, time\ndef main():\n    os.write(0, struct.pack('<cI', b'r', 1000) + b'{')\n    time.sleep(60)",
        WALL,
        limits={"wall_s": 0.4},
    ),
    forged("say nothing, status 1", "[]", 1, CRASHED, FAILED),
    forged("say nothing, status 0", "[]", 0, CRASHED, FAILED, NOT_JSON),
    forged("say nothing, status 255", "[]", 255, CRASHED, FAILED),
    plain(
        "close every descriptor, then return",
        "import os\ndef main():\n    for fd in range(1024):\n        try: os.close(fd)\n        except OSError: pass\n    return {'a': 1}",
        CRASHED,
        FAILED,
        NOT_JSON,
        OK,
    ),
    plain(
        "close every descriptor, then spin",
        "import os\ndef main():\n    for fd in range(1024):\n        try: os.close(fd)\n        except OSError: pass\n    while True: pass",
        CPU,
        WALL,
        limits={"cpu_s": 1, "wall_s": 0.5},
    ),
    plain(
        "close every descriptor, then sleep",
        "import os, time\ndef main():\n    for fd in range(1024):\n        try: os.close(fd)\n        except OSError: pass\n    time.sleep(50)",
        WALL,
        limits={"wall_s": 0.4},
    ),
    plain(
        "flood the result descriptor",
        "import os\ndef main():\n    while True:\n        for fd in (0, 1, 3, 4):\n            try: os.write(fd, b'x' * 65536)\n            except OSError: pass",
        NOT_JSON,
        limits={"cpu_s": 1, "wall_s": 2},
    ),
    plain(
        "drip the result descriptor",
        "import os, time\ndef main():\n    while True:\n        os.write(0, b'r\\x00\\x00\\x01\\x00')\n        time.sleep(0.01)",
        WALL,
        FAILED,
        limits={"wall_s": 0.4},
    ),
    plain(
        "replace the encoder",
        'import json\njson.dumps = lambda *a, **k: \'{"ok": false, "error": "SandboxUnavailable", "retryable": true}\'\njson.JSONEncoder.encode = json.dumps\ndef main():\n    return {\'a\': 1}',
        OK,
        FAILED,
        NOT_JSON,
        CRASHED,
    ),
    plain(
        "replace os.write and os._exit",
        "import os, time\nos.write = lambda fd, data: len(data)\nos._exit = lambda status: time.sleep(60)\ndef main():\n    return {'a': 1}",
        OK,
        CRASHED,
        NOT_JSON,
        WALL,
        FAILED,
        limits={"wall_s": 0.6},
    ),
    plain(
        "answer twice through a generator",
        "class D(dict):\n    def items(self):\n        yield ('a', 1)\n        while True: yield ('a', 1)\ndef main():\n    return D(a=1)",
        OK,
        CPU,
        WALL,
        "MemoryLimitExceeded",
        LARGE,
        FAILED,
        limits={"cpu_s": 1, "wall_s": 1},
    ),
    plain(
        "a string that lies",
        "class S(str):\n    def encode(self, *a): return b'\"forged\"'\ndef main():\n    return {'a': S('x'), S('k'): 1}",
        OK,
        FAILED,
        NOT_JSON,
    ),
    plain(
        "a number that lies",
        "class I(int):\n    def __repr__(self): return '1, \"b\": 2'\n    __str__ = __repr__\nclass F(float):\n    def __repr__(self): return 'NaN'\ndef main():\n    return {'i': I(7), 'f': F(1.5)}",
        OK,
        FAILED,
        NOT_JSON,
    ),
    plain("a result that is not JSON", "def main():\n    return {'a': object()}", FAILED, NOT_JSON),
    plain("a result with bytes and sets", "def main():\n    return {'a': b'x', 'b': {1}}", FAILED, NOT_JSON),
    plain(
        "a result that holds itself",
        "def main():\n    d = {}\n    d['d'] = d\n    return d",
        FAILED,
        NOT_JSON,
        DEEP,
    ),
    plain(
        "a result with NaN",
        "def main():\n    return {'a': float('nan'), 'b': float('inf')}",
        FAILED,
        NOT_JSON,
    ),
    plain(
        "a result with lone surrogates",
        "def main():\n    return {'a': '\\ud800x', '\\udfff': 1}",
        OK,
        FAILED,
        NOT_JSON,
    ),
    plain("a result with NUL", "def main():\n    return {'a': 'x\\0y', '\\0': 1}", OK, FAILED, NOT_JSON),
    plain(
        "a result with a huge integer",
        "import sys\ndef main():\n    sys.set_int_max_str_digits(0)\n    return {'a': 10 ** 20000}",
        FAILED,
        NOT_JSON,
    ),
    plain(
        "a result that is too deep",
        "def main():\n    d = []\n    for _ in range(100): d = [d]\n    return {'d': d}",
        DEEP,
        limits={"depth": 20},
    ),
    plain(
        "a result that is far too deep",
        "def main():\n    d = []\n    for _ in range(100000): d = [d]\n    return {'d': d}",
        DEEP,
        FAILED,
        NOT_JSON,
        CRASHED,
    ),
    plain(
        "a result that is too large",
        "def main():\n    return {'d': 'x' * 3_000_000}",
        LARGE,
        NOT_JSON,
        limits={"result_kb": 64},
    ),
    plain(
        "a result with too long a string",
        "def main():\n    return {'d': 'x' * 500_000}",
        LARGE,
        NOT_JSON,
        FAILED,
        limits={"result_kb": 2048, "string_chars": 400_000},
    ),
    plain("no result", "def main():\n    pass", FAILED, NOT_JSON, OK),
    plain("no main", "x = 1", FAILED),
    plain("main is no function", "main = 5", FAILED),
    plain("code with NUL", "def main():\n    return {}\n\0", FAILED),
    plain(
        "print lone surrogates and NUL",
        "def main():\n    print('\\ud800\\0\\x1b[2J')\n    return {'a': 1}",
        OK,
    ),
    plain(
        "write bytes that are no UTF-8",
        "import sys\ndef main():\n    sys.stdout.buffer.write(bytes(range(256)))\n    sys.stderr.buffer.write(b'\\xff\\0' * 100)\n    return {'a': 1}",
        OK,
    ),
    python(
        "read what others hold",
        "import os\nfound = []\nfor fd in range(1, 64):\n    got = attempt(os.read, fd, 100)\n    if got and got is not True: found.append([fd, repr(got)])\nreturn found",
        OK,
        FAILED,
    ),
    python(
        "the payload is read once",
        "import os\nreturn attempt(os.read, 0, 100) not in (None, b'', True)",
        OK,
        WALL,
        limits={"wall_s": 0.3},
    ),
    python(
        "replace the streams",
        "import io\nsys.stdout = sys.stderr = sys.__stdout__ = None\nsys.displayhook = None\nreturn None",
        OK,
    ),
    python(
        "streams that raise",
        "class Bad:\n    def write(self, s): raise SystemExit(3)\n    def flush(self): raise MemoryError\nsys.stdout = sys.stderr = Bad()\nprint('x')",
        FAILED,
    ),
    python(
        "many descriptors that are open",
        "import os\nopen_ = [fd for fd in range(0, 4096) if attempt(os.fstat, fd)]\nreturn open_ if len(open_) > 5 else None",
        OK,
    ),
]
