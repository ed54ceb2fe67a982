"""System calls that no ordinary program needs, asked for by number.

Where a call reached the kernel's own checks (EFAULT, EINVAL, EBADF, ESRCH …) it was not filtered: that is a breach.
"""

from __future__ import annotations

from tests.sandbox.attacks.model import FAILED, FORBIDDEN, MEMORY, OK, Attack, python, syscall

# name -> (x86-64, aarch64); None where an architecture has no such call
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "open": (2, None), "close": (3, 57), "mmap": (9, 222), "mprotect": (10, 226), "brk": (12, 214),
    "rt_sigprocmask": (14, 135), "ioctl": (16, 29), "mremap": (25, 216), "dup": (32, 23), "dup2": (33, None),
    "sendfile": (40, 71), "socket": (41, 198), "connect": (42, 203), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211),
    "recvmsg": (47, 212), "socketpair": (53, 199), "clone": (56, 220), "fork": (57, None), "vfork": (58, None), "execve": (59, 221),
    "kill": (62, 129), "fcntl": (72, 25), "creat": (85, None), "ptrace": (101, 117), "syslog": (103, 116), "setgroups": (116, 159),
    "setresuid": (117, 147), "capset": (126, 91), "rt_sigqueueinfo": (129, 138), "personality": (135, 92), "statfs": (137, 43),
    "arch_prctl": (158, None), "modify_ldt": (154, None), "pivot_root": (155, 41), "prctl": (157, 167), "setrlimit": (160, 164),
    "chroot": (161, 51), "sync": (162, 81), "acct": (163, 89), "mount": (165, 40), "umount2": (166, 39), "swapon": (167, 224),
    "reboot": (169, 142), "sethostname": (170, 161), "iopl": (172, None), "ioperm": (173, None), "init_module": (175, 105),
    "quotactl": (179, 60), "tkill": (200, 130), "futex": (202, 98), "io_setup": (206, 0), "io_submit": (209, 2),
    "remap_file_pages": (216, 234), "timer_create": (222, 107), "clock_settime": (227, 112), "tgkill": (234, 131), "mbind": (237, 235),
    "get_mempolicy": (239, 236), "mq_open": (240, 180), "kexec_load": (246, 104), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "inotify_init1": (294, 26), "migrate_pages": (256, 238), "openat": (257, 56), "unshare": (272, 97),
    "splice": (275, 76), "tee": (276, 77), "vmsplice": (278, 75), "move_pages": (279, 239), "signalfd4": (289, 74), "eventfd2": (290, 19),
    "epoll_create1": (291, 20), "pipe2": (293, 59), "rt_tgsigqueueinfo": (297, 240), "perf_event_open": (298, 241),
    "fanotify_init": (300, 262), "prlimit64": (302, 261), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "clock_adjtime": (305, 266), "setns": (308, 268), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "finit_module": (313, 273), "sched_setattr": (314, 274), "seccomp": (317, 277), "memfd_create": (319, 279),
    "kexec_file_load": (320, 294), "bpf": (321, 280), "execveat": (322, 281), "userfaultfd": (323, 282), "membarrier": (324, 283),
    "mlock2": (325, 284), "copy_file_range": (326, 285), "pkey_mprotect": (329, 288), "pkey_alloc": (330, 289), "statx": (332, 291),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "pidfd_open": (434, 434), "clone3": (435, 435), "close_range": (436, 436), "openat2": (437, 437), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "mount_setattr": (442, 442), "quotactl_fd": (443, 443), "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446), "memfd_secret": (447, 447), "process_mrelease": (448, 448), "pidfd_send_signal": (424, 424),
    "set_mempolicy_home_node": (450, 450), "cachestat": (451, 451), "map_shadow_stack": (453, 453), "futex_wait": (455, 455),
    "statmount": (457, 457), "lsm_set_self_attr": (460, 460), "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190),
    "msgget": (68, 186), "mlockall": (151, 230), "mincore": (27, 232), "madvise": (28, 233), "setpriority": (140, 140),
    "sched_setaffinity": (203, 122), "rt_sigtimedwait": (137, 137), "uselib": (134, None), "nfsservctl": (180, 42), "vhangup": (153, 58),
    "lookup_dcookie": (212, 18), "rseq": (334, 293), "set_robust_list": (273, 99), "ioprio_set": (251, 30), "getcpu": (309, 168),
    "readv": (19, 65), "pwrite64": (18, 68), "process_vm": (310, 270), "umask": (95, 166), "uname": (63, 160), "sysinfo": (99, 179),
}  # fmt: skip


def numbers_for(machine: str) -> dict[str, int]:
    """Return the numbers of one architecture."""
    column = 0 if machine == "x86_64" else 1
    return {name: found for name, pair in NUMBERS.items() if (found := pair[column]) is not None}


