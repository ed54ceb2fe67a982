"""Executing runs: claims under leases, the engine on the ledger, and handing over when a process ends."""

from apps.workflows.runner.current import close_current_executor, current_executor
from apps.workflows.runner.executor import Executor

__all__ = ["Executor", "close_current_executor", "current_executor"]
