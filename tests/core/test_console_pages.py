"""The frame: login, language, start page, error pages, palette, profile."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.access import Role
from apps.core.admin.dashboard import Card
from apps.core.models import AuditEntry, Job, Membership, User, Workspace
from apps.core.templatetags.console import sparkline
from tests.factories.core import PASSWORD, make_member, make_user, make_workspace


def log_in(client: Client, user: User, password: str = PASSWORD):
    """Send the login form."""
    return client.post(reverse("admin:login"), {"username": user.username, "password": password, "next": ""})


def test_home_leads_to_the_login_and_back(viewer):
    client = Client()
    response = client.get("/", follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("admin:login"))
    assert b'id="login-form"' in response.content
    assert log_in(client, viewer).url == reverse("admin:index")


def test_wrong_password_is_told_and_says_nothing_about_the_account(viewer):
    known = log_in(Client(), viewer, "wrong")
    unknown = Client().post(reverse("admin:login"), {"username": "nobody@example.com", "password": "wrong"})
    assert known.status_code == unknown.status_code == 200
    texts = [re.findall(r'role="alert">([^<]+)<', response.content.decode()) for response in (known, unknown)]
    assert texts[0] == texts[1]
    assert texts[0]


def test_guessing_is_slowed_down_and_the_page_says_so(viewer):
    for _attempt in range(settings.LOGIN_FAILURES_PER_ACCOUNT):
        log_in(Client(), viewer, "wrong")
    client = Client()
    response = log_in(client, viewer)
    assert response.status_code == 200
    assert "Too many failed logins" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_logout_needs_a_post_and_ends_the_session(console, viewer):
    client = console(viewer)
    assert client.get(reverse("admin:logout")).status_code == 405
    assert client.post(reverse("admin:logout")).status_code in {200, 302}
    assert client.get(reverse("admin:index")).status_code == 302


def test_password_change_checks_the_rules_and_keeps_this_session(viewer):
    client = Client()
    log_in(client, viewer)
    url = reverse("admin:password_change")
    weak = client.post(url, {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200
    assert "fw-field__error" in weak.content.decode()
    new = "another-Password-18"
    done = client.post(
        url, {"old_password": PASSWORD, "new_password1": new, "new_password2": new}, follow=True
    )
    assert "Your password was changed" in done.content.decode()
    viewer.refresh_from_db()
    assert viewer.check_password(new)


def test_language_is_switched_before_the_login(db):
    client = Client()
    response = client.post(reverse("core_language"), {"language": "zh-hans", "next": reverse("admin:login")})
    assert response.url == reverse("admin:login")
    assert '<html lang="zh-hans"' in client.get(reverse("admin:login")).content.decode()


def test_language_is_kept_with_the_account_and_comes_back_with_the_login(viewer):
    first = Client()
    log_in(first, viewer)
    first.post(reverse("core_language"), {"language": "zh-hans", "next": reverse("admin:index")})
    viewer.refresh_from_db()
    assert viewer.language == "zh-hans"
    assert viewer.first_name == User.objects.get(pk=viewer.pk).first_name

    second = Client()
    log_in(second, viewer)
    assert '<html lang="zh-hans"' in second.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("language", ["xx", "", "../../etc"])
def test_an_unknown_language_changes_nothing(viewer, console, language):
    client = console(viewer)
    client.post(reverse("core_language"), {"language": language, "next": reverse("admin:index")})
    viewer.refresh_from_db()
    assert viewer.language == ""
    assert settings.LANGUAGE_COOKIE_NAME not in client.cookies


def test_the_language_switch_does_not_lead_away(db):
    response = Client().post(reverse("core_language"), {"language": "en", "next": "https://evil.example/"})
    assert response.url == reverse("admin:index")


def test_start_page_shows_jobs_and_needs_few_queries(console, owner, workspace):
    for number in range(8):
        Job.objects.create(workspace=workspace, task="core.test", title=f"Job {number}", queue="default")
    client = console(owner)
    client.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as queries:
        response = client.get(reverse("admin:index"))
    text = response.content.decode()
    assert "Job 7" in text
    assert "Job 1" not in text
    assert len(queries) <= 30, [query["sql"][:90] for query in queries]


def test_people_without_a_workspace_are_told_what_to_do(console, db):
    text = console(make_user()).get(reverse("admin:index")).content.decode()
    assert "You do not belong to a workspace yet" in text
    assert "Ask an administrator" in text


def test_viewers_see_only_their_own_acts_on_the_start_page(console, viewer, workspace, system):
    entry = {"workspace": workspace, "action": "core.test", "object_type": "core.job", "object_id": "1"}
    AuditEntry.objects.create(actor_id=viewer.pk, actor_label="me", object_label="Mine", **entry)
    AuditEntry.objects.create(actor_id=None, actor_label="x", object_label="Of somebody else", **entry)
    text = console(viewer).get(reverse("admin:index")).content.decode()
    assert "Mine" in text
    assert "Of somebody else" not in text


def test_switching_the_workspace_needs_membership(console, owner, stranger):
    client = console(owner)
    other = Workspace.objects.get(name="Elsewhere")
    second = make_workspace("Second")
    Membership.objects.create(workspace=second, user=owner, role=Role.VIEWER)
    client.post(reverse("admin:switch_workspace", args=[second.pk]))
    assert client.get(reverse("admin:index")).context["request"].workspace == second
    client.post(reverse("admin:switch_workspace", args=[other.pk]))
    assert client.get(reverse("admin:index")).context["request"].workspace == second
    assert client.get(reverse("admin:switch_workspace", args=[second.pk])).status_code == 405


def test_palette_finds_pages_by_role(console, owner, viewer):
    url = reverse("admin:core_palette")
    titles = [item["title"] for item in console(owner).get(url, {"q": "aud"}).json()["items"]]
    assert "Audit log" in titles
    assert console(viewer).get(url, {"q": "audit"}).json()["items"] == []
    assert Client().get(url).status_code == 302


def test_profile_changes_name_and_language(console, viewer):
    client = console(viewer)
    url = reverse("admin:core_profile")
    assert client.get(url).status_code == 200
    response = client.post(url, {"name": "New Name", "language": "zh-hans"})
    assert response.status_code == 302
    viewer.refresh_from_db()
    assert (viewer.first_name, viewer.language) == ("New Name", "zh-hans")
    assert client.post(url, {"name": "x" * 200, "language": "xx"}).status_code == 422
    viewer.refresh_from_db()
    assert viewer.first_name == "New Name"


def test_profile_is_open_without_a_workspace(console, db):
    assert console(make_user()).get(reverse("admin:core_profile")).status_code == 200


@pytest.mark.parametrize("who", ["viewer", "owner"])
def test_system_page_is_for_superusers(request, console, superuser, who):
    url = reverse("admin:core_system")
    assert Client().get(url).status_code == 302
    assert console(request.getfixturevalue(who)).get(url).status_code == 403
    text = console(superuser).get(url).content.decode()
    assert "PostgreSQL" in text
    assert "indexing" in text


def test_error_pages_are_ours(console, viewer):
    client = console(viewer)
    missing = client.get("/no/such/page/")
    assert missing.status_code == 404
    assert "This page does not exist" in missing.content.decode()
    forbidden = client.get(reverse("admin:core_system"))
    assert "You may not open this page" in forbidden.content.decode()


def test_error_page_speaks_the_language_of_the_visitor(db):
    response = Client().get("/no/such/page/", headers={"accept-language": "zh-hans"})
    assert '<html lang="zh-hans"' in response.content.decode()


def test_every_page_has_a_skip_link_and_no_foreign_address(console, superuser, workspace):
    make_member(workspace, Role.OWNER)
    client = console(superuser)
    for name in (
        "index",
        "core_job_changelist",
        "core_user_add",
        "core_profile",
        "core_system",
        "password_change",
    ):
        text = client.get(reverse(f"admin:{name}")).content.decode()
        assert 'class="fw-skip-link" href="#content"' in text, name
        assert 'id="content"' in text, name
        loaded = re.findall(r'(?:src|href)="(https?:)?//', text)
        assert loaded == [], name


def test_sparkline_draws_a_line_for_two_values_or_more():
    assert sparkline([]) == sparkline([3]) == ""
    assert sparkline([0, 0, 0]) == ""
    rising = sparkline([0, 5, 10])
    assert 'points="0.0,34.0 60.0,18.0 120.0,2.0"' in rising


def test_cards_may_carry_a_series():
    assert Card(title="Runs", value="3", series=(1, 2, 3)).series == (1, 2, 3)


def test_one_entry_of_the_navigation_is_active(console, superuser, workspace):
    client = console(superuser)
    for name in ("index", "core_job_changelist", "core_user_add", "core_system"):
        text = client.get(reverse(f"admin:{name}")).content.decode()
        assert text.count('aria-current="page"') == 1, name


def test_nothing_in_the_navigation_is_dead(console, owner, superuser):
    for person in (owner, superuser):
        client = console(person)
        links = re.findall(
            r'class="fw-nav-link[^>]*href="([^"]+)"', client.get(reverse("admin:index")).content.decode()
        )
        assert len(links) > 5
        assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_palette_finds_objects_of_the_workspace_only(console, owner, stranger, workspace):
    from apps.providers.models import Provider

    provider = Provider.objects.in_workspace(workspace).first()
    url = reverse("admin:core_palette")
    found = console(owner).get(url, {"q": provider.name[:5]}).json()["items"]
    address = reverse("admin:providers_provider_change", args=[provider.pk])
    assert address in [item["url"] for item in found]
    foreign = console(stranger).get(url, {"q": provider.name[:5]}).json()["items"]
    assert address not in [item["url"] for item in foreign]
