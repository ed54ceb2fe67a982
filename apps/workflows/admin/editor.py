"""The YAML editor: the page, its checks as one types, and the saving of drafts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from apps.workflows.admin.base import JsonMixin, WorkflowPage, number_of, text_of
from apps.workflows.admin.graph import graph_of, read_loosely
from apps.workflows.admin.positions import Positions, form_problems
from apps.workflows.admin.version import publish_data
from apps.workflows.admin.workflow import draft_text, is_changed
from apps.workflows.exceptions import DocumentInvalidError
from apps.workflows.models import Workflow
from apps.workflows.node_metadata import node_types
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services import workflow as service
from apps.workflows.services.document import MAX_DOCUMENT_BYTES


class EditorPage(JsonMixin, WorkflowPage):
    """The draft as text beside its graph. POST saves: text and revision in, revision and problems out."""

    template_name = "workflows/editor.html"
    tab = "editor"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The draft's text with everything that is wrong with it."""
        text = draft_text(self.workflow)
        key = self.workflow.pk
        return {
            "changed": is_changed(self.workflow),
            "data": {
                **publish_data(self),
                "text": text,
                "revision": self.workflow.draft_revision,
                "checked": check(self.workflow, text),
                "palette": node_types(),
                "readOnly": not self.may("change") or self.workflow.archived,
                "urls": {
                    "save": reverse("admin:workflows_workflow_editor", args=[key]),
                    "check": reverse("admin:workflows_check", args=[key]),
                    "run": reverse("admin:workflows_workflow_run_form", args=[key]) + "?source=draft",
                    "chat": reverse("admin:workflows_chat", args=[key]) + "?source=draft",
                },
                "workflow": {"id": str(key), "kind": self.workflow.kind},
            },
        }

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Save the draft; a text without the form of a workflow is refused with its problems."""
        text = text_of(body, "text", MAX_DOCUMENT_BYTES + 1)
        try:
            saved = service.save_draft(
                actor=self.actor, workflow=self.workflow, document=text, revision=number_of(body, "revision")
            )
        except DocumentInvalidError as error:
            error.extra.update(check(self.workflow, text))
            raise
        # what was typed held a secret: it is kept apart from now on, and no text shows it again
        kept = text if saved.draft_text else draft_text(saved)
        return {
            "revision": saved.draft_revision,
            "changed": is_changed(saved),
            "name": saved.name,
            "text": kept,
            **check(saved, kept),
        }


class CheckPage(JsonMixin, WorkflowPage):
    """Says what is wrong with a text, and draws it. Saves nothing. Body: text, or nothing for the saved draft."""

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Problems with their lines, the graph, the lines of each node."""
        if "text" in body:
            return check(self.workflow, text_of(body, "text", MAX_DOCUMENT_BYTES + 1))
        text = draft_text(self.workflow)
        return {"text": text, "revision": self.workflow.draft_revision, **check(self.workflow, text)}


def check(workflow: Workflow, text: str) -> dict[str, Any]:
    """What is to be said of a text.

    problems: code, message, severity, node_id, place, line, column; graph (see `graph_of`), None when the text is no
    YAML; lines: id, line, end of each node; readable: whether it has the form of a workflow and can be saved.
    """
    broken = form_problems(text)
    if broken:
        problems = [
            {**problem.as_dict(gettext), "line": problem.line or 1, "column": 0} for problem in broken
        ]
        return {"problems": problems, "graph": None, "lines": [], "readable": False}
    positions = Positions(text)
    document, readable = read_loosely(text)
    found = []
    for problem in service.problems_of(workflow, text):
        position = positions.find(str(problem["place"]))
        found.append({**problem, "line": position.line, "column": position.column})
    return {
        "problems": sorted(found, key=lambda problem: (problem["severity"] != "error", problem["line"])),
        "graph": graph_of(document, catalogue()),
        "lines": [{"id": node.id, "line": node.line, "end": node.end} for node in positions.nodes()],
        "readable": readable,
    }
