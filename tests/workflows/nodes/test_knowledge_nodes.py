"""Nodes of knowledge bases, on real bases."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from apps.knowledge.models import Document
from apps.knowledge.services import document as documents
from apps.workflows.adapters.knowledge import WorkspaceKnowledge
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.knowledge import make_base, make_document, make_rerank_model
from tests.fakes.model_server import _model_server_thread, model_server
from tests.support.jobs import run_queued
from tests.workflows.nodes.harness import Bench, MemoryFiles
from tests.workflows.nodes.models import FakeModels, Said, unrecorded

__all__ = ["_model_server_thread", "model_server", "unrecorded"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unrecorded")]


@pytest.fixture
def base(workspace):
    base = make_base(workspace, name="Drinks")
    for name, text, year in (
        ("tea.md", "Green tea is brewed at eighty degrees.", "2024"),
        ("coffee.md", "Coffee is roasted; green coffee beans are raw.", "2023"),
    ):
        document = make_document(base, text, name)
        documents.update_document(actor=SYSTEM, document=document, metadata={"year": year})
    return base


@pytest.fixture
def node(workspace, model_server):
    """Return `node(type)`: a bench whose run reaches the workspace's bases, and the fake model server."""

    def make(name: str) -> Bench:
        bench = Bench(name)
        bench.ctx.ports.knowledge = WorkspaceKnowledge(workspace, SYSTEM)
        bench.ctx.ports.models = FakeModels(model_server.base_url)
        bench.ctx.ports.files = MemoryFiles()
        return bench

    return make


def outputs(bench: Bench, **config: Any) -> dict[str, Any]:
    return async_to_sync(bench.outputs)(**config)


def fails(bench: Bench, code: str, **config: Any) -> Any:
    return async_to_sync(bench.fails)(code, **config)


def titles(found: dict[str, Any]) -> list[str]:
    return [passage["title"] for passage in found["result"]]


class indexer:  # noqa: N801  # reads as a verb at the call
    """A worker beside the test: indexes what is queued while a node waits for it."""

    def __enter__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            run_queued()
            time.sleep(0.02)
        connection.close()


def test_retrieval_of_several_bases_with_their_origins(node, base, workspace):
    other = make_base(workspace, name="Rules")
    make_document(other, "Tea is served at five.", "rules.md")
    found = outputs(node("knowledge_retrieval"), query="green tea", bases=["Drinks", str(other.pk)], top_k=3)
    assert titles(found)[0] == "tea.md"
    assert set(titles(found)) == {"tea.md", "coffee.md", "rules.md"}
    first = found["result"][0]
    assert first["metadata"]["base_name"] == "Drinks"
    assert first["metadata"]["year"] == "2024"
    assert 0 < first["score"] <= 1
    assert found["text"].startswith('<passage id="1" title="tea.md">')
    assert outputs(node("knowledge_retrieval"), query=" ", bases=["Drinks"])["count"] == 0


def test_bases_and_models_that_are_not_there(node, base):
    theirs = make_base(make_workspace(), name="Theirs")
    bench = node("knowledge_retrieval")
    for name in ("Nowhere", "Theirs", str(theirs.pk)):
        fails(bench, "no_base", query="tea", bases=[name])
    fails(bench, "no_model", query="tea", bases=["Drinks"], rerank={"model": "none"})
    fails(bench, "nothing_found", query="zebra", bases=["Drinks"], required=True)


def test_reranking_and_threshold(node, base, workspace, model_server):
    make_rerank_model(workspace, model_server.base_url)
    found = outputs(
        node("knowledge_retrieval"), query="green coffee beans", bases=["Drinks"], rerank={"model": "rerank"}
    )
    assert titles(found)[0] == "coffee.md"
    assert found["result"][0]["metadata"]["rerank_score"] is not None
    assert (
        outputs(node("knowledge_retrieval"), query="green", bases=["Drinks"], score_threshold=1)["count"] == 0
    )


