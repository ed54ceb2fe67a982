"""The retriever: plan, embed the query, search, score, rerank; sync for workers, async for servers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.utils.translation import gettext as _
from opentelemetry import trace

from apps.knowledge.models import KnowledgeBase
from apps.knowledge.retrieval.plan import Plan, make_plan
from apps.knowledge.retrieval.results import Hit, Retrieval
from apps.knowledge.retrieval.scoring import score
from apps.knowledge.retrieval.search import fetch_candidates
from apps.knowledge.settings import RetrievalSettings
from apps.providers import gateway
from apps.providers.exceptions import ModelError
from apps.providers.gateway import EmbeddingResult
from apps.providers.models import Model, ModelSlot
from apps.tracing import attributes
from apps.tracing.context import trace_context

tracer = trace.get_tracer(__name__)

T = TypeVar("T")

_PREVIEW_CHARACTERS = 500


@dataclass(slots=True)
class _Run:
    """One retrieval on its way."""

    plan: Plan
    rerank_model: Model | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a stage, in milliseconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[stage] = self.timings.get(stage, 0.0) + (time.perf_counter() - started) * 1000


async def retrieve(
    *, bases: Sequence[KnowledgeBase], query: str, settings: RetrievalSettings | None = None
) -> Retrieval:
    """Find passages for a query. Settings default to those of the first base.

    The caller has checked that the asker may read the bases. When an embedding or rerank model fails, what
    can be done
    without it is done and a notice says so; only a pure vector search then raises the ``ModelError``.
    """
    if not bases:
        return Retrieval([], "full_text", [_("No knowledge base was given.")])
    with _span(bases, query) as span:
        started = time.perf_counter()
        run = await _in_thread(lambda: _prepare(bases, query, settings))
        with run.timed("embed"):
            vectors = await _embed_query(run.plan)
        hits = await _in_thread(lambda: _search(run, vectors))
        with run.timed("rerank"):
            hits = await _rerank(run, hits)
        return _finish(run, hits, span, started)


def retrieve_sync(
    *, bases: Sequence[KnowledgeBase], query: str, settings: RetrievalSettings | None = None
) -> Retrieval:
    """``retrieve`` for code without an event loop; its queries run on the caller's own connection."""
    if not bases:
        return Retrieval([], "full_text", [_("No knowledge base was given.")])
    with _span(bases, query) as span:
        started = time.perf_counter()
        run = _prepare(bases, query, settings)
        with run.timed("embed"):
            vectors = _embed_query_sync(run.plan)
        hits = _search(run, vectors)
        with run.timed("rerank"):
            hits = async_to_sync(_rerank)(run, hits) if run.rerank_model is not None else hits
        return _finish(run, hits, span, started)


def _prepare(bases: Sequence[KnowledgeBase], query: str, settings: RetrievalSettings | None) -> _Run:
    joined = {
        base.pk: base
        for base in KnowledgeBase.objects.with_models().filter(pk__in=[base.pk for base in bases])
    }
    ordered = [joined[base.pk] for base in bases if base.pk in joined]
    chosen = settings or bases[0].retrieval_settings
    run = _Run(make_plan(ordered, query, chosen))
    if chosen.rerank_model is not None:
        reranker = Model.objects.select_related("provider").filter(
            pk=chosen.rerank_model, slot=ModelSlot.RERANK, enabled=True, workspace_id=bases[0].workspace_id
        )
        run.rerank_model = reranker.first()
        if run.rerank_model is None:
            run.plan.notices.append(_("The rerank model is gone or switched off: results were not reranked."))
    return run


async def _embed_query(plan: Plan) -> list[list[float]]:
    """The query's vector for each group; groups whose model fails are dropped with a notice."""
    results: list[EmbeddingResult | ModelError] = []
    for model, _base_ids in plan.groups:
        try:
            results.append(await gateway.embed(model=model, texts=[plan.query], kind="query"))
        except ModelError as error:
            results.append(error)
    return _keep_embedded(plan, results)


