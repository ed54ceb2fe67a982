"""SQL statements of workflows: what they can do, and fifty ways out that are closed."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections

from apps.core.exceptions import FlywheelError, Invalid, TooLarge, Unavailable
from apps.workflows.models import TableSpace
from apps.workflows.services import data_table as service
from apps.workflows.tables import role as roles
from apps.workflows.tables.execute import Login, execute
from apps.workflows.tables.statement import bind, parse
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.data_tables import drop_table_spaces, make_table

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_spaces_left(transactional_db):
    yield
    drop_table_spaces()


@pytest.fixture
def table(workspace):
    made = make_table(workspace, name="orders")
    rows = [{"customer": "Ann", "amount": 10}, {"customer": "Bo", "amount": 20.5, "details": {"tags": ["x"]}}]
    service.insert_rows(actor=SYSTEM, table=made, rows=rows)
    return made


def login_of(workspace) -> Login:
    space = service.ensure_role(workspace)
    return Login(space.role, space.schema, space.password.reveal())


def run(workspace, text, parameters=None, **options):
    statement = parse(text, read_only=options.get("read_only", False))
    return async_to_sync(execute)(
        login_of(workspace), statement, bind(statement, parameters or {}), **options
    )


def test_a_select_with_parameters(table, workspace):
    found = run(
        workspace,
        "select customer, amount, details from orders -- a comment; here\n"
        "where amount > :least and customer = any(:names) and customer like 'B%' order by id;",
        {"least": 5, "names": ["Ann", "Bo"], "unused": 1},
    )
    assert found.rows == [{"customer": "Bo", "amount": 20.5, "details": {"tags": ["x"]}}]
    assert (found.count, found.truncated) == (1, False)


def test_a_statement_may_write_and_say_how_much(table, workspace):
    assert run(workspace, "update orders set paid = true where amount >= :a", {"a": 10}).count == 2
    made = run(
        workspace,
        "insert into orders (customer, details) values (:c, :d) returning id",
        {"c": "Cem", "d": {"a": 1}},
    )
    assert made.rows == [{"id": 3}]
    text = "with b as (select id from orders where amount > 15) delete from orders using b where orders.id = b.id"
    assert run(workspace, text).count == 1
    assert run(workspace, "delete from orders").count == 2


ORDINARY = [
    "with big as (select * from orders where amount > 15) select count(*) as n from big",
    "select customer, row_number() over (partition by paid order by amount) as n from orders",
    "select coalesce(sum(amount), 0) as total, to_char(now(), 'YYYY') as year from orders",
    "select o.customer, t.value from orders o, jsonb_array_elements_text(o.details -> 'tags') as t(value)",
    "select extract(year from created_at) as y, substring(customer from 1 for 1) from orders",
    "select * from (values (1, 'a'), (2, 'b')) as v(n, s) where n in (1, 2)",
    "(select customer from orders) union (select 'x'::text)",
    "select case when amount > 15 then 'big' else 'small' end as size from orders group by 1",
    "select details ? 'tags' as has, amount % 3 as rest, 'it''s; \"fine\"' as s, E'a\\'b' as e from orders",
    "select count(*) filter (where paid) as paid, string_agg(customer, ', ' order by customer) as names from orders",
    'select "customer" from "orders" where cast(amount as numeric(10, 2)) > 1',
    "insert into orders (customer) select customer from orders on conflict do nothing returning id",
]


def test_ordinary_statements_run(table, workspace):
    for text in ORDINARY:
        assert run(workspace, text).rows, text


ESCAPES = [
    "reset role",
    "set role postgres",
    "set session authorization flywheel",
    "set statement_timeout = 0",
    "select 1; reset role",
    "select 1; drop table orders",
    "begin",
    "commit",
    "do $$ begin perform 1; end $$",
    "copy orders to '/tmp/x'",
    "copy orders from program 'id'",
    "create table mine (a int)",
    "create temp table mine (a int)",
    "select 1 into temp mine",
    "select * into mine from orders",
    "drop table orders",
    "alter table orders add column x int",
    "truncate orders",
    "grant all on orders to public",
    "create function f() returns int language sql as 'select 1'",
    "explain analyze delete from orders",
    "prepare p as select 1",
    "execute p",
    "listen x",
    "lock table orders",
    "vacuum",
    "call something()",
    "select * from core_user",
    "select * from public.core_user",
    "insert into public.core_workspace values (1)",
    "select * from pg_class",
    "select * from pg_catalog.pg_tables",
    'select * from "pg_catalog"."pg_roles"',
    "select * from pg_catalog . pg_authid",
    "select * from information_schema.tables",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "select pg_sleep(60)",
    'select "pg_sleep"(60)',
    "select pg_catalog.pg_sleep(60)",
    "select pg_sleep/* why */(60)",
    "select pg_terminate_backend(1)",
    "select set_config('statement_timeout', '0', false)",
    "select current_setting('data_directory')",
    "select query_to_xml('select * from core_user', true, true, '')",
    "select table_to_xml('core_user', true, true, '')",
    "select * from ts_stat('select to_tsvector(secret_hash) from core_apikey')",
    "select ts_rewrite('a'::tsquery, 'select 1, 2')",
    "select dblink('host=127.0.0.1', 'select 1')",
    "select 'core_user'::regclass",
    "select cast('core_user' as regclass)",
    "select regclass 'core_user'",
    "select tableoid from orders",
    "select current_user",
    "select user",
    "select version()",
    "select inet_server_addr()",
    "select has_table_privilege('core_user', 'select')",
    "select nextval('orders_id_seq')",
    "select U&'\\0070g_class'",
    'select * from U&"\\0070g_class"',
    "select distinct on (id) pg_sleep(60) from orders",
    "select $a$ $$ $a$, pg_sleep(60), $a$ $a$",
    "select $1",
    "select repeat('x', 1000000000)",
    "select 'unclosed",
    "select /* unclosed",
    "select 1 as pg_x",
    "select \x00 1",
    "update orders set customer = (select email from core_user limit 1)",
    "with x as (select pg_sleep(60)) select 1",
    "select orders.*::text from orders, fw_ws_00000000000000000000000000000000.orders",
    "table pg_database",
    "values (pg_sleep(60))",
    "select (select rolpassword from pg_authid limit 1)",
    "merge into orders using orders o on true when matched then delete",
    "",
    " ; ",
]  # fmt: skip


def test_no_statement_gets_out(table, workspace):
    """Each is refused, within moments, and nothing has changed."""
    let_through = []
    for text in ESCAPES:
        try:
            found = run(workspace, text, timeout_s=2.0)
        except Invalid:
            continue
        let_through.append((text, found.rows))
    assert let_through == []
    assert run(workspace, "select count(*) as n, sum(amount) as total from orders").rows == [
        {"n": 2, "total": 30.5}
    ]


def test_the_role_alone_would_hold_too(table, workspace):
    """The inner wall without the outer one: the same texts as the role itself, not judged by us."""
    other = make_table(make_workspace(), name="secrets")
    login, schema = login_of(workspace), service.place_of(other).schema
    target = connections["default"].settings_dict
    harmful = [
        "reset role; select * from core_user", "set role postgres", "set session authorization flywheel",
        "select * from core_user", "select * from pg_authid", "create table x (a int)", "create schema x",
        f"select * from {schema}.secrets", "copy (select 1) to program 'id'", "copy orders from '/etc/passwd'",
        "select pg_read_file('/etc/passwd')", "alter table orders add column x int", "drop table orders",
        "create role x", "alter role current_user superuser", "grant pg_read_all_data to current_user",
        "create extension dblink", "truncate orders", "alter system set work_mem = '1GB'",
    ]  # fmt: skip
    with psycopg.connect(
        host=target["HOST"], port=target["PORT"], dbname=target["NAME"], user=login.role, password=login.password,
        autocommit=True,
    ) as session:  # fmt: skip
        for text in harmful:
            with pytest.raises(psycopg.Error):
                session.execute(text)
        assert session.execute("show statement_timeout").fetchone() == ("10s",)


def test_another_workspace_sees_nothing_of_it(table, workspace):
    elsewhere = make_workspace()
    make_table(elsewhere, name="other")
    with pytest.raises(Invalid, match="no such table"):
        run(elsewhere, "select * from orders")
    assert run(elsewhere, "select * from other").rows == []


def test_tables_made_later_are_in_reach(table, workspace):
    login_of(workspace)
    make_table(workspace, name="later")
    assert run(workspace, "select count(*) as n from later").rows == [{"n": 0}]


def test_reading_only(table, workspace):
    for text in ("delete from orders", "with gone as (delete from orders returning *) select * from gone"):
        with pytest.raises(Invalid, match="only reads"):
            run(workspace, text, read_only=True)
    assert len(run(workspace, "select * from orders", read_only=True).rows) == 2


def test_limits_of_rows_time_and_size(table, workspace):
    found = run(workspace, "select generate_series(1, 100000000) as n", limit=50)
    assert (len(found.rows), found.truncated) == (50, True)
    with pytest.raises(Unavailable, match="did not end within"):
        run(workspace, "select count(*) from generate_series(1, 1000000000)", timeout_s=0.2)
    with pytest.raises(TooLarge, match="nothing was changed"):
        run(workspace, "update orders set paid = true returning id", limit=1)
    assert run(workspace, "select 1 as n from orders where paid").rows == []


def test_mistakes_are_told_in_the_databases_words(table, workspace):
    for text, words in {
        "select nothing from orders": "nothing",
        "select 1 / 0": "zero",
        "selec": "Only SELECT",
        "select * from orders where amount > :a": "a",
        "insert into orders (amount) values (1)": "customer",
    }.items():
        with pytest.raises(Invalid, match=words):
            run(workspace, text)


def test_cancelling_ends_the_statement_in_the_server(table, workspace):
    login = login_of(workspace)
    statement = parse("select count(*) from generate_series(1, 1000000000)")

    async def begin_and_cancel():
        task = asyncio.create_task(execute(login, statement, {}, timeout_s=30))
        await asyncio.sleep(0.3)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async_to_sync(begin_and_cancel)()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'", [login.role]
        )
        assert cursor.fetchone() == (0,)


def test_without_the_right_to_make_roles_it_says_so(table, workspace, monkeypatch):
    monkeypatch.setattr(roles, "may_create_roles", lambda: False)
    with pytest.raises(FlywheelError, match="CREATEROLE"):
        run(workspace, "select 1")
    assert TableSpace.objects.get(workspace=workspace).role == ""


def test_the_password_is_kept_encrypted_and_not_shown(table, workspace):
    login = login_of(workspace)
    assert login.password not in repr(login)
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM workflows_tablespace")
        assert login.password.encode() not in bytes(cursor.fetchone()[0])


def test_a_deleted_workspace_leaves_no_role(table, workspace):
    login = login_of(workspace)
    workspace.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [login.role])
        assert cursor.fetchone() == (0,)


def test_a_role_that_a_restored_database_came_without_is_made_again(table, workspace):
    before = login_of(workspace)
    with connection.cursor() as cursor:
        cursor.execute(f'DROP OWNED BY "{before.role}"')
        cursor.execute(f'DROP ROLE "{before.role}"')
    assert len(run(workspace, "select * from orders").rows) == 2
    assert login_of(workspace).password != before.password
