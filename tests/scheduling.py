"""How `-n` spreads the tests over processes.

A file stays together, since its tests share what they set up, and large files come first. The tests of durability
stay together all, because each process that runs one of them starts a product; they come before everything else,
because they take the longest, most of it waiting, while the other processes compute.
"""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

TOGETHER = "tests/durability"


class Scheduling(LoadFileScheduling):
    """Files of tests, and one whole directory of them."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(f"{TOGETHER}/") else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if TOGETHER in self.workqueue:
            self.workqueue.move_to_end(TOGETHER, last=False)
        super()._assign_work_unit(node)
