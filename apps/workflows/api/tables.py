"""The API of data tables: definitions, rows, queries, CSV."""

from __future__ import annotations

from typing import Any, cast

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import permissions
from apps.core.api.idempotency import idempotent
from apps.core.api.parsers import UnicodeJSONParser
from apps.core.api.viewsets import WorkspaceViewSet
from apps.core.exceptions import NotFound
from apps.core.models.api_key import Scope
from apps.workflows.csv_file import csv_response
from apps.workflows.models import DataTable
from apps.workflows.services import data_table as service
from apps.workflows.tables.columns import SQL_TYPES
from apps.workflows.tables.rows import MAX_ROWS, select_rows


class ColumnSerializer(serializers.Serializer[Any]):
    """A column."""

    name = serializers.CharField(max_length=48)
    type = serializers.ChoiceField(choices=sorted(SQL_TYPES), default="text")
    description = serializers.CharField(required=False, allow_blank=True, default="")
    required = serializers.BooleanField(default=False)  # type: ignore[assignment]  # a column's own word
    unique = serializers.BooleanField(default=False)
    default = serializers.JSONField(required=False, allow_null=True, default=None)


class DataTableSerializer(serializers.ModelSerializer[DataTable]):
    """A table without its rows."""

    columns = ColumnSerializer(many=True)

    class Meta:
        model = DataTable
        fields = ["id", "name", "description", "columns", "created_at", "updated_at"]


class DataTableInputSerializer(serializers.Serializer[Any]):
    """A table to make."""

    name = serializers.CharField(max_length=48)
    description = serializers.CharField(required=False, allow_blank=True, max_length=5_000)
    columns = ColumnSerializer(many=True)


class DataTableChangeSerializer(serializers.Serializer[Any]):
    """What to change. Columns that are not listed are dropped with their values."""

    name = serializers.CharField(max_length=48, required=False)
    description = serializers.CharField(required=False, allow_blank=True, max_length=5_000)
    columns = ColumnSerializer(many=True, required=False)
    renamed = serializers.DictField(
        child=serializers.CharField(max_length=48),
        required=False,
        help_text="Old column names and the new ones.",
    )


class RowsInputSerializer(serializers.Serializer[Any]):
    """Rows to insert, all or none."""

    rows = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=MAX_ROWS)
    key = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=120,
        default="",
        help_text="With a key that was used before, the rows it made are returned and nothing is inserted.",
    )


class QuerySerializer(serializers.Serializer[Any]):
    """Which rows."""

    where = serializers.DictField(required=False, help_text="all, any, not; or column, op, value.")
    fields_ = serializers.ListField(child=serializers.CharField(), required=False)
    order_by = serializers.ListField(child=serializers.DictField(), required=False)
    distinct = serializers.BooleanField(default=False)
    limit = serializers.IntegerField(min_value=0, max_value=MAX_ROWS, default=100)
    offset = serializers.IntegerField(min_value=0, default=0)

    def get_fields(self) -> Any:
        """`fields` is a word of the serializer's own."""
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class RowsChangeSerializer(serializers.Serializer[Any]):
    """New values for the rows that fit."""

    where = serializers.DictField(help_text="An empty object changes every row.")
    values = serializers.DictField()


class WhereSerializer(serializers.Serializer[Any]):
    """Conditions."""

    where = serializers.DictField(help_text="An empty object means every row.")


class RowsSerializer(serializers.Serializer[Any]):
    """Rows."""

    rows = serializers.ListField(child=serializers.DictField())


class CountSerializer(serializers.Serializer[Any]):
    """How many rows."""

    count = serializers.IntegerField()


class FileSerializer(serializers.Serializer[Any]):
    """A CSV file whose first line names columns."""

    file = serializers.FileField()


