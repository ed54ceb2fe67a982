"""The spans all contestants get: about 2 KB each in OpenInference's spelling, ten to a trace, the same in every run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PER_TRACE = 10
KINDS = ("CHAIN", "RETRIEVER", "TOOL", *["LLM"] * 7)
SENTENCE = (
    "a workspace keeps its traces while an agent reads three documents ranks the passages that match and cites every "
    "source so that people who review the answer can follow how each step used tokens time and money today"
)
WORDS = SENTENCE.split()
TRACE_GAP_NS = 50_000_000


def words(rng: random.Random, length: int) -> str:
    """About `length` characters."""
    text = " ".join(rng.choices(WORDS, k=length // 4))
    return text[:length]


def attributes(rng: random.Random, kind: str, number: int) -> dict[str, str | int | float]:
    """What one span says."""
    question, answer = words(rng, 620), words(rng, 420)
    common: dict[str, str | int | float] = {
        "openinference.span.kind": kind,
        "input.value": question[:300],
        "output.value": answer[:260],
        "session.id": f"s{number // 1000}",
        "user.id": f"u{number % 97}",
        "metadata": json.dumps({"env": "prod", "release": "1.4.2", "tenant": number % 13}),
    }
    if kind != "LLM":
        return common | {
            "retrieval.documents.0.document.content": question,
            "retrieval.documents.0.document.score": 0.83,
            "retrieval.documents.1.document.content": answer,
        }
    prompt, completion = rng.randrange(200, 3000), rng.randrange(20, 600)
    return common | {
        "llm.model_name": "gpt-4o",
        "llm.provider": "openai",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": question[:200],
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": question,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": answer,
        "llm.token_count.prompt": prompt,
        "llm.token_count.completion": completion,
        "llm.token_count.total": prompt + completion,
        "llm.invocation_parameters": '{"temperature": 0.2, "max_tokens": 512}',
    }


def spans(count: int, start_ns: int, seed: int) -> Iterator[Span]:
    """`count` spans; a new trace begins every 50 ms of their time."""
    rng = random.Random(seed)  # noqa: S311 - the same spans in every run
    for number in range(count):
        step = number % PER_TRACE
        if step == 0:
            trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
        begin = start_ns + number // PER_TRACE * TRACE_GAP_NS + step * 1_000_000
        yield Span(
            trace_id=trace_id,
            span_id=rng.randbytes(8) if step else root_id,
            parent_span_id=root_id if step else b"",
            name=f"{KINDS[step].lower()}-{step}",
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=begin,
            end_time_unix_nano=begin + rng.randrange(1, 900) * 1_000_000,
            status=Status(code=Status.STATUS_CODE_ERROR if rng.random() < 0.02 else Status.STATUS_CODE_OK),
            attributes=[
                KeyValue(key=key, value=_value(value))
                for key, value in attributes(rng, KINDS[step], number).items()
            ],
        )


def batches(count: int, size: int, start_ns: int, seed: int = 1) -> list[bytes]:
    """The requests of an exporter with batches of `size`."""
    bodies: list[bytes] = []
    waiting: list[Span] = []
    for span in spans(count, start_ns, seed):
        waiting.append(span)
        if len(waiting) == size:
            bodies.append(_request(waiting))
            waiting = []
    return bodies + ([_request(waiting)] if waiting else [])


def _request(found: list[Span]) -> bytes:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.append(
        KeyValue(key="service.name", value=AnyValue(string_value="bench"))
    )
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "bench"
    scope_spans.spans.extend(found)
    return request.SerializeToString()


def _value(value: str | float) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)
