"""Talking to a chatflow: one run per message, streamed into the conversation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.agents.models import Conversation
from apps.agents.selectors import shown_messages
from apps.agents.services.conversation import start_workflow_conversation
from apps.core.exceptions import Invalid, NotFound
from apps.core.ids import is_uuid
from apps.workflows.admin.base import JsonMixin, WorkflowPage, text_of
from apps.workflows.admin.inputs import input_form
from apps.workflows.admin.run_form import chosen_source, run_sources
from apps.workflows.admin.workflow import is_changed
from apps.workflows.models import RunMode, TriggerKind, WorkflowKind, WorkflowRun
from apps.workflows.services.run import Origin, start_run

RECENT = 30
MAX_QUERY_CHARS = 100_000


class ChatPage(JsonMixin, WorkflowPage):
    """The chat; `?conversation=` opens an earlier one, `?source=draft` talks to the draft. POST says something."""

    template_name = "workflows/chat.html"
    action = "run"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Only chatflows can be talked to."""
        super().check_access(request, **kwargs)
        if self.workflow.kind != WorkflowKind.CHATFLOW:
            raise Http404

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """What was said, and what the chatflow begins with."""
        sources = run_sources(self)
        known = [key for key, _title in sources]
        wanted = request.GET.get("source", "")
        source = wanted if wanted in known else (known[0] if known else "")
        conversation = self._conversation(request.GET.get("conversation", ""))
        document: dict[str, Any] = {}
        if source:
            _draft, version = chosen_source(self, source)
            document = version.document if version else self.workflow.draft
        features = document.get("features") or {}
        running = self._running(conversation)  # before the messages: what ends in between is among them
        return {
            "changed": is_changed(self.workflow),
            "sources": sources,
            "source": source,
            "conversation": conversation,
            "conversations": list(self._own().newest_first()[:RECENT]),
            "data": {
                "url": request.path,
                "source": source,
                "conversation": str(conversation.pk) if conversation else "",
                "name": self.workflow.name,
                "opening": features.get("opening") or "",
                "suggestions": features.get("suggested_questions") or [],
                "schema": input_form(document) if document else None,
                "messages": self._messages(conversation),
                "running": running,
                "runUrl": reverse("admin:workflows_run", args=[UUID(int=0)]),
            },
        }

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Say something: query, inputs, source, conversation (or none for a new one)."""
        query = text_of(body, "query", MAX_QUERY_CHARS).strip()
        inputs = body.get("inputs")
        if not query:
            raise Invalid(_("Write a message."))
        draft, version = chosen_source(self, text_of(body, "source", 20))
        conversation = self._conversation(text_of(body, "conversation", 40))
        if conversation is None:
            conversation = start_workflow_conversation(
                actor=self.actor,
                workspace=self.workspace,
                workflow_id=self.workflow.pk,
                workflow_name=self.workflow.name,
                title=query[:60],
            )
        run = start_run(
            actor=self.actor,
            workflow=self.workflow,
            inputs=inputs if isinstance(inputs, dict) else {},
            query=query,
            conversation_id=conversation.pk,
            draft=draft,
            version=version,
            mode=RunMode.INTERACTIVE,
            origin=Origin(kind=TriggerKind.CONSOLE),
        )
        return {
            "run": str(run.pk),
            "conversation": str(conversation.pk),
            "url": reverse("admin:workflows_run", args=[run.pk]),
        }

    def _own(self) -> Any:
        return (
            Conversation.objects.in_workspace(self.workspace)
            .of_person(self.person)
            .of_workflow(self.workflow.pk)
        )

    def _conversation(self, key: str) -> Conversation | None:
        if not key:
            return None
        conversation: Conversation | None = self._own().filter(pk=key).first() if is_uuid(key) else None
        if conversation is None:
            raise NotFound if self.request.method == "POST" else Http404
        return conversation

    def _running(self, conversation: Conversation | None) -> str:
        """The run that still answers, or waits for an answer: the page goes on with it. Else ""."""
        if conversation is None:
            return ""
        last = (
            WorkflowRun.objects.in_workspace(self.workspace)
            .open()
            .filter(conversation_id=conversation.pk)
            .order_by("-id")
            .values_list("pk", flat=True)
            .first()
        )
        return str(last or "")

    def _messages(self, conversation: Conversation | None) -> list[dict[str, Any]]:
        """Messages with the runs that wrote them, as far as traces tell."""
        if conversation is None:
            return []
        messages = shown_messages(conversation)
        traces = [message["trace_id"] for message in messages if message.get("trace_id")]
        runs = dict(
            WorkflowRun.objects.in_workspace(self.workspace)
            .filter(conversation_id=conversation.pk, trace_id__in=traces)
            .values_list("trace_id", "pk")
        )
        return [
            {
                "role": message["role"],
                "content": message["content"],
                "run": str(runs[message["trace_id"]]) if message.get("trace_id") in runs else "",
            }
            for message in messages
        ]
