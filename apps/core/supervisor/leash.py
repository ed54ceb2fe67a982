"""`python -m apps.core.supervisor.leash PARENT COMMAND…`: become COMMAND, and end when PARENT does.

A supervisor that is killed can't stop its children. On Linux the kernel tells them; elsewhere the next
start finds and ends them.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Ask for SIGTERM at the parent's death; leave at once if it has died already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def main() -> None:
    """Put the leash on and run the command in this very process."""
    end_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the supervisor's fixed command, no shell


if __name__ == "__main__":
    main()
