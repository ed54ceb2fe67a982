"""Which system calls a job may make: the one table, and the three filters that together are it.

The kernel applies the strictest of all filters, so each later one only takes away:

- `zygote_filter` is installed once in the zygote and inherited for nothing: it allows what jobs and the zygote need.
- `child_filter` is installed in each child before a job is known: it takes the zygote's calls away, adds the checks
  of arguments, and leaves `ARRIVAL`, by which a waiting child gets its job.
- `lock_filter`, a handful of instructions, takes `ARRIVAL` away before the first byte of the job is read.

`tests/sandbox/test_policy.py` interprets the programs and proves that their sum is `table()`.
"""

from __future__ import annotations

import errno

from apps.core.sandbox.kernel.bpf import ALLOW, KILL, OneOf, Rule, WithoutBits, assemble, errno_action
from apps.core.sandbox.kernel.calls import Architecture


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PROT_EXEC = 4
FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET = 0, 1, 9, 10
FUTEX_COMMAND = 0x7F  # without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME
FUTEX_FLAGS_KEPT = 0xFFFFFE7F
MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE = 4, 8, 14, 15

REFUSED = errno_action(errno.EPERM)
UNKNOWN = errno_action(errno.ENOSYS)  # a newer libc then falls back to an older call instead of dying

# What CPython and QuickJS need to compute; found by taking each away. The last two lines are what a libc uses when
# the vDSO is missing, for signal handlers, and to give memory back: harmless.
ALLOWED = _names(
    "read write mmap munmap mremap brk mprotect exit_group rt_sigaction rt_sigprocmask getrandom futex madvise "
    "clock_gettime clock_nanosleep getpid gettid getppid getuid getrusage times "
    "close lseek fstat rt_sigreturn sigaltstack clock_getres nanosleep gettimeofday time geteuid getgid getegid "
    "exit sched_yield restart_syscall"
)

# no memory that is executable: no shellcode, no loading of libraries
CHECKED: dict[str, Rule] = {
    "mmap": WithoutBits(2, PROT_EXEC, REFUSED),
    "mprotect": WithoutBits(2, PROT_EXEC, REFUSED),
    "madvise": OneOf(2, 0xFFFFFFFF, (MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE), REFUSED),
    "futex": OneOf(
        1, FUTEX_FLAGS_KEPT, (FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET), REFUSED
    ),
}

# what ordinary programs try: an exception in the language, not a death
DENIED = _names(
    "open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat "
    "getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat "
    "chmod fchmod fchmodat chown fchown fchownat lchown truncate ftruncate fallocate getdents getdents64 "
    "statfs fstatfs utime utimes utimensat futimesat mknod mknodat umask sync fsync fdatasync syncfs "
    "sync_file_range flock sendfile copy_file_range splice tee fadvise64 readahead "
    "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr removexattr "
    "lremovexattr fremovexattr inotify_init inotify_init1 inotify_add_watch inotify_rm_watch "
    "socket socketpair connect bind listen accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown "
    "getsockname getpeername setsockopt getsockopt "
    "pipe pipe2 dup dup2 dup3 fcntl poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait "
    "epoll_pwait epoll_pwait2 eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4 "
    "memfd_create fork vfork clone execve execveat wait4 waitid kill tkill tgkill rt_sigqueueinfo pidfd_open "
    "pidfd_send_signal close_range membarrier "
    "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups setsid setpgid getpgid getpgrp "
    "getsid getgroups getresuid getresgid setrlimit getrlimit prlimit64 setpriority getpriority ioprio_get "
    "sched_setaffinity sched_getaffinity sched_setscheduler sched_getparam sched_getscheduler sched_get_priority_max "
    "sched_get_priority_min sched_rr_get_interval sched_getattr "
    "uname sysinfo prctl mlock mlock2 munlock mlockall munlockall mincore msync "
    "shmget shmat shmctl shmdt semget semop semtimedop semctl msgget msgsnd msgrcv msgctl "
    "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr "
    "setitimer getitimer alarm timer_create timer_settime timer_gettime timer_getoverrun timer_delete pause "
    "rt_sigsuspend rt_sigtimedwait rt_sigpending pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 "
    "set_tid_address set_robust_list get_robust_list rseq getcpu capget capset chroot sethostname "
    "futex_waitv"
)

