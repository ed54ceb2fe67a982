"""Untrusted Python and JavaScript, confined by the kernel and started at fork speed.

`protocol` is the wire, `jobs` and `errors` its vocabulary, `service` what the product calls, through `client`;
`server`, `zygote`, `runner` and `kernel` are the resident side and import no Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.core.sandbox.service import run_code, run_code_sync, sandbox_state

__all__ = ["run_code", "run_code_sync", "sandbox_state"]


def __getattr__(name: str) -> Any:
    """Load the service on first use: the resident side imports this package too, and must stay without Django."""
    if name in __all__:
        from apps.core.sandbox import service

        return getattr(service, name)
    raise AttributeError(name)
