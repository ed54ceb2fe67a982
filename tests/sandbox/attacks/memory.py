"""Secrets of the host, of earlier jobs and of the runner, looked for in the job's own memory."""

from __future__ import annotations

from tests.sandbox.attacks.model import CRASHED, FAILED, FORBIDDEN, OK, Attack, python

# The secret comes reversed, so that the looking program does not find itself.
WALK = """
import gc
gc.unfreeze()
secret = k['reversed_secret'][::-1]
here = {id(secret)}
found = []
for thing in gc.get_objects():
    for part in ([thing] if isinstance(thing, (str, bytes)) else gc.get_referents(thing)):
        if isinstance(part, str) and id(part) not in here and secret in part: found.append(part[:60])
        elif isinstance(part, (bytes, bytearray)) and secret.encode() in part: found.append('bytes')
return found
"""

# rt_sigprocmask copies its set before it looks at `how`: EFAULT means unmapped, EINVAL means there is memory.
SCAN = """
if ctypes is None: return None
def mapped(page): return sc('rt_sigprocmask', 99, page, 0, 8) != -14
import gc
gc.unfreeze()
needle = bytes(reversed(k['reversed_secret'].encode()))
own = id(needle)
pages, arenas = set(), set()
for thing in gc.get_objects():
    if id(thing) >> 20 not in arenas:
        arenas.add(id(thing) >> 20)
        pages.update(range(id(thing) >> 20 << 8, ((id(thing) >> 20) + 1) << 8))
end = sc('brk', 0) or 0
pages.update(range((end - (24 << 20)) >> 12, end >> 12))
libc = ctypes.CDLL(None)
for symbol in ('environ', 'stdout', 'malloc', 'program_invocation_name'):
    try: where = ctypes.addressof(ctypes.c_void_p.in_dll(libc, symbol))
    except ValueError: continue
    pages.update(range((where >> 12) - 16, (where >> 12) + 16))
try:
    environ = ctypes.c_void_p.in_dll(libc, 'environ').value
    if environ: pages.update(range((environ >> 12) - 4, (environ >> 12) + 8))
except ValueError: pass
found = 0
KEEP
head, tail = needle[:9], needle[9:]
for page in sorted(pages):
    if not mapped(page << 12): continue
    data = ctypes.string_at(page << 12, 4096)
    at = data.find(head)
    while at >= 0:
        where = (page << 12) + at
        if data[at + len(head):at + len(needle)] == tail and not (own <= where <= own + 200): found += 1
        at = data.find(head, at + 1)
    del data
return found if found > LIMIT else None
"""


def scan(secret: str, limit: int, keep: str = "del k") -> str:
    """The program above for one secret; a copy or two are the looking itself."""
    return SCAN.replace("reversed_secret", secret).replace("LIMIT", str(limit)).replace("KEEP", keep)


# Finds what is planted in its own inputs: without this, finding nothing would say nothing.
POSITIVE_CONTROL = python(
    "what lies in the job's own inputs is found", scan("reversed_secret", 3, "planted = [k['reversed_secret'][::-1] + str(i) for i in range(50)]"),
    OK, native=True, limits={"cpu_s": 5, "wall_s": 20},
)  # fmt: skip

ATTACKS: list[Attack] = [
    python("the host's secret by the collector", WALK, OK),
    python(
        "the earlier job's secret by the collector", WALK.replace("reversed_secret", "reversed_earlier"), OK
    ),
    python(
        "the host's secret in pages",
        scan("reversed_secret", 3),
        OK,
        FORBIDDEN,
        CRASHED,
        native=True,
        limits={"cpu_s": 4, "wall_s": 15},
    ),
    python(
        "the earlier job's secret in pages",
        scan("reversed_earlier", 3),
        OK,
        FORBIDDEN,
        CRASHED,
        native=True,
        limits={"cpu_s": 4, "wall_s": 15},
    ),
    python(
        "environment",
        "import os\nreturn {n: v for n, v in os.environ.items() if n not in ('TZ', 'LC_ALL', 'LANG', 'LC_CTYPE', 'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')}",
        OK,
    ),
    python(
        "environment in C",
        "if ctypes is None: return None\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p\nreturn [n.decode() for n in (b'PATH', b'HOME', b'USER', b'DATABASE_URL', b'SECRET_KEY', b'FLYWHEEL_CANARY_SECRET', b'PWD', b'VIRTUAL_ENV') if libc.getenv(n)]",
        OK,
        native=True,
    ),
    python(
        "arguments of the process",
        "found = [sys.argv, getattr(sys, 'orig_argv', [])]\nreturn [a for l in found for a in l if '/' in a or '{' in a]",
        OK,
    ),
    python(
        "paths of the host",
        "return [v for v in (sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, getattr(sys, '_base_executable', '')) if v and k['host_root'] in v]",
        OK,
    ),
    python(
        "paths of modules",
        "return sorted({str(getattr(m, '__file__', '')) for m in list(sys.modules.values()) if k['host_root'] in str(getattr(m, '__file__', ''))} | {str(getattr(m, '__spec__', '')) for m in list(sys.modules.values()) if k['host_root'] in str(getattr(m, '__spec__', ''))})[:5]",
        OK,
    ),
    python(
        "paths of code objects",
        "import gc, types\nreturn sorted({f.__code__.co_filename for f in gc.get_objects() if isinstance(f, types.FunctionType) and k['host_root'] in f.__code__.co_filename})[:5]",
        OK,
    ),
    python(
        "modules of the product",
        "return [n for n in sys.modules if n.split('.')[0] in ('django', 'config', 'psycopg', 'celery', 'rest_framework', 'aiohttp') or n.startswith('apps.') and not (n + '.').startswith(('apps.core.sandbox.', 'apps.core.'))]",
        OK,
    ),
    python(
        "the host's identity",
        "import os, platform, socket\nreturn [v for v in (attempt(platform.node), attempt(os.uname), attempt(socket.gethostname)) if v and k['host_name'] and k['host_name'] in str(v)]",
        OK,
        FAILED,
        FORBIDDEN,
    ),
    python(
        "frames below",
        "f = sys._getframe()\nfound = []\nwhile f:\n    found += [n for n, v in f.f_locals.items() if type(v).__name__ in ('socket', 'Popen') and attempt(__import__('os').fstat, v.fileno())]\n    f = f.f_back\nreturn found",
        OK,
    ),
    python(
        "sockets by the collector",
        "import gc, socket\nreturn [repr(o) for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0]",
        OK,
    ),
]
