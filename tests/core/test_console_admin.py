"""Lists and forms of the platform's own objects: who gets what, and what writes do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.core.access import Role
from apps.core.models import ApiKey, AuditEntry, Job, JobState, Membership, User, Workspace
from apps.core.services.api_key import find_api_key
from apps.core.services.share import share, shares_of
from tests.factories.core import PASSWORD, SYSTEM, make_api_key, make_member, make_user, make_workspace

OK, LOGIN, DENIED = 200, 302, 403
CORE_LISTS = {
    # list: what a viewer, an administrator of the workspace, and a superuser get
    "core_membership": (OK, OK, OK),
    "core_workspace": (OK, OK, OK),
    "core_job": (OK, OK, OK),
    "core_apikey": (DENIED, OK, OK),
    "core_auditentry": (DENIED, OK, OK),
    "core_user": (DENIED, DENIED, OK),
    "auth_group": (DENIED, DENIED, OK),
    "django_celery_beat_periodictask": (DENIED, DENIED, OK),
}


@pytest.fixture
def admin(workspace):
    """An administrator of `workspace`."""
    return make_member(workspace, Role.ADMIN)


def post(client: Client, name: str, data: dict[str, object], *args: object):
    """Send a form of the console."""
    return client.post(reverse(f"admin:{name}", args=args), data)


def members_form(**fields: object) -> dict[str, object]:
    """Return the management form of the memberships inline, with its rows."""
    rows = {key: value for key, value in fields.items() if key.startswith("memberships-")}
    total = len({key.split("-")[1] for key in rows})
    return {
        "memberships-TOTAL_FORMS": total,
        "memberships-INITIAL_FORMS": sum(1 for key in rows if key.endswith("-id")),
        **fields,
    }


# -- who sees which list


@pytest.mark.parametrize("name", CORE_LISTS)
def test_lists_by_role(console, viewer, admin, superuser, name):
    url = reverse(f"admin:{name}_changelist")
    assert Client().get(url).status_code == LOGIN
    got = tuple(console(person).get(url).status_code for person in (viewer, admin, superuser))
    assert got == CORE_LISTS[name]


@pytest.mark.django_db(transaction=True)
def test_a_filter_that_is_none_shows_the_whole_list(console, admin):
    answer = console(admin).get("/admin/core/job/?queue=%00", follow=True)
    assert answer.redirect_chain == [("/admin/core/job/", 302)]
    assert "all rows are shown" in answer.content.decode()


@pytest.mark.parametrize("name", ["core_membership", "core_apikey", "core_job", "core_auditentry"])
def test_strangers_see_nothing_of_another_workspace(console, workspace, owner, stranger, name):
    make_api_key(workspace, owner)
    Job.objects.create(workspace=workspace, task="core.test", title="Secret job", queue="default")
    client = console(stranger)
    text = client.get(reverse(f"admin:{name}_changelist")).content.decode()
    assert "Secret job" not in text
    assert owner.email not in text
    for row in {"core_apikey": ApiKey, "core_job": Job, "core_membership": Membership}.get(
        name, AuditEntry
    ).objects.filter(workspace=workspace)[:3]:
        url = reverse(f"admin:{name}_change", args=[row.pk])
        assert client.get(url).status_code in {302, 403, 404}
        assert "Acme" not in client.get(url, follow=True).content.decode()


def test_the_raw_schedule_models_are_not_shown(superuser, console):
    page = console(superuser).get(reverse("admin:index")).content.decode()
    assert "crontab" not in page.lower()
    assert console(superuser).get("/admin/django_celery_beat/crontabschedule/").status_code == 404


@pytest.mark.parametrize("name", ["core_job", "core_auditentry", "core_membership", "core_apikey"])
def test_lists_do_not_query_per_row(console, workspace, admin, name):
    client = console(admin)
    url = reverse(f"admin:{name}_changelist")

    def queries() -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == OK
        return len(captured)

    def add_rows(count: int) -> None:
        for number in range(count):
            person = make_member(workspace, Role.EDITOR)
            make_api_key(workspace, person)
            Job.objects.create(
                workspace=workspace, task="core.test", title=f"J{number}", queue="default", created_by=person
            )

    add_rows(2)
    few = queries()
    add_rows(6)
    assert queries() <= few
    assert few <= 16


# -- API keys


def key_form(**changes: object) -> dict[str, object]:
    """Return a valid form for a new key."""
    return {
        "name": "CI",
        "scopes": ["read"],
        "expires_at_0": "",
        "expires_at_1": "",
        "rate_limit_per_minute": "",
        **changes,
    }


def test_the_secret_of_a_new_key_is_shown_once(console, admin, workspace):
    client = console(admin)
    response = post(client, "core_apikey_add", key_form())
    assert response.status_code == OK
    assert "no-store" in response["Cache-Control"]
    secret = re.search(r'value="(fw_[^"]+)"', response.content.decode())[1]
    key = find_api_key(secret)
    assert key is not None
    assert (key.workspace, key.user, key.scopes) == (workspace, admin, ["read"])
    random_part = secret.split("_", 2)[2]
    for url in (reverse("admin:core_apikey_changelist"), reverse("admin:core_apikey_change", args=[key.pk])):
        assert random_part not in client.get(url).content.decode()
    assert random_part not in str(dict(client.session))
    assert random_part not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    "changes", [{"scopes": []}, {"scopes": ["root"]}, {"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}]
)
def test_a_wrong_key_form_creates_nothing(console, admin, changes):
    response = post(console(admin), "core_apikey_add", key_form(**changes))
    assert response.status_code == OK
    assert "fw_" not in re.sub(r"fw-\w+", "", response.content.decode())
    assert not ApiKey.objects.exists()


def test_viewers_cannot_create_or_revoke_keys(console, viewer, workspace, owner):
    make_api_key(workspace, owner)
    key = ApiKey.objects.get()
    assert post(console(viewer), "core_apikey_add", key_form()).status_code == DENIED
    assert post(console(viewer), "core_apikey_revoke", {}, key.pk).status_code == DENIED
    key.refresh_from_db()
    assert key.revoked_at is None
    assert ApiKey.objects.count() == 1


def test_revoking_ends_a_key_and_keeps_the_row(console, admin, workspace, owner):
    secret = make_api_key(workspace, owner)
    key = ApiKey.objects.get()
    assert console(admin).get(reverse("admin:core_apikey_revoke", args=[key.pk])).status_code == DENIED
    assert post(console(admin), "core_apikey_revoke", {}, key.pk).status_code == 302
    assert not find_api_key(secret).is_usable
    assert "Revoked" in console(admin).get(reverse("admin:core_apikey_changelist")).content.decode()


def test_keys_are_revoked_from_the_list(console, admin, workspace, owner):
    make_api_key(workspace, owner)
    key = ApiKey.objects.get()
    form = {"action": "revoke_selected", "_selected_action": [str(key.pk)]}
    post(console(admin), "core_apikey_changelist", form)
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_of_another_workspace_cannot_be_revoked(console, stranger, workspace, owner):
    make_api_key(workspace, owner)
    key = ApiKey.objects.get()
    assert post(console(stranger), "core_apikey_revoke", {}, key.pk).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


# -- members


def test_members_are_added_by_address(console, admin, workspace):
    person = make_user()
    response = post(console(admin), "core_membership_add", {"email": person.email.upper(), "role": "editor"})
    assert response.status_code == 302
    assert Membership.objects.get(user=person).role == Role.EDITOR


def test_an_unknown_address_is_told(console, admin):
    response = post(console(admin), "core_membership_add", {"email": "nobody@example.org", "role": "viewer"})
    assert response.status_code == OK
    assert "There is no active account with this address" in response.content.decode()


def test_nobody_gives_a_role_above_their_own(console, admin, owner, workspace):
    person = make_user()
    client = console(admin)
    response = client.post(
        reverse("admin:core_membership_add"), {"email": person.email, "role": "owner"}, follow=True
    )
    assert "You cannot give or change a role above your own" in response.content.decode()
    assert not Membership.objects.filter(user=person).exists()


def test_a_role_is_changed_and_the_last_owner_stays(console, admin, owner, viewer, workspace):
    membership = Membership.objects.get(user=viewer)
    post(console(admin), "core_membership_change", {"role": "annotator"}, membership.pk)
    membership.refresh_from_db()
    assert membership.role == Role.ANNOTATOR
    own = Membership.objects.get(user=owner)
    response = console(owner).post(
        reverse("admin:core_membership_change", args=[own.pk]), {"role": "viewer"}, follow=True
    )
    assert "last owner" in response.content.decode()
    own.refresh_from_db()
    assert own.role == Role.OWNER


def test_viewers_change_no_roles(console, viewer, owner):
    membership = Membership.objects.get(user=viewer)
    assert (
        post(console(viewer), "core_membership_change", {"role": "owner"}, membership.pk).status_code
        == DENIED
    )
    assert (
        post(console(viewer), "core_membership_delete", {"post": "yes"}, membership.pk).status_code == DENIED
    )
    membership.refresh_from_db()
    assert membership.role == Role.VIEWER


def test_a_member_is_removed(console, admin, viewer):
    membership = Membership.objects.get(user=viewer)
    post(console(admin), "core_membership_delete", {"post": "yes"}, membership.pk)
    assert not Membership.objects.filter(user=viewer).exists()


# -- workspaces


def test_only_superusers_create_workspaces(console, owner, superuser):
    assert post(console(owner), "core_workspace_add", {"name": "New"}).status_code == DENIED
    assert post(console(superuser), "core_workspace_add", {"name": "New"}).status_code == 302
    assert Membership.objects.get(workspace__name="New").user == superuser


def test_a_workspace_is_renamed_with_its_members_in_one_form(console, owner, workspace, viewer):
    rows = list(Membership.objects.filter(workspace=workspace).order_by("created_at"))
    newcomer = make_user()
    form = {"name": "Renamed"}
    for number, row in enumerate(rows):
        form |= {
            f"memberships-{number}-id": row.pk,
            f"memberships-{number}-email": row.user.email,
            f"memberships-{number}-role": "editor" if row.user == viewer else row.role,
        }
    number = len(rows)
    form |= {f"memberships-{number}-email": newcomer.email, f"memberships-{number}-role": "annotator"}
    response = post(console(owner), "core_workspace_change", members_form(**form), workspace.pk)
    assert response.status_code == 302
    workspace.refresh_from_db()
    roles = dict(Membership.objects.filter(workspace=workspace).values_list("user__email", "role"))
    assert workspace.name == "Renamed"
    assert roles == {owner.email: "owner", viewer.email: "editor", newcomer.email: "annotator"}


def test_viewers_do_not_rename_the_workspace(console, viewer, workspace):
    post(console(viewer), "core_workspace_change", members_form(name="Hacked"), workspace.pk)
    workspace.refresh_from_db()
    assert workspace.name == "Acme"


def test_deleting_a_workspace_asks_and_says_how_much_goes(console, owner, workspace):
    Job.objects.create(workspace=workspace, task="core.test", queue="default")
    client = console(owner)
    url = reverse("admin:core_workspace_delete", args=[workspace.pk])
    assert "Jobs" in client.get(url).content.decode() or "jobs" in client.get(url).content.decode()
    client.post(url, {"post": "yes"})
    assert not Workspace.objects.filter(pk=workspace.pk).exists()


# -- accounts


def test_a_superuser_creates_an_account_that_can_log_in(console, superuser):
    form = {"email": "new@example.org", "name": "New Person", "password": PASSWORD}
    assert post(console(superuser), "core_user_add", form).status_code == 302
    user = User.objects.get(email="new@example.org")
    assert (user.first_name, user.is_superuser, user.check_password(PASSWORD)) == ("New Person", False, True)
    login = Client().post(reverse("admin:login"), {"username": "new@example.org", "password": PASSWORD})
    assert login.status_code == 302


@pytest.mark.parametrize(
    "form",
    [{"email": "NEW@example.org", "password": PASSWORD}, {"email": "b@example.org", "password": "1234"}],
)
def test_doubles_and_weak_passwords_are_refused(console, superuser, form):
    make_user(email="new@example.org")
    before = User.objects.count()
    assert post(console(superuser), "core_user_add", form).status_code == OK
    assert User.objects.count() == before


def test_an_account_is_switched_off_and_its_session_ends(console, superuser, viewer):
    theirs = console(viewer)
    form = {"action": "deactivate", "_selected_action": [viewer.pk]}
    post(console(superuser), "core_user_changelist", form)
    viewer.refresh_from_db()
    assert not viewer.is_active
    assert theirs.get(reverse("admin:index")).status_code == LOGIN


def test_the_last_superuser_cannot_lock_everybody_out(console, superuser):
    form = members_form(email=superuser.email, name="", language="")
    response = console(superuser).post(
        reverse("admin:core_user_change", args=[superuser.pk]), form, follow=True
    )
    assert "last active administrator" in response.content.decode()
    superuser.refresh_from_db()
    assert superuser.is_active
    assert superuser.is_superuser


def test_roles_are_given_on_the_account_page(console, superuser, workspace):
    person = make_user()
    form = members_form(
        **{
            "email": person.email,
            "name": "P",
            "language": "",
            "is_active": "on",
            "memberships-0-workspace": workspace.pk,
            "memberships-0-role": "admin",
        }
    )
    assert post(console(superuser), "core_user_change", form, person.pk).status_code == 302
    assert Membership.objects.get(user=person).role == Role.ADMIN


def test_a_superuser_sets_a_password(console, superuser, owner, viewer):
    url = reverse("admin:core_user_password_change", args=[viewer.pk])
    assert console(owner).post(url, {"password": "something-else-99"}).status_code == DENIED
    assert console(superuser).post(url, {"password": "123"}).status_code == OK
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)
    assert console(superuser).post(url, {"password": "something-else-99"}).status_code == 302
    viewer.refresh_from_db()
    assert viewer.check_password("something-else-99")


def test_accounts_are_never_deleted(console, superuser, viewer):
    assert post(console(superuser), "core_user_delete", {"post": "yes"}, viewer.pk).status_code == DENIED
    assert User.objects.filter(pk=viewer.pk).exists()


# -- jobs


@pytest.fixture
def job(workspace):
    """A job that waits."""
    return Job.objects.create(workspace=workspace, task="core.test", title="Waiting", queue="default")


def test_a_job_is_cancelled_by_editors_only(console, viewer, editor, job):
    assert post(console(viewer), "core_job_cancel", {}, job.pk).status_code == DENIED
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert post(console(editor), "core_job_cancel", {}, job.pk).status_code == 302
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_jobs_are_cancelled_from_the_list(console, editor, viewer, job):
    form = {"action": "cancel_selected", "_selected_action": [str(job.pk)]}
    post(console(viewer), "core_job_changelist", form)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    post(console(editor), "core_job_changelist", form)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_failed_job_says_why(console, viewer, workspace):
    failed = Job.objects.create(
        workspace=workspace,
        task="core.test",
        queue="default",
        state=JobState.FAILED,
        error="The disk <is> full.",
    )
    text = console(viewer).get(reverse("admin:core_job_change", args=[failed.pk])).content.decode()
    assert "The disk &lt;is&gt; full." in text
    assert "Cancel the job" not in text


# -- audit log


def test_an_audit_entry_shows_before_and_after_and_cannot_be_changed(console, admin, viewer):
    membership = Membership.objects.get(user=viewer)
    client = console(admin)
    post(client, "core_membership_change", {"role": "annotator"}, membership.pk)
    entry = AuditEntry.objects.get(action="core.membership.update")
    url = reverse("admin:core_auditentry_change", args=[entry.pk])
    text = client.get(url).content.decode()
    assert "<del>viewer</del>" in text
    assert "<ins>annotator</ins>" in text
    assert client.post(url, {"action": "x"}).status_code == DENIED
    assert post(client, "core_auditentry_delete", {"post": "yes"}, entry.pk).status_code == DENIED


@pytest.mark.parametrize(("kind", "expected"), [("create", True), ("delete", False), ("other", False)])
def test_the_audit_log_is_filtered_by_kind(console, admin, kind, expected):
    text = console(admin).get(reverse("admin:core_auditentry_changelist"), {"kind": kind}).content.decode()
    assert ("core.membership.create</code>" in text) is expected


def test_entries_without_a_workspace_are_for_superusers(console, admin, superuser):
    entry = AuditEntry.objects.filter(action="core.user.create", workspace=None).first()
    url = reverse("admin:core_auditentry_change", args=[entry.pk])
    assert console(superuser).get(url).status_code == OK
    assert console(admin).get(url).status_code in {302, 403}


# -- groups, schedule, shares


def test_groups_hold_people(console, superuser, viewer):
    post(console(superuser), "auth_group_add", {"name": "Legal", "members": [viewer.pk]})
    group = Group.objects.get(name="Legal")
    assert list(group.user_set.all()) == [viewer]
    post(console(superuser), "auth_group_change", {"name": "Law", "members": []}, group.pk)
    group.refresh_from_db()
    assert group.name == "Law"
    assert not group.user_set.exists()
    assert AuditEntry.objects.filter(action="core.group.update").exists()


def test_a_scheduled_task_is_paused_and_resumed(console, superuser):
    every, _made = IntervalSchedule.objects.get_or_create(every=5, period="seconds")
    task = PeriodicTask.objects.create(
        name="t", task="core.run_periodic", interval=every, last_run_at=timezone.now()
    )
    client = console(superuser)
    for action, expected in (("disable", False), ("enable", True)):
        post(
            client,
            "django_celery_beat_periodictask_changelist",
            {"action": action, "_selected_action": [task.pk]},
        )
        task.refresh_from_db()
        assert task.enabled is expected


def test_an_object_is_shared_with_a_member_and_taken_back(console, editor, viewer, workspace, job):
    url = reverse("admin:core_share", args=["core.job", job.pk])
    client = console(editor)
    assert client.get(url).status_code == OK
    client.post(url, {"person": viewer.pk, "actions": ["view", "change"]})
    assert [(s.holder, s.actions) for s in shares_of(job)] == [(viewer, ("view", "change"))]
    assert Job.objects.visible_to(viewer, "change").filter(pk=job.pk).exists()
    client.post(url, {"person": viewer.pk})
    assert shares_of(job) == []
    assert not Job.objects.visible_to(viewer, "change").filter(pk=job.pk).exists()


def test_shares_are_given_by_editors_to_members_only(console, viewer, editor, stranger, job):
    url = reverse("admin:core_share", args=["core.job", job.pk])
    assert console(viewer).get(url).status_code == DENIED
    assert console(stranger).get(url).status_code == 404
    assert console(editor).post(url, {"person": stranger.pk, "actions": ["view"]}).status_code == 422
    assert console(editor).post(url, {"person": viewer.pk, "actions": ["rule"]}).status_code == 422
    assert shares_of(job) == []


@pytest.mark.parametrize("label", ["core.nothing", "core.user", "nonsense"])
def test_only_objects_of_a_workspace_are_shared(console, owner, label, job):
    assert console(owner).get(reverse("admin:core_share", args=[label, job.pk])).status_code == 404


def test_a_group_gets_a_share(workspace, viewer, job):
    group = Group.objects.create(name="Readers")
    viewer.groups.add(group)
    share(actor=SYSTEM, obj=job, holder=group, actions=["change"])
    assert Job.objects.visible_to(viewer, "change").filter(pk=job.pk).exists()


def test_the_system_page_notices_a_silent_scheduler(console, superuser):
    every, _made = IntervalSchedule.objects.get_or_create(every=5, period="seconds")
    PeriodicTask.objects.all().delete()
    url = reverse("admin:core_system")
    assert "No run is recorded yet" in console(superuser).get(url).content.decode()
    late = timezone.now() - timedelta(hours=1)
    PeriodicTask.objects.create(name="t", task="core.run_periodic", interval=every, last_run_at=late)
    assert "It has stopped" in console(superuser).get(url).content.decode()


def test_the_system_page_notices_missing_workers(console, superuser, job):
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    assert "nobody takes them" in console(superuser).get(reverse("admin:core_system")).content.decode()


def test_make_workspace_of_the_factories_is_visible_to_superusers(console, superuser):
    make_workspace("Far away")
    assert "Far away" in console(superuser).get(reverse("admin:core_workspace_changelist")).content.decode()
