"""Level and prompt version of observations."""

from django.db import migrations, models

ADD = """
ALTER TABLE tracing_observation
    ADD COLUMN level text NOT NULL DEFAULT 'default',
    ADD COLUMN prompt_name text NOT NULL DEFAULT '',
    ADD COLUMN prompt_version text NOT NULL DEFAULT '';
"""

DROP = "ALTER TABLE tracing_observation DROP COLUMN level, DROP COLUMN prompt_name, DROP COLUMN prompt_version;"

FIELDS = {"level": "level", "prompt_name": "prompt", "prompt_version": "prompt version"}


class Migration(migrations.Migration):
    dependencies = [("tracing", "0002_span_tables")]

    operations = [
        migrations.RunSQL(
            ADD,
            DROP,
            state_operations=[
                migrations.AddField("observation", name, models.TextField(verbose_name=title))
                for name, title in FIELDS.items()
            ],
        )
    ]
