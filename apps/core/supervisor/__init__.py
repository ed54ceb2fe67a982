"""Running the product's processes together on one machine: start, watch, restart, stop.

Plain Python without Django; `manage.py up` says what to run.
"""

from .child import ChildSpec
from .console import Console, JsonConsole
from .runfile import RunFile, RunState
from .supervisor import Database, Supervisor

__all__ = ["ChildSpec", "Console", "Database", "JsonConsole", "RunFile", "RunState", "Supervisor"]
