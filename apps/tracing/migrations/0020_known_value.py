"""Which values the fields of observations had in a week. What came before this is not known."""

import django.db.models.deletion
from django.db import migrations, models

# In weeks that have observations by now, and in the one that runs, more was there than is noted.
UNKNOWN = """
INSERT INTO tracing_knownvalue (workspace_id, week, field, key, kind, value)
SELECT workspace.id, week::date, field, '', kind, ''
FROM core_workspace AS workspace,
    (
        SELECT DISTINCT date_trunc('week', day) AS week FROM (
            SELECT to_date(right(child.relname, 8), 'YYYYMMDD') FROM pg_inherits
            JOIN pg_class child ON child.oid = inhrelid
            WHERE inhparent = 'tracing_observation'::regclass AND child.relname ~ '_p[0-9]{8}$'
            UNION
            SELECT start_time AT TIME ZONE 'UTC' FROM tracing_observation_default
        ) AS found (day) WHERE day <= now()
    ) AS weeks,
    (VALUES
        ('name', 1), ('type', 1), ('status', 1), ('level', 1), ('model', 1), ('provider', 1), ('prompt_name', 1),
        ('prompt_version', 1), ('environment', 1), ('release', 1), ('version', 1), ('source_type', 1),
        ('source_id', 1), ('status_message', 1), ('user_id', 1), ('session_id', 1), ('tags', 1), ('metadata', 2), ('attributes', 2)
    ) AS fields (field, kind)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_api_key_ingest_scope"),
        ("tracing", "0019_seldom_traces"),
    ]

    operations = [
        migrations.CreateModel(
            name="KnownValue",
            fields=[
                ("pk", models.CompositePrimaryKey("workspace_id", "field", "key", "week", "kind", "value", blank=True, editable=False, primary_key=True, serialize=False)),
                ("week", models.DateField(verbose_name="week")),
                ("field", models.TextField(verbose_name="field")),
                ("key", models.TextField(verbose_name="key")),
                ("kind", models.SmallIntegerField(choices=[(0, "Had this value"), (1, "Had more values than are noted"), (2, "Had more keys than are noted")], verbose_name="kind")),
                ("value", models.TextField(verbose_name="value")),
                ("workspace", models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="core.workspace")),
            ],
            options={
                "verbose_name": "known value",
                "verbose_name_plural": "known values",
                "indexes": [models.Index(condition=models.Q(("kind__gt", 0)), fields=["workspace", "week"], name="tracing_knownvalue_more")],
            },
        ),
        migrations.RunSQL(UNKNOWN, migrations.RunSQL.noop),
    ]
