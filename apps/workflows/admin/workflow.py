"""The list of workflows and the overview of one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.exceptions import FlywheelError
from apps.workflows import dsl
from apps.workflows.admin.base import WorkflowPage, WorkflowsPage, find_workflow, query_without, search_of
from apps.workflows.admin.graph import graph_of
from apps.workflows.admin.lists import first_id
from apps.workflows.admin.templates import find_template, templates
from apps.workflows.models import RunState, RunWait, Workflow, WorkflowKind, WorkflowRun
from apps.workflows.nodes.registry import catalogue
from apps.workflows.querysets import WorkflowQuerySet
from apps.workflows.selectors import version_called
from apps.workflows.services import workflow as service
from apps.workflows.services.document import MAX_DOCUMENT_BYTES

PER_PAGE = 30
DAYS = 14
RECENT_RUNS = 8


class WorkflowListPage(WorkflowsPage):
    """All workflows with what their runs do, and the ways to a new one."""

    title = gettext_lazy("Workflows")
    template_name = "workflows/workflow_list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of rows."""
        found = self._filtered(request)
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        _add_series(page)
        narrowed = any(request.GET.get(name) for name in ("q", "kind", "state"))
        return {
            "page": page,
            "query": query_without(request, "page"),
            "search": search_of(request),
            "kind": request.GET.get("kind", ""),
            "state": request.GET.get("state", ""),
            "kinds": WorkflowKind.choices,
            "states": STATES,
            "narrowed": narrowed,
            "templates": templates(),
            "may_add": self.may_in("add"),
            "may_change": self.may_in("change"),
            "days": DAYS,
        }

    def _filtered(self, request: HttpRequest) -> WorkflowQuerySet:
        found = Workflow.objects.in_workspace(self.workspace).visible_to(self.person)
        state = request.GET.get("state", "")
        found = found.filter(archived=state == "archived")
        if search := search_of(request):
            found = found.filter(models.Q(name__icontains=search) | models.Q(description__icontains=search))
        if (kind := request.GET.get("kind", "")) in WorkflowKind.values:
            found = found.filter(kind=kind)
        if state == "published":
            found = found.exclude(published=None)
        elif state == "draft":
            found = found.filter(published=None)
        elif state == "changed":
            found = found.exclude(published=None).exclude(draft=models.F("published__document"))
        found = with_changes(found.with_latest_run())
        return (
            found.select_related("published")
            .defer("draft", "draft_text", "published__document", "secrets")
            .order_by("name", "pk")
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Create, import, duplicate, archive, bring back or delete."""
        act = _ACTS.get(request.POST.get("act", ""))
        if act is None:
            raise PermissionDenied
        try:
            made = act(self, request)
        except FlywheelError as error:
            messages.error(request, _sentence(error))
            return redirect(request.get_full_path())
        if made is None:
            return redirect(request.get_full_path())
        return redirect("admin:workflows_workflow_editor", pk=made.pk)

    def create(self, request: HttpRequest) -> Workflow:
        """A blank workflow, or one from a template."""
        name = request.POST.get("name", "")
        template = find_template(request.POST.get("template", ""))
        if template is not None:
            return service.import_document(
                actor=self.actor, workspace=self.workspace, content=template.text, name=name or template.name
            )
        kind = request.POST.get("kind", "")
        return service.create_workflow(
            actor=self.actor,
            workspace=self.workspace,
            name=name,
            kind=kind if kind in WorkflowKind.values else WorkflowKind.WORKFLOW,
        )

    def import_file(self, request: HttpRequest) -> Workflow | None:
        """From a YAML or JSON file."""
        file = request.FILES.get("file")
        if file is None or not file.size:
            messages.error(request, _("Choose a file."))
            return None
        if file.size > MAX_DOCUMENT_BYTES:
            messages.error(request, _("The file is too large."))
            return None
        return service.import_document(actor=self.actor, workspace=self.workspace, content=file.read())

    def duplicate(self, request: HttpRequest) -> Workflow:
        """A copy of the draft."""
        return service.duplicate_workflow(actor=self.actor, workflow=self._chosen(request))

    def archive(self, request: HttpRequest) -> None:
        """Into the archive, or out of it."""
        archived = request.POST.get("act") == "archive"
        workflow = service.archive_workflow(
            actor=self.actor, workflow=self._chosen(request), archived=archived
        )
        done = _("%(name)s is in the archive now.") if archived else _("%(name)s is back.")
        messages.success(request, done % {"name": workflow.name})

    def delete(self, request: HttpRequest) -> None:
        """For good."""
        workflow = self._chosen(request)
        service.delete_workflow(actor=self.actor, workflow=workflow)
        messages.success(request, _("%(name)s was deleted.") % {"name": workflow.name})

    def _chosen(self, request: HttpRequest) -> Workflow:
        try:
            return find_workflow(self, UUID(request.POST.get("workflow", "")))
        except ValueError:
            raise PermissionDenied from None


STATES = [
    ("published", gettext_lazy("Published")),
    ("changed", gettext_lazy("Changed since published")),
    ("draft", gettext_lazy("Never published")),
    ("archived", gettext_lazy("Archived")),
]

_ACTS = {
    "create": WorkflowListPage.create,
    "import": WorkflowListPage.import_file,
    "duplicate": WorkflowListPage.duplicate,
    "archive": WorkflowListPage.archive,
    "unarchive": WorkflowListPage.archive,
    "delete": WorkflowListPage.delete,
}


class OverviewPage(WorkflowPage):
    """The graph as it runs, the last runs, and what is open."""

    template_name = "workflows/workflow.html"
    tab = "overview"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The published version's graph, or the draft's while there is none."""
        workflow = self.workflow
        show_draft = workflow.published is None or request.GET.get("show") == "draft"
        document = workflow.draft if show_draft or workflow.published is None else workflow.published.document
        problems = service.problems_of(workflow)
        runs = (
            WorkflowRun.objects.in_workspace(self.workspace).visible_to(self.person).filter(workflow=workflow)
        )
        return {
            "shown": "draft" if show_draft else "published",
            "changed": is_changed(workflow),
            "problems": problems,
            "error_count": sum(problem["severity"] == "error" for problem in problems),
            "figures": _figures(runs),
            "runs": list(runs.top_level().newest_first().select_related("version", "user")[:RECENT_RUNS]),
            "open_waits": RunWait.objects.in_workspace(self.workspace)
            .open()
            .filter(run__workflow=workflow)
            .count(),
            "data": {"graph": graph_of(document, catalogue())},
        }


class ExportPage(WorkflowPage):
    """The draft, or a version, as a YAML file."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The file."""
        number = request.GET.get("version", "")
        version = version_called(self.workflow, number)
        text = document_text(version.document) if version else draft_text(self.workflow)
        name = slugify(self.workflow.name) or "workflow"
        suffix = f"-v{version.number}" if version else ""
        return HttpResponse(
            text,
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}{suffix}.yaml"'},
        )


