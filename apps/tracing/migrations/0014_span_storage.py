"""Spans in fewer bytes: payloads packed by the application, one index where there were two, shorter keys."""

from django.db import migrations

import apps.tracing.models.packed

# What is stored stays readable: a zero byte says that plain text follows. Packed bytes can't be compressed further.
# A payload is only ever written with its observation, whose key keeps both from being stored twice; so an index that
# finds the payloads of a trace is enough. Its entries are the trace's id once and six bytes for each payload.
FORWARD = r"""
ALTER TABLE tracing_observationpayload
    ALTER COLUMN input TYPE bytea
        USING '\x00'::bytea || convert_to(coalesce(input, ''), 'UTF8')
            || '\x00'::bytea || convert_to(coalesce(output, ''), 'UTF8'),
    DROP COLUMN output;
ALTER TABLE tracing_observationpayload RENAME COLUMN input TO texts;
ALTER TABLE tracing_observationpayload ALTER COLUMN texts SET NOT NULL, ALTER COLUMN texts SET STORAGE EXTERNAL;
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'tracing_observationpayload'::regclass LOOP
        EXECUTE format('ALTER TABLE %s RESET (toast_tuple_target)', part);
    END LOOP;
END $$;
ALTER TABLE tracing_observationpayload DROP CONSTRAINT tracing_observationpayload_pkey;
CREATE INDEX tracing_observationpayload_trace ON tracing_observationpayload (trace_id);

-- The key in the order of the lists: it is what they are read by, too. New rows come at its end, so its pages are full.
ALTER TABLE tracing_observation DROP CONSTRAINT tracing_observation_pkey;
DROP INDEX tracing_observation_latest;
ALTER TABLE tracing_observation ADD PRIMARY KEY (workspace_id, start_time, trace_id, span_id);
CREATE INDEX tracing_observation_trace ON tracing_observation (trace_id);
"""


class Migration(migrations.Migration):
    dependencies = [("tracing", "0013_alert_webhook")]

    operations = [
        migrations.RunSQL(
            FORWARD,
            state_operations=[
                migrations.RemoveField("observationpayload", "input"),
                migrations.RemoveField("observationpayload", "output"),
                migrations.AddField(
                    "observationpayload",
                    "texts",
                    apps.tracing.models.packed.PackedTextsField(verbose_name="input and output"),
                    preserve_default=False,
                ),
            ],
        )
    ]
