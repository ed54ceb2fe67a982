"""The product's side of the sandbox: sends jobs, keeps the limits, judges what comes back."""

from apps.core.sandbox.client.broker import Broker
from apps.core.sandbox.client.channel import Channel, Transport
from apps.core.sandbox.client.execution import execute
from apps.core.sandbox.client.gate import Gate, current_gate
from apps.core.sandbox.client.local import LocalTransport
from apps.core.sandbox.client.outputs import check_types, declared_outputs
from apps.core.sandbox.client.remote import RemoteTransport

__all__ = [
    "Broker",
    "Channel",
    "Gate",
    "LocalTransport",
    "RemoteTransport",
    "Transport",
    "check_types",
    "current_gate",
    "declared_outputs",
    "execute",
]
