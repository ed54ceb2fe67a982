"""The statements that add up observations and scores."""

from typing import Final

from apps.tracing.rollups.step_sql import BUCKET, OF_ALL, OWNED, OWNER, STEP, insert, lengths, minutes

_KEY: Final = "workspace_id, level, grain, root, bucket, key"

FRESH: Final = f"""
    SELECT {STEP},
        left(coalesce(nullif(o.user_id, ''), t.user_id, ''), 200) AS user_id,
        left(coalesce(nullif(o.session_id, ''), t.session_id, ''), 200) AS session_id,
        coalesce(t.tags <> '{{}}', false) AS tagged
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


#: Adds up what was received from `start` to `end`, gone through once; returns the traces among it that have tags.
ADD: Final = f"""
WITH stored AS MATERIALIZED ({FRESH}),
{OWNED},
users AS ({_people("tracing_userrollup", "user_id")}),
sessions AS ({_people("tracing_sessionrollup", "session_id")}),
minutes AS MATERIALIZED ({minutes("fresh")}),
{lengths(OF_ALL)},
written AS ({insert("tracing_rollup", _KEY)})
SELECT workspace_id, trace_id FROM fresh WHERE tagged GROUP BY workspace_id, trace_id
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
        {OWNER.format(source_type="coalesce(t.source_type, '')")} AS owner
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
