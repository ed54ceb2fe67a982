"""What this process asked of the sandbox, for Prometheus."""

from __future__ import annotations

from apps.core.metrics import counter, gauge, histogram

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

JOBS = counter("sandbox_jobs", "Pieces of user code, by how they ended.", ["language", "outcome"])
SECONDS = histogram("sandbox_job_seconds", "From asking to the result.", ["language"], _SECONDS)
CPU_SECONDS = counter("sandbox_cpu_seconds", "Processor time of user code.", ["language"])
RUNNING = gauge("sandbox_running", "Pieces of user code that run now.")
WAITING = gauge("sandbox_waiting", "Pieces of user code that wait for a turn.")


def outcomes() -> dict[str, int]:
    """How many jobs of this process ended in which way: `ok`, or the code of an error."""
    counts: dict[str, int] = {}
    for family in JOBS.collect():
        for sample in family.samples:
            if sample.name.endswith("_total"):
                outcome = sample.labels["outcome"]
                counts[outcome] = counts.get(outcome, 0) + int(sample.value)
    return counts
