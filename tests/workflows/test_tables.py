"""Data tables: columns, rows, conditions, permissions, CSV."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid, NotAllowed, NotFound
from apps.workflows.models import DataTable, TableInsert, TableSpace
from apps.workflows.services import data_table as service
from apps.workflows.tables import rows as table_rows
from apps.workflows.tables.columns import from_database, to_database
from apps.workflows.tables.where import compile_where
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.data_tables import COLUMNS, make_table

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(workspace):
    return make_table(workspace, name="orders")


def insert(table, *rows, key=""):
    return service.insert_rows(actor=SYSTEM, table=table, rows=rows, key=key)


def select(table, **query):
    return table_rows.select_rows(service.place_of(table), query)


def names(rows):
    return [row["customer"] for row in rows]


def test_rows_keep_their_types(table):
    row = {
        "customer": "Ann",
        "amount": "12.50",
        "items": 3.0,
        "paid": "yes",
        "due": "2026-03-01",
        "details": {"a": [1]},
    }
    (made,) = insert(table, row)
    (read,) = select(table)
    assert made == read
    assert read["id"] == 1
    assert (read["amount"], read["items"], read["paid"], read["due"]) == (12.5, 3, True, "2026-03-01")
    assert read["details"] == {"a": [1]}
    assert read["created_at"].startswith("20")


def test_defaults_fill_what_a_row_leaves_out(table):
    (made,) = insert(table, {"customer": "Ann"})
    assert (made["items"], made["paid"], made["amount"]) == (1, False, None)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"amount": 1}, "customer"),
        ({"customer": "A", "amount": "many"}, "amount"),
        ({"customer": "A", "items": 1.5}, "items"),
        ({"customer": "A", "items": 10**30}, "items"),
        ({"customer": "A", "paid": "perhaps"}, "paid"),
        ({"customer": "A", "due": "soon"}, "due"),
        ({"customer": "A", "amount": float("nan")}, "amount"),
        ({"customer": "A", "nothing": 1}, "nothing"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_naming_the_column(table, row, field):
    with pytest.raises(Invalid) as refused:
        insert(table, {"customer": "Good"}, row)
    assert field in refused.value.extra["errors"]
    assert select(table) == []


def test_the_same_key_inserts_once(table):
    first = insert(table, {"customer": "Ann"}, {"customer": "Bo"}, key="run-1")
    again = insert(table, {"customer": "Ann"}, {"customer": "Bo"}, key="run-1")
    assert first == again
    assert len(select(table)) == 2
    insert(table, {"customer": "Ann"}, key="run-2")
    assert len(select(table)) == 3


def test_a_failed_insert_does_not_use_its_key_up(table):
    with pytest.raises(Invalid):
        insert(table, {"customer": None}, key="k")
    assert names(insert(table, {"customer": "Ann"}, key="k")) == ["Ann"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, "Ann Bo Cem D_e"),
        ({"column": "amount", "op": ">", "value": 10}, "Bo Cem"),
        ({"column": "amount", "op": "<=", "value": "10"}, "Ann"),
        ({"column": "amount", "op": "=", "value": None}, "D_e"),
        ({"column": "amount", "op": "!=", "value": 10}, "Bo Cem D_e"),
        ({"column": "customer", "op": "in", "value": ["Ann", "Cem"]}, "Ann Cem"),
        ({"column": "customer", "op": "in", "value": []}, ""),
        ({"column": "customer", "op": "not in", "value": ["Ann"]}, "Bo Cem D_e"),
        ({"column": "customer", "op": "contains", "value": "_"}, "D_e"),
        ({"column": "customer", "op": "not contains", "value": "n"}, "Bo Cem D_e"),
        ({"column": "customer", "op": "starts with", "value": "c"}, "Cem"),
        ({"column": "customer", "op": "end with", "value": "O"}, "Bo"),
        ({"column": "customer", "op": "LIKE", "value": "C%"}, "Cem"),
        ({"column": "customer", "op": "not_like", "value": "C%"}, "Ann Bo D_e"),
        ({"column": "amount", "op": "between", "value": [5, 25]}, "Ann Bo"),
        ({"column": "amount", "op": "IS_NULL"}, "D_e"),
        ({"column": "amount", "op": "not empty"}, "Ann Bo Cem"),
        ({"column": "details", "op": "empty"}, "Bo Cem D_e"),
        ({"all": [{"column": "amount", "op": ">=", "value": 20}, {"left": "paid", "op": "is", "right": True}]}, "Cem"),
        ({"any": [{"left": "amount", "op": "<", "value": 15}, {"left": "amount", "op": "null"}]}, "Ann D_e"),
        ({"not": {"left": "amount", "op": "not null"}}, "D_e"),
        ({"all": [], "any": None}, "Ann Bo Cem D_e"),
    ],
)  # fmt: skip
def test_conditions(table, where, expected):
    insert(
        table,
        {"customer": "Ann", "amount": 10, "details": {"vip": True}},
        {"customer": "Bo", "amount": 20, "details": []},
        {"customer": "Cem", "amount": 30, "paid": True},
        {"customer": "D_e"},
    )
    assert names(select(table, where=where)) == expected.split()


@pytest.mark.parametrize(
    "where",
    [
        {"column": "id; drop table orders", "op": "=", "value": 1},
        {"column": 'customer" OR 1=1 --', "op": "=", "value": 1},
        {"column": "customer", "op": "= '' OR", "value": "x"},
        {"column": "amount", "op": ">", "value": "1 OR 1=1"},
        {"all": {"column": "customer"}},
        {"all": ["customer = 1"]},
        {"column": "amount", "op": "between", "value": 3},
    ],
)
def test_conditions_that_are_none_are_refused(table, where):
    with pytest.raises(Invalid):
        select(table, where=where)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=st.text(max_size=40))
def test_whatever_text_is_stored_is_found_again(table, value):
    table_rows.delete_rows(service.place_of(table), None)
    insert(table, {"customer": value})
    (row,) = select(table, where={"column": "customer", "op": "=", "value": value})
    assert row["customer"] == value.replace("\x00", "")
    assert len(select(table, where={"column": "customer", "op": "contains", "value": value})) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_conditions_of_any_shape_are_compiled_or_refused(shape):
    columns = service.check_columns(COLUMNS)
    for where in (shape, {"all": shape}, {"column": "amount", "op": "=", "value": shape}):
        if isinstance(where, dict):
            try:
                compile_where(where, columns)
            except Invalid:
                continue


def test_order_limit_offset_fields_distinct(table):
    insert(
        table, *({"customer": name, "amount": n} for name, n in [("A", 3), ("B", None), ("A", 1), ("C", 2)])
    )
    ordered = select(table, order_by=[{"column": "amount", "direction": "desc"}], limit=2, offset=1)
    assert names(ordered) == ["C", "A"]
    assert select(table, fields=["customer"], distinct=True, order_by=["customer"]) == [
        {"customer": "A"},
        {"customer": "B"},
        {"customer": "C"},
    ]
    for query in (
        {"fields": ["x"]},
        {"order_by": ["x"]},
        {"fields": ["customer"], "distinct": True, "order_by": ["id"]},
    ):
        with pytest.raises(Invalid):
            select(table, **query)


def test_update_and_delete_count_rows(table):
    insert(table, *({"customer": name} for name in "AAB"))
    where = {"column": "customer", "op": "=", "value": "A"}
    assert service.update_rows(actor=SYSTEM, table=table, where=where, values={"amount": 5}) == 2
    assert service.delete_rows(actor=SYSTEM, table=table, where=where) == 2
    assert names(select(table)) == ["B"]
    with pytest.raises(Invalid):
        service.update_rows(actor=SYSTEM, table=table, where=None, values={"customer": None})
    with pytest.raises(Invalid):
        service.update_rows(actor=SYSTEM, table=table, where=None, values={"id": 7})


def test_unique_columns_refuse_a_second_row(workspace):
    table = make_table(workspace, columns=[{"name": "email", "unique": True}])
    insert(table, {"email": "a@b.c"})
    with pytest.raises(Conflict, match="email"):
        insert(table, {"email": "a@b.c"})


@pytest.mark.parametrize(
    "columns",
    [
        [],
        [{"name": "Name"}],
        [{"name": "id"}],
        [{"name": "pg_x"}],
        [{"name": "a b"}],
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a", "type": "blob"}],
        [{"name": "a", "type": "integer", "default": "x"}],
        [{"name": "a", "size": 3}],
        ["a"],
        [{"name": f"c{n}"} for n in range(101)],
    ],
)
def test_columns_that_are_none_are_refused(workspace, columns):
    with pytest.raises(Invalid):
        make_table(workspace, columns=columns)


def test_a_name_is_taken_once_per_workspace(workspace, table):
    with pytest.raises(Conflict):
        make_table(workspace, name="orders")
    make_table(make_workspace(), name="orders")


def test_columns_are_added_changed_renamed_and_dropped(table):
    insert(table, {"customer": "Ann", "amount": 2, "details": "x", "items": 7})
    changed = service.update_table(
        actor=SYSTEM,
        table=table,
        name="sales",
        columns=[
            {"name": "client", "required": True, "unique": True},
            {"name": "amount", "type": "text"},
            {"name": "items", "type": "number", "required": True},
            {"name": "details", "type": "text"},
            {"name": "paid", "type": "boolean"},
            {"name": "note", "type": "text", "default": "none"},
        ],
        renamed={"customer": "client"},
    )
    (row,) = select(changed)
    assert (row["client"], row["amount"], row["items"], row["details"], row["note"]) == (
        "Ann",
        "2",
        7,
        "x",
        "none",
    )
    assert "due" not in row
    back = [{"name": "client"}, {"name": "amount", "type": "integer"}]
    again = service.update_table(actor=SYSTEM, table=changed, columns=back)
    assert select(again)[0]["amount"] == 2


def test_a_change_that_values_do_not_fit_changes_nothing(table):
    insert(table, {"customer": "Ann"}, {"customer": "Ann"})
    for columns in (
        [{"name": "customer", "type": "integer"}],
        [{"name": "customer", "unique": True}],
        [{"name": "customer"}, {"name": "amount", "type": "number", "required": True}],
    ):
        with pytest.raises(Conflict):
            service.update_table(actor=SYSTEM, table=table, columns=columns)
    table.refresh_from_db()
    assert len(table.columns) == len(COLUMNS)
    assert len(select(table)) == 2


def test_deleting_a_table_drops_it(workspace, table):
    service.delete_table(actor=SYSTEM, table=table)
    with pytest.raises(NotFound):
        service.find_table(workspace, "orders")
    assert names(insert(make_table(workspace, name="orders"), {"customer": "New"})) == ["New"]


def test_a_workspace_takes_its_schema_with_it(workspace, table):
    from django.db import connection

    schema = TableSpace.objects.get(workspace=workspace).schema
    workspace.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [schema])
        assert cursor.fetchone() == (0,)


def test_viewers_read_and_editors_write(table, viewer, editor, stranger):
    look, write = Actor.for_user(viewer), Actor.for_user(editor)
    service.insert_rows(actor=write, table=table, rows=[{"customer": "A"}])
    for refused in (
        lambda: service.insert_rows(actor=look, table=table, rows=[{"customer": "B"}]),
        lambda: service.update_rows(actor=look, table=table, where=None, values={"paid": True}),
        lambda: service.delete_rows(actor=look, table=table, where=None),
        lambda: service.delete_table(actor=look, table=table),
        lambda: service.create_table(actor=look, workspace=table.workspace, name="x", columns=COLUMNS),
        lambda: service.update_table(actor=Actor.for_user(stranger), table=table, name="mine"),
        lambda: service.import_csv(actor=look, table=table, content=b"customer\nX\n"),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert names(select(table)) == ["A"]
    assert list(DataTable.objects.visible_to(viewer)) == [table]
    assert list(DataTable.objects.visible_to(stranger)) == []


def test_csv_goes_out_and_comes_back(table, workspace):
    insert(
        table,
        {"customer": 'A "quoted", one', "amount": 1.5, "details": {"a": 1}},
        {"customer": "B\nC", "paid": True},
    )
    text = "".join(service.export_csv(table))
    copy = make_table(workspace, name="copied")
    assert service.import_csv(actor=SYSTEM, table=copy, content=b"\xef\xbb\xbf" + text.encode()) == 2
    plain = ["customer", "amount", "items", "paid", "due", "details"]
    assert select(copy, fields=plain) == select(table, fields=plain)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"client\nA\n",
        b"customer,amount\nA,much\n",
        b"customer\n\xff\xfe\n",
        b'customer\n"A\n',
        b"amount\n1\n",
    ],
)
def test_a_csv_that_does_not_fit_adds_nothing(table, content):
    with pytest.raises(Invalid):
        service.import_csv(actor=SYSTEM, table=table, content=content)
    assert select(table) == []


def test_a_semicolon_separated_file_is_read(table):
    assert service.import_csv(actor=SYSTEM, table=table, content=b"customer;items\nAnn;2\nBo;3\n") == 2
    assert [row["items"] for row in select(table)] == [2, 3]


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_come_back(number):
    assert from_database(to_database("n", "integer", str(number))) == number


def test_keys_of_old_inserts_are_forgotten(table):
    insert(table, {"customer": "Ann"}, key="old")
    insert(table, {"customer": "Bo"}, key="new")
    TableInsert.objects.filter(key="old").update(
        created_at=timezone.now() - service.KEYS_KEPT - timedelta(days=1)
    )
    assert service.forget_keys() == 1
    assert [known.key for known in TableInsert.objects.all()] == ["new"]
