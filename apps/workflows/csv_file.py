"""A data table's rows as a file to keep."""

from __future__ import annotations

from django.http import StreamingHttpResponse

from apps.workflows.models import DataTable
from apps.workflows.services.data_table import export_csv


def csv_response(table: DataTable) -> StreamingHttpResponse:
    """All rows, streamed; the caller has checked who may read them."""
    response = StreamingHttpResponse(export_csv(table), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{table.name}.csv"'
    return response
