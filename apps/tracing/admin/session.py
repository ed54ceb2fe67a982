"""The list of sessions, and one session as a conversation."""

from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.tracing import selectors
from apps.tracing.admin.forms import CUSTOM_RANGE, DEFAULT_RANGE, RangeForm
from apps.tracing.admin.notes import notes_data
from apps.tracing.exceptions import InvalidCursor, SearchTooSlow
from apps.tracing.models import Comment, Score, Trace
from apps.tracing.selectors import DEFAULT_RANGE as DEFAULT_SPAN
from apps.tracing.sessions import SessionList, list_sessions, read_conversation


def read_range(request: HttpRequest) -> tuple[RangeForm, Any, Any]:
    """The form of the address, and its bounds; there is always a beginning."""
    form = RangeForm({"range": DEFAULT_RANGE, **request.GET.dict()})
    start, end = form.bounds()
    return form, start or (end or timezone.now()) - DEFAULT_SPAN, end


class SessionListPage(ConsolePage):
    """Sessions of a time range, the one that was active last first."""

    title = _("Sessions")
    template_name = "tracing/session_list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of the list."""
        form, start, end = read_range(request)
        values: dict[str, Any] = form.cleaned_data
        found, problem = SessionList([]), ""
        try:
            found = list_sessions(
                user=request.user,
                workspace=self.workspace,
                start=start,
                end=end,
                text=values.get("q") or "",
                cursor=request.GET.get("cursor", ""),
            )
        except InvalidCursor:
            raise Http404 from None
        except SearchTooSlow as error:
            problem = str(error.title)
        kept = request.GET.copy()
        kept.pop("cursor", None)
        return {
            "form": form,
            "custom": CUSTOM_RANGE,
            "page": found,
            "problem": problem,
            "query": kept.urlencode(),
        }


class SessionPage(ConsolePage):
    """The traces of a session as a conversation, in pages."""

    template_name = "tracing/session_detail.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Figures, some turns, and the session's own scores and comments."""
        session_id = kwargs["session_id"]
        traces = Trace.objects.in_workspace(self.workspace).visible_to(request.user).of_session(session_id)
        figures = selectors.session_figures(traces)
        if not figures.count:
            raise Http404
        try:
            page = read_conversation(traces, workspace=self.workspace, cursor=request.GET.get("cursor", ""))
        except InvalidCursor:
            raise Http404 from None
        scores = Score.objects.in_workspace(self.workspace).filter(session_id=session_id, trace_id="")
        comments = Comment.objects.in_workspace(self.workspace).visible_to(request.user)
        return {
            "title": _("Session"),
            "session_id": session_id,
            "page": page,
            "figures": figures,
            "users": sorted({turn.trace.user_id for turn in page.turns if turn.trace.user_id}),
            "list_url": reverse("admin:tracing_sessions"),
            "notes": notes_data(
                user=request.user,
                workspace=self.workspace,
                scores=scores.exclude(session_id="").select_related("author").order_by("created_at"),
                comments=comments.of_session(session_id),
                session_id=session_id,
            ),
        }
