"""Encryption with a key ring: the first key encrypts, every key decrypts."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Undecryptable(Exception):
    """No key of the ring opens this value: a key was removed before `rotate_secrets` was run."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be decrypted with ENCRYPTION_KEYS. Add the former key to the list, or enter the "
            "secret again."
        )


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derive(key)) for key in keys])


def _derive(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())


def encrypt(plain: bytes) -> bytes:
    """Encrypt with the first key of the ring."""
    return _ring(tuple(settings.ENCRYPTION_KEYS)).encrypt(plain)


def decrypt(token: bytes) -> bytes:
    """Decrypt with whichever key fits; raises `Undecryptable` when none does."""
    try:
        return _ring(tuple(settings.ENCRYPTION_KEYS)).decrypt(token)
    except InvalidToken:
        raise Undecryptable from None


def rotate(token: bytes) -> bytes:
    """Encrypt anew with the first key; raises `Undecryptable`."""
    try:
        return _ring(tuple(settings.ENCRYPTION_KEYS)).rotate(token)
    except InvalidToken:
        raise Undecryptable from None
