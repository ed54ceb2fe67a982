"""Failed logins, counted to slow guessing down."""

from __future__ import annotations

from django.db import models

from apps.core.ids import uuid7


class LoginFailure(models.Model):
    """One wrong password. Rows older than the window are deleted by the next failure."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.CharField(
        max_length=64
    )  # sha256 of the entered login: what people mistype is not stored
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "created_at"], name="core_loginfailure_account"),
            models.Index(fields=["address", "created_at"], name="core_loginfailure_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.created_at:%Y-%m-%d %H:%M}"