_PLAIN_CALLS = {
    "io_uring_setup": "sc('io_uring_setup', 8, buffer)",
    "io_uring_enter": "sc('io_uring_enter', 0, 1, 0, 0, 0, 0)",
    "io_uring_register": "sc('io_uring_register', 0, 0, buffer, 1)",
    "memfd_create": "sc('memfd_create', b'x', 0)",
    "memfd_secret": "sc('memfd_secret', 0)",
    "userfaultfd": "sc('userfaultfd', 1)",
    "bpf": "sc('bpf', 5, buffer, 128)",
    "keyctl": "sc('keyctl', 0, -3, 1)",
    "add_key": "sc('add_key', b'user', b'x', b'y', 1, -3)",
    "request_key": "sc('request_key', b'user', b'x', 0, -3)",
    "ptrace": "sc('ptrace', 0, 0, 0, 0)",
    "ptrace attach": "sc('ptrace', 16, 1, 0, 0)",
    "process_vm_readv": "sc('process_vm_readv', 1, buffer, 1, buffer, 1, 0)",
    "process_vm_writev": "sc('process_vm_writev', 1, buffer, 1, buffer, 1, 0)",
    "process_madvise": "sc('process_madvise', 0, buffer, 1, 4, 0)",
    "process_mrelease": "sc('process_mrelease', 0, 0)",
    "kcmp": "sc('kcmp', 1, 1, 0, 0, 0)",
    "pidfd_getfd": "sc('pidfd_getfd', 0, 0, 0)",
    "unshare": "sc('unshare', 0x10000000)",
    "setns": "sc('setns', 0, 0)",
    "mount": "sc('mount', b'none', b'/', b'tmpfs', 0, 0)",
    "umount2": "sc('umount2', b'/', 2)",
    "pivot_root": "sc('pivot_root', b'.', b'.')",
    "the new mount calls": "[r for r in (sc('fsopen', b'tmpfs', 0), sc('open_tree', -100, b'/', 1), sc('move_mount', 0, b'', 0, b'', 0), sc('fsmount', 0, 0, 0), sc('mount_setattr', -100, b'/', 0, buffer, 32)) if performed(r)] or -1",
    "perf_event_open": "sc('perf_event_open', buffer, 0, -1, -1, 0)",
    "kernel modules": "sc('init_module', buffer, 1, b'')",
    "finit_module": "sc('finit_module', 0, b'', 0)",
    "kexec_load": "sc('kexec_load', 0, 0, 0, 0)",
    "reboot": "sc('reboot', 0, 0, 0, 0)",
    "seccomp": "sc('seccomp', 0, 0, 0)",
    "seccomp by prctl": "sc('prctl', 22, 1, 0, 0, 0)",
    "landlock": "sc('landlock_create_ruleset', 0, 0, 1)",
    "personality": "sc('personality', 0x0040000)",
    "modify_ldt": "sc('modify_ldt', 0, buffer, 16)",
    "arch_prctl": "sc('arch_prctl', 0x1004, buffer)",
    "iopl and ioperm": "[r for r in (sc('iopl', 3), sc('ioperm', 0x60, 4, 1)) if performed(r)] or -1",
    "pkeys": "[r for r in (sc('pkey_alloc', 0, 0), sc('pkey_mprotect', buffer, 4096, 4, -1)) if performed(r)] or -1",
    "vmsplice": "sc('vmsplice', 1, buffer, 1, 0)",
    "splice and tee": "[r for r in (sc('splice', 0, 0, 1, 0, 1, 0), sc('tee', 0, 1, 1, 0)) if performed(r)] or -1",
    "move_pages": "sc('move_pages', 1, 1, buffer, 0, buffer, 0)",
    "memory policy": "[r for r in (sc('mbind', 0, 4096, 1, buffer, 64, 0), sc('get_mempolicy', buffer, 0, 0, 0, 0), sc('migrate_pages', 0, 1, buffer, buffer)) if performed(r)] or -1",
    "remap_file_pages": "sc('remap_file_pages', 0, 4096, 0, 0, 0)",
    "membarrier": "sc('membarrier', 0, 0, 0)",
    "aio": "sc('io_setup', 1, buffer)",
    "quotas, swap, accounting": "[r for r in (sc('quotactl', 0, b'', 0, buffer), sc('swapon', b'/', 0), sc('acct', 0)) if performed(r)] or -1",
    "clock and host name": "[r for r in (sc('clock_settime', 0, buffer), sc('clock_adjtime', 0, buffer), sc('sethostname', b'x', 1)) if performed(r)] or -1",
    "kernel log": "sc('syslog', 3, buffer, 100)",
    "System V shared memory": "[r for r in (sc('shmget', 0, 4096, 0o1600), sc('semget', 0, 1, 0o1600), sc('msgget', 0, 0o1600)) if performed(r)] or -1",
    "message queues": "sc('mq_open', b'/x', 0o102, 0o600, 0)",
    "descriptors from nothing": "[r for r in (sc('eventfd2', 0, 0), sc('epoll_create1', 0), sc('pipe2', buffer, 0), sc('signalfd4', -1, buffer, 8, 0), sc('socketpair', 1, 1, 0, buffer)) if performed(r)] or -1",
    "duplicate descriptors": "[r for r in (sc('dup', 1), sc('dup2', 1, 9), sc('fcntl', 1, 0, 9), sc('fcntl', 1, 1031, 1 << 20)) if performed(r)] or -1",
    "ioctl": "[r for fd in range(4) for r in (sc('ioctl', fd, 0x5412, buffer), sc('ioctl', fd, 0x541B, buffer), sc('ioctl', fd, 0x8901, buffer)) if performed(r)] or -1",
    "close_range": "sc('close_range', 100, 200, 0)",
    "locked memory": "[r for r in (sc('mlockall', 3), sc('mlock2', buffer, 4096, 0)) if performed(r)] or -1",
    "page residency": "sc('mincore', 0, 4096, buffer)",
    "newest calls": "[r for r in (sc('cachestat', 0, buffer, buffer, 0), sc('map_shadow_stack', 0, 4096, 0), sc('statmount', buffer, buffer, 64, 0), sc('lsm_set_self_attr', 100, buffer, 64, 0), sc('futex_wait', buffer, 0, 0, 0, 0, 0)) if performed(r)] or -1",
    "positional reads and writes": "[r for r in (sc('pwrite64', 1, b'x', 1, 0), sc('readv', 0, buffer, 1)) if performed(r)] or -1",
}  # fmt: skip

