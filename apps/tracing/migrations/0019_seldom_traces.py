"""Small indexes for what few traces are: marked, not complete, with several failed steps."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tracing', '0018_search_figures'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='trace',
            index=models.Index(condition=models.Q(('error_count__gt', 1)), fields=['workspace', 'error_count'], name='tracing_trace_many_errors'),
        ),
        migrations.AddIndex(
            model_name='trace',
            index=models.Index(condition=models.Q(('bookmarked', True)), fields=['workspace', '-start_time'], name='tracing_trace_bookmarked'),
        ),
        migrations.AddIndex(
            model_name='trace',
            index=models.Index(condition=models.Q(('has_root', False)), fields=['workspace', '-start_time'], name='tracing_trace_incomplete'),
        ),
    ]
