"""Nodes of data tables, on real tables."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from apps.workflows.adapters.tables import WorkspaceTables
from apps.workflows.services import data_table as service
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.data_tables import drop_table_spaces, make_table
from tests.workflows.nodes.harness import Bench, in_this_transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def _one_transaction(monkeypatch):
    monkeypatch.setattr("apps.workflows.adapters.tables.in_thread", in_this_transaction)


@pytest.fixture
def table(workspace):
    made = make_table(workspace, name="orders")
    rows = [{"customer": name, "amount": amount} for name, amount in (("Ann", 10), ("Bo", 20), ("Cem", 30))]
    service.insert_rows(actor=SYSTEM, table=made, rows=rows)
    return made


@pytest.fixture
def node(workspace, table):
    """Return `node(type)`: a bench whose run reaches the workspace's tables."""

    def make(name: str) -> Bench:
        bench = Bench(name)
        bench.ctx.ports.tables = WorkspaceTables(workspace, SYSTEM)
        return bench

    return make


def outputs(bench: Bench, **config: Any) -> dict[str, Any]:
    return async_to_sync(bench.outputs)(**config)


def fails(bench: Bench, code: str, **config: Any) -> Any:
    return async_to_sync(bench.fails)(code, **config)


@pytest.mark.usefixtures("_one_transaction")
def test_query(node, table):
    bench = node("table_query")
    where = {
        "conditions": [{"column": "amount", "op": ">", "value": 5}],
        "groups": [
            {"match": "any", "conditions": [{"column": "customer", "value": v} for v in ("Ann", "Cem")]}
        ],
    }
    order = [{"column": "amount", "direction": "desc"}]
    found = outputs(bench, table="orders", where=where, columns=["customer"], order_by=order)
    assert found == {
        "rows": [{"customer": "Cem"}, {"customer": "Ann"}],
        "count": 2,
        "first": {"customer": "Cem"},
    }
    assert outputs(bench, table=str(table.pk), limit=1, offset=2)["first"]["customer"] == "Cem"
    assert (
        outputs(bench, table="orders", where={"conditions": [{"column": "customer", "value": "X"}]})["first"]
        is None
    )
    assert "nowhere" in fails(bench, "not_found", table="nowhere").message
    assert not fails(bench, "invalid", table="orders", columns=["x"]).retryable


@pytest.mark.usefixtures("_one_transaction")
def test_tables_of_another_workspace_do_not_exist(node):
    other = make_table(make_workspace(), name="theirs")
    fails(node("table_query"), "not_found", table="theirs")
    fails(node("table_query"), "not_found", table=str(other.pk))


@pytest.mark.usefixtures("_one_transaction")
def test_insert_once_per_execution(node):
    bench = node("table_insert")
    first = outputs(bench, table="orders", values={"customer": "Dee", "amount": "7.5"})
    again = outputs(bench, table="orders", values={"customer": "Dee", "amount": "7.5"})
    assert first == again
    assert (first["count"], first["id"], first["rows"][0]["amount"]) == (1, 4, 7.5)
    bench.ctx.idempotency_key = "another"
    assert outputs(bench, table="orders", rows=[{"customer": "E"}, {"customer": "F"}])["count"] == 2
    assert outputs(bench, table="orders", rows=[]) == {"rows": [], "count": 0, "id": None}
    fails(bench, "bad_row", table="orders", rows=["x"])
    bench.ctx.idempotency_key = "third"
    error = fails(bench, "invalid", table="orders", values={"amount": 1})
    assert "customer" in error.message
    assert set(bench.problems(table="orders")) == {"values"}
    assert set(bench.problems(table="orders", values={"a": 1}, rows=[])) == {"rows"}


@pytest.mark.usefixtures("_one_transaction")
def test_update_and_delete(node):
    where = {"conditions": [{"column": "amount", "op": ">=", "value": "20"}]}
    assert outputs(node("table_update"), table="orders", where=where, values={"paid": True}) == {"count": 2}
    assert outputs(node("table_delete"), table="orders", where=where) == {"count": 2}
    assert outputs(node("table_query"), table="orders")["count"] == 1
    for name, more in (("table_update", {"values": {"paid": True}}), ("table_delete", {})):
        assert set(node(name).problems(table="orders", **more)) == {"where"}
        assert node(name).problems(table="orders", all_rows=True, **more) == {}


@pytest.fixture
def committed(transactional_db):
    """The statement's own session sees what is committed; schemas and roles are taken away afterwards."""
    yield
    drop_table_spaces()


@pytest.mark.django_db(transaction=True)
def test_sql(committed, node):
    bench = node("table_sql")
    found = outputs(
        bench,
        statement="select customer from orders where amount > :least",
        parameters={"least": 15},
        limit=1,
    )
    assert found == {"rows": [{"customer": "Bo"}], "count": 1, "first": {"customer": "Bo"}, "truncated": True}
    fails(bench, "invalid", statement="delete from orders")
    assert outputs(bench, statement="delete from orders", read_only=False)["count"] == 3
    fails(bench, "invalid", statement="select * from core_user")
    error = fails(
        bench, "unavailable", statement="select count(*) from generate_series(1, 1e9)", timeout_s=0.1
    )
    assert error.retryable


def test_without_tables_a_node_says_so():
    fails(Bench("table_query"), "port_missing", table="orders")
