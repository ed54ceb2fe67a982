"""What this machine offers: starts a sandbox for a moment and tells what stood."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace

from apps.core.sandbox.kernel import calls
from apps.core.sandbox.server.config import ServerConfig
from apps.core.sandbox.server.supervisor import Refused, Supervisor


def probe(config: ServerConfig) -> tuple[bool, list[str]]:
    """Return whether it would start, and the lines to print."""
    try:
        lines = [f"Processor: {calls.architecture().name}"]
    except calls.UnsupportedPlatform as error:
        return False, [str(error)]
    with tempfile.TemporaryDirectory(prefix="sandbox-") as directory:
        supervisor = Supervisor(replace(config, directory=directory))
        try:
            supervisor.start()
        except Refused as reason:
            verdict = f"The sandbox would refuse to start. {reason}"
        else:
            verdict = "All required layers stand, and the self-test found no hole."
        report = supervisor.report()
        supervisor.close()
    return not report["refused"], [*lines, *_layers(report), verdict]


def _layers(report: dict[str, object]) -> Iterator[str]:
    layers, minimum = report["layers"], report["minimum"]
    if not isinstance(layers, list) or not isinstance(minimum, list):
        return
    for layer in layers:
        needed = " (required)" if layer["name"] in minimum else ""
        yield f"  {'yes' if layer['on'] else 'no ':<4} {layer['name']:<14}{layer['why']}{needed}"
