"""The SQL of a question."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from apps.tracing.models import Grain, Level, MetricView
from apps.tracing.rollups.catalogue import BASE, DIMENSIONS, PEOPLE, TAG, Dimension
from apps.tracing.rollups.histogram import array_of
from apps.tracing.rollups.query import MetricFilter, Question, tag_level
from apps.tracing.rollups.tag_sql import PARTS
from apps.tracing.rollups.timerange import floor

_NONE: Final = "NULL"
#: Users or sessions of one hour or day among which the dearest of a range are looked for.
CANDIDATES: Final = 300
#: Rows of one tag are looked for in each stretch of time, unless there are more than so many.
MAX_STRETCHES: Final = 2_000
_OF_ALL: Final = "tracing_rollup"
_BY_TAG: Final = "tracing_tagrollup"
_STEPS: Final = (
    "bucket, root, type, model, environment, name, owner, prompt_name, prompt_version, count, errors, input_tokens, "
    "output_tokens, cost, latency, ttft"
)
#: Metrics of traces that their root steps alone tell.
_OF_ROOTS: Final = frozenset({"count", "succeeded", "errors", "error_rate"})


@dataclass(slots=True)
class Statement:
    """SQL and its parameters. Rows are: point, value, count, errors, tokens in and out, cost, latency, ttft, total,
    whole; NULL for what was not asked for or does not exist."""

    sql: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    def place(self, value: Any) -> str:
        """Add a parameter; returns its place in the text."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"


def parts(question: Question, metrics: frozenset[str]) -> list[frozenset[str]]:
    """The metrics by the statements they are read with.

    Of traces by name, histograms are in the few rows of root steps, tokens and cost in all rows: together they would be
    looked for in all of them.
    """
    query = question.query
    rooted = frozenset(metric for metric in metrics if _is_rooted(metric))
    ranked_by_roots = not query.dimension or _is_rooted(query.metrics[0])
    wide = query.view == MetricView.TRACES and not query.people and _level(question) == Level.FULL
    if wide and ranked_by_roots and rooted and rooted != metrics:
        return [rooted, metrics - rooted]
    return [metrics]


def _is_rooted(metric: str) -> bool:
    """Whether root steps alone tell it of a trace."""
    return metric in _OF_ROOTS or metric.startswith("latency")


def build(question: Question, metrics: frozenset[str], workspace_id: UUID) -> Statement:
    """The statement that answers a question for all of `metrics`."""
    query, span = question.query, question.range
    statement = Statement()
    wanted = _columns(question, metrics, statement)
    table, point = _table(question), "0"
    source, places = table, _places(table, question, metrics, workspace_id, statement)
    if query.without_tag:
        source, places = (
            f"({_without_tag(places, question, metrics, workspace_id, statement)}) AS {table}",
            [],
        )
    where = " AND ".join([*places, *_conditions(question, statement)]) or "true"
    if span.step is not None:
        first, step = statement.place(span.first), statement.place(span.step.total_seconds())
        point = f"floor(extract(epoch FROM {table}.bucket - {first}) / {step})::int"
    if not query.dimension:
        statement.sql = f"SELECT {point}, '', {wanted} FROM {source} WHERE {where} GROUP BY 1"  # noqa: S608 - our names
        return statement
    column = DIMENSIONS[query.view][query.dimension].column
    order, limit = _order(question), statement.place(query.limit)
    if query.people and query.metrics[0] == "cost" and not query.filters:
        statement.sql = _dearest(question, column, point, wanted, workspace_id, statement)
        return statement
    if query.people and span.step is None:
        # there are very many of them: gone through once, and what the others add up to is not asked
        statement.sql = f"""
            SELECT {point}, {column}, {wanted} FROM {table} WHERE {where} AND {column} <> ''
            GROUP BY 2 ORDER BY {order} DESC NULLS LAST, 2 LIMIT {limit}
        """  # noqa: S608 - our names
        return statement
    # what belongs to none of the first values is one group, without a name; tags that are not told apart are in it
    rest = "" if query.dimension == TAG else f"AND {column} <> ''"
    statement.sql = f"""
        WITH top AS MATERIALIZED (
            SELECT {column} AS value FROM {source} WHERE {where} AND {column} <> ''
            GROUP BY 1 ORDER BY {order} DESC NULLS LAST, 1 LIMIT {limit}
        )
        SELECT {point}, coalesce(top.value, ''), {wanted} FROM {source} LEFT JOIN top ON top.value = {column}
        WHERE {where} {rest} GROUP BY 1, 2
    """  # noqa: S608 - our names
    return statement


