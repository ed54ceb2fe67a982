"""Runs over a dataset: the list, one run, and two runs beside each other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from apps.annotations.admin.pages import DatasetPageBase
from apps.annotations.models import DatasetRun
from apps.annotations.outcomes import Comparison, Outcome, Summary, compare_runs, summaries_of
from apps.annotations.services.dataset_run import delete_run
from apps.core.exceptions import FlywheelError
from apps.core.permissions import allows

PAGE_SIZE = 50
#: Scores whose means have columns of their own in the list of runs.
MAX_COLUMNS = 6


class DatasetRunsPage(DatasetPageBase):
    """All runs over a dataset in figures."""

    template_name = "annotations/runs.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """A page of runs, newest first, with the means of their scores side by side."""
        runs = DatasetRun.objects.filter(dataset=self.dataset).order_by("-created_at", "-id")
        page = Paginator(runs, PAGE_SIZE).get_page(request.GET.get("page"))
        shown = list(page.object_list)
        summaries = summaries_of(shown)
        names = sorted({name for summary in summaries.values() for name in summary.means})[:MAX_COLUMNS]
        return {
            "title": self.dataset.name,
            "dataset": self.dataset,
            "page": page,
            "names": names,
            "rows": [_in_list(run, summaries[run.pk], names) for run in shown],
        }


def _in_list(run: DatasetRun, summary: Summary, names: list[str]) -> dict[str, Any]:
    return {"run": run, "summary": summary, "means": [summary.means.get(name) for name in names]}


class DatasetRunPage(DatasetPageBase):
    """One run with its outputs and scores; `?with=` puts another one beside it."""

    template_name = "annotations/run.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """A page of items, the figures of the runs, and other runs to compare with."""
        run = self._run(kwargs["run_id"])
        others = DatasetRun.objects.filter(dataset=self.dataset).exclude(pk=run.pk).order_by("-created_at")
        other = self._other(request)
        runs = [run] if other is None else [run, other]
        comparison = compare_runs(runs, after=_uuid(request.GET.get("after", "")))
        summaries = summaries_of(runs)
        return {
            "title": run.name,
            "dataset": self.dataset,
            "run": run,
            "other": other,
            "others": others[:100],
            "heads": [{"run": one, "summary": summaries[one.pk]} for one in runs],
            "means": _means([summaries[one.pk] for one in runs]),
            "rows": _rows(comparison),
            "comparison": comparison,
            "paged": "after" in request.GET,
            "may_delete": allows(request.user, "delete", run),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Delete the run."""
        run = self._run(kwargs["run_id"])
        try:
            delete_run(actor=self.actor, run=run)
        except FlywheelError as error:
            messages.error(request, str(error.detail))
            return redirect("admin:annotations_dataset_run", self.dataset.pk, run.pk)
        messages.success(request, _("The run was deleted; its traces stay."))
        return redirect("admin:annotations_dataset_runs", self.dataset.pk)

    def _run(self, run_id: UUID) -> DatasetRun:
        runs = DatasetRun.objects.filter(dataset=self.dataset).select_related("dataset__workspace")
        run = runs.filter(pk=run_id).first()
        if run is None:
            raise Http404
        return run

    def _other(self, request: HttpRequest) -> DatasetRun | None:
        wanted = _uuid(request.GET.get("with", ""))
        return None if wanted is None else self._run(wanted)


def _means(summaries: list[Summary]) -> list[dict[str, Any]]:
    """Per score its mean in each run, and by how much the second differs from the first."""
    names = sorted({name for summary in summaries for name in summary.means})
    found = []
    for name in names:
        values = [summary.means.get(name) for summary in summaries]
        first, last = values[0], values[-1]
        change = last - first if len(values) > 1 and first is not None and last is not None else None
        found.append({"name": name, "values": values, "change": change})
    return found


def _rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Rows as the template shows them: scores that differ between the runs are marked."""
    rows = []
    for compared in comparison.rows:
        values = [_values(outcome) for outcome in compared.outcomes]
        cells = []
        for outcome, own in zip(compared.outcomes, values, strict=True):
            differing = {
                name for other in values for name in own if name in other and other[name] != own[name]
            }
            cells.append({"outcome": outcome, "differing": differing})
        rows.append({"item": compared.item, "cells": cells})
    return rows


def _values(outcome: Outcome | None) -> dict[str, str]:
    return {score.name: score.shown_value for score in outcome.scores} if outcome is not None else {}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
