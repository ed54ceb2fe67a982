"""Retrieval: modes, fusion, filters, several bases, languages, failing models."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.knowledge.models import Chunk, ChunkEmbedding
from apps.knowledge.retrieval import RetrievalSettings, retrieve, retrieve_sync
from apps.knowledge.retrieval.plan import make_plan
from apps.knowledge.retrieval.search import build_statement
from apps.knowledge.services import base as base_service
from apps.knowledge.services import chunk as chunk_service
from apps.knowledge.services import document as document_service
from apps.providers.exceptions import ModelError
from tests.factories.core import SYSTEM
from tests.factories.knowledge import make_base, make_document, make_embedding_model, make_rerank_model
from tests.knowledge.corpus import CMRC
from tests.support.jobs import run_queued

TEXTS = {
    "tea.md": "Green tea is rich in antioxidants and should be brewed at eighty degrees.",
    "coffee.md": "Coffee beans are roasted; espresso needs nine bars of pressure.",
    "refund.md": "A refund is paid within five business days after the return arrives.",
    "茶.md": "绿茶富含茶多酚，应当用八十度的水冲泡。",
    "servers.md": "When memory runs out the process is stopped; add memory or reduce the load.",
}


def fill(base):
    return {name: make_document(base, text, name) for name, text in TEXTS.items()}


@pytest.fixture
def base(workspace):
    base = make_base(workspace)
    fill(base)
    return base


@pytest.fixture
def vector_base(workspace, model_server):
    base = make_base(workspace, embedding_model=make_embedding_model(workspace, model_server.base_url))
    fill(base)
    return base


def names(retrieval):
    return [hit.document_name for hit in retrieval.hits]


def search(base, query, **settings):
    return retrieve_sync(bases=[base], query=query, settings=RetrievalSettings(**settings))


@pytest.mark.django_db
class TestFullText:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("how hot should green tea be brewed?", "tea.md"),
            ("refunds", "refund.md"),
            ("茶", "茶.md"),
            ("绿茶用多少度的水", "茶.md"),
            ("memory problems of the process", "servers.md"),
        ],
    )
    def test_the_right_passage_comes_first(self, base, query, expected):
        retrieval = search(base, query, mode="full_text")
        assert names(retrieval)[0] == expected
        assert retrieval.mode == "full_text"
        assert 0 < retrieval.hits[0].score <= 1
        assert retrieval.hits[0].vector_score is None

    @pytest.mark.parametrize(
        "query", ["", "   ", "的", "the", "'", "a & !b | (c", "\x00", "\\", "🙂", "x" * 100_000]
    )
    def test_queries_without_meaning_find_nothing_and_never_fail(self, base, query):
        assert search(base, query).hits == []

    def test_scores_are_comparable_across_queries(self, base):
        assert (
            search(base, "coffee espresso").hits[0].score
            > search(base, "coffee antioxidants tea").hits[-1].score
        )

    def test_threshold_and_top_k(self, base):
        many = search(base, "tea coffee refund memory", top_k=10).hits
        assert len(many) == 4
        assert len(search(base, "tea coffee refund memory", top_k=2).hits) == 2
        limit = many[1].score
        assert all(
            hit.score >= limit for hit in search(base, "tea coffee refund memory", score_threshold=limit).hits
        )

    def test_switched_off_chunks_and_documents_are_not_found(self, base):
        chunk = Chunk.objects.get(document__name="tea.md")
        chunk_service.set_chunk_enabled(actor=SYSTEM, chunk=chunk, enabled=False)
        assert "tea.md" not in names(search(base, "green tea"))
        document_service.update_document(
            actor=SYSTEM, document=Chunk.objects.get(document__name="refund.md").document, enabled=False
        )
        assert search(base, "refund").hits == []

    def test_metadata_filters_by_equality(self, base):
        document = Chunk.objects.get(document__name="tea.md").document
        document_service.update_document(actor=SYSTEM, document=document, metadata={"year": "2024"})
        query = "tea coffee refund"
        assert names(search(base, query, metadata={"year": "2024"})) == ["tea.md"]
        assert search(base, query, metadata={"year": "'; DROP TABLE x; --"}).hits == []

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"name": "year", "op": ">", "value": 2023}, "tea.md"),
            ({"name": "year", "op": "<=", "value": "2023"}, "coffee.md"),
            ({"name": "year", "op": ">", "value": "soon"}, ""),
            ({"name": "kind", "op": "contains", "value": "OT_"}, ""),
            ({"name": "kind", "op": "starts with", "value": "HOT"}, "tea.md"),
            ({"name": "kind", "op": "not contains", "value": "hot"}, "coffee.md servers.md"),
            ({"name": "kind", "op": "in", "value": ["hot drink", "x"]}, "tea.md"),
            ({"name": "kind", "op": "not in", "value": "hot drink, x"}, "coffee.md servers.md"),
            ({"name": "kind", "op": "empty"}, "coffee.md servers.md"),
            ({"name": "document_name", "op": "ends with", "value": "ers.md"}, "servers.md"),
            ({"name": "upload_date", "op": "after", "value": "2020-01-01"}, "coffee.md servers.md tea.md"),
            ({"name": "' OR true --", "op": "=", "value": "' OR true --"}, ""),
        ],
    )
    def test_metadata_filters_by_conditions(self, base, condition, expected):
        for name, metadata in {
            "tea.md": {"year": "2024", "kind": "hot drink"},
            "coffee.md": {"year": "2023"},
        }.items():
            document = base.documents.get(name=name)
            document_service.update_document(actor=SYSTEM, document=document, metadata=metadata)
        found = search(base, "green tea coffee beans memory", filter={"conditions": [condition]})
        assert sorted(names(found)) == expected.split()

    def test_any_of_several_conditions_is_enough(self, base):
        names_wanted = [
            {"name": "document_name", "op": "=", "value": name} for name in ("tea.md", "coffee.md")
        ]
        query = "green tea coffee beans"
        assert len(search(base, query, filter={"match": "any", "conditions": names_wanted}).hits) == 2
        assert search(base, query, filter={"match": "all", "conditions": names_wanted}).hits == []

    def test_an_edited_chunk_is_found_by_its_new_text_at_once(self, base):
        chunk = Chunk.objects.get(document__name="coffee.md")
        chunk_service.edit_chunk(actor=SYSTEM, chunk=chunk, text="Matcha is whisked with bamboo.")
        assert names(search(base, "whisked matcha")) == ["coffee.md"]
        assert search(base, "espresso").hits == []

    def test_one_statement_searches(self, base):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            search(base, "green tea")
        assert len(queries) == 2  # the bases with their models, and the search


@pytest.mark.django_db
class TestVectors:
    def test_modes_take_the_sides_they_name(self, vector_base):
        vector = search(vector_base, "green tea antioxidants", mode="vector")
        hybrid = search(vector_base, "green tea antioxidants", mode="hybrid")
        assert (vector.mode, hybrid.mode) == ("vector", "hybrid")
        assert names(vector)[0] == names(hybrid)[0] == "tea.md"
        assert vector.hits[0].text_score is None
        assert hybrid.hits[0].text_score > 0
        assert hybrid.hits[0].vector_score > 0.3
        assert (hybrid.hits[0].vector_rank, hybrid.hits[0].text_rank) == (1, 1)
        assert {"embed", "search", "rank", "rerank", "total"} == set(hybrid.timings)

    def test_hybrid_knows_both_scores_of_every_candidate(self, vector_base):
        assert all(hit.vector_score is not None for hit in search(vector_base, "green tea", top_k=20).hits)

    def test_fusion_by_rank(self, vector_base):
        retrieval = search(vector_base, "green tea antioxidants", fusion="reciprocal_rank")
        assert names(retrieval)[0] == "tea.md"
        assert retrieval.hits[0].score == pytest.approx(1.0)

    def test_a_failing_model_leaves_full_text_with_a_notice(self, vector_base):
        vector_base.embedding_model.name = "down"
        vector_base.embedding_model.save()
        retrieval = search(vector_base, "green tea")
        assert names(retrieval)[0] == "tea.md"
        assert retrieval.mode == "full_text"
        assert "full text only" in retrieval.notices[0]
        with pytest.raises(ModelError):
            search(vector_base, "green tea", mode="vector")

    def test_bases_with_different_models_are_searched_together(self, workspace, vector_base, model_server):
        other = make_base(
            workspace, embedding_model=make_embedding_model(workspace, model_server.base_url, "other")
        )
        make_document(other, "White tea is the most delicate tea of all.", "white.md")
        retrieval = retrieve_sync(
            bases=[vector_base, other], query="tea", settings=RetrievalSettings(top_k=10)
        )
        assert {"tea.md", "white.md"} <= set(names(retrieval))
        assert retrieval.notices == []

    def test_an_english_only_model_is_left_out_for_other_languages(self, vector_base):
        vector_base.embedding_model.abilities = {"languages": ["en"]}
        vector_base.embedding_model.save()
        retrieval = search(vector_base, "绿茶怎么冲泡")
        assert names(retrieval)[0] == "茶.md"
        assert retrieval.mode == "full_text"
        assert "language" in retrieval.notices[0]
        assert search(vector_base, "green tea").mode == "hybrid"

    def test_an_english_only_model_does_not_embed_other_languages(self, workspace, model_server):
        model = make_embedding_model(workspace, model_server.base_url)
        model.abilities = {"languages": ["en"]}
        model.save()
        base = make_base(workspace, embedding_model=model)
        make_document(base, TEXTS["茶.md"])
        assert ChunkEmbedding.objects.count() == 0
        assert any("its language" in notice for notice in search(base, "green tea").notices)

    def test_reranking_decides_the_order_and_its_failure_does_not(self, workspace, vector_base, model_server):
        model = make_rerank_model(workspace, model_server.base_url)
        retrieval = search(vector_base, "green tea", rerank_model=model.pk)
        assert names(retrieval)[0] == "tea.md"
        assert retrieval.hits[0].rerank_score is not None
        model.name = "down"
        model.save()
        retrieval = search(vector_base, "green tea", rerank_model=model.pk)
        assert names(retrieval)[0] == "tea.md"
        assert "not reranked" in retrieval.notices[0]

    def test_changing_the_model_keeps_the_old_vectors_until_the_end(
        self, workspace, vector_base, model_server
    ):
        old = vector_base.embedding_model
        new = make_embedding_model(workspace, model_server.base_url, "new")
        base = base_service.change_embedding_model(actor=SYSTEM, base=vector_base, model=new)
        assert (base.embedding_model, base.next_embedding_model) == (old, new)
        assert search(base, "green tea").mode == "hybrid"
        run_queued()
        base.refresh_from_db()
        assert (base.embedding_model, base.next_embedding_model) == (new, None)
        assert set(ChunkEmbedding.objects.values_list("model_id", flat=True)) == {new.pk}
        assert ChunkEmbedding.objects.count() == 5
        assert names(search(base, "green tea"))[0] == "tea.md"

    def test_an_edited_chunk_gets_a_new_vector(self, vector_base):
        chunk = Chunk.objects.get(document__name="coffee.md")
        before = ChunkEmbedding.objects.get(chunk=chunk).vector
        chunk_service.edit_chunk(actor=SYSTEM, chunk=chunk, text="Matcha is whisked with bamboo.")
        assert not ChunkEmbedding.objects.filter(chunk=chunk).exists()
        run_queued()
        assert ChunkEmbedding.objects.get(chunk=chunk).vector != before

    def test_the_retriever_span_holds_query_and_hits(self, vector_base, monkeypatch):
        spans = []
        from apps.knowledge.retrieval import retriever

        real = retriever._finish

        def spy(run, hits, span, started):
            spans.append(span)
            return real(run, hits, span, started)

        monkeypatch.setattr(retriever, "_finish", spy)
        search(vector_base, "green tea")
        attributes = spans[0].attributes
        assert attributes["flywheel.observation.type"] == "retriever"
        assert attributes["flywheel.input"] == "green tea"
        assert json.loads(attributes["flywheel.output"])[0]["document"] == "tea.md"


@pytest.mark.django_db
def test_the_vector_index_of_a_size_can_serve_the_statement(workspace, model_server):
    model = make_embedding_model(workspace, model_server.base_url)
    base = make_base(workspace, embedding_model=model)
    document = make_document(base, "some text")
    chunk = Chunk.objects.get()
    generator = random.Random(1)
    fields = {"workspace": workspace, "base": base, "document": document, "generation": 1, "live": True}
    rows = [Chunk(position=position, text="t", terms="", tv="", **fields) for position in range(1, 400)]
    Chunk.objects.bulk_create(rows)
    ChunkEmbedding.objects.bulk_create(
        ChunkEmbedding(
            chunk=row,
            base=base,
            model=model,
            dimensions=256,
            vector=[generator.gauss(0, 1) for _ in range(256)],
        )
        for row in rows
    )
    plan = make_plan([base], "some text", RetrievalSettings(mode="vector"))
    sql, params = build_statement(plan, [ChunkEmbedding.objects.get(chunk=chunk).vector])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {sql}", params)
        plan_text = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("SHOW hnsw.iterative_scan")
        assert cursor.fetchone() == ("relaxed_order",)
    assert "knowledge_embedding_hnsw_256" in plan_text


@pytest.mark.django_db(transaction=True)
async def test_the_async_retriever_finds_the_same(workspace):
    from asgiref.sync import sync_to_async

    base = await sync_to_async(make_base)(workspace)
    await sync_to_async(fill)(base)
    retrieval = await retrieve(bases=[base], query="green tea")
    assert names(retrieval)[0] == "tea.md"
    assert (await retrieve(bases=[], query="x")).hits == []


@pytest.mark.skipif(not CMRC.is_dir(), reason="no corpus of questions")
@pytest.mark.django_db
def test_chinese_questions_find_their_passages(workspace):
    def lines(name):
        with (CMRC / f"{name}.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    passages = lines("corpus")[:300]
    known = {passage["_id"] for passage in passages}
    answers = {row["query_id"]: row["doc_id"] for row in lines("qrels") if row["doc_id"] in known}
    questions = [row for row in lines("queries") if row["_id"] in answers][:300:3]
    base = make_base(workspace, chunking={"strategy": "rows", "size": 4000})
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerows([["passage"], *([passage["text"]] for passage in passages)])
    make_document(base, table.getvalue(), "passages.csv")
    assert Chunk.objects.count() == 300
    found = first = 0
    for question in questions:
        rows = [hit.metadata["row"] for hit in search(base, question["text"]).hits]
        wanted = 1 + [passage["_id"] for passage in passages].index(answers[question["_id"]])
        found += wanted in rows
        first += rows[:1] == [wanted]
    assert len(questions) == 100
    assert found >= 97
    assert first >= 93
