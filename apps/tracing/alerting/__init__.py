"""Alerts: the states they go through, and the messages they send."""

from apps.tracing.alerting.state import Rule, Status, Step, advance

__all__ = ["Rule", "Status", "Step", "advance"]
