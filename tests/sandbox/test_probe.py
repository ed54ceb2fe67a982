"""What this machine offers, and `manage.py sandbox` as an operator sees it."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from apps.core.management.commands import sandbox as command
from apps.core.management.commands.up import children
from apps.core.sandbox.kernel import calls, cgroups, landlock, namespaces
from apps.core.sandbox.kernel.calls import ARCHITECTURES, UnsupportedPlatform
from apps.core.sandbox.server.config import MINIMUM, REQUIRABLE, ServerConfig
from apps.core.sandbox.zygote.isolation import LAYERS
from config.env import ROOT


def test_the_probe_prints_every_layer(capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("sandbox", "--probe")
    printed = capsys.readouterr().out
    assert ended.value.code == 0, printed
    for layer in (*LAYERS, "cgroup"):
        assert layer in printed
    assert printed.count("(required)") == len(MINIMUM)
    assert "the self-test found no hole" in printed


def test_the_probe_fails_where_the_policy_asks_for_more(settings, capsys):
    settings.SANDBOX_REQUIRE = ("chroot", "userns")  # never both
    with pytest.raises(SystemExit) as ended:
        call_command("sandbox", "--probe")
    assert ended.value.code == 1
    assert "would refuse to start" in capsys.readouterr().out


def test_unknown_layers_in_the_policy_are_refused(settings):
    settings.SANDBOX_REQUIRE = ("userns", "magic")
    with pytest.raises(CommandError, match="magic"):
        call_command("sandbox")


def test_the_settings_reach_the_supervisor(settings):
    settings.SANDBOX_REQUIRE, settings.SANDBOX_UID, settings.SANDBOX_SLOTS = ("landlock",), 4321, 3
    config = command.server_config("/somewhere")
    assert (config.directory, config.uid, config.gid, config.slots) == ("/somewhere", 4321, 4321, 3)
    assert config.minimum == (*MINIMUM, "landlock")
    assert config.disabled == ()


def test_up_starts_it_unless_another_host_has_it(settings):
    assert "sandbox" in [child.name for child in children()]
    settings.SANDBOX_URL = "tls://elsewhere:1"
    assert "sandbox" not in [child.name for child in children()]


def test_other_machines_are_told_what_to_do(monkeypatch):
    monkeypatch.setattr(calls, "MACHINE", "riscv64")
    with pytest.raises(UnsupportedPlatform, match=r"riscv64.*SANDBOX_URL"):
        calls.architecture()
    monkeypatch.setattr(calls, "MACHINE", "aarch64")
    assert calls.architecture() is ARCHITECTURES["aarch64"]
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UnsupportedPlatform, match="darwin"):
        calls.architecture()


def test_every_layer_can_be_required_or_is():
    assert set(LAYERS) | {"cgroup"} == set(MINIMUM) | set(REQUIRABLE)


@pytest.mark.parametrize(
    ("version", "size", "files"),
    [(1, 8, 13), (2, 8, 14), (3, 8, 15), (4, 16, 15), (5, 16, 16), (6, 24, 16), (9, 24, 16)],
)
def test_landlock_denies_all_a_kernel_knows(version, size, files):
    packed = landlock.attributes(version)
    assert len(packed) == size
    assert int.from_bytes(packed[:8], "little") == 2**files - 1


def test_trials_leave_this_process_as_it_was():
    before = calls.thread_count() if calls.thread_count() == 1 else None
    script = (
        "import os\nfrom apps.core.sandbox.kernel import landlock, namespaces\n"
        "print(landlock.available() >= 0, namespaces.available(None, None) is not None, bool(os.listdir('/')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"] * 3
    assert before in {None, 1}
    assert namespaces.mount_point().startswith("/")


def test_a_call_the_kernel_refuses_is_an_exception():
    with pytest.raises(OSError, match="close") as caught:
        calls.call("close", 10**6)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError, match="no such call"):
        calls.call("no_such_call")


def test_control_groups_need_a_writable_hierarchy(tmp_path):
    assert cgroups.why_not(None) == "no version 2 hierarchy"
    (tmp_path / "cgroup.controllers").write_text("cpu io")
    assert "not controlled" in cgroups.why_not(tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    assert cgroups.why_not(tmp_path) == "not writable"
    (tmp_path / "cgroup.subtree_control").write_text("")
    assert cgroups.why_not(tmp_path) == ""
    inner = cgroups.create(tmp_path, "sandbox-x", memory_bytes=1000, processes=7)
    assert (inner / "pids.max").read_text() == "7"
    cgroups.join(inner, 42)
    assert (inner / "cgroup.procs").read_text() == "42"


def test_slots_follow_processors_and_memory(monkeypatch):
    from apps.core.sandbox.server import config

    monkeypatch.setattr(config.os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(config, "available_mb", lambda: 10_000)
    assert ServerConfig("", "").job_slots() == 8
    monkeypatch.setattr(config, "available_mb", lambda: 600)
    assert ServerConfig("", "").job_slots() == 3
    monkeypatch.setattr(config, "available_mb", lambda: 0)
    assert ServerConfig("", "").job_slots() == 1
    assert ServerConfig("", "", slots=5).job_slots() == 5