def draft_text(workflow: Workflow) -> str:
    """The draft as YAML: as it was typed, else as the language writes it."""
    return workflow.draft_text or document_text(workflow.draft)


def document_text(document: dict[str, Any]) -> str:
    """A document as YAML."""
    return dsl.dump_yaml(dsl.parse(dict(document)), catalogue())


def with_changes(found: WorkflowQuerySet) -> WorkflowQuerySet:
    """Adds `changed`: whether the draft differs from the published version. Compared in the database, so that a
    list reads no documents."""
    return found.annotate(
        changed=models.Case(
            models.When(published=None, then=models.Value(value=True)),
            models.When(draft=models.F("published__document"), then=models.Value(value=False)),
            default=models.Value(value=True),
        )
    )


def is_changed(workflow: Workflow) -> bool:
    """Whether the draft differs from the published version, or there is none."""
    return workflow.published is None or workflow.published.document != workflow.draft


def _add_series(page: Page[Workflow]) -> None:
    """Give each row `series`, its runs per day, oldest first: one query for all of them."""
    first = timezone.localtime() - timedelta(days=DAYS - 1)
    first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    since = first.date()
    rows = (
        WorkflowRun.objects.filter(workflow__in=[row.pk for row in page], pk__gte=first_id(first))
        .order_by()
        .annotate(day=TruncDate("queued_at"))
        .values_list("workflow", "day")
        .annotate(n=models.Count("pk"))
    )
    counts = {(workflow, day): n for workflow, day, n in rows}
    days = [since + timedelta(days=number) for number in range(DAYS)]
    for row in page:
        series = [counts.get((row.pk, day), 0) for day in days]
        row.series, row.run_total = series, sum(series)  # type: ignore[attr-defined]  # for the template


def _figures(runs: models.QuerySet[WorkflowRun]) -> dict[str, Any]:
    """Runs of the last seven days: how many, how many failed, mean time, cost."""
    week = runs.filter(pk__gte=first_id(timezone.now() - timedelta(days=7))).exclude(trigger_kind="debug")
    figures: dict[str, Any] = week.order_by().aggregate(
        total=models.Count("pk"),
        failed=models.Count("pk", filter=models.Q(state=RunState.FAILED)),
        ended=models.Count("pk", filter=models.Q(finished_at__isnull=False)),
        mean_ms=models.Avg("elapsed_ms", filter=models.Q(finished_at__isnull=False)),
        cost=models.Sum("cost"),
    )
    return figures


def _sentence(error: FlywheelError) -> str:
    problems = error.extra.get("problems") or []
    places = [f"{p['place']}: {p['message']}" if p.get("place") else p["message"] for p in problems[:3]]
    return f"{error.title}: {'; '.join(places)}" if places else str(error.detail)