@extend_schema_view(
    list=extend_schema(summary="Data tables, by name"),
    retrieve=extend_schema(summary="One data table"),
    create=extend_schema(
        summary="Make a data table", request=DataTableInputSerializer, responses={201: DataTableSerializer}
    ),
    partial_update=extend_schema(
        summary="Change a data table", request=DataTableChangeSerializer, responses=DataTableSerializer
    ),
    destroy=extend_schema(summary="Drop a data table with its rows"),
)
@extend_schema(tags=["tables"])
class DataTableViewSet(WorkspaceViewSet[DataTable]):
    """Data tables. Viewers read rows, editors write them."""

    queryset = DataTable.objects.select_related("workspace")
    serializer_class = DataTableSerializer
    filterset_fields = ["name"]
    parser_classes = [UnicodeJSONParser, MultiPartParser, FormParser]

    @property
    def required_scopes(self) -> dict[str, str]:
        """A query is reading, although it comes in a body."""
        return {"POST": Scope.READ} if self.action == "query" else {}

    def get_input_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """A new table, or a change."""
        kind = DataTableInputSerializer if self.action == "create" else DataTableChangeSerializer
        return kind(*args, **kwargs, context=self.get_serializer_context())

    def perform_create(self, serializer: Any) -> DataTable:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        return service.create_table(actor=self.actor, workspace=self.workspace, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> DataTable:  # type: ignore[override]  # see WorkspaceViewSet
        """Call the service."""
        table = cast("DataTable", serializer.instance)
        return service.update_table(actor=self.actor, table=table, **serializer.validated_data)

    def perform_destroy(self, instance: DataTable) -> None:
        """Call the service."""
        service.delete_table(actor=self.actor, table=instance)

    @extend_schema(
        methods=["GET"],
        summary="Rows in the order of their ids",
        parameters=[
            OpenApiParameter("after", int, description="The id after which to begin."),
            OpenApiParameter("limit", int, description="At most 1,000; 100 when not given."),
        ],
        responses=RowsSerializer,
    )
    @extend_schema(
        methods=["POST"], summary="Insert rows", request=RowsInputSerializer, responses={201: RowsSerializer}
    )
    @extend_schema(
        methods=["PATCH"], summary="Change rows", request=RowsChangeSerializer, responses=CountSerializer
    )
    @action(detail=True, methods=["get", "post", "patch"], pagination_class=None, filterset_fields=None)
    def rows(self, request: Request, pk: str | None = None) -> Response:
        """The rows of a table."""
        table = self.get_object()
        if request.method == "POST":
            return self._insert(request, table)
        if request.method == "PATCH":
            data = _valid(RowsChangeSerializer, request.data)
            return Response({"count": service.update_rows(actor=self.actor, table=table, **data)})
        query: dict[str, Any] = {"limit": min(_number(request, "limit", 100), 1_000)}
        if "after" in request.query_params:
            query["where"] = {"column": "id", "op": ">", "value": _number(request, "after", 0)}
        return Response({"rows": select_rows(service.place_of(table), query)})

    @idempotent
    def _insert(self, request: Request, table: DataTable) -> Response:
        data = _valid(RowsInputSerializer, request.data)
        rows = service.insert_rows(actor=self.actor, table=table, rows=data["rows"], key=data["key"])
        return Response({"rows": rows}, status=201)

    @extend_schema(
        methods=["GET"], operation_id="tables_row_retrieve", summary="One row", responses=OpenApiTypes.OBJECT
    )
    @extend_schema(
        methods=["PATCH"],
        operation_id="tables_row_partial_update",
        summary="Change a row",
        request=OpenApiTypes.OBJECT,
        responses=OpenApiTypes.OBJECT,
    )
    @extend_schema(methods=["DELETE"], summary="Delete a row", responses={204: None})
    @action(
        detail=True,
        methods=["get", "patch", "delete"],
        url_path=r"rows/(?P<row_id>[0-9]{1,18})",
        pagination_class=None,
        filterset_fields=None,
    )
    def row(self, request: Request, pk: str | None = None, row_id: str = "0") -> Response:
        """One row by its id."""
        table = self.get_object()
        where = {"column": "id", "op": "=", "value": int(row_id)}
        if request.method == "DELETE":
            if not service.delete_rows(actor=self.actor, table=table, where=where):
                raise NotFound
            return Response(status=204)
        if request.method == "PATCH":
            permissions.require(self.actor, "write_rows", table)
            values = _valid(_ValuesSerializer, {"values": request.data})["values"]
            service.update_rows(actor=self.actor, table=table, where=where, values=values)
        found = select_rows(service.place_of(table), {"where": where})
        if not found:
            raise NotFound(_("There is no such row."))
        return Response(found[0])

    @extend_schema(summary="Rows that meet conditions", request=QuerySerializer, responses=RowsSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_fields=None)
    def query(self, request: Request, pk: str | None = None) -> Response:
        """Conditions, order, columns."""
        table = self.get_object()
        return Response({"rows": select_rows(service.place_of(table), _valid(QuerySerializer, request.data))})

    @extend_schema(
        summary="Delete the rows that meet conditions",
        request=WhereSerializer,
        responses=CountSerializer,
    )
    @action(detail=True, methods=["post"], url_path="delete-rows")
    @idempotent
    def delete_rows(self, request: Request, pk: str | None = None) -> Response:
        """An empty `where` empties the table."""
        table = self.get_object()
        where = _valid(WhereSerializer, request.data)["where"]
        return Response({"count": service.delete_rows(actor=self.actor, table=table, where=where)})

    @extend_schema(summary="The rows as CSV", responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"], url_path="export", pagination_class=None, filterset_fields=None)
    def export(self, request: Request, pk: str | None = None) -> StreamingHttpResponse:
        """All rows, the header first."""
        return csv_response(request._request, self.get_object())

    @extend_schema(
        summary="Append the rows of a CSV file",
        request={"multipart/form-data": FileSerializer},
        responses=CountSerializer,
    )
    @action(detail=True, methods=["post"], url_path="import")
    def import_(self, request: Request, pk: str | None = None) -> Response:
        """All rows or none."""
        table = self.get_object()
        permissions.require(self.actor, "write_rows", table)
        file = _valid(FileSerializer, request.data)["file"]
        content = file.read(service.MAX_IMPORT_BYTES + 1)
        return Response({"count": service.import_csv(actor=self.actor, table=table, content=content)})


class _ValuesSerializer(serializers.Serializer[Any]):
    values = serializers.DictField()


def _valid(kind: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _number(request: Request, name: str, default: int) -> int:
    try:
        return max(0, min(int(request.query_params.get(name, default)), 2**62))
    except ValueError:
        raise serializers.ValidationError({name: [_("A whole number is needed.")]}) from None
