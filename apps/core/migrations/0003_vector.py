"""pgvector, which knowledge needs; creating it may need a privileged role, so it comes first and by itself."""

from django.db import migrations
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    dependencies = [("core", "0002_append_only_audit")]

    operations = [VectorExtension()]
