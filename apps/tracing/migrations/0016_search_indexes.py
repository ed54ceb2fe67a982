"""Indexes that answer any filter: the functions they are built with, those of traces, and figures by page ranges."""

from django.db import migrations

# A value is indexed as a number that depends on workspace and column, so one array holds the values of all columns.
# Words are what stands between spaces and punctuation; in scripts without spaces, each character. The functions are
# simple enough for PostgreSQL to put their bodies in place of the calls.
FORWARD = r"""
CREATE FUNCTION tracing_term(workspace uuid, field bigint, value text) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashtextextended(nullif(value, ''), uuid_hash_extended(workspace, field));

CREATE FUNCTION tracing_words(value text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_tsvector(array_remove(string_to_array(
        CASE WHEN octet_length(value) = length(value)
            THEN translate(lower(value), $ascii, $ascii_spaces)
            ELSE regexp_replace(
                translate(lower(value), $all, $all_spaces), '([$characters])', ' \1 ', 'g')
        END, ' '), ''));

CREATE INDEX tracing_trace_search ON tracing_trace USING gin (
    (ARRAY[
        tracing_term(workspace_id, 1, name), tracing_term(workspace_id, 3, status),
        tracing_term(workspace_id, 9, environment), tracing_term(workspace_id, 10, release),
        tracing_term(workspace_id, 11, version), tracing_term(workspace_id, 12, source_type),
        tracing_term(workspace_id, 13, source_id)
    ]),
    tags, model_names,
    (tracing_words(name || ' ' || input_preview || ' ' || output_preview))
);

-- Smallest and largest of each few pages: where no page can have such a figure, none is read.
CREATE INDEX tracing_observation_figures ON tracing_observation USING brin (
    (end_time - start_time), input_tokens, output_tokens, cost, ttft_ms
) WITH (pages_per_range = 16);
CREATE INDEX tracing_trace_figures ON tracing_trace USING brin (
    end_time, latency_ms, input_tokens, output_tokens, cost, observation_count
) WITH (pages_per_range = 16);
DROP INDEX tracing_observation_errors;
"""
BACKWARD = """
CREATE INDEX tracing_observation_errors ON tracing_observation (workspace_id, start_time DESC) WHERE status = 'error';
DROP INDEX tracing_trace_figures;
DROP INDEX tracing_observation_figures;
DROP INDEX tracing_trace_search;
DROP FUNCTION tracing_words(text);
DROP FUNCTION tracing_term(uuid, bigint, text);
"""
_ASCII = ".,;:!?()[]{}<>\"'`|/\\=+*#@&%$^~_-\t\r\n"
_OTHER = "´“”‘’„«»…·–—，。；：！？（）《》【】、「」"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


for name, value in (
    ("$ascii_spaces", _quoted(" " * len(_ASCII))),
    ("$all_spaces", _quoted(" " * len(_ASCII + _OTHER))),
    ("$ascii", _quoted(_ASCII)),
    ("$all", _quoted(_ASCII + _OTHER)),
    ("$characters", "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"),
):
    FORWARD = FORWARD.replace(name, value)


class Migration(migrations.Migration):
    dependencies = [("tracing", "0015_rollup_dearest")]

    operations = [migrations.RunSQL([(FORWARD, None)], [(BACKWARD, None)])]