OTHER_ERRORS: dict[str, Rule] = {"ioctl": errno_action(errno.ENOTTY), "clone3": errno_action(errno.ENOSYS)}

# no ordinary program needs these: the process ends at once
HOSTILE = _names(
    "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd bpf "
    "io_setup io_submit io_destroy io_getevents io_cancel io_pgetevents io_uring_setup io_uring_enter "
    "io_uring_register userfaultfd keyctl add_key request_key unshare setns mount umount2 pivot_root move_mount "
    "open_tree fsopen fsconfig fsmount fspick mount_setattr perf_event_open kexec_load kexec_file_load init_module "
    "finit_module delete_module create_module query_module get_kernel_syms open_by_handle_at name_to_handle_at "
    "seccomp personality modify_ldt set_thread_area get_thread_area arch_prctl iopl ioperm acct quotactl quotactl_fd "
    "swapon swapoff reboot settimeofday clock_settime adjtimex clock_adjtime fanotify_init fanotify_mark "
    "memfd_secret pkey_alloc pkey_free pkey_mprotect lookup_dcookie nfsservctl uselib ustat sysfs _sysctl vmsplice "
    "migrate_pages move_pages mbind set_mempolicy get_mempolicy set_mempolicy_home_node remap_file_pages vhangup "
    "setdomainname syslog sched_setattr sched_setparam ioprio_set rt_tgsigqueueinfo landlock_create_ruleset "
    "landlock_add_rule landlock_restrict_self"
)

# what the zygote's loop and the set-up of a child need beside what jobs may do
ZYGOTE = _names(
    "clone wait4 waitid accept4 recvmsg recvfrom sendmsg sendto getsockopt epoll_create1 epoll_wait "
    "epoll_pwait epoll_ctl ioctl "
    "fcntl dup2 dup3 socketpair close_range prlimit64 setrlimit prctl capset setns unshare pidfd_open "
    "pidfd_send_signal landlock_restrict_self seccomp setpriority set_robust_list"
)

# what is left of it to a child that waits for its job
ARRIVAL = ("epoll_wait", "epoll_pwait", "accept4", "recvmsg", "sendmsg", "prlimit64", "seccomp")


def table() -> dict[str, Rule]:
    """The policy for code: the rule of each known call; every other number gets `UNKNOWN`."""
    rules: dict[str, Rule] = dict.fromkeys(DENIED, REFUSED)
    rules.update(OTHER_ERRORS)
    rules.update(dict.fromkeys(HOSTILE, KILL))
    rules.update(dict.fromkeys(ALLOWED, ALLOW))
    rules.update(CHECKED)
    return rules


def zygote_filter(machine: Architecture) -> bytes:
    """The program for the zygote; jobs inherit it."""
    rules = table()
    rules.update(dict.fromkeys(CHECKED, ALLOW))
    rules.update(dict.fromkeys(ZYGOTE, ALLOW))
    # the most frequent first: the program is a chain
    ordered = sorted(rules.items(), key=lambda item: item[1] != ALLOW)
    return assemble(machine, ordered, UNKNOWN)


def child_filter(machine: Architecture) -> bytes:
    """The program for a child before its job is known."""
    rules = table()
    taken = {name: rules.get(name, UNKNOWN) for name in ZYGOTE if name not in ARRIVAL}
    return assemble(machine, [*CHECKED.items(), *taken.items()], ALLOW)


def lock_filter(machine: Architecture) -> bytes:
    """The program between the arrival of a job and its first byte."""
    rules = table()
    return assemble(machine, [(name, rules[name]) for name in ARRIVAL], ALLOW)