def _dearest(
    question: Question, column: str, point: str, wanted: str, workspace_id: UUID, statement: Statement
) -> str:
    """Users or sessions with the highest cost, found among the dearest of each hour or day, which an index knows.

    One that is never among the CANDIDATES dearest is not found; the figures of those that are, are exact.
    """
    span, table = question.range, _table(question)
    grain = statement.place(Grain(span.grain).value)
    fixed = f"{table}.workspace_id = {statement.place(workspace_id)} AND {table}.grain = {grain}"
    first, end = statement.place(span.first), statement.place(span.end)
    length, limit = statement.place(span.grain * 60), statement.place(question.query.limit)
    return f"""
        WITH stretch AS (SELECT generate_series({first}, {end}, make_interval(secs => {length})) AS bucket),
        top AS MATERIALIZED (
            SELECT best.{column} AS value FROM stretch CROSS JOIN LATERAL (
                SELECT {column}, cost FROM {table} WHERE {fixed} AND {table}.bucket = stretch.bucket
                ORDER BY cost DESC LIMIT {CANDIDATES}
            ) AS best
            WHERE best.{column} <> '' GROUP BY 1 ORDER BY sum(best.cost) DESC, 1 LIMIT {limit}
        )
        SELECT {point}, top.value, {wanted} FROM top CROSS JOIN stretch
        JOIN {table} ON {fixed} AND {table}.bucket = stretch.bucket AND {table}.{column} = top.value
        GROUP BY 1, 2
    """  # noqa: S608 - our names


def _table(question: Question) -> str:
    query = question.query
    if query.view == MetricView.SCORES:
        return "tracing_scorerollup"
    if query.tagged and not query.without_tag:
        return _BY_TAG
    return PEOPLE.get(query.people, _OF_ALL)


def _without_tag(
    places: list[str], question: Question, metrics: frozenset[str], workspace_id: UUID, statement: Statement
) -> str:
    """All rows, and those of a tag to be taken off them."""
    excluded = question.query.without_tag
    assert excluded is not None  # noqa: S101  # the caller has looked
    tag = _condition(replace(excluded, operator="is"), DIMENSIONS[question.query.view][TAG], statement)
    of_tag = [*_places(_BY_TAG, question, metrics, workspace_id, statement), tag]
    return f"""
        SELECT {_STEPS}, 1 AS sign FROM {_OF_ALL} WHERE {" AND ".join(places)}
        UNION ALL SELECT {_STEPS}, -1 FROM {_BY_TAG} WHERE {" AND ".join(of_tag)}
    """  # noqa: S608 - our names


def _sum(column: str, question: Question, roots: str = "") -> str:
    """The sum of a column."""
    # a step that was written anew may have been counted by tag with other figures: what is left is not below zero
    if question.query.without_tag:
        return f"greatest(sum({column} * sign){roots}, 0)"
    return f"sum({column}){roots}"


def _columns(question: Question, metrics: frozenset[str], statement: Statement) -> str:
    """Sums in the order of `Statement`."""
    query = question.query
    if query.view == MetricView.SCORES:
        within = _category(question, statement)
        columns = [
            f"sum(count) FILTER (WHERE {within})", _NONE, _NONE, _NONE, _NONE, _NONE, _NONE,
            f"sum(total) FILTER (WHERE {within})", "sum(count)",
        ]  # fmt: skip
    elif query.people:
        columns = ["sum(traces)", _NONE, "sum(tokens)", "0", "sum(cost)", _NONE, _NONE, _NONE, _NONE]
    else:
        traces = query.view == MetricView.TRACES
        roots = " FILTER (WHERE root)" if traces else ""
        timed, first = roots, ""
        if query.dimension == TAG:
            # of the other tags together no percentile is told: most of the histograms need not be looked at
            timed, first = (
                f" FILTER (WHERE {'root AND ' if rooted else ''}top.value IS NOT NULL)"
                for rooted in (traces, False)
            )
        latency = array_of(f"coalesce({_sum('latency[{at}]', question, timed)}, 0)")
        asked = {metric.split("_")[0] for metric in metrics}
        # the two parts of a question are added up: what one of them tells the other leaves out
        spent = not (traces and all(map(_is_rooted, metrics)))
        ranked = bool(query.dimension) and not _is_rooted(query.metrics[0])
        counted = not traces or ranked or any(map(_is_rooted, metrics))
        sums = [_sum(name, question) for name in ("input_tokens", "output_tokens", "cost")]
        columns = [
            f"coalesce({_sum('count', question, roots)}, 0)" if counted else "0",
            f"coalesce({_sum('errors', question, roots)}, 0)" if counted else "0",
            *(sums if spent else ["0", "0", "0"]),
            latency if "latency" in asked else _NONE,
            array_of(f"coalesce({_sum('ttft[{at}]', question, first)}, 0)") if "ttft" in asked else _NONE,
            _NONE,
            _NONE,
        ]
    return ", ".join(columns)


