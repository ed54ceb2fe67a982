from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotations", "0002_runs_and_free_json")]

    operations = [
        migrations.AlterField(
            model_name="datasetitem",
            name="metadata",
            field=models.JSONField(blank=True, default=dict, null=True, verbose_name="metadata"),
        ),
    ]
