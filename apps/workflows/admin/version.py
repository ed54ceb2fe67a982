"""Versions of a workflow: history, publishing, restoring, differences."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.exceptions import FlywheelError
from apps.workflows.admin.base import JsonMixin, WorkflowPage, number_of, text_of
from apps.workflows.admin.changes import shown_changes
from apps.workflows.admin.workflow import document_text, is_changed
from apps.workflows.models import WorkflowVersion
from apps.workflows.selectors import document_diff, version_called
from apps.workflows.services import workflow as service

PER_PAGE = 25
DRAFT = "draft"
CONTEXT_LINES = 3


class VersionsPage(WorkflowPage):
    """All versions with their notes, newest first."""

    template_name = "workflows/versions.html"
    tab = "versions"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of versions, without their documents."""
        versions = self.workflow.versions.newest_first().select_related("created_by").defer("document")
        page = Paginator(versions, PER_PAGE).get_page(request.GET.get("page"))
        changed = is_changed(self.workflow)
        return {
            "page": page,
            "query": "",
            "changed": changed,
            "data": publish_data(self),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Restore a version into the draft, or give one another name and note."""
        version = self._version(request.POST.get("version", ""))
        try:
            if request.POST.get("act") == "restore":
                service.restore_version(actor=self.actor, workflow=self.workflow, version=version)
                messages.success(request, _("Version %(n)d is the draft now.") % {"n": version.number})
                return redirect("admin:workflows_workflow_editor", pk=self.workflow.pk)
            if request.POST.get("act") != "rename":
                raise PermissionDenied
            service.rename_version(
                actor=self.actor,
                version=version,
                name=request.POST.get("name", "").strip(),
                note=request.POST.get("note", "").strip(),
            )
            messages.success(request, _("Saved."))
        except FlywheelError as error:
            messages.error(request, str(error.detail))
        return redirect(request.get_full_path())

    def _version(self, number: str) -> WorkflowVersion:
        version = version_called(self.workflow, number)
        if version is None:
            raise Http404
        return version


class PublishPage(JsonMixin, WorkflowPage):
    """Makes the draft the version that runs use. Body: name, note, revision."""

    action = "change"

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Publish; problems come as a problem document."""
        version = service.publish(
            actor=self.actor,
            workflow=self.workflow,
            name=text_of(body, "name", 120),
            note=text_of(body, "note"),
            revision=number_of(body, "revision"),
        )
        return {"number": version.number, "name": str(version)}


class DiffPage(WorkflowPage):
    """What changed between two versions, or a version and the draft: `?from=3&to=draft`."""

    template_name = "workflows/version_diff.html"
    tab = "versions"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Changes in words, and the lines of both texts."""
        numbers = list(self.workflow.versions.newest_first().values_list("number", "name"))
        newest = str(numbers[0][0]) if numbers else DRAFT
        old_key, new_key = request.GET.get("from") or newest, request.GET.get("to") or DRAFT
        old, new = self._document(old_key), self._document(new_key)
        choices = [(DRAFT, _("Draft"))] + [(str(n), f"v{n} {name}".strip()) for n, name in numbers]
        return {
            "choices": choices,
            "old_key": old_key,
            "new_key": new_key,
            "changed": is_changed(self.workflow),
            "changes": shown_changes(document_diff(old, new)),
            "hunks": list(text_hunks(document_text(old), document_text(new))),
        }

    def _document(self, key: str) -> dict[str, Any]:
        if key == DRAFT:
            draft: dict[str, Any] = self.workflow.draft
            return draft
        version = version_called(self.workflow, key)
        if version is None:
            raise Http404
        document: dict[str, Any] = version.document
        return document


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a difference: kind is "same", "old" or "new"; the numbers are those of its lines, or ""."""

    kind: str
    old: int | str
    new: int | str
    text: str


def text_hunks(old: str, new: str) -> Iterator[list[DiffLine]]:
    """The places at which two texts differ, with the lines around them."""
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        lines: list[DiffLine] = []
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [DiffLine("same", i + 1, j1 + i - i1 + 1, before[i]) for i in range(i1, i2)]
                continue
            lines += [DiffLine("old", i + 1, "", before[i]) for i in range(i1, i2)]
            lines += [DiffLine("new", "", j + 1, after[j]) for j in range(j1, j2)]
        yield lines


def publish_data(page: WorkflowPage) -> dict[str, Any]:
    """What the publish dialog needs."""
    workflow = page.workflow
    return {
        "publish": {
            "url": reverse("admin:workflows_publish", args=[workflow.pk]),
            "revision": workflow.draft_revision,
            "next": (workflow.published.number if workflow.published else 0) + 1,
            "editor": reverse("admin:workflows_workflow_editor", args=[workflow.pk]),
        }
    }
