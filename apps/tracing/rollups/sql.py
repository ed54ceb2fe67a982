"""The statements that add up observations and scores."""

from typing import Final

from apps.tracing.rollups.histogram import SLOT_SQL, array_of

#: Where the row of a length begins that a moment belongs to.
BUCKET: Final = "date_bin(make_interval(mins => {grain}), {moment}, '2000-01-01 00:00:00+00')"

_SUMS: Final = ("count", "errors", "input_tokens", "output_tokens", "cost")
_NAMES: Final = ("type", "model", "environment", "name", "owner", "prompt_name", "prompt_version")
#: Only these tell rows of the base level apart.
_BASE: Final = frozenset({"type", "model", "environment"})
_KEY: Final = "workspace_id, level, grain, root, bucket, key"

# What a trace is called is known when its root has arrived, or from the beginning when we traced it ourselves.
_OWNER: Final = """CASE
    WHEN {source_type} = ANY (%(agents)s) THEN 'agent'
    WHEN {source_type} = ANY (%(workflows)s) THEN 'workflow'
    ELSE ''
END"""

FRESH: Final = f"""
    SELECT
        o.workspace_id, o.trace_id, date_trunc('minute', o.start_time) AS minute, o.type,
        left(o.model, 200) AS model, left(o.environment, 100) AS environment,
        o.parent_id IS NULL AS root, o.status = 'error' AS failed,
        coalesce(o.input_tokens, 0) AS input_tokens, coalesce(o.output_tokens, 0) AS output_tokens,
        coalesce(o.cost, 0) AS cost,
        left(CASE WHEN t.has_root OR t.source_type <> '' THEN t.name ELSE '' END, 200) AS name,
        {_OWNER.format(source_type="t.source_type")} AS owner,
        left(o.prompt_name, 200) AS prompt_name, left(o.prompt_version, 100) AS prompt_version,
        left(coalesce(nullif(o.user_id, ''), t.user_id, ''), 200) AS user_id,
        left(coalesce(nullif(o.session_id, ''), t.session_id, ''), 200) AS session_id,
        {SLOT_SQL % {"ms": "(extract(epoch FROM o.end_time - o.start_time)::double precision * 1000)"}} AS slot,
        CASE WHEN o.ttft_ms IS NOT NULL THEN {SLOT_SQL % {"ms": "o.ttft_ms"}} END AS first_slot
    FROM tracing_observation o
    LEFT JOIN tracing_trace t ON t.workspace_id = o.workspace_id AND t.trace_id = o.trace_id
    WHERE o.received_at >= %(start)s AND o.received_at < %(end)s
"""  # noqa: S608 - constant names


def _people(table: str, column: str) -> str:
    """The insert of the rows of one user or session."""
    return f"""
    INSERT INTO {table} AS r (workspace_id, grain, bucket, {column}, traces, errors, tokens, cost)
    SELECT
        workspace_id, grain, {BUCKET.format(grain="grain", moment="minute")} AS bucket, {column},
        count(*) FILTER (WHERE root), count(*) FILTER (WHERE failed), sum(input_tokens + output_tokens), sum(cost)
    FROM fresh CROSS JOIN (VALUES (60), (1440)) AS length (grain)
    WHERE {column} <> ''
    GROUP BY workspace_id, grain, bucket, {column}
    ORDER BY workspace_id, grain, bucket, {column}
    ON CONFLICT (workspace_id, grain, bucket, {column}) DO UPDATE SET
        traces = r.traces + excluded.traces, errors = r.errors + excluded.errors,
        tokens = r.tokens + excluded.tokens, cost = r.cost + excluded.cost
    """  # noqa: S608 - constant names


def _sums() -> str:
    """Sums of rows, histograms included."""
    return (
        ", ".join(f"sum({name}) AS {name}" for name in _SUMS)
        + f", {array_of('sum(latency[{at}])')}::integer[] AS latency, CASE WHEN count(ttft) > 0 THEN "
        + f"{array_of('coalesce(sum(ttft[{at}]), 0)')}::integer[] END AS ttft"
    )


_WHOSE: Final = ", ".join(_NAMES)
_VALUES: Final = ", ".join((*_SUMS, "latency", "ttft"))
_ON_BASE: Final = ", ".join(name if name in _BASE else f"''::text AS {name}" for name in _NAMES)
_BASE_NAMES: Final = "type, model, environment"

