"""Settings, routing and entry points of the processes."""

from __future__ import annotations

import gc

# By default every 700 new objects set a collection off: loading the product makes hundreds of thousands that stay, and
# a single request makes more than that. This package is the first that every process loads.
gc.set_threshold(10_000, 20, 50)

from config.celery import app as celery_app  # noqa: E402  # loads most of the rest

__all__ = ["celery_app"]
