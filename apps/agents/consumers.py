"""The chat websockets. The protocol is described in docs/how-to/chat-over-the-api.md.

Tokens come from the consumer's own subscription to the ledger, never through the channel layer: one JSON
text per event, the same for every watcher.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast
from uuid import UUID

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import trans_real

from apps.agents.models import Agent, Conversation, Message
from apps.agents.payloads import conversation_payload, message_payload, public_payload
from apps.agents.selectors import (
    message_of,
    own_conversation,
    running_answer,
    shared_agent,
    visitor_conversation,
)
from apps.agents.services import answer
from apps.agents.services.turn import RunInput
from apps.agents.services.visitor import open_conversation, visitor_actor
from apps.agents.threads import in_thread
from apps.agents.visitors import visitor_of
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError, Invalid, NotFound
from apps.core.models import User
from apps.core.streams import TERMINAL_TYPES, StoredEvent, current_hub

NOT_SIGNED_IN: Final = 4401
NOT_FOUND: Final = 4404
MAX_COMMAND_CHARS: Final = 70_000

Command = dict[str, Any]


class AnswerConsumer(AsyncWebsocketConsumer):
    """What both doors share: commands in, events of the followed answers out."""

    # This consumer neither joins groups nor is sent to; without a layer it costs no listening task.
    channel_layer_alias = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._following: dict[UUID, asyncio.Task[None]] = {}
        self._language = "en"

    async def connect(self) -> None:
        """Let people in who may be here; others get a close code."""
        self._language = scope_language(self.scope)
        try:
            ready = await self.enter()
        except FlywheelError:
            # a close before accepting is a bare 403; browsers can only read the code of an accepted socket
            await self.accept()
            await self.close(code=NOT_FOUND if self.user is not None else self.refusal)
            return
        await self.accept()
        await self.send_json({"type": "ready", **ready})

    refusal = NOT_SIGNED_IN

    @property
    def user(self) -> User | None:
        """The signed-in person, if there is one."""
        found: Any = self.scope["user"]
        return found if found.is_authenticated else None

    async def disconnect(self, code: int) -> None:
        """Stop following; the answers go on."""
        for task in self._following.values():
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle one command; a wrong one is answered with an error and harms nothing."""
        with translation.override(self._language):
            try:
                command = _parse(text_data)
                await self._handler(command)(command)
            except FlywheelError as error:
                await self.send_json(
                    {"type": "error", "code": error.code, "detail": str(error.detail), **error.extra}
                )

    def _handler(self, command: Command) -> Callable[[Command], Awaitable[None]]:
        handlers: dict[str, Callable[[Command], Awaitable[None]]] = {
            "ask": self.on_ask,
            "stop": self.on_stop,
            "regenerate": self.on_regenerate,
            "attach": self.on_attach,
        }
        handler = handlers.get(str(command.get("type")))
        if handler is None:
            raise Invalid(_("Send a type: ask, stop, regenerate or attach."))
        return handler

    # -- what the doors say

    async def enter(self) -> dict[str, Any]:
        """Check the visitor and return what the `ready` event carries; raises FlywheelError."""
        raise NotImplementedError

    async def conversation(self, command: Command) -> Conversation:
        """The conversation a command is about; raises NotFound."""
        raise NotImplementedError

    async def conversation_to_ask(self, command: Command) -> Conversation:
        """The same for a question, which may open a new one."""
        return await self.conversation(command)

    def actor(self) -> Actor:
        """Who acts."""
        raise NotImplementedError

    def shown(self, payload: dict[str, Any]) -> dict[str, Any]:
        """A message payload as this door shows it."""
        return payload

    def render(self, event: StoredEvent) -> str:
        """An event's data as this door shows it, JSON text."""
        return event.json

    # -- commands

    async def on_ask(self, command: Command) -> None:
        """{"type": "ask", "text", "edited"?}: answer `asked`, then the answer's events."""
        conversation = await self.conversation_to_ask(command)
        edited = _uuid(command, "edited") if command.get("edited") else None
        given = await answer.begin(
            actor=self.actor(),
            conversation_id=conversation.pk,
            text=str(command.get("text") or ""),
            edited=edited,
        )
        await self._asked(given)

    async def on_regenerate(self, command: Command) -> None:
        """{"type": "regenerate", "message"}: answer `asked`, then the new answer's events."""
        message = await self._message(command)
        await self._asked(await answer.regenerate(actor=self.actor(), answer_id=message.pk))

    async def on_stop(self, command: Command) -> None:
        """{"type": "stop", "message"}: the answer ends with `run.stopped`."""
        await answer.stop(actor=self.actor(), message=await self._message(command))

    async def on_attach(self, command: Command) -> None:
        """{"type": "attach", "message", "after_seq"}: the answer's events after that one."""
        message = await self._message(command)
        after = command.get("after_seq", 0)
        if not isinstance(after, int) or isinstance(after, bool) or after < 0:
            raise Invalid(_("after_seq is the number of the last event you have."))
        if message.is_final and not message.stream_kept:
            data = {"message": self.shown(message_payload(message))}
            await self.send_json(
                {"message": str(message.pk), "seq": after, "type": f"run.{message.state}", "data": data}
            )
            return
        self._follow(message.pk, after)

    async def _asked(self, given: RunInput) -> None:
        question, reply, conversation = given.question, given.answer, given.answer.conversation
        await self.send_json(
            {
                "type": "asked",
                "conversation": conversation_payload(conversation),
                "question": self.shown(message_payload(question, list(given.question_branches))),
                "answer": self.shown(message_payload(reply, list(given.answer_branches))),
            }
        )
        self._follow(reply.pk, 0)

    async def _message(self, command: Command) -> Message:
        conversation = await self.conversation(command)
        return await in_thread(message_of, conversation, _uuid(command, "message"))

    # -- events

    def _follow(self, message_id: UUID, after_seq: int) -> None:
        earlier = self._following.pop(message_id, None)
        if earlier is not None:
            earlier.cancel()
        task = asyncio.get_running_loop().create_task(self._forward(message_id, after_seq))
        self._following[message_id] = task
        task.add_done_callback(lambda done: self._followed(message_id, done))

    def _followed(self, message_id: UUID, task: asyncio.Task[None]) -> None:
        if self._following.get(message_id) is task:
            del self._following[message_id]
        if not task.cancelled() and task.exception() is not None:
            # the client went away in the middle of a send
            task.exception()

    async def _forward(self, message_id: UUID, after_seq: int) -> None:
        head = f'{{"message":"{message_id}","seq":'
        # asgiref types a message by all its optional keys
        send, render = cast("Any", self.base_send), self.render
        async with contextlib.aclosing(current_hub().subscribe(message_id, after_seq)) as events:
            async for event in events:
                text = f'{head}{event.seq},"type":"{event.type}","data":{render(event)}}}'
                await send({"type": "websocket.send", "text": text})

    async def send_json(self, content: dict[str, Any]) -> None:
        """Send an event that belongs to no stream."""
        await self.send(text_data=orjson.dumps(content).decode())


