"""Sums by tag, beside those of all observations. `services.rollup` adds up what is stored by now."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import apps.tracing.models.fields


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0006_api_key_ingest_scope'),
        ('tracing', '0021_search_json'),
    ]

    operations = [
        migrations.AddField(
            model_name='rollupprogress',
            name='tagged_before',
            field=models.DateTimeField(null=True, verbose_name='added up by tag before'),
        ),
        migrations.AlterField(
            model_name='rollup',
            name='level',
            field=models.SmallIntegerField(choices=[(0, 'By type, model and environment'), (1, 'By everything'), (2, 'By environment'), (3, 'By type and environment'), (4, 'By trace, prompt and environment')], verbose_name='level'),
        ),
        migrations.CreateModel(
            name='TagChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('trace_id', apps.tracing.models.fields.TraceIdField(verbose_name='trace id')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace')),
            ],
            options={
                'verbose_name': 'changed tags of a trace',
                'verbose_name_plural': 'changed tags of traces',
            },
        ),
        migrations.CreateModel(
            name='TagRollup',
            fields=[
                ('bucket', models.DateTimeField(verbose_name='from')),
                ('key', models.BigIntegerField(verbose_name='key')),
                ('count', models.BigIntegerField(verbose_name='count')),
                ('errors', models.BigIntegerField(verbose_name='errors')),
                ('input_tokens', models.BigIntegerField(verbose_name='input tokens')),
                ('output_tokens', models.BigIntegerField(verbose_name='output tokens')),
                ('cost', models.DecimalField(decimal_places=10, max_digits=20, verbose_name='cost')),
                ('level', models.SmallIntegerField(choices=[(0, 'By type, model and environment'), (1, 'By everything'), (2, 'By environment'), (3, 'By type and environment'), (4, 'By trace, prompt and environment')], verbose_name='level')),
                ('grain', models.SmallIntegerField(choices=[(1, 'Minute'), (60, 'Hour'), (360, 'Quarter of a day'), (1440, 'Day')], verbose_name='grain')),
                ('root', models.BooleanField(verbose_name='first step')),
                ('type', models.TextField(verbose_name='type')),
                ('model', models.TextField(verbose_name='model')),
                ('environment', models.TextField(verbose_name='environment')),
                ('name', models.TextField(verbose_name='trace')),
                ('owner', models.TextField(choices=[('', 'Unknown'), ('agent', 'Agent'), ('workflow', 'Workflow')], verbose_name='owner')),
                ('prompt_name', models.TextField(verbose_name='prompt')),
                ('prompt_version', models.TextField(verbose_name='prompt version')),
                ('latency', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None, verbose_name='latency')),
                ('ttft', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None, verbose_name='time to first token')),
                ('pk', models.CompositePrimaryKey('workspace_id', 'level', 'grain', 'root', 'bucket', 'tag', 'part', 'key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('tag', models.TextField(verbose_name='tag')),
                ('part', models.BigIntegerField(verbose_name='part')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace')),
            ],
            options={
                'verbose_name': 'rollup of a tag',
                'verbose_name_plural': 'rollups of tags',
            },
        ),
        migrations.CreateModel(
            name='CountedTags',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'trace_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('trace_id', apps.tracing.models.fields.TraceIdField(verbose_name='trace id')),
                ('day', models.DateField(verbose_name='day')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None, verbose_name='tags')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace')),
            ],
            options={
                'verbose_name': 'counted tags of a trace',
                'verbose_name_plural': 'counted tags of traces',
                'indexes': [django.contrib.postgres.indexes.BrinIndex(fields=['day'], name='tracing_countedtags_day', pages_per_range=32)],
            },
        ),
        migrations.CreateModel(
            name='RollupTag',
            fields=[
                ('pk', models.CompositePrimaryKey('workspace_id', 'tag', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(verbose_name='day')),
                ('tag', models.TextField(verbose_name='tag')),
                ('regular', models.BooleanField(verbose_name='regular')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace')),
            ],
            options={
                'verbose_name': 'tag of a day',
                'verbose_name_plural': 'tags of a day',
                'indexes': [models.Index(fields=['workspace', 'day'], name='tracing_rolluptag_day')],
            },
        ),
    ]
