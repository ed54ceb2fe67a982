"""Tables of the workflows app."""

from apps.workflows.models.data_table import DataTable, TableInsert, TableSpace
from apps.workflows.models.run import RunMode, RunState, TriggerKind, WorkflowRun
from apps.workflows.models.run_file import RunFile
from apps.workflows.models.run_wait import RunWait, WaitState
from apps.workflows.models.trigger import FiringState, Trigger, TriggerFiring, TriggerType
from apps.workflows.models.version import WorkflowVersion
from apps.workflows.models.workflow import Workflow, WorkflowKind

__all__ = [
    "DataTable",
    "FiringState",
    "RunFile",
    "RunMode",
    "RunState",
    "RunWait",
    "TableInsert",
    "TableSpace",
    "Trigger",
    "TriggerFiring",
    "TriggerKind",
    "TriggerType",
    "WaitState",
    "Workflow",
    "WorkflowKind",
    "WorkflowRun",
    "WorkflowVersion",
]
