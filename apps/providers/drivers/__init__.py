"""How each kind of provider is spoken to, behind one small interface."""

from apps.providers.drivers.base import Driver
from apps.providers.drivers.registry import driver_for, register

__all__ = ["Driver", "driver_for", "register"]
