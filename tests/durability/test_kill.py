"""kill -9 of each process in the middle of a job: it is finished, once, and everything is back."""

import pytest

from tests.support.product import Product, wait_until

pytestmark = pytest.mark.durability

STEPS = 40
ENQUEUE = """
from apps.core import jobs
from apps.core.actors import Actor
from apps.core.models import Workspace
job = jobs.enqueue("probe.count", actor=Actor.system("test"), workspace=Workspace.objects.first(),
                   args={{"series": "{series}", "steps": {steps}}})
print(job.pk)
"""


class Counting:
    """A running `probe.count` job."""

    def __init__(self, product: Product, series: str) -> None:
        self.product, self.series = product, series
        self.job_id = product.run(ENQUEUE.format(series=series, steps=STEPS))
        wait_until(lambda: len(self.steps()) > 5, what="the middle of the job")

    def steps(self) -> list[int]:
        rows = self.product.query("select step from probe_count where series = %s order by step", self.series)
        return [step for (step,) in rows]

    def state(self) -> tuple[str, int]:
        query = "select state, attempts from core_job where id = %s"
        ((state, attempts),) = self.product.query(query, self.job_id)
        return state, attempts

    def assert_finished_once(self, *, attempts: set[int]) -> None:
        wait_until(lambda: self.state()[0] == "succeeded", seconds=40, what="the end of the job")
        assert self.steps() == list(range(1, STEPS + 1))
        assert self.state()[1] in attempts


def test_a_killed_worker_is_replaced_and_its_job_finished_once(product: Product) -> None:
    job = Counting(product, "worker")

    old = product.kill("worker")

    product.wait_back("worker", after=old)
    job.assert_finished_once(attempts={2})


def test_a_killed_database_is_started_again_and_the_job_finished_once(product: Product) -> None:
    job = Counting(product, "postgres")

    old = product.kill("postgres")

    product.wait_back("postgres", after=old)
    job.assert_finished_once(attempts={2})
    wait_until(product.answers, what="the answer of the web process")


def test_a_killed_web_process_is_replaced_and_jobs_go_on(product: Product) -> None:
    job = Counting(product, "web")

    old = product.kill("web")

    product.wait_back("web", after=old)
    wait_until(product.answers, what="the answer of the web process")
    job.assert_finished_once(attempts={1})


def test_a_killed_supervisor_leaves_nothing_in_the_way(product: Product) -> None:
    job = Counting(product, "supervisor")
    children = [product.pid(name) for name in ("web", "worker", "beat")]

    product.kill("supervisor")
    product.start()
    product.wait_ready()

    assert not {product.pid(name) for name in ("web", "worker", "beat")} & set(children)
    job.assert_finished_once(attempts={1, 2})  # its worker may have had the time to finish it
