"""Writes of tracing that people and clients ask for; spans have their own path in `apps.tracing.writer`."""
