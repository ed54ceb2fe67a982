"""Processes, threads, signals, limits and identities."""

from __future__ import annotations

from tests.sandbox.attacks.model import (
    CPU,
    CRASHED,
    FAILED,
    FORBIDDEN,
    MEMORY,
    NOT_JSON,
    OK,
    WALL,
    Attack,
    plain,
    python,
)

SHORT = {"cpu_s": 1, "wall_s": 1}

ATTACKS: list[Attack] = [
    python("fork", "import os\nreturn attempt(os.fork) is not None", OK),
    python(
        "fork without exit",
        "import os\nreturn [n for n in ('fork', 'forkpty', 'vfork') if attempt(getattr(os, n, None) or (lambda: 1 / 0)) is not None]",
    ),
    python("posix_spawn", "import os\nreturn attempt(os.posix_spawn, '/bin/sh', ['sh', '-c', 'id'], {})"),
    python("subprocess", "import subprocess\nreturn attempt(subprocess.check_output, ['id'])"),
    python(
        "os.system and popen",
        "import os\nr = attempt(os.system, 'touch /tmp/fw-evil')\nreturn r not in (None, -1, 127, 32512) or attempt(lambda: os.popen('id').read()) or None",
    ),
    python("exec", "import os\nreturn attempt(os.execv, '/bin/sh', ['sh', '-c', 'id'])", OK),
    python(
        "_posixsubprocess",
        "import _posixsubprocess, os\nreturn attempt(_posixsubprocess.fork_exec, ['/bin/true'], [b'/bin/true'], True, (), None, None, -1, -1, -1, -1, -1, -1, -1, -1, True, False, 0, None, None, None, -1, None, True)",
    ),
    python(
        "multiprocessing",
        "import multiprocessing\np = multiprocessing.Process(target=print)\np.start()\nreturn p.pid",
    ),
    python("threads", "import threading\nt = threading.Thread(target=lambda: None)\nt.start()\nreturn True"),
    python(
        "raw thread start", "import _thread\nreturn attempt(_thread.start_new_thread, lambda: None, ())", OK
    ),
    python(
        "executors",
        "import concurrent.futures\nwith concurrent.futures.ThreadPoolExecutor() as e:\n    return e.submit(lambda: 1).result(1)",
        FAILED,
        WALL,
        limits=SHORT,
    ),
    python(
        "asyncio.to_thread",
        "import asyncio\nreturn asyncio.run(asyncio.to_thread(lambda: 1))",
        FAILED,
        WALL,
        limits=SHORT,
    ),
    python(
        "clone with every flag",
        "flags = (0x11, 0x10000000 | 17, 0x20000 | 17, 0x40000000 | 17, 0x20000000 | 17, 0x8000 | 17, 0x100 | 0x4000 | 17, 0x3d0f00, 0x02000000 | 17, 0x00800000 | 17)\nreturn [f for f in flags if performed(sc('clone', f, 0, 0, 0, 0))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "clone3",
        "b = ctypes.create_string_buffer(88) if ctypes else None\nreturn performed(sc('clone3', b, 88))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python("fork raw", "return performed(sc('fork')) or performed(sc('vfork'))", OK, FORBIDDEN, native=True),
    python(
        "execve raw",
        "return performed(sc('execve', b'/bin/sh', 0, 0)) or performed(sc('execveat', -100, b'/bin/sh', 0, 0, 0))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python("kill the parent", "import os\nreturn attempt(os.kill, os.getppid(), 9)", OK),
    python(
        "kill everybody",
        "import os\nreturn [p for p in (1, -1, 0, os.getppid()) if attempt(os.kill, p, 0) or attempt(os.killpg, abs(p) or 1, 0)]",
    ),
    python(
        "kill raw",
        "return [p for p in (0, 1, -1, 2, 3) if performed(sc('kill', p, 0)) or performed(sc('tkill', p, 0)) or performed(sc('tgkill', p, p, 0))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "pidfd",
        "import os\nreturn attempt(os.pidfd_open, os.getppid()) or performed(sc('pidfd_open', 1, 0)) or performed(sc('pidfd_send_signal', 0, 9, 0, 0))",
        OK,
        FORBIDDEN,
    ),
    python(
        "queue a signal",
        "b = ctypes.create_string_buffer(128) if ctypes else None\nreturn performed(sc('rt_sigqueueinfo', 1, 10, b)) or performed(sc('rt_tgsigqueueinfo', 1, 1, 10, b))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "leave the session",
        "import os\nreturn [n for n, a in (('setsid', ()), ('setpgid', (0, 0)), ('setpgrp', ())) if attempt(getattr(os, n), *a)]",
    ),
    python(
        "survive the parent",
        "return [o for o, a in ((1, 0), (36, 1), (4, 1), (0x59616d61, -1)) if performed(sc('prctl', o, a, 0, 0, 0))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "raise limits",
        "import resource\nreturn [n for n in ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_NPROC', 'RLIMIT_NOFILE', 'RLIMIT_FSIZE', 'RLIMIT_DATA') if attempt(resource.setrlimit, getattr(resource, n), (resource.RLIM_INFINITY,) * 2)]",
    ),
    python(
        "limits of another process",
        "b = ctypes.create_string_buffer(16) if ctypes else None\nreturn [p for p in (0, 1) if performed(sc('prlimit64', p, 9, b, 0)) or performed(sc('setrlimit', 9, b))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "priorities",
        "import os\nreturn attempt(os.nice, -10) or attempt(os.sched_setscheduler, 0, 1, os.sched_param(1)) or attempt(os.setpriority, 0, 0, -10)",
    ),
    python(
        "processor affinity",
        "import os\nreturn attempt(os.sched_setaffinity, 0, {0}) or performed(sc('sched_setattr', 0, 0, 0))",
        OK,
        FORBIDDEN,
    ),
    python(
        "become root",
        "import os\nreturn [n for n in ('setuid', 'setgid', 'seteuid', 'setegid') if attempt(getattr(os, n), 0)] or ([os.getuid()] if os.getuid() == 0 or os.geteuid() == 0 else None)",
        OK,
        FORBIDDEN,
    ),
    python(
        "capabilities",
        "b = ctypes.create_string_buffer(64) if ctypes else None\nreturn performed(sc('capset', b, b)) or performed(sc('setresuid', 0, 0, 0)) or performed(sc('setgroups', 0, 0))",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "ignore every signal, then spin",
        """
        import signal
        for number in range(1, 65):
            attempt(signal.signal, number, signal.SIG_IGN)
        while True:
            pass
        """,
        CPU,
        WALL,
        limits=SHORT,
    ),
    python(
        "catch the CPU limit's signal and go on",
        "import signal\nattempt(signal.signal, signal.SIGXCPU, lambda *a: None)\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
        CPU,
        WALL,
        limits=SHORT,
    ),
    python(
        "block every signal, then spin",
        "import signal\nattempt(signal.pthread_sigmask, signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
        CPU,
        WALL,
        limits=SHORT,
    ),
    python(
        "timers",
        "import signal\nreturn attempt(signal.setitimer, signal.ITIMER_REAL, 0.01) or attempt(signal.alarm, 1) not in (None, 2 ** 32 - 1) or performed(sc('timer_create', 0, 0, 0))",
        OK,
        FORBIDDEN,
        CRASHED,
        FAILED,
    ),
    python(
        "kill oneself",
        "import os, signal\nsignal.raise_signal(9)\nreturn None",
        OK,
        FAILED,
        FORBIDDEN,
        CRASHED,
        CPU,
    ),
    python(
        "stop oneself",
        "import signal\nattempt(signal.raise_signal, 19)\nreturn None",
        OK,
        FAILED,
        FORBIDDEN,
        WALL,
        limits=SHORT,
    ),
    python("abort", "import os\nos.abort()", CRASHED, FORBIDDEN, FAILED),
    python(
        "crash by a null pointer",
        "return ctypes.string_at(0) if ctypes else 1 / 0",
        CRASHED,
        FAILED,
        native=True,
    ),
    python(
        "crash by bad code",
        "def f(): pass\nf.__code__ = f.__code__.replace(co_code=b'\\xff' * 100, co_stacksize=0)\nf()",
        CRASHED,
        FAILED,
        MEMORY,
    ),
    plain("leave without an answer", "import os\ndef main():\n    os._exit(0)", CRASHED, FAILED, NOT_JSON),
    plain(
        "leave with a status that means trouble", "import os\ndef main():\n    os._exit(111)", CRASHED, FAILED
    ),
    plain("sys.exit", "import sys\ndef main():\n    sys.exit('bye')", FAILED),
    plain("raise KeyboardInterrupt", "def main():\n    raise KeyboardInterrupt", FAILED),
    plain("raise GeneratorExit", "raise GeneratorExit", FAILED),
    plain("exit while importing", "raise SystemExit(0)", FAILED),
    plain(
        "spin at exit",
        "import atexit\ndef spin():\n    while True: pass\natexit.register(spin)\nclass D:\n    def __del__(self): spin()\nkeep = D()\ndef main():\n    return {}",
        OK,
        CPU,
        WALL,
        limits=SHORT,
    ),
    plain("spin while importing", "while True:\n    pass", CPU, WALL, limits=SHORT),
    plain(
        "sleep past the wall",
        "import time\ndef main():\n    time.sleep(60)",
        WALL,
        limits={"cpu_s": 1, "wall_s": 0.4},
    ),
    plain(
        "swallow every exception",
        "import time\ndef main():\n    while True:\n        try:\n            time.sleep(1)\n        except BaseException:\n            pass",
        WALL,
        limits={"cpu_s": 1, "wall_s": 0.4},
    ),
    python("wait for children", "import os\nreturn attempt(os.waitpid, -1, 0)", OK),
    python(
        "processes that can be seen",
        "import os\nreturn [p for p in range(1, 400) if attempt(os.kill, p, 0) or attempt(os.getpgid, p) or attempt(os.sched_getaffinity, p)][:5] or None",
        OK,
        FORBIDDEN,
    ),
]
