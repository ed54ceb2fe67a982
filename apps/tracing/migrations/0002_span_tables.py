"""The two partitioned tables of spans, which Django can't declare."""

from django.db import migrations

from apps.tracing.writer import partitions

CREATE = """
CREATE TABLE tracing_observation (
    workspace_id uuid NOT NULL,
    trace_id uuid NOT NULL,
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    span_id bigint NOT NULL,
    parent_id bigint,
    ttft_ms double precision,
    input_tokens integer,
    output_tokens integer,
    cost numeric(20, 10),
    type text NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    status_message text NOT NULL,
    model text NOT NULL,
    provider text NOT NULL,
    session_id text NOT NULL,
    user_id text NOT NULL,
    environment text NOT NULL,
    release text NOT NULL,
    version text NOT NULL,
    source_type text NOT NULL,
    source_id text NOT NULL,
    tags text[] NOT NULL,
    usage jsonb,
    metadata jsonb,
    attributes jsonb,
    input_preview text NOT NULL,
    output_preview text NOT NULL,
    PRIMARY KEY (workspace_id, trace_id, span_id, start_time)
) PARTITION BY RANGE (start_time);
CREATE INDEX tracing_observation_latest ON tracing_observation (workspace_id, start_time DESC);
CREATE INDEX tracing_observation_errors ON tracing_observation (workspace_id, start_time DESC)
    WHERE status = 'error';

CREATE TABLE tracing_observationpayload (
    workspace_id uuid NOT NULL,
    trace_id uuid NOT NULL,
    start_time timestamptz NOT NULL,
    span_id bigint NOT NULL,
    input text,
    output text,
    PRIMARY KEY (workspace_id, trace_id, span_id, start_time)
) PARTITION BY RANGE (start_time);
ALTER TABLE tracing_observationpayload
    ALTER COLUMN input SET STORAGE MAIN,
    ALTER COLUMN output SET STORAGE MAIN;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE tracing_observationpayload
            ALTER COLUMN input SET COMPRESSION lz4,
            ALTER COLUMN output SET COMPRESSION lz4;
    END IF;
END $$;

CREATE TABLE tracing_observation_default PARTITION OF tracing_observation DEFAULT;
CREATE TABLE tracing_observationpayload_default PARTITION OF tracing_observationpayload DEFAULT;

-- every few spans of a trace change its row; room on the page keeps most of that out of the indexes
ALTER TABLE tracing_trace SET (fillfactor = 80);
"""

DROP = "DROP TABLE tracing_observation; DROP TABLE tracing_observationpayload;"


def make_partitions(_apps, schema_editor):
    """Days around the migration; `tracing.keep_partitions` and the writer make the others."""
    with schema_editor.connection.cursor() as cursor:
        partitions.ensure(cursor, partitions.upcoming())


class Migration(migrations.Migration):
    dependencies = [("tracing", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
