"""A page that explains every node type."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.workflows.admin.base import WorkflowsPage
from apps.workflows.node_metadata import node_types


class NodeTypesPage(WorkflowsPage):
    """Every node type with its configuration, ports and outputs; `?type=` opens one."""

    title = gettext_lazy("Node types")
    template_name = "workflows/node_types.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """The whole palette."""
        return {"data": {"palette": node_types(), "chosen": request.GET.get("type", "")}}
