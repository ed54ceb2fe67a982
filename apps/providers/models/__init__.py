"""Tables of the providers app."""

from apps.providers.models.model import Model, ModelSlot
from apps.providers.models.provider import Provider, ProviderKind

__all__ = ["Model", "ModelSlot", "Provider", "ProviderKind"]
