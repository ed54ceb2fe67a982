"""Model fields that are ciphertext in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

from apps.core.secrets.keyring import decrypt, encrypt
from apps.core.secrets.values import MASK, Secret

if TYPE_CHECKING:
    _BinaryField = models.BinaryField[Any, Any]
else:
    _BinaryField = models.BinaryField  # generic in the type stubs only


class EncryptedTextField(_BinaryField):
    """Text encrypted at rest; Python sees a `Secret`. An empty secret stays empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        plain = value.reveal() if isinstance(value, Secret) else str(value)
        return encrypt(plain.encode())

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Secret | None:
        return None if value is None else Secret(decrypt(bytes(value)).decode())

    def to_python(self, value: Any) -> Any:
        return Secret(value) if isinstance(value, str) else value

    def get_default(self) -> Any:
        default = super().get_default()
        return Secret(default) if isinstance(default, str) else default

    def value_to_string(self, obj: models.Model) -> str:
        return MASK


class SecretMapping(dict[str, Any]):
    """A mapping whose values are not printed."""

    def __repr__(self) -> str:
        return f"SecretMapping({sorted(self)})"

    __str__ = __repr__


class EncryptedJSONField(_BinaryField):
    """A JSON object encrypted at rest; Python sees a mapping that does not print its values."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(json.dumps(dict(value)).encode())

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> SecretMapping | None:
        return None if value is None else SecretMapping(json.loads(decrypt(bytes(value))))

    def to_python(self, value: Any) -> Any:
        return SecretMapping(value) if isinstance(value, dict) else value

    def get_default(self) -> Any:
        default = super().get_default()
        return SecretMapping(default) if isinstance(default, dict) else default

    def value_to_string(self, obj: models.Model) -> str:
        return MASK
