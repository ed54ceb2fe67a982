"""Figures for Prometheus.

Each process counts into memory-mapped files that all processes of a machine share (`var/metrics`); whoever serves
`/metrics` adds them up. What only the database knows, such as the length of queues, is asked for when a figure is
fetched: apps register such questions with `register_gauges`.
"""

from apps.core.metrics.database import Reading, register_gauges
from apps.core.metrics.instruments import SECONDS, counter, gauge, histogram
from apps.core.metrics.render import render

__all__ = ["SECONDS", "Reading", "counter", "gauge", "histogram", "register_gauges", "render"]
