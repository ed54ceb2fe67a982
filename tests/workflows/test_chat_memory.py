"""A chatflow that remembers: model, knowledge, tables and conversation together, on the durable runner."""

from __future__ import annotations

from asgiref.sync import sync_to_async

from apps.core.models import Workspace
from apps.workflows.models import TableSpace, WorkflowRun
from apps.workflows.services.chat import conversation_for
from apps.workflows.services.data_table import drop_space, place_of
from apps.workflows.tables.rows import select_rows
from tests.factories.agents import make_chat_model
from tests.factories.core import SYSTEM
from tests.factories.data_tables import make_table
from tests.factories.workflows import document, make_workflow, node
from tests.fakes.model_server import _model_server_thread, model_server
from tests.workflows.conftest import Ran

__all__ = ["_model_server_thread", "model_server"]


def remembering() -> dict:
    """Keeps each question in a table, and answers with what was said before."""
    return document(
        [
            node("keep", "table_insert", {"table": "questions", "values": {"text": "$.sys.query"}}),
            node("count", "table_sql", {"statement": "select count(*) as n from questions"}),
            node(
                "write",
                "llm",
                {
                    "model": "echo",
                    "prompt": [
                        {"role": "system", "text": "Be brief."},
                        {"role": "user", "text": "$.sys.query"},
                    ],
                    "memory": {"rounds": 5},
                },
            ),
            node("say", "answer", {"answer": "{{ count.first.n }}: {{ write.text }}"}),
        ],
        kind="chatflow",
    )


async def test_the_second_question_knows_the_first(ran: Ran, acme: Workspace, model_server) -> None:
    await sync_to_async(make_chat_model)(acme, model_server.base_url)
    table = await sync_to_async(make_table)(acme, name="questions", columns=[{"name": "text"}])
    workflow = await sync_to_async(make_workflow)(acme, remembering())
    try:
        conversation = await sync_to_async(conversation_for)(
            actor=SYSTEM, workflow=workflow, conversation_id=None, external_user="", query="Tea?"
        )
        first: WorkflowRun = await ran(workflow, query="Tea?", conversation_id=conversation.pk)
        second: WorkflowRun = await ran(workflow, query="And milk?", conversation_id=conversation.pk)
        assert (first.state, second.state) == ("succeeded", "succeeded"), second.error
        asked = model_server.requests[-1].body["messages"]
        assert [(m["role"], m["content"]) for m in asked] == [
            ("system", "Be brief."), ("user", "Tea?"), ("assistant", "1: Tea?"), ("user", "And milk?"),
        ]  # fmt: skip
        await sync_to_async(conversation.refresh_from_db)()
        assert (conversation.message_count, conversation.workflow_id) == (4, workflow.pk)
        kept = await sync_to_async(select_rows)(place_of(table), {})
        assert [row["text"] for row in kept] == ["Tea?", "And milk?"]
        assert second.input_tokens > 0
        assert second.cost > 0
    finally:
        space = await sync_to_async(TableSpace.objects.get)(workspace=acme)
        await sync_to_async(drop_space)(space)
