"""`python -m tests.sandbox.attacks [--all] [--only TEXT]`: the whole battery, in one or in every configuration."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from typing import Any

import django

WEAK = ("userns", "chroot", "landlock", "mdwe")
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "as started": {},
    "uid 12345": {"uid": 12345},
    "without user namespaces": {"disabled": ["userns"]},
    "uid 12345, without user namespaces": {"uid": 12345, "disabled": ["userns"]},
    "system call filter and limits alone": {"disabled": WEAK},
    "uid 12345, system call filter and limits alone": {"uid": 12345, "disabled": WEAK},
}


def main() -> int:
    """Print what failed; exit code 1 when something did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="in every configuration")
    parser.add_argument("--only", default="", help="programs whose name holds this text")
    parser.add_argument("--verbose", action="store_true", help="show what each program got")
    parser.add_argument("--at-once", type=int, default=6)
    options = parser.parse_args()
    django.setup()
    failed = 0
    for name, configuration in CONFIGURATIONS.items():
        if "uid" in configuration and os.geteuid() != 0:
            print(f"{name}: skipped, needs root")
            continue
        failed += run(name, configuration, options)
        if not options.all:
            break
    return 1 if failed else 0


def run(name: str, configuration: dict[str, Any], options: argparse.Namespace) -> int:
    """One configuration; returns how many programs were not contained."""
    from tests.sandbox.attacks import ATTACKS
    from tests.sandbox.attacks.harness import Ground

    chosen = [attack for attack in ATTACKS if options.only in attack.name]
    ground = Ground(**configuration)
    try:
        report = ground.wait()
        before = ground.busy()
        started = time.perf_counter()
        verdicts = asyncio.run(ground.battery(chosen, options.at_once))
        seconds = time.perf_counter() - started
        left = ground.aftermath(before)
    finally:
        ground.close()
    bad = [verdict for verdict in verdicts if verdict.problems]
    layers = ", ".join(layer["name"] for layer in report["layers"] if layer["on"])
    print(f"{name} [{layers}]: {len(chosen)} programs, {len(bad)} not contained, {seconds:.1f} s")
    print("   ", dict(Counter(verdict.outcome.name for verdict in verdicts)))
    for verdict in verdicts if options.verbose else bad:
        print(
            f"    {verdict.attack.language} · {verdict.attack.name}: {verdict.outcome.name} {verdict.outcome.seconds:.2f} s {verdict.outcome.message[:100]}"
        )
        for problem in verdict.problems:
            print(f"        {problem}")
    for problem in left:
        print(f"    afterwards: {problem}")
    return len(bad) + len(left)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    sys.exit(main())
