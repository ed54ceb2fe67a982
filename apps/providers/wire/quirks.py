"""Options that some models refuse although the format has them: learned from the refusal, then left out."""

from __future__ import annotations

from enum import StrEnum

from apps.providers.wire.errors import WireError, WireReason


class Quirk(StrEnum):
    """What has to be done differently; the value is what the refusal mentions."""

    MAX_COMPLETION_TOKENS = "max_completion_tokens"  # the newer name of max_tokens
    NO_TEMPERATURE = "temperature"  # reasoning models take only their default
    NO_STREAM_OPTIONS = "stream_options"  # older servers: no usage in streams
    NO_TOP_P = "top_p"
    NO_RESPONSE_FORMAT = "response_format"  # answers in JSON then have to be asked for in words


def quirk_of(error: WireError, known: frozenset[Quirk]) -> Quirk | None:
    """The quirk that a refusal reveals, unless it is known already (then it was not the cause)."""
    if error.reason is not WireReason.REJECTED:
        return None
    return next((quirk for quirk in Quirk if quirk not in known and quirk.value in error.detail), None)
