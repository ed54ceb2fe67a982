"""The built-in dashboard."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.permissions import allows_in
from apps.tracing.admin.board import BoardPage
from apps.tracing.dashboards import built_in
from apps.tracing.models import Dashboard


class AnalyticsPage(BoardPage):
    """Cost, tokens, latency, errors and scores of a time range; charts and tables lead to the lists."""

    title = _("Analytics")

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Figures of the chosen range."""
        return {
            **self.get_board_context(request, built_in().widgets),
            "may_add": allows_in(request.user, "add", Dashboard, self.workspace),
        }