def test_a_manual_filter_leaves_out_empty_values(node, base):
    bench = node("knowledge_retrieval")
    conditions = [{"name": "year", "op": ">", "value": "2023"}, {"name": "document_name", "value": ""}]
    found = outputs(bench, query="green", bases=["Drinks"], filter={"conditions": conditions})
    assert titles(found) == ["tea.md"]
    assert len(found["filter"]["conditions"]) == 1
    assert set(bench.problems(query="x", bases=["Drinks"], filter={})) == {"filter.conditions"}


def test_an_automatic_filter_is_derived_by_a_model(node, base, model_server):
    model_server.script(
        '{"conditions": [{"name": "year", "op": "=", "value": "2023"}, {"name": "nothing", "value": 1}]}'
    )
    found = outputs(
        node("knowledge_retrieval"), query="green of 2023", bases=["Drinks"], filter={"mode": "automatic"}
    )
    assert titles(found) == ["coffee.md"]
    assert found["filter"]["conditions"] == [{"name": "year", "op": "=", "value": "2023"}]
    assert found["usage"]["total_tokens"] > 0
    assert "- year: 2023, 2024" in model_server.requests[-1].body["messages"][0]["content"]


def test_rewriting_and_choosing_a_base(node, base, workspace, model_server):
    make_document(make_base(workspace, name="Rules"), "Tea is served at five.", "rules.md")
    model_server.script("When is tea served?", '{"base": "Rules"}')
    bench = node("knowledge_retrieval")
    bench.ctx.ports.conversation = Said(
        [{"role": "user", "content": "Tea?"}, {"role": "assistant", "content": "Yes."}]
    )
    found = outputs(bench, query="When?", bases=["Drinks", "Rules"], choose="one", rewrite=True, memory={})
    assert (found["query"], titles(found)) == ("When is tea served?", ["rules.md"])


def test_writing_waits_until_it_can_be_found(node, base):
    bench = node("knowledge_write")
    config = {"base": "Drinks", "text": "Mate is drunk hot.", "name": "mate.md", "metadata": {"year": 2025}}
    with indexer():
        found = outputs(bench, **config)
        again = outputs(bench, **config)
    assert (found["state"], found["existed"], found["name"]) == ("ready", False, "mate.md")
    assert (again["document_id"], again["existed"]) == (found["document_id"], True)
    assert Document.objects.get(pk=found["document_id"]).metadata == {"year": "2025"}
    assert titles(outputs(node("knowledge_retrieval"), query="mate", bases=["Drinks"])) == ["mate.md"]


def test_writing_files_replacing_and_not_waiting(node, base):
    bench = node("knowledge_write")
    file = bench.ctx.ports.files.give("tea.md", b"Black tea is brewed at boiling point.", "text/markdown")
    found = outputs(bench, base="Drinks", files=[file], replace=True, wait=False)
    assert found["state"] == "queued"
    assert [d.name for d in base.documents.order_by("name")] == ["coffee.md", "tea.md"]
    fails(bench, "nothing_to_write", base="Drinks", text=" ")
    assert fails(bench, "indexing_timeout", base="Drinks", text="Slow.", wait_s=0.01).retryable
    assert fails(bench, "unsupported_format", base="Drinks", text="x", name="x.exe").message
    assert set(bench.problems(base="Drinks")) == {"text"}


def test_deleting(node, base):
    bench = node("knowledge_delete")
    document = base.documents.get(name="tea.md")
    assert outputs(bench, base="Drinks", document_id=str(document.pk)) == {"deleted": True}
    assert outputs(bench, base="Drinks", document_id=str(document.pk)) == {"deleted": False}
    fails(bench, "no_document", base="Drinks", document_id="x", required=True)
    bench.ctx.attempt = 2
    assert outputs(bench, base="Drinks", document_id=str(document.pk), required=True) == {"deleted": True}
