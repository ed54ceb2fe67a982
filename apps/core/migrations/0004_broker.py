"""Tables and functions of the default message broker (pgmq, plain SQL)."""

from django.db import migrations

from apps.core.broker import ensure_schema


def install(apps, schema_editor):
    """Install the schema unless it is there."""
    ensure_schema(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("core", "0003_vector")]

    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
