"""The battery of hostile programs: all of it in the sandbox as this machine allows it, a part in weaker ones."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.sandbox.attacks import ATTACKS
from tests.sandbox.attacks.__main__ import CONFIGURATIONS
from tests.sandbox.attacks.harness import Ground
from tests.sandbox.attacks.memory import POSITIVE_CONTROL

# A few of each kind, for the configurations that `python -m tests.sandbox.attacks --all` tries in full.
PART = [
    attack for number, attack in enumerate(ATTACKS) if number % 8 == 0 and attack.limits.get("wall_s", 1) <= 2
]


def problems_of(verdicts) -> list[str]:
    return [
        f"{verdict.attack.language} · {verdict.attack.name}: {problem}"
        for verdict in verdicts
        for problem in verdict.problems
    ]


async def test_every_program_is_contained(ground):
    assert len(ATTACKS) >= 150
    before = ground.busy()
    verdicts = await ground.battery(ATTACKS)
    assert not problems_of(verdicts)
    assert not await asyncio.to_thread(ground.aftermath, before)


async def test_native_calls_are_there_to_be_refused(ground):
    """The programs that make raw system calls say nothing in a job that cannot make any."""
    probe = "import ctypes\ndef main():\n    return {'pid': ctypes.CDLL(None).getppid() >= 0}\n"
    from apps.core.sandbox.jobs import CodeJob

    outcome = await ground.run(CodeJob("python", probe))
    assert outcome.value == {"pid": True}


async def test_a_planted_secret_is_found(ground):
    """The program that looks for secrets in memory can find one."""
    verdict = await ground.attack(POSITIVE_CONTROL)
    assert isinstance(verdict.outcome.value["breach"], int)


@pytest.mark.parametrize("name", [name for name in CONFIGURATIONS if name != "as started"])
def test_weaker_configurations_contain_a_part(name):
    configuration = CONFIGURATIONS[name]
    if "uid" in configuration and os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    ground = Ground(**configuration)
    try:
        ground.wait()
        before = ground.busy()
        assert not problems_of(asyncio.run(ground.battery(PART)))
        assert not ground.aftermath(before)
    finally:
        ground.close()
