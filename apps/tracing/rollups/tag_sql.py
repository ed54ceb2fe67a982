"""The statements that add up observations by the tags of their traces."""

from typing import Final

from apps.tracing.models import Level
from apps.tracing.rollups.step_sql import BY_TAG, OWNED, STEP, WHOSE, insert, lengths, minutes, sums

#: Tags of a workspace that the rows of one day tell apart; the others are counted as one, under no name.
MAX_TAGS: Final = 50
#: How many of them may be tags that were not told apart in the REGULAR_DAYS before.
MAX_NEW_TAGS: Final = 25
REGULAR_DAYS: Final = 7
#: Tags that the steps of one trace are counted under, the first ones that arrive.
MAX_TAGS_OF_TRACE: Final = 20
#: By level the column whose values are most asked for one by one: others are passed over in the index.
PARTS: Final = {Level.TYPED: "type", Level.BASE: "model", Level.TRACE: "name"}
_PART: Final = f"""CASE level
    {" ".join(f"WHEN {level.value} THEN hashtextextended({column}, 0)" for level, column in PARTS.items())}
    ELSE 0 END"""
_KEY: Final = "workspace_id, level, grain, root, bucket, tag, part, key"

#: The traces with tags of which something was received from `start` to `end`.
FIND_TAGGED: Final = """
SELECT o.workspace_id, o.trace_id FROM tracing_observation o
JOIN tracing_trace t ON t.workspace_id = o.workspace_id AND t.trace_id = o.trace_id AND t.tags <> '{}'
WHERE o.received_at >= %(start)s AND o.received_at < %(end)s
GROUP BY o.workspace_id, o.trace_id
"""

# Every step counts under the tags of its trace, also under those that arrive later: what a trace is counted under is
# remembered, and its earlier steps are added under what is new. Of a day, some tags are told apart and the others are
# one: regular ones, which an earlier day knew, have places that new ones can't take.
_TAGGED: Final = f"""
SELECT
    t.workspace_id, t.trace_id, t.start_time, t.end_time, t.name, t.has_root, t.source_type, t.counted,
    ARRAY(
        SELECT left(tag, 200) FROM unnest(t.tags) AS carried (tag) WHERE left(tag, 200) <> ALL (t.counted)
        GROUP BY 1 ORDER BY 1 LIMIT greatest({MAX_TAGS_OF_TRACE} - cardinality(t.counted), 0)
    ) AS late
FROM (
    SELECT t.*, coalesce(c.tags, '{{}}') AS counted
    FROM unnest(%(workspaces)s::uuid[], %(traces)s::uuid[]) AS asked (workspace_id, trace_id)
    JOIN tracing_trace t USING (workspace_id, trace_id)
    LEFT JOIN tracing_countedtags c USING (workspace_id, trace_id)
) AS t
"""  # noqa: S608 - constant names

#: Adds up the steps of some traces by tag: those received from `start` to `end` under all tags of their trace, those
#: received before under the tags that they have not been counted under.
ADD_TAGS: Final = f"""
WITH tagged AS MATERIALIZED ({_TAGGED}),
noted AS (
    INSERT INTO tracing_countedtags (workspace_id, trace_id, day, tags)
    SELECT workspace_id, trace_id, (start_time AT TIME ZONE 'UTC')::date, counted || late
    FROM tagged WHERE late <> '{{}}'
    ORDER BY workspace_id, trace_id
    ON CONFLICT (workspace_id, trace_id) DO UPDATE SET tags = excluded.tags
),
stored AS MATERIALIZED (
    SELECT {STEP},
        (o.start_time AT TIME ZONE 'UTC')::date AS day,
        CASE WHEN o.received_at >= %(start)s THEN t.counted || t.late ELSE t.late END AS tags
    FROM tagged t JOIN tracing_observation o ON o.trace_id = t.trace_id AND o.workspace_id = t.workspace_id
        AND o.start_time >= t.start_time AND o.start_time <= t.end_time
    WHERE o.received_at < %(end)s AND (o.received_at >= %(start)s OR t.late <> '{{}}')
),
{OWNED},
carried AS MATERIALIZED (
    SELECT workspace_id, day, tags, count(*) AS count FROM fresh GROUP BY workspace_id, day, tags
),
seen AS MATERIALIZED (
    SELECT
        workspace_id, day, tag, sum(count) AS count,
        EXISTS (
            SELECT FROM tracing_rolluptag n WHERE n.workspace_id = c.workspace_id AND n.tag = u.tag AND n.day = c.day
        ) AS named,
        EXISTS (
            SELECT FROM tracing_rolluptag n WHERE n.workspace_id = c.workspace_id AND n.tag = u.tag
                AND n.day < c.day AND n.day >= c.day - {REGULAR_DAYS}
        ) AS regular
    FROM carried c CROSS JOIN unnest(c.tags) AS u (tag)
    GROUP BY workspace_id, day, tag
),
places AS (
    SELECT workspace_id, day, count(*) AS taken, count(*) FILTER (WHERE NOT regular) AS taken_by_new
    FROM tracing_rolluptag
    JOIN (SELECT DISTINCT workspace_id, day FROM seen WHERE NOT named) AS short USING (workspace_id, day)
    GROUP BY workspace_id, day
),
admitted AS (
    INSERT INTO tracing_rolluptag (workspace_id, day, tag, regular)
    SELECT workspace_id, day, tag, regular FROM (
        SELECT
            workspace_id, day, tag, regular,
            coalesce(taken, 0) + row_number() OVER (
                PARTITION BY workspace_id, day ORDER BY regular DESC, count DESC, tag
            ) AS place,
            coalesce(taken_by_new, 0) + row_number() OVER (
                PARTITION BY workspace_id, day, regular ORDER BY count DESC, tag
            ) AS place_of_new
        FROM seen LEFT JOIN places USING (workspace_id, day) WHERE NOT named
    ) AS waiting
    WHERE place <= {MAX_TAGS} AND (regular OR place_of_new <= {MAX_NEW_TAGS})
    RETURNING workspace_id, day, tag
),
known AS (
    SELECT workspace_id, day, tag FROM seen WHERE named UNION ALL SELECT workspace_id, day, tag FROM admitted
),
told AS MATERIALIZED (
    SELECT c.workspace_id, c.day, c.tags, array_agg(DISTINCT coalesce(known.tag, '')) AS told
    FROM carried c CROSS JOIN unnest(c.tags) AS u (tag)
    LEFT JOIN known ON known.workspace_id = c.workspace_id AND known.day = c.day AND known.tag = u.tag
    GROUP BY c.workspace_id, c.day, c.tags
),
sets AS MATERIALIZED ({minutes("fresh JOIN told USING (workspace_id, day, tags)", "told, ", cut=True)}),
minutes AS MATERIALIZED (
    SELECT tag, workspace_id, bucket, root, {WHOSE}, {sums(cut=True)}
    FROM sets CROSS JOIN unnest(told) AS u (tag)
    GROUP BY tag, workspace_id, bucket, root, {WHOSE}
),
{lengths(BY_TAG, "tag, ", cut=True)}
{insert("tracing_tagrollup", _KEY, f"tag, {_PART} AS part,", cut=True)}
"""  # noqa: S608 - constant names

#: Takes traces that got tags otherwise than by what arrived.
TAKE_TAG_CHANGES: Final = """
WITH taken AS (
    DELETE FROM tracing_tagchange WHERE id IN (
        SELECT id FROM tracing_tagchange ORDER BY id LIMIT %(limit)s
    ) RETURNING workspace_id, trace_id
)
SELECT DISTINCT workspace_id, trace_id FROM taken
"""
