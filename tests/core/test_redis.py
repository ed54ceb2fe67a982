"""The same product on Redis: a real server carries wake-ups and signals."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from channels_redis.pubsub import RedisPubSubChannelLayer

pytestmark = pytest.mark.redis

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory) -> Iterator[str]:
    """The Redis named by FLYWHEEL_TEST_REDIS_URL, or one started here."""
    given = os.environ.get("FLYWHEEL_TEST_REDIS_URL")
    if given:
        yield given
        return
    binary = shutil.which("redis-server")
    assert binary, "These tests need redis-server (Debian package redis-server) or FLYWHEEL_TEST_REDIS_URL."
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    _wait_for_port(port)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


def _wait_for_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Redis did not start.")


async def test_signals_cross_processes(redis_url):
    here, there = (RedisPubSubChannelLayer(hosts=[redis_url]) for _ in range(2))
    channel = await there.new_channel()
    await there.group_add("topic.job.1", channel)
    await here.group_send("topic.job.1", {"type": "topic.event", "envelope": {"n": 1}})
    assert (await there.receive(channel))["envelope"] == {"n": 1}
    await here.flush()
    await there.flush()


@pytest.mark.django_db(transaction=True)
def test_a_worker_runs_a_job_whose_wake_up_went_through_redis(redis_url, workspace, system):
    from django.conf import settings

    from apps.core import jobs
    from apps.core.models import Job, JobState

    job = jobs.enqueue("core.first_start", actor=system, workspace=workspace, title="over Redis")
    Job.objects.filter(pk=job.pk).update(task="core.no_such_task")  # ends at once, with a sentence
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "--pool", "solo", "-l", "warning",
         "-Q", "default", "--without-gossip", "--without-mingle", "--without-heartbeat"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": redis_url,
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        },
    )  # fmt: skip
    try:
        app = Celery(broker=redis_url)
        app.send_task("core.run_job", args=[str(job.pk)], queue="default")
        for _ in range(300):
            job.refresh_from_db()
            if job.state == JobState.FAILED:
                break
            time.sleep(0.1)
    finally:
        worker.terminate()
        worker.wait(20)
    assert job.state == JobState.FAILED
    assert "core.no_such_task" in job.error
    assert job.attempts == 1
