"""Keys and numbers of JSON fields in the search indexes. Days are indexed anew with them."""

from django.db import migrations

# A key stands for itself where it has a value; a number, or a text that is one, also for its bucket and octave, as
# figures do. Buckets are from -281 to 320 and octaves from 964 to 1040, so that none is taken for the other. Inner
# objects are not gone through: their outer key is there. The bucket is that of `tracing_bucket`, whose schema is not known
# while an index is built.
FORWARD = r"""
CREATE FUNCTION tracing_json_key(workspace uuid, field bigint, key text) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashtextextended(key, uuid_hash_extended(workspace, field));

CREATE FUNCTION tracing_json_terms(workspace uuid, field bigint, content jsonb) RETURNS bigint[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    seed bigint := uuid_hash_extended(workspace, field);
    name text;
    item text;
    value double precision;
    number bigint;
    bucket bigint;
    found bigint[];
BEGIN
    IF jsonb_typeof(content) <> 'object' THEN
        RETURN NULL;
    END IF;
    FOR name, item IN SELECT * FROM jsonb_each_text(content) LOOP
        CONTINUE WHEN item IS NULL;
        number := hashtextextended(name, seed);
        found := found || number;
        IF item ~ '^-?[0-9]{1,30}([.][0-9]{1,30})?([eE][-+]?[0-9]{1,2})?$' THEN
            value := item::double precision;
            bucket := CASE
                WHEN value > 0 THEN least(greatest(floor(ln(value) * 8 / ln(2::double precision)), -280), 320)::bigint
                ELSE -281
            END;
            found := found || hashint8extended(bucket, number) || hashint8extended(1000 + (bucket >> 3), number);
        END IF;
    END LOOP;
    RETURN found;
END $$;

-- Of all numbers under a key that may be at least (direction 1) or at most (-1) as much.
CREATE FUNCTION tracing_json_numbers(
    workspace uuid, field bigint, key text, value double precision, direction integer
) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        WITH own AS (
            SELECT tracing_bucket(value) AS bucket, tracing_bucket(value) >> 3 AS octave,
                tracing_json_key(workspace, field, key) AS seed
        )
        SELECT array_agg(number) FROM (
            SELECT hashint8extended(near, seed) FROM own, generate_series(
                CASE WHEN direction < 0 THEN octave << 3 ELSE bucket END,
                CASE WHEN direction > 0 THEN (octave << 3) + 7 ELSE bucket END
            ) AS near
            UNION ALL
            SELECT hashint8extended(1000 + far, seed) FROM own, generate_series(
                CASE WHEN direction > 0 THEN octave + 1 ELSE -36 END,
                CASE WHEN direction > 0 THEN 40 ELSE octave - 1 END
            ) AS far
        ) AS found (number)
    );
"""
BACKWARD = """
DROP FUNCTION tracing_json_numbers(uuid, bigint, text, double precision, integer);
DROP FUNCTION tracing_json_terms(uuid, bigint, jsonb);
DROP FUNCTION tracing_json_key(uuid, bigint, text);
"""
# indexes of single days, which `services.sealing` makes
DROP_OF_DAYS = r"""
DO $$
DECLARE found regclass;
BEGIN
    FOR found IN SELECT oid FROM pg_class
        WHERE relkind = 'i' AND relname ~ '^tracing_observation_p\d{8}_search'
    LOOP
        EXECUTE format('DROP INDEX %s', found);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("tracing", "0020_known_value")]

    operations = [
        migrations.RunSQL([(FORWARD, None)], [(BACKWARD, None)]),
        migrations.RunSQL([(DROP_OF_DAYS, None)], [(DROP_OF_DAYS, None)]),
    ]
