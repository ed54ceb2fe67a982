"""One object of every kind, for tests that walk through all routes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection

from apps.agents.models import Message
from apps.agents.services.agent import enable_sharing
from apps.agents.services.playground import create_session
from apps.agents.services.prompt import add_prompt_version
from apps.annotations.models import DatasetItem
from apps.annotations.services.export import create_export
from apps.core import jobs
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.models import ApiKey, AuditEntry, Workspace
from apps.core.services.sandbox_policy import change_sandbox_policy
from apps.knowledge.models import Chunk
from apps.knowledge.services.base import create_base
from apps.knowledge.services.document import add_document
from apps.providers.models import Model, Provider
from apps.tracing.dashboards import DashboardSpec, WidgetSpec
from apps.tracing.models import ScoreConfig
from apps.tracing.rollups import MetricQuery
from apps.tracing.selection import Selection
from apps.tracing.services.alert import AlertValues, create_alert
from apps.tracing.services.comment import add_comment
from apps.tracing.services.dashboard import create_dashboard
from apps.tracing.services.saved_view import save_view
from apps.tracing.services.score import record_score
from apps.tracing.services.trace_export import create_export as create_trace_export
from apps.workflows.services.data_table import insert_rows
from apps.workflows.services.run_file import upload_file
from apps.workflows.services.trigger import create_trigger
from apps.workflows.services.workflow import publish
from tests.factories.annotations import (
    items_of,
    make_agent,
    make_conversation,
    make_dataset,
    make_queue,
    make_run_item,
)
from tests.factories.core import SYSTEM, make_api_key, make_member, make_workspace
from tests.factories.data_tables import make_table
from tests.factories.tracing import make_media, make_trace
from tests.support.jobs import run_queued
from tests.workflows.console import make_run, make_wait, make_workflow

MARK = "Zanzibarium"  # stands in every example's text; a page of somebody else's that shows it leaks

# Written by every request, or by looking.
UNWATCHED = {
    "core_auditentry",
    "core_idempotencyrecord",
    "core_apikey",
    "tracing_knownvalue",
    "tracing_observation",
    "tracing_trace",
}


@dataclass
class Examples:
    """The objects by the path segment that stands before their id in URLs."""

    workspace: Workspace
    by_segment: dict[str, Any]
    span_id: str
    share_token: str

    @classmethod
    def make(cls) -> Examples:
        """Make everything with the real services."""
        workspace = make_workspace(MARK)
        owner = make_member(workspace, Role.OWNER)
        make_api_key(workspace, owner)
        change_sandbox_policy(actor=SYSTEM, workspace=workspace, wall_s=9)
        base = create_base(actor=SYSTEM, workspace=workspace, name=f"{MARK} base", embedding_model=None)
        document = add_document(
            actor=SYSTEM, base=base, name=f"{MARK}.md", content=f"# {MARK}\n\nA text.".encode()
        )
        run_queued()
        agent = make_agent(workspace)
        prompt = add_prompt_version(
            actor=SYSTEM, workspace=workspace, name=f"{MARK} prompt", type="text", content=MARK,
            labels=["production", "agents.agent"],
        ).prompt  # fmt: skip
        session = create_session(
            actor=Actor.for_user(owner), workspace=workspace, state={"mark": MARK}, name=MARK
        )
        conversation = make_conversation(workspace, (f"{MARK}?", f"{MARK}!"), agent=agent)
        shared = enable_sharing(actor=SYSTEM, agent=agent)
        trace = make_trace(workspace, name=MARK, USER_ID="ada")
        score = record_score(
            actor=SYSTEM, workspace=workspace, trace_id=trace.trace_id, name="quality", data_type="numeric",
            value=1.0, comment=MARK, source="api",
        )  # fmt: skip
        comment = add_comment(actor=SYSTEM, workspace=workspace, trace_id=trace.trace_id, text=MARK)
        view = save_view(
            actor=Actor.for_user(owner),
            workspace=workspace,
            list_name="traces",
            name=f"{MARK} view",
            query="",
        )
        trace_export = create_trace_export(
            actor=Actor.for_user(owner), workspace=workspace, list_name="traces",
            selection=Selection.of_trace(trace), file_format="jsonl",
        )  # fmt: skip
        run_queued()
        dashboard = create_dashboard(
            actor=Actor.for_user(owner), workspace=workspace,
            spec=DashboardSpec(f"{MARK} board", MARK, widgets=(
                WidgetSpec(MARK, "number", MetricQuery("traces", ("count",))),
            )),
        )  # fmt: skip
        alert = create_alert(
            actor=SYSTEM, workspace=workspace,
            values=AlertValues(f"{MARK} alert", "count", 5.0, description=MARK, emails=["a@example.org"]),
        )  # fmt: skip
        queue = make_queue(workspace, conversation, name=f"{MARK} queue")
        dataset = make_dataset(workspace, (f"{MARK}?", "Yes."), name=f"{MARK} dataset")
        dataset_run = make_run_item(dataset, name=f"{MARK} run", trace_id=trace.trace_id).run
        media = make_media(workspace, MARK.encode())
        config = ScoreConfig.objects.create(workspace=workspace, name=f"{MARK} score", data_type="numeric")
        export = create_export(actor=Actor.for_user(owner), dataset=dataset, file_format="openai_chat")
        table = make_table(workspace, name=f"{MARK.lower()}_table", description=MARK)
        insert_rows(actor=SYSTEM, table=table, rows=[{"customer": MARK}])
        workflow = make_workflow(workspace, f"{MARK} workflow")
        version = publish(actor=SYSTEM, workflow=workflow, note=MARK)
        run = make_run(workflow, owner, version=version, inputs={"name": MARK}, state="waiting")
        wait = make_wait(run, {"title": MARK})
        schedule = {"cron": "0 8 * * *", "inputs": {"name": MARK}}
        trigger = create_trigger(actor=SYSTEM, workflow=workflow, kind="schedule", config=schedule, name=MARK)
        file = upload_file(actor=SYSTEM, workspace=workspace, name=f"{MARK}.txt", content=MARK.encode())
        job = jobs.enqueue("core.first_start", actor=SYSTEM, workspace=workspace, title=MARK)
        key = ApiKey.objects.get(workspace=workspace)
        item = items_of(queue)[0]
        objects = {
            "workspaces": workspace.pk, "workspace": workspace.pk, "project": workspace.pk,
            "prompts": prompt.pk, "playground-sessions": session.pk,
            "members": owner.memberships.get().pk, "membership": owner.memberships.get().pk,
            "api-keys": key.pk, "apikey": key.pk, "jobs": job.pk, "job": job.pk, "user": owner.pk,
            "audit-entries": AuditEntry.objects.filter(workspace=workspace).first().pk,
            "auditentry": AuditEntry.objects.filter(workspace=workspace).first().pk,
            "traces": trace.trace_id, "observations": trace.trace_id, "sessions": str(conversation.pk),
            "trace-users": "ada",
            "saved-views": view.pk,
            "alerts": alert.pk, "alert": alert.pk, "dashboards": dashboard.pk, "widgets": dashboard.widgets.get().pk,
            "scores": score.pk, "comments": comment.pk,
            "knowledge-bases": base.pk, "knowledge": base.pk, "documents": document.pk,
            "chunks": Chunk.objects.get(document=document).pk, "agents": agent.pk,
            "conversations": conversation.pk, "conversation": conversation.pk, "chat": conversation.pk,
            "messages": Message.objects.get(conversation=conversation, role="assistant").pk,
            "annotation-queues": queue.pk, "queues": queue.pk, "annotationqueue": queue.pk,
            "queueitem": item.pk, "items": item.pk, "datasets": dataset.pk, "dataset": dataset.pk,
            "trace-exports": trace_export.pk, "traceexport": trace_export.pk,
            "exports": export.pk, "export": export.pk, "dataset-runs": dataset_run.pk, "media": media.media_id,
            "score-configs": config.pk, "dataset-items": DatasetItem.objects.get(dataset=dataset).key,
            "providers": Provider.objects.filter(workspace=workspace).first().pk,
            "provider": Provider.objects.filter(workspace=workspace).first().pk,
            "models": Model.objects.filter(workspace=workspace).first().pk,
            "model": Model.objects.filter(workspace=workspace).first().pk,
            "workflows": workflow.pk, "runs": run.pk, "run-waits": wait.pk, "triggers": trigger.pk,
            "workflow-files": file.pk,
            "tables": table.pk, "rows": 1,
            "group": 1, "periodictask": 1,
        }  # fmt: skip
        return cls(workspace, objects, "0000000000000001", str(shared.share_token))

    @property
    def dataset_item(self) -> Any:
        """The dataset's item."""
        return DatasetItem.objects.filter(workspace=self.workspace).first().key

    def path_of(self, pattern: str) -> str:
        """Fill the places of a URL pattern; raises LookupError for a place without an example."""
        segments: list[str] = []
        for raw in _plain(pattern).split("/"):
            name = re.search(r"<(?:\w+:)?(\w+)>", raw)
            segments.append(re.sub(r"<[^>]*>", str(self._value(name[1], segments)), raw) if name else raw)
        return "/" + "/".join(segments)

    def _value(self, name: str, before: list[str]) -> Any:
        named = {
            "token": self.share_token,
            "span_id": self.span_id,
            "label": "agents.agent",
            "format": "json",
            "number": 1,
            "node_id": "start",
            "app_label": "core",
            "url": "no-such-page/",
            "content_type_id": 1,
        }
        if name in named:
            return named[name]
        if before and before[-1] == "runs" and "datasets" in before:
            return self.by_segment["dataset-runs"]
        segment = next((part for part in reversed(before) if part in self.by_segment), None)
        if segment == "items" or (before and before[-1] == "items"):
            return self.dataset_item if "datasets" in before else self.by_segment["items"]
        if before and before[-1] in self.by_segment:
            return self.by_segment[before[-1]]
        if "share" in before or name == "object_id":
            return self.by_segment["agents"]
        raise LookupError(
            f"No example for <{name}> after /{'/'.join(before)}/; add it to tests.support.examples."
        )

    def fingerprint(self) -> dict[str, str]:
        """Return a digest of every table's rows of the workspace."""
        connection.ensure_connection()
        # planned once: it is asked after every route
        rows = connection.connection.execute(_digests(), {"workspace": self.workspace.pk}, prepare=True)
        return dict(rows.fetchall())


@cache
def _digests() -> str:
    """One query for all tables that belong to a workspace."""
    found = []
    for model in apps.get_models():
        table = model._meta.db_table
        columns = {field.column for field in model._meta.concrete_fields}
        if "workspace_id" in columns and table not in UNWATCHED and model._meta.managed:
            found.append(
                f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t "
                "WHERE workspace_id = %(workspace)s"
            )
    return " UNION ALL ".join(found)


def _plain(pattern: str) -> str:
    """Turn a pattern of Django's resolver, `path` or regular expression, into one with `<name>` places."""
    plain = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", pattern)
    return re.sub(r"[\^$]|\\Z", "", plain).replace("\\.", ".").replace("/?", "/")
