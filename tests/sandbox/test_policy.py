"""The filters, interpreted instruction by instruction, are the policy; both processors, every number."""

from __future__ import annotations

import errno
import itertools
import struct

import pytest

from apps.core.sandbox.kernel import bpf, policy
from apps.core.sandbox.kernel.bpf import ALLOW, KILL, OneOf, WithoutBits
from apps.core.sandbox.kernel.calls import AARCH64, ARCHITECTURES, X86_64

EPERM, ENOSYS = bpf.errno_action(errno.EPERM), bpf.errno_action(errno.ENOSYS)
FOREIGN = (0x40000003, 0x40000028, 0xC000003E, 0xC00000B7, 0x80000016, 0)
# values around every bit and number the checks look at, in the half the kernel reads and in the other
CORNERS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    14,
    15,
    128,
    129,
    137,
    256,
    265,
    393,
    2**31,
    2**32,
    2**32 + 4,
    2**64 - 1,
)


def decode(program: bytes) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("<HBBI", program))


def run(program, architecture: int, number: int, arguments=(0,) * 6) -> int:
    """What the kernel's interpreter would return."""
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *arguments)
    accumulator = counter = 0
    while True:
        code, when_true, when_false, operand = program[counter]
        counter += 1
        if code == bpf.LOAD:
            accumulator = struct.unpack_from("<I", data, operand)[0]
        elif code == bpf.MASK:
            accumulator &= operand
        elif code == bpf.RETURN:
            return operand
        else:
            taken = {
                bpf.EQUAL: accumulator == operand,
                bpf.AT_LEAST: accumulator >= operand,
                bpf.ANY_BIT: bool(accumulator & operand),
            }[code]
            counter += when_true if taken else when_false


def strictest(*actions: int) -> int:
    """The kernel takes the action with the highest precedence: kill, then an error, then allow."""
    return min(actions, key=lambda action: (action != KILL, action == ALLOW))


def expected(rule, arguments) -> int:
    if isinstance(rule, WithoutBits):
        return rule.otherwise if arguments[rule.argument] & rule.bits else ALLOW
    if isinstance(rule, OneOf):
        return ALLOW if arguments[rule.argument] & 0xFFFFFFFF & rule.mask in rule.values else rule.otherwise
    return rule


@pytest.fixture(params=list(ARCHITECTURES))
def machine(request):
    return ARCHITECTURES[request.param]


@pytest.fixture
def filters(machine):
    makers = (policy.zygote_filter, policy.child_filter, policy.lock_filter)
    return [decode(make(machine)) for make in makers]


def test_the_three_filters_together_are_the_table(machine, filters):
    names = {number: name for name, number in machine.numbers.items()}
    rules = policy.table()
    for number in [*range(1024), 2**30 - 1]:
        rule = rules.get(names.get(number, ""), policy.UNKNOWN)
        cases = [(0,) * 6]
        if not isinstance(rule, int):
            cases = [tuple(c if i == rule.argument else 0 for i in range(6)) for c in CORNERS]
            cases += [tuple(0 if i == rule.argument else 2**64 - 1 for i in range(6))]
        for arguments in cases:
            together = strictest(*(run(one, machine.audit, number, arguments) for one in filters))
            assert together == expected(rule, arguments), (number, names.get(number), arguments)


def test_foreign_architectures_and_the_second_abi_kill(machine, filters):
    for one in filters:
        for architecture, number in itertools.product(FOREIGN, (0, 1, 59, 101, 221, 1000)):
            if architecture != machine.audit:
                assert run(one, architecture, number) == KILL
        for number in (2**30, 2**30 + 59, 2**31, 2**32 - 1):
            outcome = strictest(*(run(each, machine.audit, number) for each in filters))
            assert outcome == (KILL if machine.x32 else ENOSYS)


def test_a_waiting_child_can_receive_and_a_locked_one_cannot(machine, filters):
    for name in set(policy.ARRIVAL) & set(machine.numbers):
        number = machine.numbers[name]
        assert strictest(*(run(one, machine.audit, number) for one in filters[:2])) == ALLOW
        assert run(filters[2], machine.audit, number) in {EPERM, KILL}


def test_no_call_is_in_two_groups_and_every_known_number_is_decided():
    groups = [*policy.ALLOWED, *policy.CHECKED, *policy.DENIED, *policy.HOSTILE, *policy.OTHER_ERRORS]
    once = {name for name in policy.CHECKED if name in policy.ALLOWED}
    assert once == set(policy.CHECKED)  # what is checked is needed
    twice = sorted(name for name in set(groups) if groups.count(name) > 1 and name not in once)
    assert twice == []
    unwritten = {
        "afs_syscall",
        "epoll_ctl_old",
        "epoll_wait_old",
        "getpmsg",
        "putpmsg",
        "security",
        "tuxcall",
    }
    undecided = (set(X86_64) | set(AARCH64)) - set(policy.table())
    assert undecided <= unwritten | {"vserver", "arch_specific_syscall"}  # never implemented: ENOSYS anyway


@pytest.mark.parametrize(
    "name",
    [
        "io_uring_setup",
        "ptrace",
        "bpf",
        "userfaultfd",
        "keyctl",
        "unshare",
        "setns",
        "mount",
        "memfd_secret",
        "perf_event_open",
        "process_vm_readv",
    ],
)  # fmt: skip
def test_hostile_calls_kill(machine, filters, name):
    assert strictest(*(run(one, machine.audit, machine.numbers[name]) for one in filters)) == KILL


def test_only_few_calls_are_allowed():
    assert len(policy.ALLOWED) <= 36
    assert not {"open", "openat", "socket", "clone", "execve", "kill", "prctl", "ioctl"} & set(policy.ALLOWED)


def test_numbers_are_those_of_the_headers():
    """A few known by heart, of both tables."""
    assert [X86_64[name] for name in ("read", "mmap", "execve", "seccomp", "io_uring_setup")] == [
        0,
        9,
        59,
        317,
        425,
    ]
    assert [AARCH64[name] for name in ("read", "mmap", "execve", "seccomp", "io_uring_setup")] == [
        63,
        222,
        221,
        277,
        425,
    ]
    assert "open" not in AARCH64


def test_a_program_that_contradicts_itself_is_refused(machine):
    with pytest.raises(ValueError, match="two rules"):
        bpf.assemble(machine, [("read", ALLOW), ("read", KILL)], KILL)
    with pytest.raises(ValueError, match="longer"):
        bpf.assemble(machine, [(name, OneOf(0, 1, tuple(range(60)), KILL)) for name in machine.numbers], KILL)
