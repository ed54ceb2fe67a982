"""Server time of the console's pages and the API's lists at 10,000 conversations.

There is no peer for this figure; the budget is the product's own (150 ms for a warm page). The script fills a
database of its own on the embedded PostgreSQL, opens each page a few times in one process, and prints the median and
the slowest.

    python benchmarks/pages.py [--conversations 10000] [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from apps.core.postgres import TEST, EmbeddedPostgres  # noqa: E402  # needs the path

BUDGET_MS = 150


def prepare_database() -> None:
    """Start the embedded server and point Django at an empty database."""
    import psycopg

    server = EmbeddedPostgres(ROOT / "var" / "bench-postgres", settings=TEST)
    url = server.start()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench_pages WITH (FORCE)")
        connection.execute("CREATE DATABASE bench_pages")
    os.environ["DATABASE_URL"] = url.rsplit("/", 1)[0] + "/bench_pages"
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def fill(count: int):
    """Make a workspace with an agent, `count` conversations of four messages, and a trace for each answer."""
    from django.utils import timezone

    from apps.agents.models import Agent, Conversation, Message
    from apps.tracing.models import Trace
    from tests.factories.core import make_user, make_workspace

    workspace, owner = make_workspace("Benchmark"), make_user(superuser=True)
    agents = Agent.objects.bulk_create(
        Agent(workspace=workspace, name=f"Agent {number}") for number in range(20)
    )
    now = timezone.now()
    conversations = Conversation.objects.bulk_create(
        Conversation(
            workspace=workspace,
            agent=agents[number % len(agents)],
            user=owner,
            title=f"Question {number} about the return policy",
            message_count=4,
            last_message_at=now - timedelta(minutes=number),
            last_state="completed",
        )
        for number in range(count)
    )
    for start in range(0, count, 2_000):
        messages, traces = [], []
        for conversation in conversations[start : start + 2_000]:
            parent = None
            for turn in range(2):
                trace_id = uuid4().hex
                question = Message(
                    workspace=workspace,
                    conversation=conversation,
                    role="user",
                    content="How long?",
                    parent=parent,
                )
                answer = Message(
                    workspace=workspace,
                    conversation=conversation,
                    role="assistant",
                    content="Thirty days [1]. " * 20,
                    parent=question,
                    trace_id=trace_id,
                )
                messages += [question, answer]
                parent = answer
                traces.append((trace_id, conversation.last_message_at - timedelta(seconds=turn)))
        Message.objects.bulk_create(messages, batch_size=2_000)
        Trace.objects.bulk_create(
            [
                Trace(
                    workspace=workspace,
                    trace_id=trace_id,
                    name="Agent",
                    start_time=at,
                    end_time=at + timedelta(seconds=1),
                    named_at=at,
                    latency_ms=1_000,
                    observation_count=4,
                    error_count=0,
                    input_tokens=900,
                    output_tokens=120,
                    cost=0,
                    status="ok",
                    source_type="agents.message",
                )
                for trace_id, at in traces
            ],
            batch_size=2_000,
        )
    return workspace, owner, conversations[count // 2]


def pages(conversation) -> list[str]:
    """Return the pages to open."""
    from django.urls import reverse

    return [
        reverse("admin:index"),
        reverse("admin:agents_conversation_changelist"),
        reverse("admin:agents_conversation_changelist") + "?q=return",
        reverse("admin:agents_conversation_change", args=[conversation.pk]),
        reverse("admin:tracing_traces"),
        reverse("admin:agents_chat", args=[conversation.agent_id]),
        "/api/v1/conversations/",
        "/api/v1/traces/",
    ]


def measure(client, path: str, rounds: int) -> list[float]:
    """Return the times of `rounds` warm requests in ms."""
    response = client.get(path)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - started) * 1000)
    return times


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="2,000 conversations")
    options = parser.parse_args()
    prepare_database()
    count = 2_000 if options.quick else options.conversations
    workspace, owner, conversation = fill(count)

    from django.test import Client

    client = Client(headers={"X-Workspace": str(workspace.pk)})
    client.force_login(owner)
    print(f"{count:,} conversations, {count * 4:,} messages, {count * 2:,} traces\n")
    print(f"{'page':70} {'median ms':>10} {'slowest':>8}")
    worst = 0.0
    for path in pages(conversation):
        times = measure(client, path, 15)
        median = statistics.median(times)
        worst = max(worst, median)
        print(f"{path[:70]:70} {median:10.1f} {max(times):8.1f}")
    print(f"\nRESULT headroom={BUDGET_MS / worst:.2f}")


if __name__ == "__main__":
    main()
