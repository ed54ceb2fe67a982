"""Deleting traces while their spans go on arriving."""

import threading
import time

import pytest
from django.db import connection, connections

from apps.core.actors import Actor
from apps.tracing.models import Observation, Trace
from apps.tracing.services.trace import delete_trace
from apps.tracing.writer.connection import connect
from apps.tracing.writer.writer import _Batch
from tests.factories.tracing import make_row, make_span, store

TRACE = "7" * 32


def row_of(workspace, number=1, *, start_s=0.0):
    return make_row(workspace, make_span(TRACE, number=number, start_s=start_s, ago_s=600))


@pytest.mark.django_db
def test_what_arrived_since_the_trace_was_read_is_deleted_too(workspace, editor):
    store(row_of(workspace))
    trace = Trace.objects.get(workspace=workspace)
    store(row_of(workspace, 2, start_s=300), row_of(workspace, 3, start_s=-300))
    delete_trace(actor=Actor.for_user(editor), trace=trace)
    assert not Observation.objects.filter(workspace_id=workspace.pk).exists()
    assert not Trace.objects.filter(workspace=workspace).exists()


@pytest.mark.django_db(transaction=True)
def test_spans_that_are_being_written_go_with_the_trace(workspace, editor):
    store(row_of(workspace))
    trace = Trace.objects.get(workspace=workspace)

    def delete():
        delete_trace(actor=Actor.for_user(editor), trace=trace)
        connections.close_all()

    deleting = threading.Thread(target=delete)
    with connect() as writing, writing.transaction():
        _Batch.of([row_of(workspace, 2, start_s=300)]).insert(writing)
        deleting.start()
        wait_for_a_lock()
    deleting.join(10)
    assert not Observation.objects.filter(workspace_id=workspace.pk).exists()
    assert not Trace.objects.filter(workspace=workspace).exists()


def wait_for_a_lock():
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
            )
            if cursor.fetchone():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")
