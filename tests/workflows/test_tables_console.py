"""Data tables over the API and in the console."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import AsyncRequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.workflows import csv_file
from apps.workflows.models import DataTable
from apps.workflows.services import data_table as service
from apps.workflows.tables.rows import select_rows
from tests.factories.core import SYSTEM
from tests.factories.data_tables import COLUMNS, make_table

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(workspace) -> DataTable:
    made = make_table(workspace, name="orders", description="What people buy")
    rows = [{"customer": name, "amount": amount} for name, amount in (("Ann", 10), ("Bo", 20))]
    service.insert_rows(actor=SYSTEM, table=made, rows=rows)
    return made


def rows_of(table: DataTable) -> list[dict]:
    return select_rows(service.place_of(table), {})


def page(name: str, *args: object) -> str:
    return reverse(f"admin:workflows_{name}", args=args)


class TestApi:
    def test_tables_are_made_changed_and_dropped(self, api, editor):
        client = api(editor)
        made = client.post("/api/v1/tables/", {"name": "notes", "columns": COLUMNS}, format="json")
        assert made.status_code == 201, made.content
        address = f"/api/v1/tables/{made.json()['id']}/"
        changed = client.patch(address, {"description": "Mine", "columns": [{"name": "text"}]}, format="json")
        assert [column["name"] for column in changed.json()["columns"]] == ["text"]
        assert client.delete(address).status_code == 204
        for body in (
            {"name": "a b", "columns": COLUMNS},
            {"name": "a", "columns": []},
            {"name": "a", "columns": [{"name": "id"}]},
        ):
            assert client.post("/api/v1/tables/", body, format="json").status_code in {400, 422}

    def test_rows(self, api, editor, table):
        client, address = api(editor), f"/api/v1/tables/{table.pk}/"
        body = {"rows": [{"customer": "Cem", "details": {"a": 1}}], "key": "k"}
        first = client.post(f"{address}rows/", body, format="json")
        assert first.status_code == 201
        assert client.post(f"{address}rows/", body, format="json").json() == first.json()
        row_id = first.json()["rows"][0]["id"]
        assert client.patch(f"{address}rows/{row_id}/", {"amount": 5}, format="json").json()["amount"] == 5
        assert client.get(f"{address}rows/{row_id}/").json()["customer"] == "Cem"
        assert [r["customer"] for r in client.get(f"{address}rows/?after=1&limit=1").json()["rows"]] == ["Bo"]
        query = {
            "where": {"column": "amount", "op": "<", "value": 15},
            "fields": ["customer"],
            "order_by": [{"column": "amount"}],
        }
        found = client.post(f"{address}query/", query, format="json").json()["rows"]
        assert found == [{"customer": "Cem"}, {"customer": "Ann"}]
        assert client.delete(f"{address}rows/{row_id}/").status_code == 204
        assert client.get(f"{address}rows/{row_id}/").status_code == 404
        change = {"where": {"column": "customer", "value": "Bo"}, "values": {"paid": True}}
        assert client.patch(f"{address}rows/", change, format="json").json() == {"count": 1}
        assert client.post(f"{address}delete-rows/", {"where": {}}, format="json").json() == {"count": 2}

    def test_bad_requests_are_told(self, api, editor, table):
        client, address = api(editor), f"/api/v1/tables/{table.pk}/"
        for method, path, body, status in (
            ("post", "rows/", {"rows": [{"amount": 1}]}, 422),
            ("post", "rows/", {"rows": "x"}, 400),
            ("patch", "rows/1/", {"nothing": 1}, 422),
            ("patch", "rows/1/", [1], 400),
            ("patch", "rows/999/", {"amount": 1}, 404),
            ("get", "rows/?limit=x", None, 400),
            ("post", "query/", {"where": {"column": "nothing"}}, 422),
            ("post", "query/", {"limit": -1}, 400),
            ("post", "delete-rows/", {}, 400),
            ("post", "import/", {}, 400),
        ):
            response = getattr(client, method)(address + path, body, format="json")
            assert response.status_code == status, (method, path, response.content)

    def test_viewers_look_and_strangers_do_not(self, api, viewer, stranger, table):
        address = f"/api/v1/tables/{table.pk}/"
        client = api(viewer)
        assert client.get(f"{address}rows/").status_code == 200
        assert client.post(f"{address}query/", {}, format="json").status_code == 200
        for method, path, body in (
            ("post", "rows/", {"rows": [{"customer": "X"}]}),
            ("patch", "rows/1/", {"amount": 1}),
            ("delete", "rows/1/", None),
            ("post", "delete-rows/", {"where": {}}),
            ("patch", "", {"name": "mine"}),
            ("delete", "", None),
        ):
            assert getattr(client, method)(address + path, body, format="json").status_code == 403
        assert len(rows_of(table)) == 2

    async def test_a_server_that_awaits_gets_the_file_in_pieces(self, monkeypatch):
        monkeypatch.setattr(csv_file, "export_csv", lambda _table: iter(["id\n", "1\n"]))
        response = csv_file.csv_response(AsyncRequestFactory().get("/"), DataTable(name="orders"))
        assert response.is_async
        assert [piece async for piece in response.streaming_content] == [b"id\n", b"1\n"]

    def test_csv(self, api, editor, table):
        client, address = api(editor), f"/api/v1/tables/{table.pk}/"
        exported = b"".join(client.get(f"{address}export/").streaming_content)
        assert exported.startswith(b"id,customer,amount")
        file = SimpleUploadedFile("a.csv", b"customer,amount\nCem,3\n")
        assert client.post(f"{address}import/", {"file": file}, format="multipart").json() == {"count": 1}
        assert len(rows_of(table)) == 3


class TestConsole:
    def test_a_table_is_made_with_a_form(self, console, editor, workspace):
        client = console(editor)
        assert client.get(page("tables")).status_code == 200
        assert client.get(page("table_new")).status_code == 200
        form = {
            "name": "notes",
            "column-0-name": "text",
            "column-0-type": "text",
            "column-0-required": "on",
            "column-3-name": "stars",
            "column-3-type": "integer",
        }
        response = client.post(page("table_new"), form)
        table = DataTable.objects.get(workspace=workspace)
        assert response["Location"] == page("table", table.pk)
        assert [(c["name"], c["type"], c["required"]) for c in table.columns] == [
            ("text", "text", True),
            ("stars", "integer", False),
        ]
        refused = client.post(page("table_new"), form)
        assert refused.status_code == 409
        assert b"stars" in refused.content

    def test_rows_are_added_changed_searched_and_deleted(self, console, editor, table):
        client = console(editor)
        client.post(
            page("table_row_new", table.pk),
            {"value-customer": "Cem", "value-details": '{"a": [1]}', "value-paid": "true"},
        )
        row = rows_of(table)[-1]
        assert (row["customer"], row["details"], row["paid"], row["amount"]) == (
            "Cem",
            {"a": [1]},
            True,
            None,
        )
        form = client.get(page("table_row", table.pk, row["id"])).content.decode()
        assert "Cem" in form
        refused = client.post(
            page("table_row", table.pk, row["id"]), {"value-customer": "D", "value-amount": "many"}
        )
        assert refused.status_code == 422
        assert b"many" in refused.content
        client.post(page("table_row", table.pk, row["id"]), {"value-customer": "Dee", "value-amount": "7"})
        assert rows_of(table)[-1]["customer"] == "Dee"
        found = client.get(page("table", table.pk), {"q": "de", "column": "customer"}).content.decode()
        assert "Dee" in found
        assert "<td>Ann</td>" not in found
        client.post(page("table", table.pk), {"action": "delete", "row": ["1", str(row["id"]), "x"]})
        assert [r["customer"] for r in rows_of(table)] == ["Bo"]
        assert client.get(page("table_row", table.pk, 2**70)).status_code == 404

    def test_files_in_and_out(self, console, editor, table):
        client = console(editor)
        assert b"Ann" in b"".join(client.get(page("table_export", table.pk)).streaming_content)
        file = SimpleUploadedFile("a.csv", b"customer\nCem\n")
        client.post(page("table", table.pk), {"action": "import", "file": file})
        bad = SimpleUploadedFile("a.csv", b"nothing\nCem\n")
        shown = client.post(page("table", table.pk), {"action": "import", "file": bad}, follow=True)
        assert b"nothing" in shown.content
        assert len(rows_of(table)) == 3

    def test_columns_are_renamed_and_dropped(self, console, editor, table):
        client = console(editor)
        form = {"name": "sales"}
        for index, column in enumerate(COLUMNS):
            form |= {f"column-{index}-{key}": str(column.get(key) or "") for key in ("name", "type")}
            form[f"column-{index}-old"] = column["name"]
        form |= {"column-0-name": "client", "column-1-drop": "on"}
        assert client.post(page("table_columns", table.pk), form).status_code == 302
        table.refresh_from_db()
        assert table.name == "sales"
        assert "amount" not in rows_of(table)[0]
        assert rows_of(table)[0]["client"] == "Ann"
        client.post(page("table_columns", table.pk), {"action": "delete"})
        assert not DataTable.objects.filter(pk=table.pk).exists()

    def test_viewers_look_only(self, console, viewer, table):
        client = console(viewer)
        content = client.get(page("table", table.pk)).content.decode()
        assert "Ann" in content
        assert page("table_row_new", table.pk) not in content
        client.post(page("table", table.pk), {"action": "delete", "row": ["1"]})
        assert client.post(page("table_row_new", table.pk), {"value-customer": "X"}).status_code == 403
        assert client.post(page("table_columns", table.pk), {"action": "delete"}).status_code == 403
        assert client.get(page("table_new")).status_code == 403
        assert len(rows_of(table)) == 2

    def test_strangers_see_nothing(self, console, stranger, table):
        client = console(stranger)
        for name in ("table", "table_columns", "table_export", "table_row_new"):
            assert client.get(page(name, table.pk)).status_code == 404
        assert b"What people buy" not in client.get(page("tables")).content

    def test_the_lists_ask_the_database_as_often_for_many_as_for_few(self, console, viewer, workspace, table):
        client = console(viewer)

        def count(address: str) -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(address).status_code == 200
            return len(queries)

        before = [count(page("tables")), count(page("table", table.pk))]
        for number in range(3):
            make_table(workspace, name=f"more_{number}")
        service.insert_rows(actor=SYSTEM, table=table, rows=[{"customer": str(n)} for n in range(60)])
        assert [count(page("tables")), count(page("table", table.pk))] == before
