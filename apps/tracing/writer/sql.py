"""The statements of the writer."""

from apps.tracing.writer.encoding import OBSERVATION_COLUMNS, PAYLOAD_COLUMNS

_OBSERVATION = ", ".join(OBSERVATION_COLUMNS)
_PAYLOAD = ", ".join(PAYLOAD_COLUMNS)

# New observations go straight into their tables.
COPY_OBSERVATIONS = f"COPY tracing_observation ({_OBSERVATION}) FROM STDIN (FORMAT BINARY)"
COPY_PAYLOADS = f"COPY tracing_observationpayload ({_PAYLOAD}) FROM STDIN (FORMAT BINARY)"

# When some of a batch are stored already it goes through tables of this connection's own.
CREATE_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_observation (LIKE tracing_observation INCLUDING DEFAULTS)
    ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_payload (LIKE tracing_observationpayload) ON COMMIT DELETE ROWS;
"""
STAGE_OBSERVATIONS = f"COPY pg_temp.staged_observation ({_OBSERVATION}) FROM STDIN (FORMAT BINARY)"
STAGE_PAYLOADS = f"COPY pg_temp.staged_payload ({_PAYLOAD}) FROM STDIN (FORMAT BINARY)"
#: Returns the keys of those that are new. A payload is stored with its observation and never without.
INSERT_NEW = """
WITH new AS (
    INSERT INTO tracing_observation ($observation)
    SELECT $observation FROM pg_temp.staged_observation
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, trace_id, span_id, start_time
),
payload AS (
    INSERT INTO tracing_observationpayload ($payload)
    SELECT $payload FROM pg_temp.staged_payload JOIN new USING (workspace_id, trace_id, span_id, start_time)
)
SELECT workspace_id, trace_id, span_id, start_time FROM new
""".replace("$observation", _OBSERVATION).replace("$payload", _PAYLOAD)

# Adds the totals of a batch, given as one JSON array, to the traces' summaries.
ADD_TOTALS = """
INSERT INTO tracing_trace AS t (
    id, workspace_id, trace_id, name, start_time, end_time, latency_ms, status, has_root, named_at,
    observation_count, error_count, input_tokens, output_tokens, cost, model_names,
    session_id, user_id, environment, release, version, source_type, source_id, tags,
    input_preview, output_preview, bookmarked, updated_at
)
SELECT
    gen_random_uuid(), workspace_id, trace_id, name, start_time, end_time,
    extract(epoch FROM end_time - start_time) * 1000, status, has_root, named_at,
    observation_count, error_count, input_tokens, output_tokens, cost, model_names,
    session_id, user_id, environment, release, version, source_type, source_id, tags,
    input_preview, output_preview, false, now()
FROM json_to_recordset(%s::json) AS total (
    workspace_id uuid, trace_id uuid, name text, start_time timestamptz, end_time timestamptz, status text,
    has_root boolean, named_at timestamptz, observation_count integer, error_count integer,
    input_tokens bigint, output_tokens bigint, cost numeric, model_names text[], session_id text, user_id text,
    environment text, release text, version text, source_type text, source_id text, tags text[],
    input_preview text, output_preview text
)
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
"""
