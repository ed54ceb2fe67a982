"""The statements of the writer: one staging table, one merge per batch."""

#: Columns of `tracing_observation` that the staging table has as well, in COPY order, with their types.
OBSERVATION_COLUMNS = {
    "workspace_id": "uuid",
    "trace_id": "uuid",
    "span_id": "bigint",
    "parent_id": "bigint",
    "start_time": "timestamptz",
    "end_time": "timestamptz",
    "type": "text",
    "name": "text",
    "status": "text",
    "status_message": "text",
    "level": "text",
    "model": "text",
    "provider": "text",
    "input_tokens": "integer",
    "output_tokens": "integer",
    "usage": "jsonb",
    "cost": "numeric(20, 10)",
    "ttft_ms": "double precision",
    "session_id": "text",
    "user_id": "text",
    "environment": "text",
    "release": "text",
    "version": "text",
    "source_type": "text",
    "source_id": "text",
    "prompt_name": "text",
    "prompt_version": "text",
    "tags": "text[]",
    "metadata": "jsonb",
    "attributes": "jsonb",
    "input_preview": "text",
    "output_preview": "text",
}
#: What a span brings along for the payload and the trace.
EXTRA_COLUMNS = {"input": "text", "output": "text", "trace_name": "text"}
STAGING_COLUMNS = OBSERVATION_COLUMNS | EXTRA_COLUMNS

CREATE_STAGING = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS tracing_staging ("
    + ", ".join(f"{name} {kind}" for name, kind in STAGING_COLUMNS.items())
    + ") ON COMMIT DELETE ROWS"
)
COPY = f"COPY pg_temp.tracing_staging ({', '.join(STAGING_COLUMNS)}) FROM STDIN"

# A trace only adds up observations that were really inserted, so a batch sent twice changes nothing. Rows are
# taken in key order everywhere: two writers of the same traces wait for each other instead of deadlocking.
MERGE = """
WITH stored AS (
    INSERT INTO tracing_observation ($columns)
    SELECT $columns FROM pg_temp.tracing_staging
    ORDER BY workspace_id, trace_id, span_id
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, trace_id, span_id, start_time
),
fresh AS MATERIALIZED (
    SELECT staging.* FROM pg_temp.tracing_staging staging
    JOIN stored USING (workspace_id, trace_id, span_id, start_time)
),
payload AS (
    INSERT INTO tracing_observationpayload (workspace_id, trace_id, span_id, start_time, input, output)
    SELECT workspace_id, trace_id, span_id, start_time, input, output FROM fresh
    WHERE input IS NOT NULL OR output IS NOT NULL
    ON CONFLICT DO NOTHING
),
head AS (
    SELECT DISTINCT ON (workspace_id, trace_id)
        workspace_id, trace_id, name, status, start_time AS named_at, parent_id IS NULL AS has_root,
        input_preview, output_preview
    FROM fresh
    ORDER BY workspace_id, trace_id, parent_id IS NOT NULL, start_time
),
tag AS (
    SELECT workspace_id, trace_id, array_agg(DISTINCT item ORDER BY item) AS tags
    FROM fresh, unnest(tags) AS item
    GROUP BY workspace_id, trace_id
),
total AS (
    SELECT
        workspace_id, trace_id, min(start_time) AS start_time, max(end_time) AS end_time,
        count(*) AS observation_count, count(*) FILTER (WHERE status = 'error') AS error_count,
        coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
        coalesce(sum(cost), 0) AS cost,
        coalesce(array_agg(DISTINCT model) FILTER (WHERE model <> ''), '{}') AS model_names,
        max(trace_name) AS trace_name, max(session_id) AS session_id, max(user_id) AS user_id,
        max(environment) AS environment, max(release) AS release, max(version) AS version,
        max(source_type) AS source_type, max(source_id) AS source_id
    FROM fresh
    GROUP BY workspace_id, trace_id
),
merged AS (
    INSERT INTO tracing_trace AS t (
        id, workspace_id, trace_id, name, start_time, end_time, latency_ms, status, has_root, named_at,
        observation_count, error_count, input_tokens, output_tokens, cost, model_names,
        session_id, user_id, environment, release, version, source_type, source_id, tags,
        input_preview, output_preview, bookmarked, updated_at
    )
    SELECT
        gen_random_uuid(), workspace_id, trace_id, coalesce(nullif(trace_name, ''), head.name),
        total.start_time, total.end_time, extract(epoch FROM total.end_time - total.start_time) * 1000,
        CASE WHEN head.has_root THEN head.status WHEN error_count > 0 THEN 'error' ELSE 'ok' END,
        head.has_root, head.named_at, observation_count, error_count, input_tokens, output_tokens, cost,
        model_names, session_id, user_id, environment, release, version, source_type, source_id,
        coalesce(tag.tags, '{}'), head.input_preview, head.output_preview, false, now()
    FROM total
    JOIN head USING (workspace_id, trace_id)
    LEFT JOIN tag USING (workspace_id, trace_id)
    ORDER BY workspace_id, trace_id
    ON CONFLICT (workspace_id, trace_id) DO UPDATE SET
        (name, named_at, input_preview, output_preview) = (
            SELECT * FROM (VALUES
                (excluded.name, excluded.named_at, excluded.input_preview, excluded.output_preview)
            ) AS later WHERE (NOT excluded.has_root, excluded.named_at) < (NOT t.has_root, t.named_at)
            UNION ALL
            SELECT t.name, t.named_at, t.input_preview, t.output_preview
            LIMIT 1
        ),
        status = CASE
            WHEN excluded.has_root AND (NOT t.has_root OR excluded.named_at < t.named_at) THEN excluded.status
            WHEN t.has_root THEN t.status
            WHEN t.status = 'error' THEN 'error'
            ELSE excluded.status
        END,
        has_root = t.has_root OR excluded.has_root,
        start_time = least(t.start_time, excluded.start_time),
        end_time = greatest(t.end_time, excluded.end_time),
        latency_ms = extract(
            epoch FROM greatest(t.end_time, excluded.end_time) - least(t.start_time, excluded.start_time)
        ) * 1000,
        observation_count = t.observation_count + excluded.observation_count,
        error_count = t.error_count + excluded.error_count,
        input_tokens = t.input_tokens + excluded.input_tokens,
        output_tokens = t.output_tokens + excluded.output_tokens,
        cost = t.cost + excluded.cost,
        model_names = CASE WHEN excluded.model_names <@ t.model_names THEN t.model_names ELSE ARRAY(
            SELECT DISTINCT item FROM unnest(t.model_names || excluded.model_names) AS item ORDER BY item
        ) END,
        tags = CASE WHEN excluded.tags <@ t.tags THEN t.tags ELSE ARRAY(
            SELECT DISTINCT item FROM unnest(t.tags || excluded.tags) AS item ORDER BY item
        ) END,
        session_id = coalesce(nullif(t.session_id, ''), excluded.session_id),
        user_id = coalesce(nullif(t.user_id, ''), excluded.user_id),
        environment = coalesce(nullif(t.environment, ''), excluded.environment),
        release = coalesce(nullif(t.release, ''), excluded.release),
        version = coalesce(nullif(t.version, ''), excluded.version),
        source_type = coalesce(nullif(t.source_type, ''), excluded.source_type),
        source_id = coalesce(nullif(t.source_id, ''), excluded.source_id),
        updated_at = now()
)
SELECT count(*) FROM stored
""".replace("$columns", ", ".join(OBSERVATION_COLUMNS))
