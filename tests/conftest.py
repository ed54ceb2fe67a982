"""Fixtures of every test."""

from __future__ import annotations

import os

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.models import User, Workspace
from tests.factories.core import SYSTEM, make_api_key, make_member, make_user, make_workspace
from tests.support import flush, template

flush.install()

# A verdict on a change must not depend on luck: CI tries the same examples each time, developers' machines new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_keepdb: bool, django_db_createdb: bool, django_db_blocker
) -> None:
    """Copy the database of this process from one that is migrated already; one that is kept has its tables."""
    if django_db_createdb or not django_db_keepdb:
        with django_db_blocker.unblock():
            connection.settings_dict["TEST"]["TEMPLATE"] = template.migrated_database()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_keepdb: bool, django_db_blocker):
    """End what is still connected at last: the server would wait five seconds for it, and keep the database."""
    yield
    if django_db_keepdb:
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def _clean_cache():
    """Throttles and memos of one test do not reach the next."""
    cache.clear()


@pytest.fixture
def system() -> Actor:
    """The product itself as actor."""
    return SYSTEM


@pytest.fixture
def workspace(db) -> Workspace:
    """A workspace without members."""
    return make_workspace("Acme")


@pytest.fixture
def owner(workspace: Workspace) -> User:
    """An owner of `workspace`."""
    return make_member(workspace, Role.OWNER)


@pytest.fixture
def editor(workspace: Workspace) -> User:
    """An editor of `workspace`."""
    return make_member(workspace, Role.EDITOR)


@pytest.fixture
def annotator(workspace: Workspace) -> User:
    """An annotator of `workspace`."""
    return make_member(workspace, Role.ANNOTATOR)


@pytest.fixture
def viewer(workspace: Workspace) -> User:
    """A viewer of `workspace`."""
    return make_member(workspace, Role.VIEWER)


@pytest.fixture
def stranger(db) -> User:
    """An owner of another workspace."""
    return make_member(make_workspace("Elsewhere"), Role.OWNER)


@pytest.fixture
def superuser(db) -> User:
    """An administrator of the installation."""
    return make_user(superuser=True)


@pytest.fixture
def console():
    """Return `login(user)`: a browser session of that person."""

    def login(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return login


@pytest.fixture
def api(workspace: Workspace):
    """Return `connect(user, scopes=...)`: an API client with a key of that person in `workspace`."""
    from rest_framework.test import APIClient

    def connect(user: User, scopes: tuple[str, ...] = ("read", "write", "chat")) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, user, scopes)}")
        return client

    return connect
