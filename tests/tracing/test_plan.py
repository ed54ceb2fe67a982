"""Plans: what pages and API lists ask touches the days it must, and enters every large table by an index."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db

LARGE = "tracing_(?:observation|observationpayload|trace|score|rollup|userrollup|tagrollup)"
_SCAN = re.compile(rf"Seq Scan on ({LARGE}(?:_p\d{{8}}|_default)?)(?=\s)")
_PARTITION = re.compile(r" on (tracing_observation(?:payload)?_(?:p\d{8}|default))(?=\s)")
#: Yesterday, today and tomorrow: an hour may lie over midnight, and clocks of clients may be ahead.
NEAR_DAYS = 3


@pytest.fixture
def trace(workspace):
    for days in (1, 2, 3):
        make_trace(workspace, ago_s=86400 * days)
    make_trace(workspace, failed=True, ENVIRONMENT="live", metadata={"a": 1})
    return make_trace(workspace, USER_ID="ada", SESSION_ID="s-1", TAGS='["vip"]')


def plans(captured):
    """The plan of each captured read of a large table, as it would be if the table were large."""
    found = []
    reads = [query["sql"] for query in captured if re.search(rf'(?:FROM|JOIN) "?{LARGE}"?\b', query["sql"])]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in reads:
            if sql.lstrip().startswith(("SELECT", "WITH")):
                cursor.execute("EXPLAIN " + sql)
                found.append((sql, "\n".join(row[0] for row in cursor.fetchall())))
        cursor.execute("SET LOCAL enable_seqscan = on")
    return found


def check(client, url):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    found = plans(captured.captured_queries)
    for sql, plan in found:
        assert not _SCAN.search(plan), f"{url}\n{sql}\n{plan}"
        for table in ("tracing_observation_", "tracing_observationpayload_"):
            days = {name for name in _PARTITION.findall(plan) if name.startswith(table)}
            assert len(days) <= NEAR_DAYS, f"{url}\n{sql}\n{plan}"
    return found


QUERIES = (
    "", "&fragment=facets", "&q=hello+there", "&f=status:is:error", "&f=user_id:is:ada", "&f=session_id:is:s-1",
    "&f=name:is:chat", "&f=environment:is:live", "&f=tags:has:vip", "&f=cost:gt:1", "&f=latency_ms:gt:1",
    "&f=input_tokens:gt:1", "&f=input:contains:x", "&f=input:words:what", "&f=name:contains:hat", "&f=name:not:chat",
    "&f=user_id:contains:da",
)  # fmt: skip
OF_OBSERVATIONS = (
    "&f=model:is:small-1", "&f=type:is:retriever", "&f=level:is:error", "&f=metadata.a:is:1", "&f=metadata.a:gte:1",
    "&f=metadata.a:set", "&f=attributes.a.b:not:x", "&f=ttft_ms:gt:1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "queries"), [("traces", QUERIES), ("observations", (*QUERIES, *OF_OBSERVATIONS))]
)
def test_lists(console, viewer, workspace, trace, kind, queries):
    client = console(viewer)
    for query in queries:
        # the rows are all that a filter changes
        part = "&fragment=rows" if query.startswith(("&f=", "&q=")) else ""
        assert check(client, f"/admin/{kind}/?range=1h{part}{query}")


def test_single_pages_and_figures(console, viewer, workspace, trace):
    client = console(viewer)
    assert check(client, f"/admin/traces/{trace.trace_id}/")
    for url in (
        "/admin/sessions/s-1/",
        "/admin/trace-users/ada/?range=1h",
        "/admin/sessions/?range=1h",
        "/admin/trace-users/?range=1h",
        "/admin/analytics/?range=1h",
        "/admin/analytics/?range=7d",
        "/admin/analytics/?range=7d&tag=vip",
        "/api/v1/metrics/?dimension=tag",
    ):
        check(client, url)


def test_lists_of_the_api(api, viewer, workspace, trace):
    client = api(viewer)
    for url in ("/api/v1/traces/", "/api/v1/traces/?session_id=s-1", "/api/v1/scores/"):
        assert check(client, url)
