"""A data table's rows as a file to keep."""

from __future__ import annotations

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from apps.agents.threads import each_in_thread
from apps.workflows.models import DataTable
from apps.workflows.services.data_table import export_csv


def csv_response(request: HttpRequest, table: DataTable) -> StreamingHttpResponse:
    """All rows, streamed; the caller has checked who may read them."""
    pieces = export_csv(table)
    response = StreamingHttpResponse(
        each_in_thread(pieces) if isinstance(request, ASGIRequest) else pieces,
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="{table.name}.csv"'
    return response