class ChatConsumer(AnswerConsumer):
    """`/ws/chat/<conversation>/`: the console. Only the conversation's own person may come in."""

    async def enter(self) -> dict[str, Any]:
        """Find the conversation."""
        conversation = await self.conversation({})
        return await _ready(conversation)

    async def conversation(self, command: Command) -> Conversation:
        """The one in the address, looked up anew: rights may have changed since."""
        pk = self.scope["url_route"]["kwargs"]["conversation_id"]
        return await in_thread(own_conversation, self._person(), pk)

    def actor(self) -> Actor:
        """The signed-in person."""
        return Actor.for_user(self._person())

    def _person(self) -> User:
        if self.user is None:
            raise NotFound
        return self.user


class ShareConsumer(AnswerConsumer):
    """`/ws/share/<token>/`: a public page. Visitors are told apart by the page's signed cookie."""

    refusal = NOT_FOUND

    async def enter(self) -> dict[str, Any]:
        """Check that the page is on and the visitor came through it."""
        visitor = visitor_of(self.scope["cookies"])
        if visitor is None:
            raise NotFound
        self.visitor = visitor
        await self._agent()
        return {"conversation": None, "running": None}

    async def conversation(self, command: Command) -> Conversation:
        """The visitor's conversation named in the command."""
        agent = await self._agent()
        return await in_thread(visitor_conversation, agent, self.visitor, _uuid(command, "conversation"))

    async def conversation_to_ask(self, command: Command) -> Conversation:
        """The named one, or a new one."""
        agent = await self._agent()
        pk = _uuid(command, "conversation") if command.get("conversation") else None
        return await in_thread(open_conversation, agent=agent, visitor=self.visitor, conversation_id=pk)

    def actor(self) -> Actor:
        """The product, for a visitor."""
        return visitor_actor(self.visitor)

    def shown(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Without what only the workspace sees."""
        return public_payload(payload)

    def render(self, event: StoredEvent) -> str:
        """Without what only the workspace sees."""
        if event.type == "run.started":
            return "{}"
        if event.type == "retrieval.finished":
            return orjson.dumps({**event.data, "notices": []}).decode()
        if event.type in TERMINAL_TYPES:
            return orjson.dumps({"message": public_payload(event.data["message"])}).decode()
        return event.json

    async def _agent(self) -> Agent:
        # looked up for each command: a page that is switched off is off for open sockets too
        return await in_thread(shared_agent, self.scope["url_route"]["kwargs"]["token"])


async def _ready(conversation: Conversation) -> dict[str, Any]:
    running = await in_thread(running_answer, conversation)
    return {"conversation": conversation_payload(conversation), "running": str(running) if running else None}


def _parse(text: str | None) -> Command:
    try:
        command = orjson.loads(text) if text and len(text) <= MAX_COMMAND_CHARS else None
    except orjson.JSONDecodeError:
        command = None
    if not isinstance(command, dict):
        raise Invalid(_("Send a JSON object of at most %(limit)d characters.") % {"limit": MAX_COMMAND_CHARS})
    return command


def _uuid(command: Command, name: str) -> UUID:
    try:
        return UUID(str(command.get(name)))
    except ValueError:
        raise NotFound from None


def scope_language(scope: Any) -> str:
    """The language of a websocket's client: its cookie, its browser's wish, else the installation's."""
    chosen = scope.get("cookies", {}).get(settings.LANGUAGE_COOKIE_NAME, "")
    header = dict(scope.get("headers", ())).get(b"accept-language", b"").decode("latin-1")
    for wish in [chosen, *(code for code, _weight in trans_real.parse_accept_lang_header(header.lower()))]:
        with contextlib.suppress(LookupError):
            return trans_real.get_supported_language_variant(wish)
    return settings.LANGUAGE_CODE
