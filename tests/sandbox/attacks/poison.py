"""Changing what the next job sees, and walking into the runner."""

from __future__ import annotations

from tests.sandbox.attacks.model import CRASHED, FAILED, FORBIDDEN, OK, Attack, plain, python

ATTACKS: list[Attack] = [
    plain(
        "poison builtins",
        "import builtins\nbuiltins.POISON = 1\nbuiltins.len = lambda x: 666\nbuiltins.print = None\nbuiltins.dict = None\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
        CRASHED,
        "ResultNotJson",
    ),
    plain(
        "poison json",
        "import json\njson.loads = lambda *a, **k: {'POISON': 1}\njson.decoder.JSONDecoder.decode = json.loads\njson.POISON = 1\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
    ),
    plain(
        "poison modules",
        "import sys\nfor n in ('math', 're', 'datetime', 'random', 'os', 'json', 'collections'):\n    m = type(sys)(n); m.POISON = 1; sys.modules[n] = m\nsys.POISON = 1\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
    ),
    plain(
        "poison the import system",
        "import sys, builtins\nclass F:\n    @staticmethod\n    def find_spec(name, path=None, target=None): raise RuntimeError('POISON')\nsys.meta_path.insert(0, F)\nbuiltins.__import__ = lambda *a, **k: 'POISON'\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
    ),
    plain(
        "poison classes of the library",
        "import decimal, datetime, collections, json.encoder\ncollections.OrderedDict.POISON = 1\njson.encoder.JSONEncoder.default = lambda s, o: 'POISON'\ndecimal.getcontext().prec = 1\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
    ),
    plain(
        "poison the environment and streams",
        "import os, sys, locale, random\nos.environ['POISON'] = '1'\nsys.stdout.POISON = 1\nrandom.seed(1)\nsys.setrecursionlimit(60)\nsys.set_int_max_str_digits(640)\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
    ),
    python(
        "poison small integers in memory",
        "if ctypes is None: return None\nctypes.c_long.from_address(id(42) + 24).value = 43\nctypes.memset(id('POISON'), 0, 1)\nreturn None",
        OK,
        CRASHED,
        FAILED,
        native=True,
    ),
    python(
        "poison interned text in memory",
        "if ctypes is None: return None\nfor name in ('main', 'loads', 'dumps', 'append'):\n    ctypes.memset(id(name) + 48, 0x58, 2)\nreturn None",
        OK,
        CRASHED,
        FAILED,
        native=True,
    ),
    python(
        "poison types in memory",
        "if ctypes is None: return None\nimport gc\nd = gc.get_referents(int.__dict__)[0] if gc.get_referents(int.__dict__) else {}\nd['POISON'] = 1\nd = gc.get_referents(str.__dict__)[0]\nd['upper'] = lambda s: 'POISON'\nctypes.pythonapi.PyType_Modified(ctypes.py_object(str))\nreturn None",
        OK,
        CRASHED,
        FAILED,
        native=True,
    ),
    python(
        "poison shared mappings",
        "import mmap\nm = attempt(mmap.mmap, -1, 4096)\nif m and m is not True: m[0:6] = b'POISON'\nreturn None",
        OK,
        FAILED,
    ),
    python(
        "poison code objects",
        "import json, types\nf = json.dumps\nf.__code__ = (lambda *a, **k: '{\"POISON\": 1}').__code__\nreturn None",
        OK,
        FAILED,
        "ResultNotJson",
        CRASHED,
    ),
    python(
        "poison every function that can be reached",
        "import gc, types\nbad = (lambda *a, **k: None).__code__\nn = 0\nfor f in gc.get_objects():\n    if isinstance(f, types.FunctionType) and not f.__code__.co_freevars and f.__name__ not in ('attack', 'main', 'attempt'):\n        try: f.__code__ = bad; n += 1\n        except BaseException: pass\nreturn None",
        OK,
        FAILED,
        CRASHED,
        "ResultNotJson",
        "WallLimitExceeded",
        limits={"wall_s": 2},
    ),
    python(
        "fill what the job shares with its siblings",
        "import time\nend = time.monotonic() + 0.2\nwhile time.monotonic() < end:\n    for fd in (1, 2): sys.stdout.flush()\nreturn None",
        OK,
    ),
    plain(
        "frames of the runner",
        "import sys\ndef main():\n    f = sys._getframe(1)\n    names = []\n    while f:\n        names += [n for n in f.f_globals if 'secret' in n.lower() or 'token' in n.lower() and n != 'tokenize']\n        f.f_globals['POISON'] = 1\n        f = f.f_back\n    return {'breach': None}",
        OK,
        FAILED,
    ),
    plain(
        "subclasses of object",
        "def main():\n    for c in object.__subclasses__():\n        if c.__name__ in ('Popen', '_wrap_close', 'FileLoader'):\n            try:\n                if c.__name__ == 'FileLoader':\n                    return {'breach': c('x', '/etc/passwd').get_data('/etc/passwd')}\n                return {'breach': repr(c(['id']))}\n            except Exception: pass\n    return {'breach': None}",
        OK,
    ),
    plain(
        "format strings",
        "def main(who='x'):\n    class A: pass\n    return {'breach': None, 's': '{0.__class__.__init__.__globals__}'.format(type('Q', (), {'__init__': main})())[:2000]}",
        OK,
        FAILED,
    ),
    plain(
        "exceptions and their frames",
        "import sys\ndef main():\n    try: 1 / 0\n    except ZeroDivisionError as e:\n        f = e.__traceback__.tb_frame.f_back\n    g = f.f_globals\n    for name in list(g):\n        if name not in ('__builtins__', '__name__'):\n            try: g[name] = None\n            except Exception: pass\n    return {'a': 1}",
        OK,
        FAILED,
        CRASHED,
        "ResultNotJson",
    ),
    plain(
        "generators of the runner",
        "import gc\ndef main():\n    n = 0\n    for g in gc.get_objects():\n        if type(g).__name__ in ('generator', 'coroutine'):\n            try: g.close(); n += 1\n            except BaseException: pass\n    return {'n': n}",
        OK,
        FAILED,
    ),
    plain(
        "a main that is somebody else's",
        "import os, sys\nclass M:\n    def __call__(self, **k): return {'a': 1}\n    def __getattr__(self, n): raise SystemExit(4)\nmain = M()",
        OK,
        FAILED,
        CRASHED,
    ),
    plain(
        "__main__ replaced",
        "import sys\nsys.modules['__main__'] = None\nsys.modules.clear()\ndef main():\n    return {'a': 1}",
        OK,
        FAILED,
        CRASHED,
    ),
    plain("the module's own dictionary", "globals().clear()\ndef main():\n    return {'a': 1}", OK, FAILED),
    plain(
        "tracebacks that show the host", "import json, importlib\ndef main():\n    json.loads('{')", FAILED
    ),
    plain("tracebacks of imports", "import no_such_module_at_all", FAILED),
    plain(
        "tracebacks with a forged file",
        "exec(compile('def f():\\n    1/0\\n', '/work/secret/path.py', 'exec'))\ndef main():\n    f()",
        FAILED,
    ),
    plain(
        "tracebacks that show the runner's source",
        "import traceback, sys\ndef main():\n    return {'t': ''.join(traceback.format_stack())}",
        OK,
    ),
    python(
        "runner's source by inspect",
        "import inspect\nf = sys._getframe(2)\nreturn attempt(lambda: inspect.getsource(f.f_code)) and None",
        OK,
        FAILED,
    ),
    plain("SyntaxError with the host's text", "def main(:\n    pass", FAILED),
    plain(
        "an encoding declaration",
        "# -*- coding: rot13 -*-\nqrs znva(): erghea {}\ndef main():\n    return {}",
        OK,
        FAILED,
    ),
    plain(
        "a future that does not exist", "from __future__ import braces\ndef main():\n    return {}", FAILED
    ),
    plain(
        "inputs that are keywords",
        "def main(**inputs):\n    return {'keys': sorted(inputs)}",
        OK,
        inputs={"self": 1, "class": 2, "__builtins__": 3, "": 4},
    ),
    python(
        "seeds are not shared", "import random\nreturn None if isinstance(random.random(), float) else 1", OK
    ),
    python("the garbage of the zygote", "import gc\nreturn [repr(o)[:80] for o in gc.garbage]", OK),
    python(
        "unfreeze and collect everything",
        "import gc\ngc.unfreeze()\ngc.enable()\nfor _ in range(3): gc.collect()\nreturn None",
        OK,
    ),
    python(
        "ctypes by any road is still confined",
        "if ctypes is None: return None\nlibc = ctypes.CDLL(None)\nreturn [n for n in ('fork', 'getppid') if n == 'fork' and libc.fork() != -1] or (libc.open(b'/etc/passwd', 0) >= 0 and 'open') or (libc.socket(2, 1, 0) >= 0 and 'socket') or (libc.system(b'true') == 0 and 'system') or None",
        OK,
        FORBIDDEN,
        native=True,
    ),
]
