"""Secrets at rest."""

from __future__ import annotations

import copy
import pickle

import pytest
from django.core import serializers
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from apps.core.secrets import MASK, Secret, Undecryptable, decrypt, encrypt, rotate


@given(st.binary(max_size=200))
def test_what_is_encrypted_decrypts(plain):
    token = encrypt(plain)
    assert decrypt(token) == plain
    assert plain == b"" or plain not in token or len(plain) < 4


def test_an_older_key_still_decrypts_and_rotation_moves_to_the_newest(settings):
    settings.ENCRYPTION_KEYS = ("old",)
    token = encrypt(b"sk-123")
    settings.ENCRYPTION_KEYS = ("new", "old")
    assert decrypt(token) == b"sk-123"
    moved = rotate(token)
    settings.ENCRYPTION_KEYS = ("new",)
    assert decrypt(moved) == b"sk-123"
    with pytest.raises(Undecryptable):
        decrypt(token)


def test_a_secret_does_not_print_itself():
    secret = Secret("sk-live-1")
    for shown in (str(secret), repr(secret), f"{secret}", f"{[secret]}", f"{secret!r}"):
        assert "sk-live-1" not in shown
    assert secret.reveal() == "sk-live-1"
    assert not Secret("")
    assert str(Secret("")) == ""


def test_a_secret_is_not_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(Secret("sk"))
    assert copy.deepcopy(Secret("sk")) == Secret("sk")


def test_a_providers_key_is_ciphertext_in_the_database_and_masked_in_dumps(workspace, settings, system):
    from apps.core.services.secrets import rotate_secrets
    from apps.providers.models import Provider

    provider = Provider.objects.create(
        workspace=workspace,
        name="p",
        kind="openai_compatible",
        base_url="http://x/v1",
        credentials={"api_key": "sk-1"},
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM providers_provider WHERE id = %s", [provider.pk])
        assert b"sk-1" not in bytes(cursor.fetchone()[0])
    provider.refresh_from_db()
    assert provider.credentials["api_key"] == "sk-1"
    assert "sk-1" not in repr(provider.credentials)
    dump = serializers.serialize("json", [provider])
    assert "sk-1" not in dump
    assert MASK in dump or "\\u2022" in dump

    settings.ENCRYPTION_KEYS = ("brand-new", *settings.ENCRYPTION_KEYS)
    assert rotate_secrets(actor=system) >= 1
    settings.ENCRYPTION_KEYS = ("brand-new",)
    provider.refresh_from_db()
    assert provider.credentials["api_key"] == "sk-1"
