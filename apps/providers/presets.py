"""Well-known endpoints, so that nobody has to look their address up; and what a model's name tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.providers.models import ModelSlot


@dataclass(frozen=True, slots=True)
class Preset:
    """One choice of the "add provider" form."""

    key: str
    title: str | Promise
    base_url: str
    needs_key: bool
    hint: str | Promise


PRESETS = (
    Preset("openai", "OpenAI", "https://api.openai.com/v1", True, _("Key from platform.openai.com.")),
    Preset("deepseek", "DeepSeek", "https://api.deepseek.com/v1", True, _("Key from platform.deepseek.com.")),
    Preset(
        "qwen",
        "Qwen (DashScope)",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        True,
        _("Key from the Model Studio console. Outside mainland China use dashscope-intl.aliyuncs.com."),
    ),
    Preset(
        "ollama", "Ollama", "http://127.0.0.1:11434/v1", False, _("Runs on your own machine; needs no key.")
    ),
    Preset(
        "vllm",
        "vLLM",
        "http://127.0.0.1:8001/v1",
        False,
        _("The address of your server; a key if you set one."),
    ),
    Preset("custom", _("Other"), "", False, _("Any endpoint that speaks OpenAI's interface.")),
)

_SLOTS: tuple[tuple[ModelSlot, re.Pattern[str]], ...] = (
    (ModelSlot.RERANK, re.compile(r"re-?rank", re.IGNORECASE)),
    (ModelSlot.EMBEDDING, re.compile(r"embed|(^|[/-])(bge|e5|gte|minilm|m3e)\b|all-minilm", re.IGNORECASE)),
)
_NEITHER = re.compile(
    r"whisper|tts|dall-e|image|audio|moderation|realtime|transcribe|sora|davinci|babbage|speech|video|wanx|ocr",
    re.IGNORECASE,
)
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{4}$|-preview\b|-search\b|-instruct\b.*\d{4}$", re.IGNORECASE)
_PREFERRED_CHAT = re.compile(r"^gpt-[\d.]+o?-mini$|^deepseek-chat$|^qwen-plus$", re.IGNORECASE)


def guess_slot(name: str) -> ModelSlot | None:
    """What a model is probably for; None for speech, images and the like."""
    for slot, pattern in _SLOTS:
        if pattern.search(name):
            return slot
    return None if _NEITHER.search(name) else ModelSlot.CHAT


def is_snapshot(name: str) -> bool:
    """True for dated copies and previews, which only lengthen a list."""
    return bool(_SNAPSHOT.search(name))


def pick_chat_model(names: list[str]) -> str | None:
    """The one to start with: a small, cheap, capable model if there is one, else the first."""
    chat = [name for name in names if guess_slot(name) is ModelSlot.CHAT]
    preferred = sorted((name for name in chat if _PREFERRED_CHAT.match(name)), reverse=True)
    return next(iter(preferred or chat), None)
