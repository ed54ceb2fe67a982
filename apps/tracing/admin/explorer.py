"""The lists of traces and of observations."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.core.exceptions import FlywheelError, NotAllowed
from apps.core.numbers import whole_number
from apps.tracing import selectors
from apps.tracing.admin.bulk import EVERYTHING, EVERYTHING_FIELD, Dialog, offered, until
from apps.tracing.admin.columns import COLUMNS, chosen_columns
from apps.tracing.admin.forms import CUSTOM_RANGE, DEFAULT_RANGE, Address, RangeForm
from apps.tracing.exceptions import InvalidCursor, SearchTooSlow
from apps.tracing.explorer import OBSERVATIONS, TRACES, ListKind, Page, count_facets, read_page, steps
from apps.tracing.explorer.condition import BARE, MAX_VALUE, OPERATORS
from apps.tracing.explorer.known import suggest
from apps.tracing.ids import is_span_id, is_trace_id
from apps.tracing.models import SavedView, Score
from apps.tracing.selection import MAX_CHOSEN, Selection
from apps.tracing.services.saved_view import delete_view, save_view


class ExplorerPage(ConsolePage):
    """A list with its filters, facets, columns, saved views and bulk actions.

    `?fragment=rows`, `?fragment=facets` and `?fragment=bulk` give the parts that the page fetches by itself, and
    `?fragment=values` what it offers to somebody who types a filter.
    """

    template_name = "tracing/explorer.html"
    kind: ClassVar[ListKind]
    url_name: ClassVar[str]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The page, or one of its parts."""
        if request.GET.get("fragment") == "facets":
            return TemplateResponse(request, "tracing/explorer_facets.html", self.facets_context())
        if request.GET.get("fragment") == "rows":
            return TemplateResponse(request, "tracing/explorer_rows.html", self.rows_context())
        if request.GET.get("fragment") == "bulk":
            return self.bulk_dialog(request)
        if request.GET.get("fragment") == "values":
            return JsonResponse({"values": self.suggested_values()})
        return super().get(request, **kwargs)

    def rows_context(self) -> dict[str, Any]:
        """One page of the list as cells."""
        form, address = self.read_address()
        columns = chosen_columns(self.kind.name, address.columns)
        page, problem = self.read_rows(form, address)
        if any(column.name == "scores" for column in columns):
            self.add_scores(page.rows)
        rows = [
            {
                "key": self.key_of(row),
                "name": row.name,
                "cells": [(column.style, column.draw(row)) for column in columns],
            }
            for row in page.rows
        ]
        return {
            "rows": rows,
            "page": page,
            "columns": columns,
            "problem": problem,
            "address": address,
            "form": form,
        }

    def read_address(self) -> tuple[RangeForm, Address]:
        """What the address says."""
        form = RangeForm({"range": DEFAULT_RANGE, **self.request.GET.dict()})
        return form, Address.read(self.kind, self.request.GET)

    def read_rows(self, form: RangeForm, address: Address) -> tuple[Page, str]:
        """The rows, or none and a sentence why."""
        cursor = self.request.GET.get("cursor", "")
        try:
            search = address.search(form)
            page = read_page(
                search,
                user=self.request.user,
                workspace=self.workspace,
                cursor=cursor,
                patience_s=self.patience_s(),
            )
        except InvalidCursor:
            raise Http404 from None
        except SearchTooSlow as error:
            return Page([], "", ""), str(error.title)
        return page, ""

    def patience_s(self) -> float:
        """How long to look for rows: a page is shown with what there is soon, and then fetches what follows."""
        return steps.ENOUGH_S if "further" in self.request.GET else steps.PAGE_S

    def facets_context(self) -> dict[str, Any]:
        """Counts beside the list, each with the address that narrows to it."""
        form, address = self.read_address()
        try:
            found = count_facets(address.search(form), user=self.request.user, workspace=self.workspace)
        except SearchTooSlow as error:
            return {"problem": error.title}
        facets = [
            {
                "title": facet.field.title,
                "open": position < 4 or any(item[2] in address.conditions for item in facet.values),
                "values": [
                    {
                        "value": value,
                        "count": number,
                        "share": round(100 * number / found.sampled),
                        "chosen": condition in address.conditions,
                        "query": (
                            address.without(condition)
                            if condition in address.conditions
                            else address.with_(condition)
                        ),
                    }
                    for value, number, condition in facet.values
                ],
            }
            for position, facet in enumerate(found.facets)
        ]
        return {"facets": facets, "sampled": found.sampled, "complete": found.complete}

    def suggested_values(self) -> list[str]:
        """Values of the field that a filter is made for, or its keys, within the time range."""
        form, address = self.read_address()
        field = self.kind.fields.get(self.request.GET.get("field", ""))
        if field is None:
            return []
        start, _end = address.search(form).bounds()
        key, typed = (
            self.request.GET.get(name, "").replace("\0", "")[:MAX_VALUE] for name in ("key", "typed")
        )
        return suggest(field, key, typed, user=self.request.user, workspace=self.workspace, start=start)

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """List, filter bar and menus."""
        context = self.rows_context()
        address: Address = context["address"]
        actions = offered(request, self.kind.name)
        return {
            **context,
            "kind": self.kind.name,
            "list_url": reverse(self.url_name),
            "query": address.query(),
            "custom": CUSTOM_RANGE,
            "chips": [{"text": str(item), "query": address.without(item)} for item in address.conditions],
            "left_out": [_left_out(text) for text in address.unread],
            "all_columns": COLUMNS[self.kind.name],
            "chosen": [column.name for column in context["columns"]],
            "views": self.views(),
            "bulk_actions": actions,
            "may_export": any(name == "export" for name, _action in actions),
            "is_first": "cursor" not in request.GET,
            "data": {
                "fields": [
                    {"name": field.name, "title": str(field.title), "kind": field.kind}
                    for field in self.kind.fields.values()
                ],
                "operators": {
                    kind: [[name, str(title)] for name, title in operators.items()]
                    for kind, operators in OPERATORS.items()
                },
                "bare": sorted(BARE),
            },
        }

    def views(self) -> list[dict[str, Any]]:
        """Saved views of this list: the person's own and the shared ones."""
        found = SavedView.objects.in_workspace(self.workspace).visible_to(self.request.user)
        return [
            {"view": view, "own": view.owner_id == self.request.user.pk}
            for view in found.filter(list_name=self.kind.name).select_related("owner")[:100]
        ]

    def key_of(self, row: Any) -> str:
        """What a row's checkbox sends."""
        return str(row.trace_id)

    def add_scores(self, rows: list[Any]) -> None:
        """Give each row its `scores`, in one query."""
        scores = selectors.scores_of(self.workspace, [row.trace_id for row in rows])
        for row in rows:
            row.scores = scores.get(row.trace_id, [])

    def selection(self, data: QueryDict) -> Selection:
        """The chosen rows; everything that matches when `scope` says so."""
        form, address = self.read_address()
        search = address.search(form)
        if data.get(EVERYTHING_FIELD) == EVERYTHING:
            return Selection(until(self.request, search))
        return Selection(
            search, tuple(dict.fromkeys(filter(self.is_key, data.getlist("chosen"))))[:MAX_CHOSEN]
        )

    def bulk_dialog(self, request: HttpRequest) -> HttpResponseBase:
        """What the page puts into its dialog when an action was picked; `n` rows are chosen, or it counts."""
        dialog = Dialog(request, self.workspace, self.kind.name, request.GET.get("action", ""))
        form, address = self.read_address()
        number = whole_number(request.GET.get("n", ""))
        everything = request.GET.get(EVERYTHING_FIELD) == EVERYTHING
        chosen = None if number is None or everything else min(number, MAX_CHOSEN)
        return dialog.render(Selection(address.search(form)), chosen)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Do something with the chosen rows, or with everything that matches."""
        dialog = Dialog(request, self.workspace, self.kind.name, request.POST.get("action", ""))
        selection = self.selection(request.POST)
        unread = Address.read(self.kind, request.GET).unread
        if unread and not selection.chosen:
            # everything that matches would be more than was asked for
            messages.error(request, _left_out(unread[0]))
        elif selection.chosen or request.POST.get(EVERYTHING_FIELD) == EVERYTHING:
            dialog.send(selection)
        else:
            messages.warning(request, gettext("Choose some rows first."))
        return redirect(f"{reverse(self.url_name)}?{Address.read(self.kind, request.GET).query()}")

    def is_key(self, key: str) -> bool:
        """Whether a checkbox may send this."""
        return is_trace_id(key)


class TraceListPage(ExplorerPage):
    """Traces of a time range, newest first."""

    title = _("Traces")
    kind = TRACES
    url_name = "admin:tracing_traces"


class ObservationListPage(ExplorerPage):
    """Steps of all traces, newest first."""

    title = _("Observations")
    kind = OBSERVATIONS
    url_name = "admin:tracing_observations"

    def key_of(self, row: Any) -> str:
        """Trace and step."""
        return f"{row.trace_id}:{row.span_id}"

    def is_key(self, key: str) -> bool:
        """A trace id and a span id."""
        trace_id, _colon, span_id = key.partition(":")
        return is_trace_id(trace_id) and is_span_id(span_id)

    def add_scores(self, rows: list[Any]) -> None:
        """Scores of the steps themselves."""
        found = Score.objects.in_workspace(self.workspace).filter(
            trace_id__in={row.trace_id for row in rows}, observation_id__in={row.span_id for row in rows}
        )
        for row in rows:
            row.scores = []
        by_key = {(row.trace_id, row.span_id): row for row in rows}
        for score in found:
            if row := by_key.get((score.trace_id, score.observation_id)):
                row.scores.append(score)


class SavedViewsPage(ConsolePage):
    """Takes the form that saves the list one is looking at; without an address there is nothing to see."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Save a view and go to it."""
        page = ObservationListPage if request.POST.get("list") == OBSERVATIONS.name else TraceListPage
        try:
            view = save_view(
                actor=self.actor,
                workspace=self.workspace,
                list_name=page.kind.name,
                name=request.POST.get("name", ""),
                query=urlsplit("?" + request.POST.get("query", "")).query,
                shared=request.POST.get("shared") == "on",
            )
        except NotAllowed as error:
            raise PermissionDenied(str(error.detail)) from error
        except FlywheelError as error:
            messages.error(request, str(error.detail or error.title))
            return redirect(page.url_name)
        messages.success(request, gettext("The view “%(name)s” is saved.") % {"name": view.name})
        return redirect(f"{reverse(page.url_name)}?{view.query}")


class SavedViewPage(ConsolePage):
    """One saved view: opened by its address, deleted by its owner."""

    def find(self, request: HttpRequest, action: str) -> SavedView:
        """The view, or a 404 that does not tell whether it exists elsewhere."""
        found = SavedView.objects.in_workspace(self.workspace).visible_to(request.user, action)
        view = found.filter(pk=self.kwargs["view_id"]).first()
        if view is None:
            raise Http404
        return view

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Go to the list as the view has it."""
        view = self.find(request, "view")
        return redirect(f"{reverse(_page_of(view).url_name)}?{view.query}")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Delete it."""
        view = self.find(request, "delete")
        if request.POST.get("action") == "delete":
            delete_view(actor=self.actor, view=view)
            messages.success(request, gettext("The view is deleted."))
        return redirect(_page_of(view).url_name)


def _left_out(text: str) -> str:
    """What is said of a filter that the list does not know."""
    return gettext("The filter “%(text)s” makes no sense here.") % {"text": text[:200]}


def _page_of(view: SavedView) -> type[ExplorerPage]:
    return ObservationListPage if view.list_name == OBSERVATIONS.name else TraceListPage
