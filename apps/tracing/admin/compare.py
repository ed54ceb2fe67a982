"""Two traces beside each other."""

from typing import Any, Final

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.tracing import comparison, selectors
from apps.tracing.admin.lookup import trace_or_404
from apps.tracing.ids import is_trace_id
from apps.tracing.models import Observation, Trace

#: Traces that are offered to compare with.
SUGGESTIONS: Final = 12
_TITLES: Final = {
    "latency": _("Latency"),
    "cost": _("Cost"),
    "input_tokens": _("Input tokens"),
    "output_tokens": _("Output tokens"),
    "steps": _("Steps"),
    "errors": _("Failed steps"),
}


class ComparePage(ConsolePage):
    """Figures with differences, matched steps, and how inputs and outputs differ.

    `?left=` and `?right=` are trace ids; without the second the page asks for it. `?fragment=diff` with the span ids
    `left_step` and `right_step` gives the part that the page fetches by itself.
    """

    title = _("Compare traces")
    template_name = "tracing/compare_detail.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """The page, or the differences of two steps."""
        if request.GET.get("fragment") == "diff":
            return TemplateResponse(request, "tracing/compare_diff.html", self.diff_context(request))
        return super().get(request, **kwargs)

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Both traces, or one and what it can be compared with."""
        left, right = self.find("left"), self.find("right")
        context: dict[str, Any] = {"left": left, "right": right}
        if left is None or right is None:
            return {**context, "suggestions": self.suggestions(left) if left else []}
        pairs, cut = comparison.pairs_of(left, right)
        figures = comparison.figures_of(left, right)
        return {
            **context,
            "figures": [(_TITLES[figure.name], figure) for figure in figures],
            "pairs": pairs,
            "cut": cut,
            "limit": comparison.MAX_STEPS,
        }

    def find(self, name: str) -> Trace | None:
        """The trace that the address names; a 404 for one that is not there for this person."""
        trace_id = self.request.GET.get(name, "").strip().lower()
        return trace_or_404(self.request, self.workspace, trace_id) if trace_id else None

    def suggestions(self, trace: Trace) -> list[Trace]:
        """The newest traces of the same name, first those of the same session."""
        found = Trace.objects.in_workspace(self.workspace).visible_to(self.request.user).exclude(pk=trace.pk)
        same = list(found.of_session(trace.session_id).reverse()[:SUGGESTIONS]) if trace.session_id else []
        # the newest few hundred alone are looked at: a rare name must not make this a scan
        newest = found.order_by("-start_time", "-id").values("pk")[:500]
        named = found.filter(pk__in=newest, name=trace.name).order_by("-start_time")[:SUGGESTIONS]
        return list({item.pk: item for item in [*same[: SUGGESTIONS // 2], *named]}.values())[:SUGGESTIONS]

    def diff_context(self, request: HttpRequest) -> dict[str, Any]:
        """The differences of a pair of steps; a step may be missing on one side."""
        left, right = self.step("left"), self.step("right")
        if left is None and right is None:
            raise Http404
        return {
            "sides": comparison.diff_of(left, right),
            "titles": {"input": _("Input"), "output": _("Output")},
        }

    def step(self, side: str) -> Observation | None:
        """The step that the address names on one side."""
        span_id = self.request.GET.get(f"{side}_step", "")
        trace = self.find(side) if is_trace_id(self.request.GET.get(side, "")) else None
        if not span_id:
            return None
        observation = selectors.find_observation(trace, span_id) if trace else None
        if observation is None:
            raise Http404
        return observation
