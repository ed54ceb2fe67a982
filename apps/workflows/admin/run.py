"""The list of runs, and the page of one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import models
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.core.exceptions import FlywheelError
from apps.core.ids import is_uuid
from apps.workflows.admin.base import WorkflowsPage, query_without, search_of, uuid_of
from apps.workflows.admin.lists import KeysetPage, first_id, keyset
from apps.workflows.models import RunState, TriggerKind, Workflow, WorkflowRun
from apps.workflows.querysets import WorkflowRunQuerySet
from apps.workflows.services.run import TOPIC, cancel_run

PER_PAGE = 50
ROWS_AT_ONCE = 100
DEFAULT_RANGE = "7d"
RANGES = {
    "1h": (gettext_lazy("Last hour"), timedelta(hours=1)),
    "24h": (gettext_lazy("Last 24 hours"), timedelta(days=1)),
    "7d": (gettext_lazy("Last 7 days"), timedelta(days=7)),
    "30d": (gettext_lazy("Last 30 days"), timedelta(days=30)),
    "all": (gettext_lazy("Any time"), None),
}
OPEN = "open"


class RunListPage(WorkflowsPage):
    """Runs of the workspace, newest first, with their state as it changes."""

    title = gettext_lazy("Workflow runs")
    template_name = "workflows/run_list.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The page; with `rows` only the rows of these runs, for a script that keeps them fresh."""
        if wanted := request.GET.get("rows"):
            ids = [one for one in wanted.split(",")[:ROWS_AT_ONCE] if is_uuid(one)]
            rows = self._visible().filter(pk__in=ids).select_related("workflow", "version", "user")
            return render(
                request, "workflows/_run_rows.html", {"runs": _lean(rows), "may_cancel": self._may_cancel()}
            )
        return super().get(request, **kwargs)

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of runs."""
        filters = RunFilter.of(request)
        found = _lean(filters.narrow(self._visible())).select_related("workflow", "version", "user")
        page: KeysetPage[WorkflowRun] = keyset(
            found, before=request.GET.get("before", ""), after=request.GET.get("after", ""), size=PER_PAGE
        )
        chosen = self._workflows().filter(pk=filters.workflow).first() if filters.workflow else None
        return {
            "title": _("Runs of %(name)s") % {"name": chosen.name} if chosen else self.title,
            "chosen": chosen,
            "page": page,
            "runs": page.rows,
            "filters": filters,
            "query": query_without(request, "before", "after"),
            "ranges": [(key, label) for key, (label, _span) in RANGES.items()],
            "states": [(OPEN, _("Not ended")), *RunState.choices],
            "kinds": TriggerKind.choices,
            "workflows": list(self._workflows().order_by("name").values_list("pk", "name")[:300]),
            "narrowed": filters.is_narrow,
            "may_cancel": self._may_cancel(),
            "data": self._script_data(filters, request),
        }

    def _script_data(self, filters: RunFilter, request: HttpRequest) -> dict[str, Any]:
        """rows, socket: where changes come from; topic: of new runs, only where they would stand on this page."""
        newest = not request.GET.get("before") and not request.GET.get("after")
        return {
            "rows": request.path,
            "socket": "/ws/runs/",
            "topic": f"{TOPIC}:{self.workspace.pk}" if newest and not filters.text else "",
            "workflow": str(filters.workflow or ""),
            "trigger": filters.kind,
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Stop the chosen runs."""
        ids = [one for one in request.POST.getlist("run")[:ROWS_AT_ONCE] if is_uuid(one)]
        stopped, refused = 0, []
        for run in self._visible().filter(pk__in=ids).select_related("workflow", "workspace"):
            try:
                cancel_run(actor=self.actor, run=run, reason=_("Stopped from the list."))
                stopped += 1
            except FlywheelError as error:
                refused.append(str(error.detail))
        if stopped:
            messages.success(
                request, ngettext("%(n)d run stopped.", "%(n)d runs stopped.", stopped) % {"n": stopped}
            )
        for sentence in dict.fromkeys(refused):
            messages.warning(request, sentence)
        return redirect(request.get_full_path())

    def _visible(self) -> WorkflowRunQuerySet:
        return WorkflowRun.objects.in_workspace(self.workspace).visible_to(self.person)

    def _workflows(self) -> models.QuerySet[Workflow]:
        return Workflow.objects.in_workspace(self.workspace).visible_to(self.person)

    def _may_cancel(self) -> bool:
        return self.may_in("change", WorkflowRun)


class RunFilter:
    """The filters in the address of the list; what makes no sense narrows nothing."""

    def __init__(self, *, workflow: str, state: str, kind: str, span: str, text: str, inner: bool) -> None:
        self.workflow = uuid_of(workflow)
        self.state = state if state in {OPEN, *RunState.values} else ""
        self.kind = kind if kind in TriggerKind.values else ""
        self.span = span if span in RANGES else DEFAULT_RANGE
        self.text = text
        self.inner = inner

    @classmethod
    def of(cls, request: HttpRequest) -> RunFilter:
        """From the query string."""
        get = request.GET.get
        return cls(
            workflow=get("workflow", ""),
            state=get("state", ""),
            kind=get("trigger", ""),
            span=get("range", DEFAULT_RANGE),
            text=search_of(request),
            inner=bool(get("inner")),
        )

    @property
    def is_narrow(self) -> bool:
        """Whether anything besides the time range is set."""
        return bool(self.workflow or self.state or self.kind or self.text)

    def narrow(self, runs: WorkflowRunQuerySet) -> WorkflowRunQuerySet:
        """The runs that the filters let through."""
        _label, span = RANGES[self.span]
        if span is not None:
            runs = runs.filter(pk__gte=first_id(timezone.now() - span))
        if self.workflow:
            runs = runs.filter(workflow=self.workflow)
        if self.state:
            runs = runs.open() if self.state == OPEN else runs.filter(state=self.state)
        if self.kind:
            runs = runs.filter(trigger_kind=self.kind)
        if not self.inner and not self.kind:
            runs = runs.top_level()
        return runs.filter(self._matching()) if self.text else runs

    def _matching(self) -> models.Q:
        if is_uuid(self.text):
            return models.Q(pk=self.text) | models.Q(conversation_id=self.text)
        return (
            models.Q(external_user__icontains=self.text)
            | models.Q(user__email__icontains=self.text)
            | models.Q(pk__in=self._with_text())
        )

    def _with_text(self) -> models.QuerySet[Any]:
        """Runs that were given the text; their range and workspace are set by the query around it."""
        return (
            WorkflowRun.objects.annotate(
                given=Cast("inputs", models.TextField()), said=Cast("system__query", models.TextField())
            )
            .filter(models.Q(given__icontains=self.text) | models.Q(said__icontains=self.text))
            .values("pk")
        )


def _lean(runs: WorkflowRunQuerySet) -> WorkflowRunQuerySet:
    """Without the columns that may be large and that no list shows."""
    return runs.defer(
        "document", "outputs", "error", "version__document",
        "workflow__draft", "workflow__draft_text", "workflow__secrets",
    )  # fmt: skip
