"""Signals between processes over PostgreSQL's LISTEN/NOTIFY, as a layer for Django Channels."""

from .layer import PostgresChannelLayer

__all__ = ["PostgresChannelLayer"]
