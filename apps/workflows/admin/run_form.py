"""Starting a run by hand: the form made from the start node's inputs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid
from apps.core.numbers import whole_number
from apps.workflows.admin.base import JsonMixin, WorkflowPage, text_of, uuid_of
from apps.workflows.admin.inputs import input_form
from apps.workflows.admin.workflow import is_changed
from apps.workflows.models import RunMode, TriggerKind, WorkflowRun, WorkflowVersion
from apps.workflows.selectors import get_version
from apps.workflows.services.run import Origin, start_run

DRAFT = "draft"
PUBLISHED = "published"
VERSIONS = 20


class RunFormPage(JsonMixin, WorkflowPage):
    """The form; `?source=draft` or a version's number, `?like=<run>` begins with a run's inputs. POST starts."""

    template_name = "workflows/run_form.html"
    action = "run"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """What may be run, and the fields."""
        sources = self._sources()
        wanted = request.GET.get("source", "")
        like = self._like(request)
        if like is not None and not wanted:
            wanted = str(like.version.number) if like.version else DRAFT
        known = [key for key, _title in sources]
        source = wanted if wanted in known else (known[0] if known else "")
        return {
            "changed": is_changed(self.workflow),
            "sources": sources,
            "source": source,
            "data": {
                "url": request.path,
                "source": source,
                "schema": input_form(self._document(source)) if source else None,
                "values": like.inputs if like else {},
            },
        }

    def act(self, body: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Start a run: inputs, source."""
        inputs = body.get("inputs")
        if not isinstance(inputs, dict):
            raise Invalid
        draft, version = chosen_source(self, text_of(body, "source", 20))
        run = start_run(
            actor=self.actor,
            workflow=self.workflow,
            inputs=inputs,
            draft=draft,
            version=version,
            mode=RunMode.INTERACTIVE,
            origin=Origin(kind=TriggerKind.CONSOLE),
        )
        return {"run": str(run.pk), "url": reverse("admin:workflows_run", args=[run.pk])}

    def _sources(self) -> list[tuple[str, str]]:
        return run_sources(self)

    def _document(self, source: str) -> dict[str, Any]:
        _draft, version = chosen_source(self, source)
        document: dict[str, Any] = version.document if version else self.workflow.draft
        return document

    def _like(self, request: HttpRequest) -> WorkflowRun | None:
        key = uuid_of(request.GET.get("like", ""))
        if key is None:
            return None
        runs = WorkflowRun.objects.in_workspace(self.workspace).visible_to(self.person)
        return runs.select_related("version").filter(pk__in=[key], workflow=self.workflow).first()


def run_sources(page: WorkflowPage) -> list[tuple[str, str]]:
    """What the person may run: the published version, the draft, older versions."""
    workflow = page.workflow
    found = []
    if workflow.published is not None:
        found.append((PUBLISHED, _("Published version %(n)d") % {"n": workflow.published.number}))
    if page.may("change"):
        found.append((DRAFT, _("Draft")))
    current = workflow.published.number if workflow.published else 0
    older = workflow.versions.newest_first().exclude(number=current).values_list("number", "name")
    found += [(str(number), f"v{number} {name}".strip()) for number, name in older[:VERSIONS]]
    return found


def chosen_source(page: WorkflowPage, source: str) -> tuple[bool, WorkflowVersion | None]:
    """Whether the draft is meant, else the version; the published one for anything unknown. Raises NotFound."""
    if source == DRAFT:
        return True, None
    if (number := whole_number(source)) is not None:
        return False, get_version(page.workflow, number)
    return False, page.workflow.published
