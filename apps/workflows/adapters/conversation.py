"""The conversation a run belongs to, and the others that its person has with the workflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.agents.branches import shown_path
from apps.agents.models import Conversation, Message, MessageRole, Source
from apps.agents.services import conversation as conversations
from apps.agents.services import message as messages
from apps.core.actors import Actor
from apps.core.exceptions import NotFound
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.workflows.adapters.database import in_thread
from apps.workflows.engine.errors import NodeError

_MAX_MESSAGES: Final = 100
_MAX_CONVERSATIONS: Final = 200
_MAX_ROUNDS: Final = 200

Arguments = Mapping[str, Any]


class WorkflowConversations:
    """Conversations of one workflow with one person; anybody else's do not exist here."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        run_id: UUID,
        workflow_id: UUID,
        workflow_name: str,
        user_id: int | None,
        external_user: str,
        conversation_id: UUID | None,
    ) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._workflow_id = workflow_id
        self._workflow_name = workflow_name
        self._user_id = user_id
        self._external_user = external_user
        self._conversation_id = conversation_id
        # the run may do it for its person: the person has been let at the workflow
        self._actor = Actor.system(f"workflow {workflow_name}"[:200])

    async def history(self, *, rounds: int) -> list[dict[str, str]]:
        """See `ConversationPort`; without a conversation nothing was said."""
        if self._conversation_id is None:
            return []
        return await in_thread(self._history, rounds)

    async def call(self, operation: str, arguments: Arguments) -> dict[str, Any]:
        """See `ConversationPort`."""
        return await in_thread(_OPERATIONS[operation], self, arguments)

    # -- reads

    def _history(self, rounds: int) -> list[dict[str, str]]:
        found = self._current()
        return [{"role": m.role, "content": m.content} for m in self._rounds(found, rounds)]

    def _rounds(self, conversation: Conversation, rounds: int) -> list[Message]:
        """The last rounds on the shown path, without what this run itself is about."""
        said = conversation.messages.in_order()
        if conversation.cleared_at is not None:
            said = said.filter(created_at__gt=conversation.cleared_at)
        own = f"{self._run_id}:"
        path = [shown.message for shown in _path(said)]
        kept = [m for m in path if m.content and not m.key.startswith(own)]
        return kept[-2 * max(1, min(rounds, _MAX_ROUNDS)) :]

    def message_list(self, arguments: Arguments) -> dict[str, Any]:
        """A page of messages."""
        conversation = self._named(arguments)
        newest_first = arguments.get("order") != "asc"
        path = [shown.message for shown in shown_path(conversation.messages.in_order())]
        if arguments.get("before"):
            path = path[: self._place(path, str(arguments["before"]))]
        if arguments.get("after"):
            path = path[self._place(path, str(arguments["after"])) + 1 :]
        limit = max(1, min(int(arguments.get("limit") or 20), _MAX_MESSAGES))
        page = path[-limit:][::-1] if newest_first else path[:limit]
        return {
            "messages": [_message(message) for message in page],
            "first_id": str(page[0].pk) if page else "",
            "last_id": str(page[-1].pk) if page else "",
            "has_more": len(path) > limit,
        }

    def conversation_list(self, arguments: Arguments) -> dict[str, Any]:
        """The person's conversations, newest first."""
        limit = max(1, min(int(arguments.get("limit") or 50), _MAX_CONVERSATIONS))
        found = [_conversation(each) for each in self._own().newest_first()[:limit]]
        return {"conversations": found, "count": len(found)}

    def conversation_history(self, arguments: Arguments) -> dict[str, Any]:
        """The last rounds."""
        said = self._rounds(self._named(arguments), int(arguments.get("rounds") or 10))
        names = {MessageRole.USER: "User", MessageRole.ASSISTANT: "Assistant"}
        return {
            "messages": [_message(message) for message in said],
            "text": "\n".join(f"{names[MessageRole(m.role)]}: {m.content}" for m in said),
            "count": len(said),
        }

    # -- writes

    def message_create(self, arguments: Arguments) -> dict[str, Any]:
        """Append a message, once per key."""
        made = messages.add_message(
            actor=self._actor,
            conversation=self._named(arguments),
            role=MessageRole(arguments["role"]),
            content=str(arguments["content"]),
            key=str(arguments["key"]),
        )
        return {"message": _message(made), "message_id": str(made.pk)}

    def message_update(self, arguments: Arguments) -> dict[str, Any]:
        """Write another text in a message's place."""
        conversation = self._named(arguments)
        message_id = _uuid(arguments["message_id"])
        if message_id is None:
            return {"message": None, "is_success": False}
        try:
            changed = messages.edit_message(
                actor=self._actor,
                conversation=conversation,
                message_id=message_id,
                content=str(arguments["content"]),
            )
        except NotFound:
            return {"message": None, "is_success": False}
        return {"message": _message(changed), "is_success": True}

    def message_delete(self, arguments: Arguments) -> dict[str, Any]:
        """Take a message out."""
        conversation = self._named(arguments)
        message_id = _uuid(arguments["message_id"])
        if message_id is None:
            return {"is_success": False}
        try:
            messages.delete_message(actor=self._actor, conversation=conversation, message_id=message_id)
        except NotFound:
            return {"is_success": False}
        return {"is_success": True}

    def conversation_create(self, arguments: Arguments) -> dict[str, Any]:
        """Open a conversation under a name, or find it."""
        name = _name(arguments)
        found = self._own().filter(title=name).first()
        existed = found is not None
        if found is None:
            found = conversations.start_workflow_conversation(
                actor=self._actor,
                workspace=self._workspace,
                workflow_id=self._workflow_id,
                workflow_name=self._workflow_name,
                source=self._source(),
                external_user=self._external_user,
                title=name,
                user_id=self._user_id,
            )
        return {
            "conversation": _conversation(found),
            "conversation_id": str(found.pk),
            "is_existed": existed,
            "is_success": True,
        }

    def conversation_update(self, arguments: Arguments) -> dict[str, Any]:
        """Rename a conversation."""
        found = self._named(arguments)
        renamed = conversations.rename_conversation(
            actor=self._actor, conversation=found, title=_name(arguments)
        )
        return {
            "conversation": _conversation(renamed),
            "conversation_id": str(renamed.pk),
            "is_success": True,
        }

    def conversation_delete(self, arguments: Arguments) -> dict[str, Any]:
        """Delete a conversation other than the run's own."""
        name = str(arguments.get("conversation") or "")
        found = self._find(name) if name else None
        if not name or (found is not None and found.pk == self._conversation_id):
            raise NodeError(
                "The conversation the run belongs to can't be deleted by it.", code="conversation_in_use"
            )
        if found is None:
            return {"is_success": False}
        conversations.delete_conversation(actor=self._actor, conversation=found)
        return {"is_success": True}

    def conversation_clear(self, arguments: Arguments) -> dict[str, Any]:
        """Begin the history afresh."""
        conversations.clear_history(actor=self._actor, conversation=self._named(arguments))
        return {"is_success": True}

    # -- finding

    def _own(self) -> Any:
        """What this person has with this workflow."""
        return (
            Conversation.objects.in_workspace(self._workspace)
            .of_workflow(self._workflow_id)
            .filter(self._person, external_user=self._external_user)
        )

    @property
    def _person(self) -> Q:
        return Q(user__isnull=True) if self._user_id is None else Q(user=self._user_id)

    def _current(self) -> Conversation:
        if self._conversation_id is None:
            raise NodeError(
                "This run belongs to no conversation. Name one, or run the workflow as a chatflow.",
                code="no_conversation",
            )
        found = Conversation.objects.in_workspace(self._workspace).filter(pk=self._conversation_id).first()
        if found is None:
            raise NodeError("The conversation of this run was deleted.", code="no_conversation")
        return found

    def _find(self, name: str) -> Conversation | None:
        own = self._own()
        found: Conversation | None = own.filter(pk=UUID(name)).first() if is_uuid(name) else None
        return found or own.filter(title=name).newest_first().first()

    def _named(self, arguments: Arguments) -> Conversation:
        name = str(arguments.get("conversation") or "").strip()
        if not name:
            return self._current()
        found = self._find(name)
        if found is None:
            raise NodeError(f"There is no conversation “{name[:80]}”.", code="no_conversation")
        return found

    def _source(self) -> Source:
        return Source.API if self._external_user else Source.CONSOLE

    @staticmethod
    def _place(path: list[Message], message_id: str) -> int:
        place = next((i for i, message in enumerate(path) if str(message.pk) == message_id), None)
        if place is None:
            raise NodeError("There is no such message in this conversation.", code="no_message")
        return place


