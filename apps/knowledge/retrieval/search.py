"""The one SQL statement that fetches candidates of both sides, and all that scoring them needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from apps.knowledge.models import INDEXED_DIMENSIONS
from apps.knowledge.retrieval.filters import filter_sql
from apps.knowledge.retrieval.plan import Plan

VECTOR_CANDIDATES = 50
TEXT_CANDIDATES = 200

#: Of a long question only the terms that say most are looked up in the index; BM25 then counts them all.
MAX_TERMS = 12

#: Chunks the chosen terms may touch together; beyond it, terms that many chunks hold are left out.
MAX_POSTINGS = 30_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk with what is known about it for this query. ``group`` numbers the embedding model, None without
    vector."""

    chunk_id: UUID
    document_id: UUID
    document_name: str
    base_id: UUID
    position: int
    text: str
    terms: str
    page: int | None
    headings: list[str]
    metadata: dict[str, Any]
    similarity: float | None
    group: int | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates in no order, and the collection's numbers for BM25."""

    rows: list[Candidate]
    chunk_count: int
    average_length: float
    document_frequency: dict[str, int]


# Robertson's idf times the query's own frequency ranks the terms; the running sum of df bounds the work.
_TEXT = """
query_terms AS (SELECT * FROM unnest(%(terms)s::text[], %(counts)s::int[]) AS q (term, qtf)),
known AS MATERIALIZED (
    SELECT q.term, q.qtf, sum(t.df)::int AS df
    FROM query_terms q JOIN knowledge_term t ON t.term = q.term AND t.base_id = ANY(%(bases)s)
    GROUP BY q.term, q.qtf HAVING sum(t.df) > 0
),
weighted AS (
    SELECT term, df, qtf * ln(1 + greatest(chunk_count - df + 0.5, 0.5) / (df + 0.5)) AS weight FROM known,
    corpus
),
chosen AS (
    SELECT term, sum(df) OVER (ORDER BY weight DESC, term) - df AS postings_before
    FROM weighted ORDER BY weight DESC, term LIMIT %(max_terms)s
),
search AS MATERIALIZED (
    SELECT string_agg(quote_literal(term), '|')::tsquery AS query FROM chosen WHERE postings_before <
    %(max_postings)s
),
text_hits AS MATERIALIZED (
    SELECT c.id FROM knowledge_chunk c {document_join}
    WHERE c.tv @@ (SELECT query FROM search) AND c.base_id = ANY(%(bases)s) AND c.live AND c.enabled
    {document_filter}
    ORDER BY ts_rank(c.tv, (SELECT query FROM search), 1) DESC, c.id LIMIT %(text_candidates)s
)"""

_NO_TEXT = """
known AS (SELECT ''::text AS term, 0 AS df WHERE false),
text_hits AS (SELECT NULL::uuid AS id WHERE false)"""

_VECTOR = """
vector_hits_{number} AS MATERIALIZED (
    SELECT e.chunk_id AS id
    FROM knowledge_chunkembedding e JOIN knowledge_chunk c ON c.id = e.chunk_id {document_join}
    WHERE e.dimensions = {dimensions} AND e.model_id = %(model_{number})s AND e.base_id =
    ANY(%(bases_{number})s) AND c.live AND c.enabled {document_filter}
    ORDER BY {distance} LIMIT %(vector_candidates)s
)"""

_UNION = "UNION SELECT id FROM vector_hits_{number}"

_STATEMENT = """
WITH corpus AS MATERIALIZED (
    SELECT coalesce(sum(chunk_count), 0)::bigint AS chunk_count, coalesce(sum(term_total), 0)::bigint AS
    term_total FROM knowledge_knowledgebase WHERE id = ANY(%(bases)s)
),
{parts},
hits AS (SELECT id FROM text_hits {unions})
SELECT c.id, c.document_id, d.name, c.base_id, c.position, c.text, c.terms, c.page, c.headings,
       d.metadata || c.metadata, {similarity}, {group_number},
       corpus.chunk_count, corpus.term_total, (SELECT jsonb_object_agg(term, df) FROM known)
FROM hits JOIN knowledge_chunk c ON c.id = hits.id JOIN knowledge_document d ON d.id = c.document_id CROSS
JOIN corpus {embedding_joins}
"""


