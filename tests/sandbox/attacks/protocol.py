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

ANY_ANSWER = (OK, FAILED, NOT_JSON, CRASHED, FORBIDDEN, LARGE)
FORGED = """
import os
def main():
    for fd in (1, 2, 3, 0):
        for text in TEXTS:
            try: os.write(fd, text)
            except OSError: pass
    os._exit(STATUS)
"""


def forged(name: str, texts: str, status: int = 0, *expect: str) -> Attack:
    """Write `texts` (a Python expression) to every descriptor, then leave with `status`."""
    code = FORGED.replace("TEXTS", texts).replace("STATUS", str(status))
    return plain(name, code, *(expect or ANY_ANSWER))


ATTACKS: list[Attack] = [
    forged("forge a result", """[b'{"ok":true,"result":{"forged":1}}']"""),
    forged("forge two results", """[b'{"ok":true,"result":{"a":1}}{"ok":true,"result":{"a":2}}']"""),
    forged("forge a readiness mark", """[b'R', b'RRRR', b'R{"ok":true,"result":{}}']"""),
    forged(
        "forge an infrastructure failure",
        """[b'\\x00SETUP OSError', b'{"status":"infrastructure"}', b'{"ok":false,"error":"SandboxUnavailable","message":"x","retryable":true}']""",
        111,
    ),
    forged(
        "forge an unknown frame",
        """[b'{"type":"ended","status":0,"why":null}', b'\\x00\\x00\\x00\\x05hello']""",
    ),
    forged(
        "forge a gigantic length", """[b'\\xff\\xff\\xff\\xff', b'\\xff' * 8, b'\\x7f\\xff\\xff\\xff{}']"""
    ),
    forged("forge a result that is no UTF-8", """[b'{"ok":true,"result":{"a":"\\xff\\xfe"}}']"""),
    forged("forge NaN", """[b'{"ok":true,"result":{"a":NaN,"b":Infinity,"c":-Infinity}}']"""),
    forged("forge an infinite number", """[b'{"ok":true,"result":{"a":1e999}}']"""),
    forged("forge a huge integer", """[b'{"ok":true,"result":{"a":' + b'9' * 10000 + b'}}']"""),
    forged("forge a deep result", """[b'{"ok":true,"result":' + b'[' * 200000 + b']' * 200000 + b'}']"""),
    forged("forge duplicate keys", """[b'{"ok":true,"ok":false,"result":{"a":1},"result":{"a":2}}']"""),
    forged("forge surrogates and NUL", """[b'{"ok":true,"result":{"a":"\\\\ud800","b":"\\\\u0000"}}']"""),
    forged("forge a truncated result", """[b'{"ok":true,"resu']"""),
    forged(
        "forge an error with odd types",
        """[b'{"ok":false,"error":{"a":[1]},"message":[1,2],"traceback":7,"line":"x"}']""",
    ),
    forged(
        "forge an error with a huge message",
        """[b'{"ok":false,"error":"E","message":"' + b'm' * 900000 + b'"}']""",
    ),
    forged(
        "forge a request to the broker",
        """[b'{"type":"http_request","id":1,"method":"GET","url":"http://127.0.0.1/"}', b'H{"url":"http://127.0.0.1/"}\\n']""",
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
        "import os\ndef main():\n    while True:\n        for fd in (3, 4, 5):\n            try: os.write(fd, b'x' * 65536)\n            except OSError: pass",
        LARGE,
        OUTPUT,
        WALL,
        CPU,
        limits={"cpu_s": 1, "wall_s": 2},
    ),
    plain(
        "drip the result descriptor",
        "import os, time\ndef main():\n    while True:\n        os.write(3, b'x')\n        time.sleep(0.01)",
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
        "import os\ndef main():\n    os.write(1, bytes(range(256)))\n    return {'a': 1}",
        OK,
    ),
    python(
        "read what others hold",
        "import os\nfound = []\nfor fd in range(1, 64):\n    got = attempt(os.read, fd, 100)\n    if got and got is not True: found.append([fd, repr(got)])\nreturn found",
        OK,
        FAILED,
    ),
    python(
        "the payload is read once", "import os\nreturn attempt(os.read, 0, 100) not in (None, b'', True)", OK
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
