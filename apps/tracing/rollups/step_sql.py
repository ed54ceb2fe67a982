"""Rows of steps: what tells them apart, what is added up, and how longer rows are made of shorter ones."""

from collections.abc import Mapping
from typing import Final

from apps.tracing.models import Level
from apps.tracing.rollups.histogram import SLOT_SQL, array_of

#: Where the row of a length begins that a moment belongs to.
BUCKET: Final = "date_bin(make_interval(mins => {grain}), {moment}, '2000-01-01 00:00:00+00')"

_SUMS: Final = ("count", "errors", "input_tokens", "output_tokens", "cost")
_NAMES: Final = ("type", "model", "environment", "name", "owner", "prompt_name", "prompt_version")
#: What tells rows of the levels apart, but for the one that knows all.
_KNOWN: Final = {
    Level.BASE: frozenset({"type", "model", "environment"}),
    Level.TYPED: frozenset({"type", "environment"}),
    Level.NARROW: frozenset({"environment"}),
    Level.TRACE: frozenset({"environment", "name", "owner", "prompt_name", "prompt_version"}),
}
#: The levels of all observations, and of tags: each is made of the one beside it.
OF_ALL: Final = {Level.FULL: None, Level.BASE: Level.FULL}
BY_TAG: Final = {
    Level.TRACE: Level.FULL,
    Level.BASE: Level.FULL,
    Level.TYPED: Level.BASE,
    Level.NARROW: Level.TYPED,
}

# What a trace is called is known when its root has arrived, or from the beginning when we traced it ourselves.
OWNER: Final = """CASE
    WHEN {source_type} = ANY (%(agents)s) THEN 'agent'
    WHEN {source_type} = ANY (%(workflows)s) THEN 'workflow'
    ELSE ''
END"""

# A step `o` of a trace `t`, as far as it tells rows apart and is added up.
STEP: Final = f"""
        o.workspace_id, o.trace_id, date_trunc('minute', o.start_time) AS minute, o.type,
        left(o.model, 200) AS model, left(o.environment, 100) AS environment,
        o.parent_id IS NULL AS root, o.status = 'error' AS failed,
        coalesce(o.input_tokens, 0) AS input_tokens, coalesce(o.output_tokens, 0) AS output_tokens,
        coalesce(o.cost, 0) AS cost,
        left(CASE WHEN t.has_root OR t.source_type <> '' THEN t.name ELSE '' END, 200) AS name,
        {OWNER.format(source_type="t.source_type")} AS owner,
        left(o.prompt_name, 200) AS prompt_name, left(o.prompt_version, 100) AS prompt_version,
        {SLOT_SQL % {"ms": "(extract(epoch FROM o.end_time - o.start_time)::double precision * 1000)"}} AS slot,
        CASE WHEN o.ttft_ms IS NOT NULL THEN {SLOT_SQL % {"ms": "o.ttft_ms"}} END AS first_slot"""


def sums(*, cut: bool = False) -> str:
    """Sums of rows, histograms included; `cut` ones end with the last slot that holds something."""
    latency, ttft = (array_of(f"coalesce(sum({name}[{{at}}]), 0)") for name in ("latency", "ttft"))
    if cut:
        latency, ttft = f"({latency})[:max(cardinality(latency))]", f"({ttft})[:max(cardinality(ttft))]"
    return (
        ", ".join(f"sum({name}) AS {name}" for name in _SUMS)
        + f", ({latency})::integer[] AS latency, CASE WHEN count(ttft) > 0 THEN ({ttft})::integer[] END AS ttft"
    )


WHOSE: Final = ", ".join(_NAMES)
_VALUES: Final = ", ".join((*_SUMS, "latency", "ttft"))

# A trace whose root is an agent or a workflow is that one's, whoever traced it.
OWNED: Final = """
head AS (
    SELECT DISTINCT ON (workspace_id, trace_id) workspace_id, trace_id, type, name FROM stored
    WHERE root AND type IN ('agent', 'workflow') AND name <> ''
    ORDER BY workspace_id, trace_id
),
fresh AS MATERIALIZED (
    SELECT s.*, CASE WHEN s.owner = '' THEN coalesce(head.type, '') ELSE s.owner END AS whose
    FROM stored s LEFT JOIN head USING (workspace_id, trace_id)
)"""


