"""Rotating the key ring."""

from __future__ import annotations

from django.apps import apps
from django.db import connection, models, transaction

from apps.core import audit
from apps.core.actors import Actor
from apps.core.models import User
from apps.core.secrets import EncryptedJSONField, EncryptedTextField, rotate


@transaction.atomic
def rotate_secrets(*, actor: Actor) -> int:
    """Encrypt every stored secret anew with the first key of the ring; returns how many. Raises `Undecryptable`."""
    count = 0
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField | EncryptedJSONField):
                count += _rotate_column(model, str(field.column))
    if actor.user is not None:
        audit.record(actor=actor, action="core.secrets.rotate", obj=User.objects.get(pk=actor.user.pk))
    return count


def _rotate_column(model: type[models.Model], column: str) -> int:
    quote = connection.ops.quote_name
    table, key, name = quote(model._meta.db_table), quote(str(model._meta.pk.column)), quote(column)
    with connection.cursor() as cursor:
        # names come from model definitions, values are parameters
        cursor.execute(f"SELECT {key}, {name} FROM {table} WHERE {name} IS NOT NULL FOR UPDATE")  # noqa: S608
        rows = cursor.fetchall()
        cursor.executemany(
            f"UPDATE {table} SET {name} = %s WHERE {key} = %s",  # noqa: S608
            [(rotate(bytes(value)), pk) for pk, value in rows],
        )
    return len(rows)
