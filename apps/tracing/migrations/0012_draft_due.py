from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracing", "0011_rollups_dashboards_alerts")]

    operations = [
        migrations.AddField(
            model_name="spandraft",
            name="due_at",
            field=models.DateTimeField(null=True, verbose_name="to be stored"),
        ),
        migrations.AddIndex(
            model_name="spandraft",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="tracing_draft_due"
            ),
        ),
    ]
