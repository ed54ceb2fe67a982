"""The address of a webhook is kept encrypted."""

from django.db import migrations

from apps.core.secrets.fields import EncryptedTextField


class Migration(migrations.Migration):
    dependencies = [("tracing", "0012_draft_due")]

    operations = [
        migrations.RemoveField("alert", "webhook_url"),
        migrations.AddField(
            "alert", "webhook_url", EncryptedTextField(blank=True, editable=True, null=True, verbose_name="webhook")
        ),
        migrations.AlterField(
            "alert",
            "webhook_secret",
            EncryptedTextField(blank=True, editable=True, null=True, verbose_name="secret of the webhook"),
        ),
    ]