# A trace whose root is an agent or a workflow is that one's, whoever traced it. Spans are gone through once: longer
# rows are made of shorter ones, and those of the base level of the others.
ADD: Final = f"""
WITH stored AS MATERIALIZED ({FRESH}),
head AS (
    SELECT DISTINCT ON (workspace_id, trace_id) workspace_id, trace_id, type, name FROM stored
    WHERE root AND type IN ('agent', 'workflow') AND name <> ''
    ORDER BY workspace_id, trace_id
),
fresh AS MATERIALIZED (
    SELECT s.*, CASE WHEN s.owner = '' THEN coalesce(head.type, '') ELSE s.owner END AS whose
    FROM stored s LEFT JOIN head USING (workspace_id, trace_id)
),
users AS ({_people("tracing_userrollup", "user_id")}),
sessions AS ({_people("tracing_sessionrollup", "session_id")}),
minutes AS MATERIALIZED (
    SELECT
        workspace_id, minute AS bucket, root, type, model, environment, name, whose AS owner, prompt_name,
        prompt_version, count(*) AS count, count(*) FILTER (WHERE failed) AS errors,
        sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost) AS cost,
        {array_of("count(*) FILTER (WHERE slot = {slot})")}::integer[] AS latency,
        CASE WHEN count(first_slot) > 0 THEN
            {array_of("count(*) FILTER (WHERE first_slot = {slot})")}::integer[]
        END AS ttft
    FROM fresh
    GROUP BY workspace_id, minute, root, type, model, environment, name, whose, prompt_name, prompt_version
),
hours AS MATERIALIZED (
    SELECT workspace_id, {BUCKET.format(grain="60", moment="m.bucket")} AS bucket, root, {_WHOSE}, {_sums()}
    FROM minutes m
    GROUP BY workspace_id, 2, root, {_WHOSE}
),
whole AS MATERIALIZED (
    SELECT workspace_id, 1 AS grain, bucket, root, {_WHOSE}, {_VALUES} FROM minutes
    WHERE bucket >= %(minutes_from)s
    UNION ALL
    SELECT workspace_id, 60, bucket, root, {_WHOSE}, {_VALUES} FROM hours
    UNION ALL
    SELECT workspace_id, grain, {BUCKET.format(grain="grain", moment="h.bucket")}, root, {_WHOSE}, {_sums()}
    FROM hours h CROSS JOIN (VALUES (360), (1440)) AS length (grain)
    GROUP BY workspace_id, grain, 3, root, {_WHOSE}
),
leveled AS (
    SELECT 1 AS level, workspace_id, grain, bucket, root, {_WHOSE}, {_VALUES} FROM whole
    UNION ALL
    SELECT 0, workspace_id, grain, bucket, root, {_ON_BASE}, {_sums()} FROM whole
    GROUP BY workspace_id, grain, bucket, root, {_BASE_NAMES}
)
INSERT INTO tracing_rollup AS r ({_KEY}, {_WHOSE}, {_VALUES})
SELECT
    workspace_id, level, grain, root, bucket,
    hashtextextended(concat_ws(E'\\x1f', {_WHOSE}), 0) AS key, {_WHOSE}, {_VALUES}
FROM leveled
ORDER BY workspace_id, level, grain, root, bucket, key
ON CONFLICT ({_KEY}) DO UPDATE SET
    {", ".join(f"{name} = r.{name} + excluded.{name}" for name in _SUMS)},
    latency = {array_of("r.latency[{at}] + excluded.latency[{at}]")},
    ttft = CASE
        WHEN r.ttft IS NULL THEN excluded.ttft
        WHEN excluded.ttft IS NULL THEN r.ttft
        ELSE {array_of("r.ttft[{at}] + excluded.ttft[{at}]")}
    END
"""  # noqa: S608 - constant names

_SCORE_NAMES: Final = "score, category, source, environment, name, owner"
_SCORE_KEY: Final = f"hashtextextended(concat_ws(E'\\x1f', {_SCORE_NAMES}), 0)"
_SCORE_CATEGORY: Final = """CASE data_type
    WHEN 'boolean' THEN CASE WHEN value = 1 THEN 'yes' ELSE 'no' END
    WHEN 'categorical' THEN left(string_value, 200) ELSE '' END"""

#: Takes the noted minutes; what is noted while this runs is seen by the next run.
TAKE_SCORE_CHANGES: Final = """
WITH taken AS (
    DELETE FROM tracing_scorechange WHERE id IN (
        SELECT id FROM tracing_scorechange ORDER BY id LIMIT %(limit)s
    ) RETURNING workspace_id, minute
)
SELECT DISTINCT workspace_id, minute FROM taken
"""

#: Rows of the lengths `minute` and `hour` are counted anew from the scores themselves.
DROP_SCORES: Final = """
DELETE FROM tracing_scorerollup r USING unnest(%(workspaces)s::uuid[], %(buckets)s::timestamptz[]) AS c (w, b)
WHERE r.workspace_id = c.w AND r.grain = %(grain)s AND r.bucket = c.b
"""
COUNT_SCORES: Final = f"""
WITH scored AS (
    SELECT
        s.workspace_id, c.b AS bucket, left(s.name, 100) AS score, {_SCORE_CATEGORY} AS category, s.source, s.value,
        left(coalesce(t.environment, ''), 100) AS environment, left(coalesce(t.name, ''), 200) AS name,
        {_OWNER.format(source_type="coalesce(t.source_type, '')")} AS owner
    FROM unnest(%(workspaces)s::uuid[], %(buckets)s::timestamptz[]) AS c (w, b)
    JOIN tracing_score s ON s.workspace_id = c.w AND s.created_at >= c.b
        AND s.created_at < c.b + make_interval(mins => %(grain)s)
    LEFT JOIN tracing_trace t ON s.trace_id <> '' AND t.workspace_id = s.workspace_id
        AND t.trace_id = nullif(s.trace_id, '')::uuid
)
INSERT INTO tracing_scorerollup (workspace_id, grain, bucket, key, count, total, {_SCORE_NAMES})
SELECT workspace_id, %(grain)s, bucket, {_SCORE_KEY} AS key, count(*), sum(value), {_SCORE_NAMES}
FROM scored GROUP BY workspace_id, bucket, {_SCORE_NAMES}
"""  # noqa: S608 - constant names
#: Rows of the longer lengths are added up from the hours.
ADD_SCORE_HOURS: Final = f"""
INSERT INTO tracing_scorerollup (workspace_id, grain, bucket, key, count, total, {_SCORE_NAMES})
SELECT r.workspace_id, %(grain)s, c.b, key, sum(count), sum(total), {_SCORE_NAMES}
FROM unnest(%(workspaces)s::uuid[], %(buckets)s::timestamptz[]) AS c (w, b)
JOIN tracing_scorerollup r ON r.workspace_id = c.w AND r.grain = 60 AND r.bucket >= c.b
    AND r.bucket < c.b + make_interval(mins => %(grain)s)
GROUP BY r.workspace_id, c.b, key, {_SCORE_NAMES}
"""  # noqa: S608 - constant names
