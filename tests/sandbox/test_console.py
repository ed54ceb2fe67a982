"""The page of the sandbox."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.models import AuditEntry, SandboxPolicy
from apps.core.models.sandbox_policy import POLICY_FIELDS

pytestmark = pytest.mark.django_db


def form(**changes):
    policy = SandboxPolicy()
    return {
        **{name: getattr(policy, name) for name in POLICY_FIELDS if name != "hosts"},
        "hosts": "",
        **changes,
    }


def test_the_page_shows_layers_limits_and_a_place_to_try(sandbox, console, owner):
    page = console(owner).get(reverse("admin:core_sandbox"))
    text = page.content.decode()
    assert page.status_code == 200
    assert "seccomp" in text
    assert "data-sandbox-try" in text
    assert "Save limits" in text


def test_viewers_look_only(sandbox, console, viewer):
    client = console(viewer)
    text = client.get(reverse("admin:core_sandbox")).content.decode()
    assert "seccomp" in text
    assert "data-sandbox-try" not in text
    assert "Save limits" not in text
    assert client.post(reverse("admin:core_sandbox"), form(wall_s=1)).status_code == 403
    assert not SandboxPolicy.objects.exists()


def test_the_reason_is_shown_when_nothing_runs(no_sandbox, console, editor):
    page = console(editor).get(reverse("admin:core_sandbox"))
    assert page.status_code == 200
    assert "No sandbox runs here" in page.content.decode()


def test_a_refusal_is_shown(no_sandbox, settings, console, editor):
    settings.SANDBOX_SOCKET.mkdir()
    (settings.SANDBOX_SOCKET / "refused.txt").write_text("The kernel has <b>no</b> seccomp.")
    text = console(editor).get(reverse("admin:core_sandbox")).content.decode()
    assert "The kernel has &lt;b&gt;no&lt;/b&gt; seccomp." in text


def test_administrators_change_the_limits(no_sandbox, console, owner, workspace):
    client = console(owner)
    changed = form(wall_s=3.5, hosts="API.example.com\n *.example.org \napi.example.com")
    response = client.post(reverse("admin:core_sandbox"), changed)
    assert response.status_code == 302
    policy = SandboxPolicy.objects.get(workspace=workspace)
    assert (policy.wall_s, policy.hosts) == (3.5, ["api.example.com", "*.example.org"])
    assert AuditEntry.objects.filter(action="core.sandbox_policy.update").count() == 1
    assert "api.example.com" in client.get(reverse("admin:core_sandbox")).content.decode()


@pytest.mark.parametrize("wrong", [{"wall_s": "0"}, {"memory_mb": ""}, {"hosts": "http://x"}, {"depth": "x"}])
def test_wrong_limits_are_told_and_nothing_is_lost(no_sandbox, console, owner, wrong):
    response = console(owner).post(reverse("admin:core_sandbox"), form(**wrong))
    assert response.status_code == 422
    assert "fw-field__error" in response.content.decode()
    assert not SandboxPolicy.objects.exists()


def test_the_page_needs_few_queries(no_sandbox, console, owner):
    client = console(owner)
    client.get(reverse("admin:core_sandbox"))
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("admin:core_sandbox"))
    assert len(queries) <= 14, [query["sql"][:90] for query in queries]
