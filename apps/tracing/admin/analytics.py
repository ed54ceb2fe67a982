"""The built-in dashboard."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.tracing.admin.board import BoardPage
from apps.tracing.dashboards import built_in


class AnalyticsPage(BoardPage):
    """Cost, tokens, latency, errors and scores of a time range; charts and tables lead to the lists."""

    title = _("Analytics")

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Figures of the chosen range."""
        return self.get_board_context(request, built_in().widgets)