ATTACKS: list[Attack] = [
    *[syscall(name, call) for name, call in _PLAIN_CALLS.items()],
    python(
        "syscall numbers nobody has given out",
        """
        if ctypes is None: return None
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        found = []
        for number in [*range(463, 600), 1000, 4095, 0x3fffffff]:
            if libc.syscall(ctypes.c_long(number), 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
                found.append(number)
        return found
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "syscall x32 numbers",
        """
        if ctypes is None: return None
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        return [n for n in (0x40000000 + 39, 0x40000000 + 2, 0x40000000 + 520) if libc.syscall(ctypes.c_long(n), b'/etc/passwd', 0, 0) != -1 or ctypes.get_errno() not in (1, 38)]
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "syscall numbers with high bits",
        """
        if ctypes is None: return None
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        found = []
        for name in ('openat', 'socket', 'memfd_create'):
            for high in (1 << 32, 1 << 63, 0xffffffff << 32):
                result = libc.syscall(ctypes.c_ulong(high | NR[name]), -100, b'/etc/passwd', 0, 0)
                if result != -1 or ctypes.get_errno() not in (1, 13, 38):
                    found.append([name, high, result, ctypes.get_errno()])
        return found
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "syscall of another architecture (int 0x80)",
        """
        if ctypes is None: return None
        code = b'\\x53\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\x5b\\xc3'  # getpid of i386
        address = sc('mmap', 0, 4096, 7, 0x22, -1, 0)
        if address is None or address < 0: return None
        ctypes.memmove(address, code, len(code))
        return ['ran', ctypes.CFUNCTYPE(ctypes.c_int)(address)()]
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "syscall executable memory",
        """
        if ctypes is None: return None
        found = []
        for protection in (4, 5, 6, 7):
            if performed(sc('mmap', 0, 4096, protection, 0x22, -1, 0)): found.append(['mmap', protection])
        page = sc('mmap', 0, 4096, 3, 0x22, -1, 0)
        for protection in (4, 5, 7):
            if page and page > 0 and performed(sc('mprotect', page, 4096, protection)): found.append(['mprotect', protection])
        return found
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
    python(
        "syscall executable memory with high bits in the argument",
        "page = sc('mmap', 0, 4096, 3, 0x22, -1, 0)\nreturn [p for p in (0x100000004, 0x100000007, -1) if performed(sc('mmap', 0, 4096, p, 0x22, -1, 0)) or (page and page > 0 and performed(sc('mprotect', page, 4096, p)))]",
        OK,
        FORBIDDEN,
        native=True,
    ),
    python("callbacks from C", "return ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)() if ctypes else None", OK, MEMORY, FAILED, native=True),
    python(
        "make existing code writable",
        """
        if ctypes is None: return None
        libc = ctypes.CDLL(None)
        page = ctypes.cast(libc.getpid, ctypes.c_void_p).value & ~4095
        if performed(sc('mprotect', page, 4096, 7)): return 'rwx'
        return 'x dropped and back' if sc('mprotect', page, 4096, 3) == 0 and performed(sc('mprotect', page, 4096, 5)) else None
        """,
        OK,
        FORBIDDEN,
        FAILED,
        native=True,
    ),
    python(
        "syscall futex and madvise operations",
        """
        b = ctypes.create_string_buffer(8192) if ctypes else None
        page = sc('mmap', 0, 8192, 3, 0x22, -1, 0)
        found = [op for op in (3, 4, 5, 6, 7, 8, 11, 12, 13) if performed(sc('futex', b, op, 0, 0, b, 0))]
        return found + [a for a in (9, 10, 12, 16, 17, 18, 21, 22, 23, 100, 101) if performed(sc('madvise', page, 4096, a))]
        """,
        OK,
        FORBIDDEN,
        native=True,
    ),
]  # fmt: skip