def _order(question: Question) -> str:
    """What the values of a dimension are ranked by: the first metric where it adds up, else how many there are."""
    query = question.query
    metric = query.metrics[0]
    if query.view == MetricView.SCORES:
        return "sum(count)"
    if query.people:
        return {"total_tokens": "sum(tokens)", "cost": "sum(cost)"}.get(metric, "sum(traces)")
    columns = {
        "errors": "errors",
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "total_tokens": "(input_tokens + output_tokens)",
        "cost": "cost",
    }
    roots = " FILTER (WHERE root)" if query.view == MetricView.TRACES and metric not in columns else ""
    return _sum(columns.get(metric, "count"), question, roots)


def _places(
    table: str, question: Question, metrics: frozenset[str], workspace_id: UUID, statement: Statement
) -> list[str]:
    """Which rows of a table are read: what its key knows."""
    span = question.range
    found = [
        f"workspace_id = {statement.place(workspace_id)}",
        f"grain = {statement.place(Grain(span.grain).value)}",
        f"bucket >= {statement.place(span.first)}",
        f"bucket < {statement.place(span.end)}",
    ]
    if table in {_OF_ALL, _BY_TAG}:
        level = _level_of_tags(question) if table == _BY_TAG else _level(question)
        found += [f"level = {statement.place(level.value)}", f"root IN ({_roots(question, metrics)})"]
    if table == _BY_TAG:
        found += _within_key(question, statement)
    return found


def _within_key(question: Question, statement: Statement) -> list[str]:
    """What the key of the rows of tags knows besides: the stretches of time of one tag, and the part of the level."""
    query, found = question.query, list[str]()
    if stretches := _stretches(question):
        found.append(f"bucket = ANY ({statement.place(stretches)})")
    column = PARTS.get(_level_of_tags(question))
    return found + [
        f"part = hashtextextended({statement.place(item.value)}, 0)"
        for item in query.filters
        if item.operator == "is" and DIMENSIONS[query.view][item.field].column == column
    ]


def _stretches(question: Question) -> list[datetime]:
    """Where the rows of a range begin, when some tags are asked for: they are looked for in each."""
    span, length = question.range, timedelta(minutes=question.range.grain)
    picked = any(item.field == TAG and item.operator != "contains" for item in question.query.filters)
    number = -((span.first - span.end) // length)
    if not picked or number > MAX_STRETCHES:
        return []
    first = floor(span.first, length)
    return [first + length * at for at in range(number + 1)]


def _conditions(question: Question, statement: Statement) -> list[str]:
    """What the question asks of the rows."""
    query = question.query
    fields = DIMENSIONS[query.view]
    found = []
    if query.dimension and (owner := fields[query.dimension].owner):
        found.append(f"owner = {statement.place(owner)}")
    return found + [
        _condition(item, fields[item.field], statement)
        for item in query.filters
        if not _is_category(question, item) and item is not query.without_tag
    ]


def _level(question: Question) -> Level:
    """The coarsest level that knows all that the question names."""
    query = question.query
    named = {query.dimension, *(item.field for item in query.filters)} - {"", TAG}
    return Level.BASE if named <= BASE else Level.FULL


def _level_of_tags(question: Question) -> Level:
    """The same of tags; what a query that was checked names is known."""
    level = tag_level(question.query)
    return Level.TRACE if level is None else level


def _roots(question: Question, metrics: frozenset[str]) -> str:
    """Which steps have to be read. Both are named so that the key of the table is entered with them."""
    rooted = question.query.view == MetricView.TRACES and all(map(_is_rooted, metrics))
    return "true" if rooted else "false, true"


def _is_category(question: Question, item: MetricFilter) -> bool:
    """Whether a filter says which scores count, while all of them are what a share is a share of."""
    return question.query.view == MetricView.SCORES and item.field == "category"


def _category(question: Question, statement: Statement) -> str:
    fields = DIMENSIONS[question.query.view]
    conditions = [
        _condition(item, fields[item.field], statement)
        for item in question.query.filters
        if _is_category(question, item)
    ]
    return " AND ".join(conditions) or "true"


def _condition(item: MetricFilter, dimension: Dimension, statement: Statement) -> str:
    column = dimension.column
    if item.operator == "contains":
        found = f"strpos(lower({column}), lower({statement.place(item.value)})) > 0"
    else:
        found = f"{column} = ANY ({statement.place(item.values)})"
    if dimension.owner:
        found = f"(owner = {statement.place(dimension.owner)} AND {found})"
    return f"NOT {found}" if item.operator == "not" else found


def fetch(statement: Statement) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