def fetch_candidates(plan: Plan, vectors: list[list[float]]) -> Candidates:
    """Run the statement; ``vectors`` are the query's, one for each group of the plan."""
    sql, params = build_statement(plan, vectors)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    if not rows:
        return Candidates([], 0, 0.0, {})
    chunk_count, term_total, frequency = rows[0][12], rows[0][13], rows[0][14]
    average = term_total / chunk_count if chunk_count else 0.0
    return Candidates([_candidate(row) for row in rows], chunk_count, average, _json(frequency) or {})


def build_statement(plan: Plan, vectors: list[list[float]]) -> tuple[str, dict[str, Any]]:
    """The SQL and its parameters. Only numbers of our own are written into the text."""
    params: dict[str, Any] = {
        "bases": plan.base_ids,
        "terms": list(plan.terms),
        "counts": list(plan.terms.values()),
        "max_terms": MAX_TERMS,
        "max_postings": MAX_POSTINGS,
        "text_candidates": TEXT_CANDIDATES,
        "vector_candidates": VECTOR_CANDIDATES,
    }
    filters = _document_filter(plan, params)
    parts = [(_TEXT if plan.uses_text and plan.terms else _NO_TEXT).format(**filters)]
    joins, distances = [], []
    for number, ((model, bases), vector) in enumerate(zip(plan.groups, vectors, strict=True)):
        params |= {f"model_{number}": model.pk, f"bases_{number}": bases}
        params[f"vector_{number}"] = _literal(vector)
        distance = _distance(number, len(vector))
        parts.append(_VECTOR.format(number=number, dimensions=len(vector), distance=distance, **filters))
        joins.append(_embedding_join(number, len(vector)))
        distances.append(distance.replace("e.", f"e{number}.", 1))
    statement = _STATEMENT.format(
        parts=",".join(parts),
        unions=" ".join(_UNION.format(number=number) for number in range(len(vectors))),
        similarity=f"1 - coalesce({', '.join(distances)})" if distances else "NULL::float8",
        group_number=_group_number(len(vectors)),
        embedding_joins="\n".join(joins),
    )
    return statement, params


def _document_filter(plan: Plan, params: dict[str, Any]) -> dict[str, str]:
    conditions = []
    if further := filter_sql(plan.settings.filter, params):
        conditions.append(f"AND {further}")
    for number, (key, value) in enumerate(sorted(plan.settings.metadata.items())):
        params |= {f"key_{number}": key, f"value_{number}": value}
        conditions.append(f"AND fd.metadata ->> %(key_{number})s = %(value_{number})s")
    if not conditions:
        return {"document_join": "", "document_filter": ""}
    return {
        "document_join": "JOIN knowledge_document fd ON fd.id = c.document_id",
        "document_filter": " ".join(conditions),
    }


def _distance(number: int, dimensions: int) -> str:
    """Cosine distance, written so that the expression index of this size matches."""
    cast = f"halfvec({dimensions})" if dimensions in INDEXED_DIMENSIONS else "halfvec"
    return f"(e.vector::{cast} <=> %(vector_{number})s::{cast})"


def _embedding_join(number: int, dimensions: int) -> str:
    return (
        f"LEFT JOIN knowledge_chunkembedding e{number} ON e{number}.chunk_id = c.id "
        f"AND e{number}.model_id = %(model_{number})s AND e{number}.dimensions = {dimensions} "
        f"AND e{number}.base_id = ANY(%(bases_{number})s)"
    )


def _group_number(count: int) -> str:
    cases = " ".join(f"WHEN e{number}.id IS NOT NULL THEN {number}" for number in range(count))
    return f"CASE {cases} END" if cases else "NULL::int"


def _literal(vector: list[float]) -> str:
    return "[" + ",".join(f"{value:.7g}" for value in vector) + "]"


def _candidate(row: tuple[Any, ...]) -> Candidate:
    return Candidate(
        chunk_id=row[0],
        document_id=row[1],
        document_name=row[2],
        base_id=row[3],
        position=row[4],
        text=row[5],
        terms=row[6],
        page=row[7],
        headings=_json(row[8]) or [],
        metadata=_json(row[9]) or {},
        similarity=row[10],
        group=row[11],
    )


def _json(value: Any) -> Any:
    """Django's cursors hand jsonb out as text."""
    return json.loads(value) if isinstance(value, str) else value
