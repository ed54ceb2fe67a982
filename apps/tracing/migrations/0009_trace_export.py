"""Files made of the lists of the explorer."""

import apps.core.ids
import apps.tracing.models.trace_export
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0006_api_key_ingest_scope'),
        ('tracing', '0008_comment'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TraceExport',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('list_name', models.CharField(choices=[('traces', 'Traces'), ('observations', 'Observations'), ('scores', 'Scores'), ('sessions', 'Sessions')], max_length=20, verbose_name='list')),
                ('selection', models.JSONField(default=dict, verbose_name='filters')),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('jsonl', 'JSON Lines'), ('parquet', 'Parquet')], max_length=10, verbose_name='format')),
                ('columns', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None, verbose_name='columns')),
                ('file', models.FileField(blank=True, max_length=300, upload_to=apps.tracing.models.trace_export.export_path, verbose_name='file')),
                ('row_count', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('byte_count', models.PositiveBigIntegerField(default=0, verbose_name='size')),
                ('limit_reached', models.CharField(blank=True, choices=[('', 'none'), ('rows', 'rows'), ('bytes', 'size')], default='', max_length=5, verbose_name='limit reached')),
                ('completed_at', models.DateTimeField(blank=True, null=True, verbose_name='completed')),
                ('expires_at', models.DateTimeField(verbose_name='kept until')),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='author')),
                ('job', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='core.job', verbose_name='job')),
                ('workspace', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace', verbose_name='workspace')),
            ],
            options={
                'verbose_name': 'trace export',
                'verbose_name_plural': 'trace exports',
                'ordering': ('-created_at', '-id'),
                'indexes': [models.Index(fields=['workspace', '-created_at', '-id'], name='tracing_export_latest'), models.Index(fields=['expires_at'], name='tracing_export_expiry')],
                'constraints': [models.CheckConstraint(condition=models.Q(('completed_at__isnull', True), models.Q(('file', ''), _negated=True), _connector='OR'), name='tracing_export_has_file')],
            },
        ),
    ]
