"""The channel layer that Django Channels is configured with."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import BaseChannelLayer

from .listener import Listener
from .publisher import AsyncPublisher, SyncPublisher
from .wire import Encoder, Kind, Message


@dataclass(frozen=True)
class _Ends:
    """Both ends of the layer in one event loop."""

    listener: Listener
    publisher: AsyncPublisher


class PostgresChannelLayer(BaseChannelLayer):
    """Groups and channels over LISTEN/NOTIFY, without a table.

    It carries signals: a message reaches the processes that listen when it is sent, at most once. Channels
    belong to the process that made them with `new_channel`, and only that one may add them to groups.

    `capacity` is the number of messages a channel may have waiting. `group_send_sync` is for code without
    an event loop (Celery tasks, threads): wrapping `group_send` would connect anew at each call.
    """

    extensions = ("groups", "flush")

    def __init__(self, *, conninfo: str, capacity: int = 1000, **options: Any) -> None:
        super().__init__(capacity=capacity, **options)
        self._conninfo = conninfo
        self._process = secrets.token_hex(6)
        self._encoder = Encoder()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Ends] = WeakKeyDictionary()
        self._sync_publisher = SyncPublisher(conninfo)

    async def new_channel(self, prefix: str = "specific") -> str:
        """A channel name that is used nowhere else."""
        return f"{prefix}.{self._process}!{secrets.token_hex(12)}"

    async def send(self, channel: str, message: Message) -> None:
        """Send to one channel, in whichever process it is."""
        self.require_valid_channel_name(channel)
        await self._here().publisher.publish(self._encoder.encode(Kind.CHANNEL, channel, message))

    async def receive(self, channel: str) -> Message:
        """Wait for the next message to a channel of this event loop."""
        self.require_valid_channel_name(channel)
        return await self._here().listener.receive(channel)

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel of this event loop to a group; when it returns, no later message is missed."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        listener = self._here().listener
        listener.join(group, channel)
        await listener.ready()

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group."""
        self._here().listener.leave(group, channel)

    async def group_send(self, group: str, message: Message) -> None:
        """Send to all channels of a group, in all processes."""
        self.require_valid_group_name(group)
        await self._here().publisher.publish(self._encoder.encode(Kind.GROUP, group, message))

    def group_send_sync(self, group: str, message: Message) -> None:
        """`group_send` for threads and processes without an event loop; it blocks for about a millisecond."""
        self.require_valid_group_name(group)
        self._sync_publisher.publish(self._encoder.encode(Kind.GROUP, group, message))

    async def flush(self) -> None:
        """Forget the groups and waiting messages of this event loop."""
        self._here().listener.flush()

    def _here(self) -> _Ends:
        loop = asyncio.get_running_loop()
        ends = self._loops.get(loop)
        if ends is None:
            ends = _Ends(Listener(self._conninfo, self.capacity), AsyncPublisher(self._conninfo))
            self._loops[loop] = ends
        return ends
