"""Using up memory, processor, output, stack, or patience."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.model import (
    CPU, CRASHED, FAILED, FORBIDDEN, LARGE, MEMORY, NOT_JSON, OK, OUTPUT, WALL, Attack, plain, python,
)  # fmt: skip

SMALL: dict[str, Any] = {"memory_mb": 32, "cpu_s": 2, "wall_s": 6}
SPIN: dict[str, Any] = {"cpu_s": 1, "wall_s": 0.6}
NO_ROOM = (MEMORY, FAILED)
TOO_LONG = (CPU, WALL)

ATTACKS: list[Attack] = [
    plain("memory: a growing list", "def main():\n    x = []\n    while True: x.append(bytearray(1 << 20))", MEMORY, limits=SMALL),
    plain("memory: one huge block", "def main():\n    bytearray(1 << 40)", MEMORY, limits=SMALL),
    plain("memory: a swallowed MemoryError", "def main():\n    x = []\n    while True:\n        try: x.append(bytearray(1 << 20))\n        except MemoryError: x.append(1)", MEMORY, *TOO_LONG, CRASHED, limits=SPIN | {"memory_mb": 32}),
    plain("memory: a long string", "def main():\n    s = 'x'\n    while True: s += s", MEMORY, limits=SMALL),
    plain("memory: a big dict", "def main():\n    return {i: {} for i in range(10 ** 9)}", MEMORY, *TOO_LONG, limits=SMALL),
    plain("memory: formatting widths", "def main():\n    return {'a': '%1000000000d' % 1}", MEMORY, limits=SMALL),
    plain("memory: repeat and join", "def main():\n    return {'a': ','.join(['x' * 1000] * 10 ** 8)}", MEMORY, limits=SMALL),
    plain("memory: while importing", "x = [0] * 10 ** 10\ndef main():\n    return {}", MEMORY, limits=SMALL),
    python("memory: raw mappings", "n = 0\nwhile n < 100000 and (sc('mmap', 0, 1 << 24, 3, 0x22, -1, 0) or -1) > 0: n += 1\nreturn n if n > 60 else None", OK, MEMORY, FORBIDDEN, CRASHED, native=True, limits=SMALL),
    python("memory: malloc", "libc = ctypes.CDLL(None)\nlibc.malloc.restype = ctypes.c_void_p\nn = 0\nwhile n < 4000 and libc.malloc(ctypes.c_size_t(1 << 20)): n += 1\nreturn n if n > 400 else None", OK, MEMORY, FAILED, CRASHED, native=True, limits=SMALL),
    python("memory: a stack that grows", "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(n): return f(n + 1)\nf(0)", FAILED, CRASHED, MEMORY, limits=SMALL),
    plain("a zlib bomb", "import zlib\ndef main():\n    b = zlib.compress(b'0' * (8 << 20))\n    for _ in range(3): b = zlib.compress(b * 300)\n    d = b\n    while True: d = zlib.decompress(d) * 4", MEMORY, FAILED, *TOO_LONG, limits=SMALL | {"wall_s": 1.5}),
    plain("a bz2 bomb", "import bz2\ndef main():\n    c = bz2.compress(b'0' * (4 << 20))\n    return {'n': len(bz2.decompress(c * 500))}", MEMORY, FAILED, *TOO_LONG, limits=SPIN | {"memory_mb": 32}),
    plain("billion laughs", "import xml.etree.ElementTree as E\ndef main():\n    e = '<!DOCTYPE a [<!ENTITY l0 \"lol\">' + ''.join('<!ENTITY l%d \"%s\">' % (i, ('&l%d;' % (i - 1)) * 10) for i in range(1, 12)) + ']><a>&l11;</a>'\n    return {'n': len(E.fromstring(e).text)}", MEMORY, FAILED, *TOO_LONG, limits=SMALL | {"wall_s": 1}),
    plain("regular expression backtracking", "import re\ndef main():\n    return {'m': bool(re.match(r'(a+)+$', 'a' * 60 + 'b'))}", *TOO_LONG, limits=SPIN),
    plain("powers of powers", "def main():\n    return {'n': 9 ** 9 ** 9}", *TOO_LONG, MEMORY, limits=SPIN | {"memory_mb": 32}),
    plain("integer to text", "import sys\ndef main():\n    sys.set_int_max_str_digits(0)\n    return {'n': len(str(3 ** 20_000_000))}", *TOO_LONG, MEMORY, limits=SPIN | {"memory_mb": 32}),
    plain("decimal precision", "import decimal\ndef main():\n    decimal.getcontext().prec = decimal.MAX_PREC\n    decimal.getcontext().Emax = decimal.MAX_EMAX\n    return {'d': str(decimal.Decimal(1) / 3)}", MEMORY, FAILED, *TOO_LONG, limits=SPIN | {"memory_mb": 32}),
    plain("factorials", "import math\ndef main():\n    return {'n': math.factorial(10 ** 8) % 7}", *TOO_LONG, MEMORY, limits=SPIN | {"memory_mb": 32}),
    plain("colliding keys", "def main():\n    m = (1 << 61) - 1\n    d = {}\n    for i in range(10 ** 6): d[i * m] = i\n    return {}", *TOO_LONG, MEMORY, OK, limits=SPIN),
    plain("sorting with a slow key", "def main():\n    class K:\n        def __lt__(self, o):\n            while True: pass\n    sorted([K(), K()])", *TOO_LONG, limits=SPIN),
    plain("permutations for ever", "import itertools\ndef main():\n    return {'n': sum(1 for _ in itertools.permutations(range(100)))}", *TOO_LONG, limits=SPIN),
    plain("difflib", "import difflib\ndef main():\n    return {'r': difflib.SequenceMatcher(None, 'ab' * 20000, 'ba' * 20000, autojunk=False).ratio()}", *TOO_LONG, MEMORY, limits=SPIN),
    plain("an endless loop in C", "def main():\n    return {'n': sum(iter(int, 1))}", *TOO_LONG, limits=SPIN),
    plain("output without end", "def main():\n    while True: print('x' * 1000)", OUTPUT, limits=SMALL),
    plain("output without lines", "import sys\ndef main():\n    while True: sys.stdout.write('x' * 10)", OUTPUT, limits=SMALL),
    plain("errors without end", "import sys\ndef main():\n    while True: print('x' * 1000, file=sys.stderr)", OUTPUT, limits=SMALL),
    plain("output past the stream objects", "import os\ndef main():\n    while True: os.write(1, b'x' * 65536)", OUTPUT, limits=SMALL),
    plain("one huge write", "def main():\n    print('x' * 10_000_000)\n    return {}", OUTPUT, limits=SMALL),
    plain("warnings without end", "import warnings\ndef main():\n    i = 0\n    while True:\n        i += 1\n        warnings.warn('x' * 1000 + str(i))", OUTPUT, FAILED, MEMORY, *TOO_LONG, limits=SMALL),
    plain("recursion", "def main():\n    return main()", FAILED, CRASHED, MEMORY, limits=SMALL),
    plain("recursion without a limit", "import sys\ndef main():\n    sys.setrecursionlimit(2 ** 31 - 1)\n    def f(): return f()\n    return f()", FAILED, CRASHED, MEMORY, limits=SMALL),
    plain("recursion in C", "import sys, json\ndef main():\n    sys.setrecursionlimit(2 ** 31 - 1)\n    x = []\n    for _ in range(10 ** 6): x = [x]\n    return {'n': repr(x)}", FAILED, CRASHED, MEMORY, limits=SMALL | {"memory_mb": 128}),
    plain("recursion in a destructor", "class N:\n    pass\ndef main():\n    x = None\n    for _ in range(500_000):\n        n = N(); n.x = x; x = n\n    del x, n\n    return {}", OK, CRASHED, MEMORY, *TOO_LONG, limits=SMALL | {"memory_mb": 128}),
    plain("nested brackets in the code", "x = " + "(" * 500 + "1" + ")" * 500 + "\ndef main():\n    return {}", FAILED, MEMORY, OK),
    plain("nested unary operators in the code", "x = " + "-" * 60000 + "1\ndef main():\n    return {}", FAILED, MEMORY, CRASHED, OK),
    plain("eval of a deep expression", "def main():\n    return {'x': eval('[' * 10000 + ']' * 10000)}", FAILED, MEMORY, CRASHED),
    plain("literal_eval of a deep expression", "import ast\ndef main():\n    ast.literal_eval('-' * 100000 + '1')", FAILED, MEMORY, CRASHED, limits=SMALL),
    plain("json of a deep text", "import json, sys\ndef main():\n    sys.setrecursionlimit(10 ** 9)\n    json.loads('[' * 10 ** 6)", FAILED, CRASHED, MEMORY, limits=SMALL),
    plain("a pickle bomb", "import pickle\ndef main():\n    pickle.loads(b'(lp0\\n' + b'I1\\na' * 10 + b'((lp1\\n' * 100000)", FAILED, CRASHED, MEMORY, *TOO_LONG, limits=SMALL),
    plain("a pickle that calls", "import pickle\ndef main():\n    pickle.loads(b\"cos\\nsystem\\n(S'touch /tmp/fw-evil'\\ntR.\")\n    return {}", OK, FAILED),
    plain("a marshal that crashes", "import marshal\ndef main():\n    marshal.loads(b'[' + b'\\xff\\xff\\xff\\x7f' * 100)", FAILED, MEMORY, CRASHED),
    plain("a huge message in an exception", "def main():\n    raise ValueError('x' * 10_000_000)", FAILED, limits=SMALL | {"memory_mb": 128}),
    plain("an exception that cannot be printed", "class E(Exception):\n    def __str__(self): raise E()\n    __repr__ = __str__\ndef main():\n    raise E()", FAILED),
    plain("an exception that spins when printed", "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef main():\n    raise E()", *TOO_LONG, limits=SPIN),
    plain("an exception with a forged class", "E = type('SandboxUnavailable', (Exception,), {'__module__': 'apps.core.sandbox.errors', 'retryable': True, 'code': 'sandbox_unavailable'})\ndef main():\n    raise E('try again')", FAILED),
    plain("an exception with odd names", "E = type('E\\ud800\\0', (Exception,), {})\ndef main():\n    raise E('\\udfff\\0')", FAILED),
    plain("a chain of exceptions", "def main():\n    e = None\n    for i in range(100_000):\n        n = ValueError(i); n.__cause__ = e; e = n\n    raise e", FAILED, CRASHED, MEMORY, limits=SMALL),
    plain("an exception that is its own cause", "def main():\n    e = ValueError(); f = KeyError(); e.__cause__ = f; f.__cause__ = e\n    raise e", FAILED),
    plain("an exception group without end", "def main():\n    e = ValueError(1)\n    for i in range(2000): e = ExceptionGroup('g', [e])\n    raise e", FAILED, CRASHED, MEMORY),
    plain("asyncio waits for ever", "import asyncio\nasync def main(args):\n    await asyncio.Future()", FAILED, *TOO_LONG, limits=SPIN),
    plain("asyncio spins", "import asyncio\nasync def main(args):\n    while True: await asyncio.sleep(0)", *TOO_LONG, limits=SPIN),
    plain("asyncio swallows its cancellation", "import asyncio\nasync def main(args):\n    while True:\n        try: await asyncio.sleep(100)\n        except BaseException: pass", *TOO_LONG, limits=SPIN),
    plain("an awaitable that never ends", "class A:\n    def __await__(self):\n        while True: yield\nasync def main(args):\n    return await A()", FAILED, *TOO_LONG, limits=SPIN),
    plain("profilers and tracers", "import sys\ndef t(*a):\n    while True: pass\nsys.setprofile(t)\nsys.settrace(t)\ndef main():\n    return {}", OK, *TOO_LONG, limits=SPIN),
    plain("a hook at collection", "import gc\ndef spin(*a):\n    while True: pass\ngc.callbacks.append(spin)\ngc.enable(); gc.set_threshold(1)\ndef main():\n    return {'x': [[] for _ in range(1000)]}", OK, *TOO_LONG, limits=SPIN),
    plain("hooks that raise", "import sys\nsys.excepthook = sys.unraisablehook = None\nclass B:\n    def __del__(self): raise SystemExit(9)\ndef main():\n    B()\n    raise ValueError('x')", FAILED),
    plain("audit hooks", "import sys\ndef hook(*a):\n    raise RuntimeError('no')\nsys.addaudithook(hook)\ndef main():\n    return {'a': 1}", OK, FAILED, CRASHED, NOT_JSON),
    plain("unicode that grows", "import unicodedata\ndef main():\n    return {'n': len(unicodedata.normalize('NFKD', '\\ufdfa' * 3_000_000))}", MEMORY, *TOO_LONG, limits=SPIN | {"memory_mb": 32}),
    plain("a wide result", "def main():\n    return {str(i): i for i in range(200_000)}", LARGE, NOT_JSON, OK, limits={"result_kb": 256}),
    plain("a template bomb", "def main():\n    return {'s': '{0:{0}}'.format(10 ** 9)}", MEMORY, FAILED, limits=SMALL),
]