def minutes(source: str, also: str = "", *, cut: bool = False) -> str:
    """The rows of minutes, made of steps; `also` are further columns that tell rows apart, each with a comma behind."""
    latency, ttft = (
        array_of(f"count(*) FILTER (WHERE {name} = {{slot}})") for name in ("slot", "first_slot")
    )
    if cut:
        latency, ttft = f"({latency})[:max(slot) + 1]", f"({ttft})[:max(first_slot) + 1]"
    return f"""
    SELECT
        {also}workspace_id, minute AS bucket, root, type, model, environment, name, whose AS owner, prompt_name,
        prompt_version, count(*) AS count, count(*) FILTER (WHERE failed) AS errors,
        sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost) AS cost,
        ({latency})::integer[] AS latency, CASE WHEN count(first_slot) > 0 THEN ({ttft})::integer[] END AS ttft
    FROM {source}
    GROUP BY {also}workspace_id, minute, root, type, model, environment, name, whose, prompt_name, prompt_version
    """  # noqa: S608 - constant names


def _level(level: Level, source: Level, also: str, cut: bool) -> str:
    """The rows of a level, made of those of one that knows more."""
    known = _KNOWN[level]
    names = ", ".join(name if name in known else f"''::text AS {name}" for name in _NAMES)
    kept = ", ".join(name for name in _NAMES if name in known)
    return f"""
level_{level.value} AS MATERIALIZED (
    SELECT {also}workspace_id, grain, bucket, root, {names}, {sums(cut=cut)} FROM level_{source.value}
    GROUP BY {also}workspace_id, grain, bucket, root, {kept}
),
"""  # noqa: S608 - constant names


def lengths(levels: Mapping[Level, Level | None], also: str = "", *, cut: bool = False) -> str:
    """The rows of some levels, and longer ones made of the shorter: `leveled`, from `minutes`."""
    rows = f"{also}workspace_id, grain, bucket, root, {WHOSE}, {_VALUES}"
    each = (f"SELECT {level.value} AS level, {rows} FROM level_{level.value}" for level in levels)  # noqa: S608 - as above
    return f"""
level_{Level.FULL.value} AS MATERIALIZED (
    SELECT {also}workspace_id, 1 AS grain, bucket, root, {WHOSE}, {_VALUES} FROM minutes
    WHERE bucket >= %(minutes_from)s
    UNION ALL
    SELECT
        {also}workspace_id, 60, {BUCKET.format(grain="60", moment="m.bucket")} AS hour, root, {WHOSE}, {sums(cut=cut)}
    FROM minutes m
    GROUP BY {also}workspace_id, hour, root, {WHOSE}
),
{"".join(_level(level, source, also, cut) for level, source in levels.items() if source is not None)}
short AS MATERIALIZED ({" UNION ALL ".join(each)}),
leveled AS (
    SELECT level, {rows} FROM short
    UNION ALL
    SELECT
        level, {also}workspace_id, length.grain, {BUCKET.format(grain="length.grain", moment="s.bucket")} AS longer,
        root, {WHOSE}, {sums(cut=cut)}
    FROM short s CROSS JOIN (VALUES (360), (1440)) AS length (grain)
    WHERE s.grain = 60
    GROUP BY level, {also}workspace_id, length.grain, longer, root, {WHOSE}
)"""  # noqa: S608 - constant names


def insert(table: str, key: str, also: str = "", *, cut: bool = False) -> str:
    """Puts `leveled` into a table, or adds it to what is there; `also` are the columns of `key` before the last."""
    return f"""
INSERT INTO {table} AS r ({key}, {WHOSE}, {_VALUES})
SELECT
    workspace_id, level, grain, root, bucket, {also}
    hashtextextended(concat_ws(E'\\x1f', {WHOSE}), 0) AS key, {WHOSE}, {_VALUES}
FROM leveled
ORDER BY {key}
ON CONFLICT ({key}) DO UPDATE SET
    {", ".join(f"{name} = r.{name} + excluded.{name}" for name in _SUMS)},
    latency = {_both("latency", cut)},
    ttft = CASE
        WHEN r.ttft IS NULL THEN excluded.ttft
        WHEN excluded.ttft IS NULL THEN r.ttft
        ELSE {_both("ttft", cut)}
    END
"""  # noqa: S608 - constant names


def _both(name: str, cut: bool) -> str:
    """The sum of the histogram of a row and that of one to be added."""
    if not cut:
        return array_of(f"r.{name}[{{at}}] + excluded.{name}[{{at}}]")
    added = array_of(f"coalesce(r.{name}[{{at}}], 0) + coalesce(excluded.{name}[{{at}}], 0)")
    return f"({added})[:greatest(cardinality(r.{name}), cardinality(excluded.{name}))]"
