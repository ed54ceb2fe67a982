"""The users of the applications: the list, and one of them."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.tracing.models import Grain, UserRollup
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db

LIST = "/admin/trace-users/"


def queries(client, url):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200
    return response.content.decode(), len(captured)


def use(workspace, user_id, **figures):
    """What the rollups say of a user today, by hour and by day."""
    now = timezone.now()
    for grain in (Grain.HOUR, Grain.DAY):
        bucket = now.replace(minute=0, second=0, microsecond=0)
        bucket = bucket if grain == Grain.HOUR else bucket.replace(hour=0)
        known = {"traces": 1, "errors": 0, "tokens": 100, "cost": Decimal("0.5")}
        UserRollup.objects.create(
            workspace=workspace, grain=grain, bucket=bucket, user_id=user_id, **{**known, **figures}
        )


def names(html):
    return re.findall(r'href="/admin/trace-users/([^/"?]+)/"', html)


def test_users_are_listed_by_what_they_used(console, viewer, stranger, workspace):
    client = console(viewer)
    use(workspace, "ada", traces=2, cost=Decimal("1.25"))
    queries(client, LIST)
    _html, before = queries(client, LIST)
    use(workspace, "bob", traces=7, errors=3)
    use(workspace, "cyd", tokens=9_000, cost=Decimal(0))
    use(workspace, "")
    html, after = queries(client, LIST)
    assert names(html) == ["ada", "bob", "cyd"]
    assert "$1.25" in html
    assert after == before <= 14
    for order, first in (
        ("traces", "bob"),
        ("tokens", "cyd"),
        ("errors", "bob"),
        ("name", "ada"),
        ("nonsense", "ada"),
    ):
        assert names(queries(client, f"{LIST}?range=24h&order={order}")[0])[0] == first
    assert names(queries(client, f"{LIST}?q=BO")[0]) == ["bob"]
    assert names(queries(client, f"{LIST}?page=2")[0]) == names(queries(console(stranger), LIST)[0]) == []


def test_the_page_of_a_user_shows_figures_sessions_and_traces(console, viewer, stranger, workspace):
    client = console(viewer)
    user_id = "b/c d\n?"
    address = reverse("admin:tracing_user", args=[user_id])
    make_trace(workspace, USER_ID=user_id, SESSION_ID="s\n1")
    use(workspace, user_id, traces=41, cost=Decimal("3.5"))
    queries(client, address)
    _html, before = queries(client, address)
    for number in range(3):
        trace = make_trace(workspace, USER_ID=user_id, SESSION_ID=f"s {number}", name=f"answer {number}")
    html, after = queries(client, address)
    assert after == before <= 23
    for text in ("41", "$3.50", "answer 2", reverse("admin:tracing_session", args=["s\n1"])):
        assert text in html
    assert address in client.get(trace.get_absolute_url()).content.decode()
    assert client.get(reverse("admin:tracing_user", args=["nobody"])).status_code == 404
    assert console(stranger).get(address).status_code == 404
