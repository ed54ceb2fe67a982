"""Background work: leases, progress, cancellation, recovery."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.core import jobs
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.jobs.runner import claim
from apps.core.models import AuditEntry, Job, JobState
from tests.factories.core import SYSTEM
from tests.support.jobs import run_queued

seen: list[str] = []


@jobs.task("tests.record")
def record(ctx: jobs.JobContext, *, word: str) -> None:
    """Remember a word."""
    seen.append(word)
    ctx.progress(1, 1, word)


@jobs.task("tests.count")
def count_to(ctx: jobs.JobContext, *, total: int) -> None:
    """Report progress unit by unit."""
    for done in range(1, total + 1):
        ctx.progress(done, total)


@jobs.task("tests.refuse")
def refuse(ctx: jobs.JobContext) -> None:
    """Fail with a sentence."""
    raise jobs.JobFailed("The file is empty.")


@jobs.task("tests.invalid")
def invalid(ctx: jobs.JobContext) -> None:
    """Fail as a service does."""
    raise Invalid("Choose a model first.")


@jobs.task("tests.crash")
def crash(ctx: jobs.JobContext) -> None:
    """Fail unexpectedly."""
    raise ZeroDivisionError("secret details")


@jobs.task("tests.lose_database")
def lose_database(ctx: jobs.JobContext) -> None:
    """Meet a database that goes away."""
    raise OperationalError("server closed the connection")


@jobs.task("tests.cancel_itself")
def cancel_itself(ctx: jobs.JobContext) -> None:
    """Be cancelled in the middle."""
    Job.objects.filter(pk=ctx.job.pk).update(cancel_requested=True)
    ctx.checkpoint()
    seen.append("went on")


@pytest.fixture(autouse=True)
def _forget():
    seen.clear()


def enqueue(workspace, name, **args):
    return jobs.enqueue(name, actor=SYSTEM, workspace=workspace, args=args)


def test_a_job_runs_once_and_succeeds(workspace):
    job = enqueue(workspace, "tests.record", word="hello")
    assert jobs.run_job(job.pk)
    assert not jobs.run_job(job.pk), "a second wake-up finds nothing to do"
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.message, job.percent) == (
        JobState.SUCCEEDED,
        1,
        1,
        "hello",
        100,
    )
    assert seen == ["hello"]
    assert job.lease_token is None


@pytest.mark.parametrize(
    ("task", "sentence"),
    [("tests.refuse", "The file is empty."), ("tests.invalid", "Choose a model first.")],
)
def test_an_expected_failure_shows_its_sentence(workspace, task, sentence):
    enqueue(workspace, task)
    [job] = run_queued()
    assert (job.state, job.error) == (JobState.FAILED, sentence)


def test_an_unexpected_failure_shows_no_details(workspace):
    enqueue(workspace, "tests.crash")
    [job] = run_queued()
    assert job.state == JobState.FAILED
    assert "secret" not in job.error
    assert str(job.pk) in job.error


def test_a_job_that_lost_the_database_keeps_its_lease_to_expire(workspace):
    job = enqueue(workspace, "tests.lose_database")
    assert not jobs.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_a_held_job_is_not_taken(workspace):
    job = enqueue(workspace, "tests.record", word="x")
    assert claim(job.pk, uuid4()) is not None
    assert claim(job.pk, uuid4()) is None


def test_a_job_of_a_dead_process_is_taken_up_again(workspace):
    job = enqueue(workspace, "tests.record", word="again")
    claim(job.pk, uuid4())
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.sweep() == 1
    assert jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2)


def test_a_worker_that_lost_its_lease_stops_and_writes_nothing(workspace):
    job = enqueue(workspace, "tests.count", total=3)
    context = jobs.JobContext(claim(job.pk, uuid4()), uuid4())
    with pytest.raises(jobs.JobLost):
        context.progress(3, 3)
    job.refresh_from_db()
    assert job.done == 0


def test_a_job_that_kills_its_process_again_and_again_is_given_up(workspace):
    job = enqueue(workspace, "tests.record", word="x")
    Job.objects.update(attempts=5)
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "5" in job.error
    assert seen == []


def test_a_waiting_job_is_cancelled_at_once(workspace, editor):
    job = enqueue(workspace, "tests.record", word="x")
    jobs.cancel(actor=Actor.for_user(editor), job=job)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not jobs.run_job(job.pk)
    assert AuditEntry.objects.filter(action="core.job.cancel", actor_id=editor.pk).count() == 1


def test_a_running_job_stops_at_its_next_checkpoint(workspace):
    enqueue(workspace, "tests.cancel_itself")
    [job] = run_queued()
    assert job.state == JobState.CANCELLED
    assert seen == []


def test_a_viewer_cannot_cancel(workspace, viewer):
    job = enqueue(workspace, "tests.record", word="x")
    with pytest.raises(NotAllowed):
        jobs.cancel(actor=Actor.for_user(viewer), job=job)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_fresh_queued_job_is_left_alone_by_the_sweeper(workspace):
    enqueue(workspace, "tests.record", word="x")
    assert jobs.sweep() == 0


def test_an_unknown_task_is_refused_at_once(workspace):
    with pytest.raises(LookupError):
        enqueue(workspace, "tests.unknown")


def test_a_wake_up_is_sent_when_the_transaction_commits(
    workspace, settings, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    settings.JOBS_DISPATCH = "celery"
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda self, name, **kw: sent.append((name, kw)))
    with django_capture_on_commit_callbacks() as callbacks:
        job = enqueue(workspace, "tests.record", word="x")
        assert sent == []
    for callback in callbacks:
        callback()
    assert sent == [("core.run_job", {"args": [str(job.pk)], "queue": "default"})]