_OPERATIONS: Final[Mapping[str, Callable[[WorkflowConversations, Arguments], dict[str, Any]]]] = {
    "message_list": WorkflowConversations.message_list,
    "message_create": WorkflowConversations.message_create,
    "message_update": WorkflowConversations.message_update,
    "message_delete": WorkflowConversations.message_delete,
    "conversation_list": WorkflowConversations.conversation_list,
    "conversation_create": WorkflowConversations.conversation_create,
    "conversation_update": WorkflowConversations.conversation_update,
    "conversation_delete": WorkflowConversations.conversation_delete,
    "conversation_history": WorkflowConversations.conversation_history,
    "conversation_clear": WorkflowConversations.conversation_clear,
}


def _path(said: QuerySet[Message]) -> list[Any]:
    """The shown path, also where its beginning was cleared: the first message kept has its parent no longer."""
    rows = list(said)
    known = {message.pk for message in rows}
    for message in rows:
        if message.parent_id not in known:
            message.parent_id = None
    return shown_path(rows)


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.pk),
        "role": message.role,
        "content": message.content,
        "created_at": message.created_at.isoformat(),
    }


def _conversation(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": str(conversation.pk),
        "name": conversation.title,
        "message_count": conversation.message_count,
        "created_at": conversation.created_at.isoformat(),
        "last_message_at": conversation.last_message_at.isoformat(),
    }


def _uuid(value: Any) -> UUID | None:
    return UUID(str(value)) if is_uuid(str(value)) else None


def _name(arguments: Arguments) -> str:
    name = " ".join(str(arguments.get("name") or "").split())[:200]
    if not name:
        raise NodeError("A conversation needs a name.", code="no_name")
    return name
