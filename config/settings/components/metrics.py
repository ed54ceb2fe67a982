"""Figures for Prometheus."""

from __future__ import annotations

from config.env import env

METRICS_TOKEN = env.text(
    "METRICS_TOKEN", "", "Lets Prometheus read /metrics without an administrator's API key.", secret=True
)
METRICS_DIR = env.text(
    "PROMETHEUS_MULTIPROC_DIR",
    "",
    "Where the processes of one machine add up their figures; emptied before they start.",
    default_text="`var/metrics` under `manage.py up`, else none",
)
