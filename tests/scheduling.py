"""How `-n` spreads the tests over processes.

A file stays together, since its tests share what they set up. The tests of durability stay together all, because each
process that runs one of them starts a product. What takes long comes first, so that all processes end at the same
time; the durability tests wait most of theirs, while the other processes compute.
"""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

TOGETHER = "tests/durability"
#: Few tests that take long; the others come by their number in a file.
FIRST = (TOGETHER, "tests/test_access_walk.py", "tests/sandbox/test_attacks.py")


class Scheduling(LoadFileScheduling):
    """Files of tests, and one whole directory of them."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(f"{TOGETHER}/") else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = next((scope for scope in FIRST if scope in self.workqueue), None)
        if scope is not None:
            self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
