"""How fast the span writer stores mapped spans: spans per second, and CPU seconds per 10,000 spans.

    python benchmarks/tracing_writer.py [--quick] [--batch 500] [--writers 1]

Spans of about 2 KB, ten to a trace, through the attribute mapping, COPY and merge into the configured
database. The rows it wrote are deleted again.
"""

import argparse
import json
import os
import random
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

SENTENCE = (
    "the model answers a question about retrieval with context from three documents and cites each source "
    "where the vector index returned a close match while usage stays below the budget of this workspace"
)
WORDS = SENTENCE.split()
KINDS = ("agent", "retriever", "tool", *["generation"] * 7)


def text(rng: random.Random, length: int) -> str:
    """About `length` characters of words."""
    return " ".join(rng.choices(WORDS, k=length // 6))


def make_spans(count: int) -> list[object]:
    """`count` spans of about 2 KB, ten to a trace, within the last hour."""
    from apps.tracing.mapping import SpanRecord

    rng = random.Random(1)  # noqa: S311 - the same spans in every run
    start = time.time_ns() - 3600 * 10**9
    spans: list[object] = []
    for number in range(count):
        step = number % len(KINDS)
        if step == 0:
            trace_id, root_id = f"{rng.getrandbits(128) | 1:032x}", f"{rng.getrandbits(64) | 1:016x}"
        begin = start + number * 1_000_000
        spans.append(
            SpanRecord(
                trace_id=trace_id,
                span_id=root_id if step == 0 else f"{rng.getrandbits(64) | 1:016x}",
                parent_id="" if step == 0 else root_id,
                name=f"{KINDS[step]}-{step}",
                start_ns=begin,
                end_ns=begin + rng.randrange(1, 900) * 1_000_000,
                failed=rng.random() < 0.02,
                attributes=make_attributes(rng, KINDS[step], number),
            )
        )
    return spans


def make_attributes(rng: random.Random, kind: str, number: int) -> dict[str, object]:
    """What one span of `kind` says."""
    question, answer = text(rng, 820), text(rng, 620)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    values: dict[str, object] = {
        "flywheel.observation.type": kind,
        "flywheel.input": json.dumps(messages),
        "flywheel.output": answer,
        "session.id": f"s{number // 1000}",
        "user.id": f"u{number % 97}",
        "flywheel.tags": '["bench"]',
        "flywheel.metadata.release": "1.4.2",
        "app.region": "eu",
    }
    if kind == "generation":
        values |= {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-test-4",
            "gen_ai.provider.name": "openai",
            "gen_ai.usage.input_tokens": rng.randrange(200, 3000),
            "gen_ai.usage.output_tokens": rng.randrange(20, 600),
            "gen_ai.request.temperature": 0.2,
            "flywheel.cost": "0.00123",
            "flywheel.time_to_first_token_ms": 231.5,
        }
    return values


def server_cpu() -> float:
    """CPU seconds of all processes named postgres on this machine."""
    import psutil

    total = 0.0
    for process in psutil.process_iter(["name", "cpu_times"]):
        if process.info["name"] == "postgres" and process.info["cpu_times"]:
            times = process.info["cpu_times"]
            total += times.user + times.system + times.children_user + times.children_system
    return total


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 spans instead of 100,000")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--writers", type=int, default=1)
    options = parser.parse_args()
    import django

    django.setup()
    from django.db import connection

    from apps.tracing.mapping import map_span
    from apps.tracing.writer import SpanWriter

    count = 10_000 if options.quick else 100_000
    workspace = uuid.uuid4()
    spans = make_spans(count)
    batches = [spans[at : at + options.batch] for at in range(0, count, options.batch)]
    with SpanWriter() as warm:
        warm.write([map_span(span, workspace_id=uuid.uuid4()) for span in batches[0]])
    queue = iter(batches)
    lock = threading.Lock()
    stored = []

    writers = [SpanWriter() for _ in range(options.writers)]

    def work(writer: SpanWriter) -> None:
        while True:
            with lock:
                batch = next(queue, None)
            if batch is None:
                return
            result = writer.write([map_span(span, workspace_id=workspace) for span in batch])
            stored.append(result.stored)

    cpu, server, wall = time.process_time(), server_cpu(), time.perf_counter()
    threads = [threading.Thread(target=work, args=[writer]) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - wall
    cpu, server = time.process_time() - cpu, server_cpu() - server
    for writer in writers:
        writer.close()
    assert sum(stored) == count, (sum(stored), count)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT sum(observation_count) FROM tracing_trace WHERE workspace_id = %s), "
            "(SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
            "WHERE relname ~ '^tracing_(trace|obs)' AND relkind = 'r'), "
            "(SELECT count(*) FROM tracing_observation)",
            [workspace],
        )
        summed, size, rows = cursor.fetchone()
        assert summed == count, (summed, count)
        for table in ("tracing_observation", "tracing_observationpayload", "tracing_trace"):
            cursor.execute(f"DELETE FROM {table} WHERE workspace_id = %s", [workspace])  # noqa: S608 - our names
    print(f"{'spans/s':>10} {'client CPU s/10k':>18} {'server CPU s/10k':>18} {'bytes/span':>12}")
    per = 10_000 / count
    print(f"{count / wall:>10,.0f} {cpu * per:>18.2f} {server * per:>18.2f} {int(size) / rows:>12,.0f}")
    figures = {"spans_per_s": count / wall, "spans_per_cpu_s": 10_000 / ((cpu + server) * per)}
    print("RESULT", *(f"{name}={value:.0f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
