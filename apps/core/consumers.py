"""The browser's one connection for events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.core.events import group_name, may_subscribe

if TYPE_CHECKING:
    from apps.core.models import User

MAX_TOPICS = 200  # per connection; a page shows far fewer live things


class EventsConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/events/`: the client sends `{"action": "subscribe" | "unsubscribe", "topics": [...]}`."""

    async def connect(self) -> None:
        self.topics: set[str] = set()
        user = self.scope["user"]
        if user is None or not user.is_authenticated:
            await self.close(code=4401)
            return
        await self.accept()

    async def disconnect(self, code: int) -> None:
        for topic in self.topics:
            await self.channel_layer.group_discard(group_name(topic), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Handle one client message; anything else than the two actions is answered with an error."""
        action = content.get("action") if isinstance(content, dict) else None
        topics = content.get("topics") if isinstance(content, dict) else None
        if action not in {"subscribe", "unsubscribe"} or not isinstance(topics, list):
            await self.send_json({"type": "error", "detail": "Send an action and a list of topics."})
            return
        for topic in topics[:MAX_TOPICS]:
            await (self._subscribe(str(topic)) if action == "subscribe" else self._unsubscribe(str(topic)))

    async def _subscribe(self, topic: str) -> None:
        if topic in self.topics:
            return
        allowed = len(self.topics) < MAX_TOPICS and await database_sync_to_async(may_subscribe)(
            cast("User", self.scope["user"]), topic
        )
        if not allowed:
            await self.send_json({"type": "denied", "topic": topic})
            return
        self.topics.add(topic)
        await self.channel_layer.group_add(group_name(topic), self.channel_name)
        await self.send_json({"type": "subscribed", "topic": topic})

    async def _unsubscribe(self, topic: str) -> None:
        self.topics.discard(topic)
        await self.channel_layer.group_discard(group_name(topic), self.channel_name)

    async def topic_event(self, message: dict[str, Any]) -> None:
        """Pass an envelope from the layer on."""
        await self.send_json(message["envelope"])

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """Read a message; what is not JSON becomes None and is answered with an error."""
        try:
            return await super().decode_json(text_data)
        except ValueError:
            return None
