"""What is registered at the first start, and what names of models tell."""

from __future__ import annotations

import pytest

from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.presets import guess_slot, is_snapshot, pick_chat_model
from apps.providers.services.discovery import discover_first_start
from tests.factories.core import SYSTEM

pytestmark = pytest.mark.django_db

NOBODY = "http://127.0.0.1:1"


def names(workspace):
    return set(Provider.objects.filter(workspace=workspace).values_list("name", flat=True))


def test_nothing_to_find_leaves_the_built_in_provider(workspace, settings):
    settings.OPENAI_API_KEY, settings.OLLAMA_URL = "", NOBODY
    discover_first_start(SYSTEM, workspace)
    assert names(workspace) == {"Built in"}


def test_a_key_in_the_environment_registers_a_provider_with_models(workspace, settings, model_server):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-env", model_server.base_url
    settings.OLLAMA_URL = NOBODY
    for _ in range(2):
        discover_first_start(SYSTEM, workspace)
    provider = Provider.objects.get(name="OpenAI")
    assert provider.credentials == {"api_key": "sk-env"}
    assert provider.test_result == "ok"
    assert provider.models.count() == 6
    defaults = Model.objects.filter(workspace=workspace, is_default=True)
    assert {(m.slot, m.name) for m in defaults} == {
        ("chat", "echo"),
        ("embedding", "embed-small"),
        ("rerank", "rerank-base"),
    }


def test_a_key_that_is_refused_leaves_the_built_in_defaults(workspace, settings, model_server):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-wrong", model_server.base_url
    settings.OLLAMA_URL = NOBODY
    discover_first_start(SYSTEM, workspace)
    assert Provider.objects.get(name="OpenAI").test_result == "failed"
    assert Model.objects.for_slot(workspace, "chat").first().name == "extractive"


def test_an_ollama_that_answers_is_registered(workspace, settings, model_server):
    settings.OPENAI_API_KEY, settings.OLLAMA_URL = "", model_server.base_url.removesuffix("/v1")
    discover_first_start(SYSTEM, workspace)
    provider = Provider.objects.get(name="Ollama")
    assert not provider.has_key
    assert Model.objects.for_slot(workspace, "chat").first().provider == provider


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        ("gpt-4o-mini", ModelSlot.CHAT),
        ("llama3.2:3b", ModelSlot.CHAT),
        ("text-embedding-3-small", ModelSlot.EMBEDDING),
        ("nomic-embed-text", ModelSlot.EMBEDDING),
        ("BAAI/bge-m3", ModelSlot.EMBEDDING),
        ("bge-reranker-v2-m3", ModelSlot.RERANK),
        ("gte-rerank", ModelSlot.RERANK),
        ("whisper-1", None),
        ("dall-e-3", None),
        ("gpt-4o-realtime", None),
    ],
)
def test_names_tell_what_a_model_is_for(name, slot):
    assert guess_slot(name) is slot


def test_the_model_to_start_with():
    assert pick_chat_model(["gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "whisper-1"]) == "gpt-4o-mini"
    assert pick_chat_model(["text-embedding-3", "zephyr", "llama3"]) == "zephyr"
    assert pick_chat_model(["whisper-1"]) is None
    assert is_snapshot("gpt-4o-2024-08-06")
    assert not is_snapshot("gpt-4o")
