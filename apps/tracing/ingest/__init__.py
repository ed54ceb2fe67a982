"""Received spans on their way into the database: bounded queue, shared batches, acknowledged after the commit."""

from apps.tracing.ingest.ingestor import BusyError, Ingestor, UnavailableError, current_ingestor
from apps.tracing.ingest.parcel import Authorize, Parcel, Received
from apps.tracing.ingest.prepare import prepare

__all__ = [
    "Authorize",
    "BusyError",
    "Ingestor",
    "Parcel",
    "Received",
    "UnavailableError",
    "current_ingestor",
    "prepare",
]
