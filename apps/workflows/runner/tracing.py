"""Runs and their nodes as spans: what `Observer` sees, on the OpenTelemetry API."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import orjson
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, Status, StatusCode, TraceFlags

from apps.tracing import attributes
from apps.tracing.context import trace_context
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.events import Event
from apps.workflows.engine.node import Node, NodeContext, Result
from apps.workflows.runner.queue import Claimed

tracer = trace.get_tracer(__name__)

#: Nodes that compute in place are cheaper than their spans: of a run with many only the first are shown.
MAX_PLAIN_SPANS: Final = 300
MAX_CHARS: Final = 20_000
MASK: Final = "••••••••"
_METADATA: Final = attributes.METADATA_PREFIX


class _Token:
    """The span of one attempt of a node, and how to leave its context."""

    __slots__ = ("attached", "span")

    def __init__(self, span: Span, attached: Any) -> None:
        self.span = span
        self.attached = attached


class RunTrace:
    """The root span of a run in this process, and below it one per node."""

    def __init__(self, run: Claimed) -> None:
        self._run = run
        self._span: Span | None = None
        self._plain = 0
        self._secrets: tuple[str, ...] = ()
        self.trace_id = ""
        #: of the span that later sessions go below: the first of the run that was stored
        self.root_span = ""

    def mask(self, secrets: Mapping[str, Any]) -> None:
        """Keep these values out of spans."""
        self._secrets = tuple(str(value) for value in secrets.values() if value and len(str(value)) > 3)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Everything that happens inside belongs to the run."""
        run = self._run
        with trace_context(
            workspace_id=run.workspace_id,
            session_id=run.conversation_id,
            user_id=run.external_user or run.user_id,
            source_type="workflows.run",
            source_id=run.id,
            trace_name=run.workflow_name,
        ):
            self._span = tracer.start_span(run.workflow_name, context=self._earlier())
            self._span.set_attributes(
                {
                    attributes.OBSERVATION_TYPE: "workflow",
                    attributes.INPUT: self._shown(run.inputs),
                    f"{_METADATA}workflow_id": str(run.workflow_id),
                    f"{_METADATA}run_id": str(run.id),
                    f"{_METADATA}trigger": run.trigger_kind,
                }
            )
            known = self._span.get_span_context()
            self.trace_id = f"{known.trace_id:032x}"
            self.root_span = f"{known.span_id:016x}"
            token = otel_context.attach(trace.set_span_in_context(self._span))
            try:
                yield
            finally:
                otel_context.detach(token)

    def _earlier(self) -> otel_context.Context | None:
        """The context of the run's first span, when it was stored before the run had to wait."""
        run = self._run
        if not run.root_span or not run.trace_id:
            return None
        parent = SpanContext(
            int(run.trace_id, 16), int(run.root_span, 16), is_remote=True, trace_flags=TraceFlags(1)
        )
        return trace.set_span_in_context(NonRecordingSpan(parent))

    def ended(self, last: Event) -> None:
        """The run has ended, or waits."""
        span, self._span = self._span, None
        if span is None:
            return
        kind, data = last
        span.set_attribute(f"{_METADATA}state", kind.removeprefix("run."))
        if data.get("outputs") is not None:
            span.set_attribute(attributes.OUTPUT, self._shown(data["outputs"]))
        if kind == "run.failed":
            error = data.get("error") or {}
            span.set_status(Status(StatusCode.ERROR, str(error.get("message", ""))))
        span.end()

    def abandon(self) -> None:
        """The run is taken elsewhere, or ended already."""
        if self._span is not None:
            self._span.set_attribute(f"{_METADATA}state", "handed over")
            self._span.end()
            self._span = None

    # -- the engine's observer

    def node_started(self, ctx: NodeContext, node: Node[Any], config: Any) -> _Token | None:
        """Open the span of an attempt."""
        own_task = _has_task(node)
        if not own_task and not node.container:
            self._plain += 1
            if self._plain > MAX_PLAIN_SPANS:
                return None
        parent = ctx.parent
        context = trace.set_span_in_context(parent.span) if isinstance(parent, _Token) else None
        span = tracer.start_span(
            ctx.node_id,
            context=context,
            attributes={
                attributes.OBSERVATION_TYPE: "node",
                f"{_METADATA}node_type": node.type,
                f"{_METADATA}path": ctx.path,
                f"{_METADATA}attempt": ctx.attempt,
            },
        )
        if node.effects and span.is_recording():
            span.set_attribute(attributes.INPUT, self._shown(config))
        attached = otel_context.attach(trace.set_span_in_context(span)) if own_task else None
        return _Token(span, attached)

    def node_finished(self, token: _Token | None, result: Result | NodeError) -> None:
        """Close it."""
        if token is None:
            return
        span = token.span
        if isinstance(result, NodeError):
            span.set_status(Status(StatusCode.ERROR, result.message))
            span.set_attribute(f"{_METADATA}error_code", result.code)
        elif span.is_recording():
            span.set_attribute(attributes.OUTPUT, self._shown(getattr(result, "outputs", None)))
        span.end()
        if token.attached is not None:
            otel_context.detach(token.attached)

    def _shown(self, value: Any) -> str:
        """A value as JSON text of bounded length, without secrets."""
        try:
            text = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:
            text = repr(value)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text[:MAX_CHARS]


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="python") if dump is not None else str(value)


def _has_task(node: Node[Any]) -> bool:
    """Whether the engine runs nodes of this type in a task of their own."""
    return inspect.iscoroutinefunction(node.run) and not node.container
