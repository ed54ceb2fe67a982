"""The dialog of an action on rows, and what happens when it is sent: for the lists and for the trace page."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html

from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.admin.pages import ConsolePage
from apps.core.admin.role import current_role
from apps.core.exceptions import FlywheelError, NotAllowed
from apps.core.models import Workspace
from apps.tracing import bulk, selectors
from apps.tracing.admin.lookup import trace_or_404
from apps.tracing.bulk import BulkAction, BulkForm
from apps.tracing.explorer import OBSERVATIONS, Search
from apps.tracing.models import Trace
from apps.tracing.selection import Selection
from apps.tracing.services import bulk as bulk_service

#: Everything that matches, in place of the chosen rows.
EVERYTHING = "all"
EVERYTHING_FIELD = "scope"


def offered(request: HttpRequest, list_name: str) -> list[tuple[str, BulkAction]]:
    """The actions of a list that the person at the page may do."""
    user: Any = request.user
    return bulk.offered(list_name, Role.OWNER if user.is_superuser else current_role(request))


class Dialog:
    """One action for one person and list."""

    def __init__(self, request: HttpRequest, workspace: Workspace, list_name: str, name: str) -> None:
        self.request = request
        self.workspace = workspace
        self.actor = Actor.from_request(request)
        self.list_name = list_name
        self.name = name
        action = bulk.find(name, list_name)
        if action is None:
            raise Http404
        if not bulk.may(self.actor, workspace, action):
            raise PermissionDenied
        self.action: BulkAction = action

    def form(self, data: Any = None) -> BulkForm:
        """The fields of the action."""
        make = self.action.fields
        return BulkForm(make(self.actor, self.workspace, self.list_name) if make else {}, data)

    def render(self, selection: Selection, count: int | None) -> TemplateResponse:
        """The inside of the dialog; without `count` the rows are counted."""
        problem = ""
        everything = count is None
        if count is None and self.action.start is None:
            try:
                count = bulk_service.count_rows(selection, self._user, self.workspace)
            except FlywheelError as error:
                problem = str(error.title)
        limit = bulk_service.MAX_ROWS
        context = {
            "action": self.action,
            "name": self.name,
            "form": self.form(),
            "count": count,
            "limit": limit,
            "too_many": count is not None and count > limit,
            "in_background": count is not None and count > bulk_service.INLINE_ROWS,
            "everything": everything,
            "until": timezone.now().isoformat(),
            "problem": problem,
        }
        return TemplateResponse(self.request, "tracing/bulk_dialog.html", context)

    def send(self, selection: Selection) -> None:
        """Do it; what came of it, or why it did not, is a message on the next page."""
        form = self.form(self.request.POST)
        if not form.is_valid():
            messages.error(self.request, form.problem())
            return
        try:
            outcome = bulk_service.act(
                actor=self.actor,
                workspace=self.workspace,
                name=self.name,
                action=self.action,
                selection=selection,
                values=form.cleaned_data,
            )
        except NotAllowed as error:
            raise PermissionDenied(str(error.detail)) from error
        except FlywheelError as error:
            messages.error(self.request, str(error.detail or error.title))
            return
        messages.success(self.request, self._sentence(outcome))

    def _sentence(self, outcome: bulk_service.Outcome) -> str:
        if outcome.job is None:
            return outcome.sentence
        link = reverse("admin:core_job_change", args=[outcome.job.pk])
        return format_html('{} <a class="fw-link" href="{}">{}</a>', outcome.sentence, link, outcome.job)

    @property
    def _user(self) -> Any:
        return self.request.user


def until(request: HttpRequest, search: Search) -> Search:
    """The search as the dialog counted it: rows that arrived since are not meant, when it has no end of its own."""
    try:
        shown: datetime | None = parse_datetime(request.POST.get("until", ""))
    except ValueError:
        shown = None
    if search.end is not None or shown is None or shown.tzinfo is None:
        return search
    return Search(search.kind, search.start, min(shown, timezone.now()), search.text, search.conditions)


class TraceBulkPage(ConsolePage):
    """Actions on one trace, or with `?observation=` on one of its steps: the same as on the lists."""

    def selection(self, request: HttpRequest) -> Selection:
        """The trace or step, or a 404 that does not tell whether it exists elsewhere."""
        trace = trace_or_404(request, self.workspace, self.kwargs["trace_id"])
        span_id = request.GET.get("observation", "")
        if span_id and selectors.find_observation(trace, span_id) is None:
            raise Http404
        return Selection.of_trace(trace, span_id)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The menu of actions; with `?action=` the dialog of one."""
        selection = self.selection(request)
        if name := request.GET.get("action", ""):
            return Dialog(request, self.workspace, selection.kind.name, name).render(selection, 1)
        actions = offered(request, selection.kind.name)
        if selection.kind is OBSERVATIONS:
            actions = [(name, action) for name, action in actions if not action.of_traces]
        return TemplateResponse(request, "tracing/bulk_menu.html", {"actions": actions})

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Do it, and back to the trace where it still is there."""
        selection = self.selection(request)
        dialog = Dialog(request, self.workspace, selection.kind.name, request.POST.get("action", ""))
        dialog.send(selection)
        trace_id = self.kwargs["trace_id"]
        if Trace.objects.in_workspace(self.workspace).filter(trace_id=trace_id).exists():
            return redirect("admin:tracing_trace", trace_id)
        return redirect("admin:tracing_traces")
