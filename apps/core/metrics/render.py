"""All figures as Prometheus reads them."""

from typing import Final

from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from apps.core.metrics.database import DatabaseCollector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def render() -> bytes:
    """Text of the exposition format: of all processes where they share a directory, else of this one."""
    shared = CollectorRegistry()
    shared.register(DatabaseCollector())
    if settings.METRICS_DIR:
        MultiProcessCollector(shared, path=settings.METRICS_DIR)  # type: ignore[no-untyped-call]  # the package types little
        return generate_latest(shared)
    return generate_latest(REGISTRY) + generate_latest(shared)
