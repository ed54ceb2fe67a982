"""Figures in the search indexes: the functions that number their buckets. Days are indexed anew with them."""

from django.db import migrations

# A bucket is an eighth of the way from a power of two to the next; nothing and less has one of its own. What is below
# 2^-35 or above 2^40 is not told apart. A row is indexed by its bucket and by the octave that this is in, so that few
# numbers stand for all that is more, or less.
FORWARD = r"""
CREATE FUNCTION tracing_bucket(value double precision) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN value > 0 THEN least(greatest(floor(ln(value) * 8 / ln(2::double precision)), -280), 320)::bigint
        WHEN value <= 0 THEN -281
    END;

CREATE FUNCTION tracing_figure(workspace uuid, field bigint, bucket bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashint8extended(bucket, uuid_hash_extended(workspace, field));

CREATE FUNCTION tracing_octave(workspace uuid, field bigint, bucket bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashint8extended(1000 + (bucket >> 3), uuid_hash_extended(workspace, field));

-- Of all buckets that may have what is at least (direction 1), at most (-1) or exactly (0) as much.
CREATE FUNCTION tracing_figures(workspace uuid, field bigint, value double precision, direction integer)
    RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        WITH own AS (SELECT tracing_bucket(value) AS bucket, tracing_bucket(value) >> 3 AS octave)
        SELECT array_agg(number) FROM (
            SELECT tracing_figure(workspace, field, near) FROM own, generate_series(
                CASE WHEN direction < 0 THEN octave << 3 ELSE bucket END,
                CASE WHEN direction > 0 THEN (octave << 3) + 7 ELSE bucket END
            ) AS near
            UNION ALL
            SELECT tracing_octave(workspace, field, far << 3) FROM own, generate_series(
                CASE WHEN direction > 0 THEN octave + 1 ELSE -36 END,
                CASE WHEN direction > 0 THEN 40 ELSE octave - 1 END
            ) AS far WHERE direction <> 0
        ) AS found (number)
    );
"""
BACKWARD = """
DROP FUNCTION tracing_figures(uuid, bigint, double precision, integer);
DROP FUNCTION tracing_octave(uuid, bigint, bigint);
DROP FUNCTION tracing_figure(uuid, bigint, bigint);
DROP FUNCTION tracing_bucket(double precision);
"""
# indexes of single days, which `services.sealing` makes
DROP_OF_DAYS = r"""
DO $$
DECLARE found regclass;
BEGIN
    FOR found IN SELECT oid FROM pg_class
        WHERE relkind = 'i' AND relname ~ '^tracing_observation_p\d{8}_(search|by_[a-z_]+)'
    LOOP
        EXECUTE format('DROP INDEX %s', found);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("tracing", "0017_trace_retention")]

    operations = [
        migrations.RunSQL([(FORWARD, None)], [(BACKWARD, None)]),
        migrations.RunSQL([(DROP_OF_DAYS, None)], [(DROP_OF_DAYS, None)]),
    ]
