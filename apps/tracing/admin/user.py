"""The people an application serves: the list, and one of them."""

from typing import Any, Final

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.admin.pages import ConsolePage
from apps.tracing import users
from apps.tracing.admin.forms import CUSTOM_RANGE
from apps.tracing.admin.session import read_range
from apps.tracing.exceptions import SearchTooSlow
from apps.tracing.models import Trace
from apps.tracing.sessions import SessionList, list_sessions

#: Sessions and traces on the page of a user; the lists have all.
SHOWN: Final = 15


class UserListPage(ConsolePage):
    """Users of a time range with what they used."""

    title = _("Users of the applications")
    template_name = "tracing/user_list.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """One page of the list."""
        form, start, end = read_range(request)
        values: dict[str, Any] = form.cleaned_data
        number = request.GET.get("page", "1")
        page = int(number) if number.isdecimal() and len(number) < 7 else 1
        order = request.GET.get("order", "cost")
        found = users.list_users(
            user=request.user,
            workspace=self.workspace,
            start=start,
            end=end,
            text=values.get("q") or "",
            order=order,
            page=page,
        )
        kept = request.GET.copy()
        for name in ("page", "order"):
            kept.pop(name, None)
        return {
            "form": form,
            "custom": CUSTOM_RANGE,
            "found": found,
            "number": page,
            "order": order,
            "query": kept.urlencode(),
        }


class UserPage(ConsolePage):
    """One user: figures over a range, sessions and traces."""

    template_name = "tracing/user_detail.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Figures by day, the newest sessions and the newest traces."""
        user_id = kwargs["user_id"]
        asked: dict[str, Any] = {"user": request.user, "workspace": self.workspace}
        if not users.is_known(**asked, user_id=user_id):
            raise Http404
        form, start, end = read_range(request)
        figures, points = users.read_user(**asked, user_id=user_id, start=start, end=end)
        try:
            sessions = list_sessions(**asked, start=start, end=end, user_id=user_id, size=SHOWN)
        except SearchTooSlow:
            sessions = SessionList([])
        traces = Trace.objects.in_workspace(self.workspace).visible_to(request.user)
        traces = traces.filter(user_id=user_id, start_time__gte=start).exclude(user_id="")
        if end is not None:
            traces = traces.filter(start_time__lt=end)
        highest = max((point.figures.traces for point in points), default=0)
        return {
            "title": _("User"),
            "user_id": user_id,
            "form": form,
            "custom": CUSTOM_RANGE,
            "figures": figures,
            "points": [(point, 100 * point.figures.traces / highest if highest else 0) for point in points],
            "sessions": sessions,
            "traces": traces.order_by("-start_time")[:SHOWN],
            "list_url": reverse("admin:tracing_users"),
        }
