"""What an instrumentation scope says about whose spans it holds."""

from collections.abc import Mapping
from typing import Final

#: Langfuse's SDKs name their project here: several clients of one process may share its tracer provider.
PUBLIC_KEY: Final = "public_key"


def foreign(attributes: Mapping[str, object], public_key: str) -> str:
    """Why spans of this scope are not those of the client with `public_key`; empty when nothing says so."""
    named = attributes.get(PUBLIC_KEY)
    if not isinstance(named, str) or named == public_key:
        return ""
    return f"A span is of the project with the public key {named[:80]!r}; this request came with another one."
