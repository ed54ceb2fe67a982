"""Dashboards of the workspace: the list, one dashboard, its layout, its widgets."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.core.api.problems import problem_response
from apps.core.exceptions import FlywheelError, Invalid, NotAllowed
from apps.core.permissions import allows_in
from apps.tracing.admin.board import BoardPage
from apps.tracing.admin.metric_fields import FiltersField, dimension_choices, metric_choices, offered
from apps.tracing.dashboards import DashboardSpec, WidgetSpec, built_in
from apps.tracing.exceptions import InvalidDashboard
from apps.tracing.models import Chart, Dashboard, MetricView, Trace, Widget
from apps.tracing.models.widget import COLUMNS, MAX_HEIGHT
from apps.tracing.rollups import MetricFilter, MetricQuery
from apps.tracing.services import dashboard as services
from apps.tracing.services import widget as widgets

#: Characters of a file that somebody imports.
MAX_FILE = 200_000


class DashboardsPage(ConsolePage):
    """The dashboards, the built-in one first; new ones are made here."""

    title = _("Dashboards")
    template_name = "tracing/dashboard_list.html"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Those who may see traces."""
        if not allows_in(request.user, "view", Trace, self.workspace):
            raise PermissionDenied

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """All dashboards: a workspace has few."""
        found = Dashboard.objects.in_workspace(self.workspace).visible_to(request.user)
        return {
            "dashboards": found.select_related("owner").annotate(widget_count=Count("widgets"))[:500],
            "may_add": allows_in(request.user, "add", Dashboard, self.workspace),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Create, clone the built-in page, or import."""
        try:
            spec = self._spec(request)
            made = services.create_dashboard(actor=self.actor, workspace=self.workspace, spec=spec)
        except NotAllowed:
            raise PermissionDenied from None
        except Invalid as error:
            messages.error(request, str(error.detail))
            return redirect("admin:tracing_dashboards")
        return redirect(f"{made.get_absolute_url()}?edit=1")

    def _spec(self, request: HttpRequest) -> DashboardSpec:
        action = request.POST.get("action")
        if action == "clone":
            whole = built_in()
            return DashboardSpec(gettext("%(name)s (copy)") % {"name": whole.name}, "", True, whole.widgets)
        if action == "import":
            return _imported(request)
        return DashboardSpec(request.POST.get("name", "").strip(), request.POST.get("description", ""))


def _imported(request: HttpRequest) -> DashboardSpec:
    """The dashboard of an uploaded file; raises InvalidDashboard."""
    upload = request.FILES.get("file")
    if upload is None or (upload.size or 0) > MAX_FILE:
        raise InvalidDashboard(gettext("Choose the file of an exported dashboard."))
    try:
        value = json.loads(upload.read().decode())
    except (ValueError, RecursionError):
        raise InvalidDashboard(gettext("This file is no JSON.")) from None
    return DashboardSpec.read(value)


class _OfDashboard(ConsolePage):
    """A page below one dashboard."""

    #: What the visitor needs on the dashboard.
    action = "view"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """404 for those who may not see the dashboard, 403 for those who may not do the action."""
        visible = Dashboard.objects.in_workspace(self.workspace).visible_to(request.user)
        found = visible.select_related("workspace").filter(pk=kwargs["dashboard_id"]).first()
        if found is None:
            raise Http404
        self.dashboard = found
        if self.action != "view" and not self.may_change():
            raise PermissionDenied

    def may_change(self) -> bool:
        """Whether the visitor may change the dashboard."""
        try:
            services.require_change(self.actor, self.dashboard)
        except NotAllowed:
            return False
        return True


class DashboardPage(_OfDashboard, BoardPage):
    """One dashboard. `?edit=1` lets its layout be changed, `?export=1` is its file."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The page, or the file."""
        if request.GET.get("export"):
            spec = DashboardSpec.of(self.dashboard, list(self.dashboard.widgets.all()))
            body = json.dumps(spec.as_json(), ensure_ascii=False, indent=2)
            name = slugify(self.dashboard.name) or "dashboard"
            disposition = f'attachment; filename="{name}.json"'
            return HttpResponse(
                body, content_type="application/json", headers={"Content-Disposition": disposition}
            )
        return super().get(request, **kwargs)

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The figures, and what the visitor may do."""
        rows = list(self.dashboard.widgets.all())
        context = self.get_board_context(request, [WidgetSpec.of(row) for row in rows])
        may_change = self.may_change()
        for row, drawn in zip(rows, context["data"]["widgets"], strict=True):
            drawn["id"] = str(row.pk)
            drawn["edit"] = reverse("admin:tracing_widget", args=[self.dashboard.pk, row.pk])
        return {
            **context,
            "title": self.dashboard.name,
            "dashboard": self.dashboard,
            "may_change": may_change,
            "may_add": allows_in(request.user, "add", Dashboard, self.workspace),
            "editing": may_change and request.GET.get("edit") == "1",
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Change name and sharing, copy, or delete."""
        action, actor, dashboard = request.POST.get("action"), self.actor, self.dashboard
        try:
            if action == "duplicate":
                copy = services.duplicate_dashboard(actor=actor, dashboard=dashboard)
                return redirect(f"{copy.get_absolute_url()}?edit=1")
            if action == "delete":
                services.delete_dashboard(actor=actor, dashboard=dashboard)
                return redirect("admin:tracing_dashboards")
            if action != "save":
                raise Http404
            services.update_dashboard(
                actor=actor,
                dashboard=dashboard,
                name=request.POST.get("name", ""),
                description=request.POST.get("description", ""),
                shared="shared" in request.POST,
            )
        except NotAllowed:
            raise PermissionDenied from None
        except Invalid as error:
            messages.error(request, str(error.detail))
        return redirect(dashboard.get_absolute_url())


class DashboardLayoutPage(_OfDashboard):
    """Takes the order and sizes of the widgets as JSON."""

    action = "change"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Store them."""
        try:
            places = [
                widgets.Place(UUID(str(item["id"])), int(item["width"]), int(item["height"]))
                for item in json.loads(request.body)["widgets"][:1_000]
            ]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return problem_response(InvalidDashboard(gettext("The layout can't be read.")))
        try:
            widgets.arrange_widgets(actor=self.actor, dashboard=self.dashboard, places=places)
        except FlywheelError as error:
            return problem_response(error)
        return JsonResponse({"saved": len(places)})


class WidgetForm(forms.Form):
    """What a widget asks and how it is drawn."""

    title = forms.CharField(label=_("Title"), max_length=100)
    chart = forms.ChoiceField(label=_("Chart"), choices=Chart.choices, initial=Chart.LINE)
    view = forms.ChoiceField(label=_("What is counted"), choices=MetricView.choices)
    metrics = forms.MultipleChoiceField(label=_("Metrics"), choices=metric_choices)
    dimension = forms.ChoiceField(
        label=_("By"), required=False, choices=lambda: [("", _("all together")), *dimension_choices()]
    )
    filters = FiltersField()
    limit = forms.IntegerField(label=_("Values at most"), min_value=1, max_value=100, initial=8)
    width = forms.IntegerField(label=_("Width (of 12 columns)"), min_value=1, max_value=COLUMNS, initial=6)
    height = forms.IntegerField(label=_("Height (rows)"), min_value=1, max_value=MAX_HEIGHT, initial=2)

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the service would, beside the form."""
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.spec().check()
            except FlywheelError as error:
                raise ValidationError(str(error.detail)) from error
        return values

    def spec(self) -> WidgetSpec:
        """The widget of a valid form."""
        values = self.cleaned_data
        query = MetricQuery(
            values["view"],
            tuple(values["metrics"]),
            values["dimension"],
            tuple(MetricFilter.read(item) for item in values["filters"]),
            values["limit"],
        )
        return WidgetSpec(values["title"].strip(), values["chart"], query, values["width"], values["height"])


class WidgetPage(_OfDashboard):
    """The form of a widget, new or stored."""

    template_name = "tracing/widget_form.html"
    action = "change"

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Also 404 for a widget of another dashboard."""
        super().check_access(request, **kwargs)
        self.widget: Widget | None = None
        if "widget_id" in kwargs:
            self.widget = self.dashboard.widgets.filter(pk=kwargs["widget_id"]).first()
            if self.widget is None:
                raise Http404

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The form."""
        form = kwargs.get("form") or WidgetForm(initial=self._initial())
        return {
            "title": gettext("Widget of %(name)s") % {"name": self.dashboard.name},
            "dashboard": self.dashboard,
            "widget": self.widget,
            "form": form,
            "chosen": form["metrics"].value() or [],
            "offered": offered(),
        }

    def _initial(self) -> dict[str, Any]:
        if self.widget is None:
            return {"view": MetricView.TRACES, "metrics": ["count"]}
        return WidgetSpec.of(self.widget).as_json()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Save or delete."""
        back = f"{self.dashboard.get_absolute_url()}?edit=1"
        if request.POST.get("action") == "delete" and self.widget is not None:
            widgets.delete_widget(actor=self.actor, widget=self.widget)
            return redirect(back)
        form = WidgetForm(request.POST)
        if not form.is_valid():
            return self.render(self.get_page_context(request, form=form), status=422)
        try:
            if self.widget is None:
                widgets.add_widget(actor=self.actor, dashboard=self.dashboard, spec=form.spec())
            else:
                widgets.update_widget(actor=self.actor, widget=self.widget, spec=form.spec())
        except Invalid as error:
            form.add_error(None, str(error.detail))
            return self.render(self.get_page_context(request, form=form), status=422)
        return redirect(back)
