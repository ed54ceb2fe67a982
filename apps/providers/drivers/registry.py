"""Which driver belongs to which kind of provider."""

from __future__ import annotations

from collections.abc import Callable

from apps.core.registry import Registry
from apps.providers.drivers.base import Driver
from apps.providers.targets import Target
from apps.providers.wire import WireError, WireReason

DriverFactory = Callable[[Target], Driver]

_drivers: Registry[DriverFactory] = Registry("providers.drivers")


def register(kind: str, factory: DriverFactory) -> None:
    """Add a driver for a kind of provider; called from `apps.py`."""
    _drivers.register(kind, factory)


def driver_for(target: Target) -> Driver:
    """The driver for a target. Raises `WireError` for a kind that nobody registered."""
    factory = _drivers.get(target.kind)
    if factory is None:
        raise WireError(
            WireReason.REJECTED, f"No driver is installed for providers of the kind {target.kind}."
        )
    return factory(target)
