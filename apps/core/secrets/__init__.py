"""Secrets at rest: a key ring, a value that does not print itself, and encrypted model fields."""

from __future__ import annotations

from apps.core.secrets.fields import EncryptedJSONField, EncryptedTextField
from apps.core.secrets.keyring import Undecryptable, decrypt, encrypt, rotate
from apps.core.secrets.values import MASK, Secret

__all__ = [
    "MASK",
    "EncryptedJSONField",
    "EncryptedTextField",
    "Secret",
    "Undecryptable",
    "decrypt",
    "encrypt",
    "rotate",
]