def _embed_query_sync(plan: Plan) -> list[list[float]]:
    """As ``_embed_query``, with the gateway's own way to be called without an event loop."""
    results: list[EmbeddingResult | ModelError] = []
    for model, _base_ids in plan.groups:
        try:
            results.append(gateway.embed_sync(model=model, texts=[plan.query], kind="query"))
        except ModelError as error:
            results.append(error)
    return _keep_embedded(plan, results)


def _keep_embedded(plan: Plan, results: Sequence[EmbeddingResult | ModelError]) -> list[list[float]]:
    vectors, groups = [], []
    for group, result in zip(plan.groups, results, strict=True):
        if not isinstance(result, ModelError):
            vectors.append(list(result.vectors[0]))
            groups.append(group)
        elif plan.settings.mode == "vector":
            raise result
        else:
            plan.notices.append(_("Searched by full text only: %(reason)s") % {"reason": result.detail})
    plan.groups = groups
    return vectors


def _search(run: _Run, vectors: list[list[float]]) -> list[Hit]:
    with run.timed("search"):
        candidates = fetch_candidates(run.plan, vectors)
    with run.timed("rank"):
        return score(run.plan, candidates)


async def _rerank(run: _Run, hits: list[Hit]) -> list[Hit]:
    """The best candidates in the reranker's order, by its scores; unchanged when it fails."""
    model, head = run.rerank_model, hits[: run.plan.settings.rerank_candidates]
    if model is None or not head:
        return hits
    try:
        ranked = await gateway.rerank(
            model=model, query=run.plan.query, documents=[hit.text for hit in head], top_n=len(head)
        )
    except ModelError as error:
        run.plan.notices.append(_("Results were not reranked: %(reason)s") % {"reason": error.detail})
        return hits
    return [
        replace(head[item.index], score=min(max(item.score, 0.0), 1.0), rerank_score=item.score)
        for item in ranked
    ]


def _finish(run: _Run, hits: list[Hit], span: trace.Span, started: float) -> Retrieval:
    settings = run.plan.settings
    kept = [hit for hit in hits if hit.score >= settings.score_threshold][: settings.top_k]
    run.timings["total"] = (time.perf_counter() - started) * 1000
    timings = {stage: round(milliseconds, 2) for stage, milliseconds in run.timings.items()}
    retrieval = Retrieval(kept, run.plan.mode, run.plan.notices, timings)
    span.set_attribute(attributes.OUTPUT, json.dumps([_preview(hit) for hit in kept], ensure_ascii=False))
    span.set_attribute(f"{attributes.METADATA_PREFIX}mode", retrieval.mode)
    if retrieval.notices:
        span.set_attribute(f"{attributes.METADATA_PREFIX}notices", " ".join(retrieval.notices))
    return retrieval


def _preview(hit: Hit) -> dict[str, object]:
    return {
        "chunk_id": str(hit.chunk_id),
        "document": hit.document_name,
        "score": round(hit.score, 4),
        "text": hit.text[:_PREVIEW_CHARACTERS],
    }


@contextmanager
def _span(bases: Sequence[KnowledgeBase], query: str) -> Iterator[trace.Span]:
    # A retrieval of its own (API, hit testing) needs the workspace; inside an answer the outer context
    # already has it.
    with (
        trace_context(workspace_id=bases[0].workspace_id),
        tracer.start_as_current_span("knowledge retrieval") as span,
    ):
        span.set_attribute(attributes.OBSERVATION_TYPE, "retriever")
        span.set_attribute(attributes.INPUT, query)
        span.set_attribute(f"{attributes.METADATA_PREFIX}bases", ", ".join(base.name for base in bases))
        yield span


async def _in_thread(function: Callable[[], T]) -> T:
    """Run a database function in a worker thread, many at a time, and give its connection back."""

    def run() -> T:
        try:
            return function()
        finally:
            connection.close()

    return await sync_to_async(run, thread_sensitive=False)()
