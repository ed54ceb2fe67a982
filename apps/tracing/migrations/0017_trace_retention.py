"""How long each workspace keeps its traces; scores that expire stay in the rollups."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids

NOTE = """
CREATE OR REPLACE FUNCTION tracing_note_score_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('flywheel.keep_rollups', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO tracing_scorechange (workspace_id, minute)
        SELECT DISTINCT workspace_id, date_trunc('minute', created_at) FROM after_change;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO tracing_scorechange (workspace_id, minute)
        SELECT DISTINCT workspace_id, date_trunc('minute', created_at) FROM before_change;
    END IF;
    RETURN NULL;
END $$;
"""
NOTE_ALL = NOTE.replace(
    """    IF TG_OP = 'DELETE' AND current_setting('flywheel.keep_rollups', true) = 'on' THEN
        RETURN NULL;
    END IF;
""",
    "",
)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_api_key_ingest_scope"),
        ("tracing", "0016_search_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="TraceRetention",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Empty: as long as this installation keeps them.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                        verbose_name="days that traces are kept",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="core.workspace",
                        verbose_name="workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "retention of traces",
                "verbose_name_plural": "retentions of traces",
                "constraints": [
                    models.UniqueConstraint(fields=("workspace",), name="tracing_traceretention_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("days__isnull", True),
                            models.Q(("days__gte", 1), ("days__lte", 3650)),
                            _connector="OR",
                        ),
                        name="tracing_traceretention_days",
                    ),
                ],
            },
        ),
        migrations.RunSQL([(NOTE, None)], [(NOTE_ALL, None)]),
    ]
