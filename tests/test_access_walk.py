"""Every URL and API method, tried by a visitor, a stranger, a viewer and an annotator.

The routes are read from the URL configuration, so a new page is covered the day it is added: one whose place has no
example in `tests.support.examples` fails the walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.core.access import Role
from tests.factories.core import make_member, make_workspace
from tests.support.examples import MARK, Examples

pytestmark = pytest.mark.django_db(transaction=True)

METHODS = ("get", "post", "put", "patch", "delete")
REFUSED = {401, 403, 404, 405}

# Open to visitors on purpose, with the reason.
PUBLIC = {
    "home": "redirects to the console, which asks for a login",
    "health": "load balancers ask without credentials",
    "langfuse_health": "SDKs ask without credentials",
    "javascript-catalog": "translations of the login page",
    "set_language": "changes a cookie only",
    "core_language": "changes a cookie, and the language of the person's own account",
    "admin:login": "the login page",
    "admin:logout": "ends one's own session",
    "admin:jsi18n": "translations of Django's own scripts",
    "agents_share": "the public page of an agent: its token is the permission",
}
# Pages about the person who looks; they name no object of a workspace.
PERSONAL = {"admin:app_list", "admin:None"}

# What the roles below editor may write, and where: everything else must leave the workspace as it was.
WRITES_OF_VIEWERS = {
    "workflow-run": "starts a run of a published workflow",
    "agent-chat": "talks to agents",
    "admin:agents_chat": "opens a conversation of their own",
    "admin:agents_conversation_chat": "opens a conversation of their own",
    "conversation-list": "opens a conversation of their own",
}
WRITES_OF_ANNOTATORS = {
    **WRITES_OF_VIEWERS,
    "annotations-item-next": "takes an item",
    "annotations-item-submit": "judges",
    "annotations-item-skip": "passes an item on",
    "annotations-item-reopen": "corrects a judgement of their own",
    "annotations-item-detail": "opens an item",
    "admin:annotations_desk": "works at the desk",
}


@dataclass(frozen=True)
class Route:
    """A URL pattern with its full name."""

    name: str
    pattern: str
    has_place: bool


def walk(resolver: URLResolver, namespace: str = "", prefix: str = "") -> Iterator[Route]:
    """Yield every route below `resolver`."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(
                entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace, pattern
            )
        elif isinstance(entry, URLPattern):
            yield Route(f"{namespace}{entry.name}", pattern, bool(entry.pattern.regex.groupindex))


def routes() -> list[Route]:
    """All routes but the public ones."""
    return [route for route in walk(get_resolver()) if route.name not in PUBLIC]


@pytest.fixture
def examples() -> Examples:
    """One object of every kind."""
    return Examples.make()


def browser(user) -> Client:
    """Return a session of `user` that reports server errors as responses."""
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def open_route(client: Client, method: str, path: str):
    """Send an empty request; a stream is closed at once."""
    response = getattr(client, method)(path, headers={"Accept": "application/json, text/html"})
    if response.streaming:
        response.close()
    return response


def test_there_are_many_routes():
    assert len(routes()) > 150


def test_a_visitor_gets_nothing(examples):
    client = Client(raise_request_exception=False)
    before = examples.fingerprint()
    wrong = []
    for route in routes():
        path = examples.path_of(route.pattern)
        for method in METHODS:
            response = open_route(client, method, path)
            to_login = response.status_code in {301, 302} and "/login/" in response["Location"]
            if not to_login and response.status_code not in REFUSED:
                wrong.append(f"{method} {path} ({route.name}): {response.status_code}")
    assert not wrong, "\n".join(wrong)
    assert examples.fingerprint() == before


def test_a_stranger_gets_403_or_404_for_every_object_and_changes_nothing(examples):
    client = browser(make_member(make_workspace("Elsewhere"), Role.OWNER))
    before = examples.fingerprint()
    wrong = []
    for route in routes():
        if not route.has_place or route.name in PERSONAL:
            continue
        path = examples.path_of(route.pattern)
        for method in METHODS:
            response = open_route(client, method, path)
            # Django admin answers an object that does not exist for the person with a redirect to its start page
            sent_away = response.status_code == 302 and response["Location"] in {"/admin/", "/admin/login/"}
            if not sent_away and response.status_code not in REFUSED:
                wrong.append(f"{method} {path} ({route.name}): {response.status_code}")
    assert not wrong, "\n".join(wrong)
    assert examples.fingerprint() == before


def test_no_page_shows_a_stranger_anything_of_ours(examples):
    client = browser(make_member(make_workspace("Elsewhere"), Role.OWNER))
    wrong = []
    for route in routes():
        if route.has_place:
            continue
        response = open_route(client, "get", examples.path_of(route.pattern))
        if response.status_code >= 500:
            wrong.append(f"{route.name}: {response.status_code}")
        elif not response.streaming and MARK.encode() in response.content:
            wrong.append(f"{route.name} shows what belongs to another workspace")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("role", "may_write"), [(Role.VIEWER, WRITES_OF_VIEWERS), (Role.ANNOTATOR, WRITES_OF_ANNOTATORS)]
)
def test_looking_roles_change_nothing_they_may_not(examples, role, may_write):
    client = browser(make_member(examples.workspace, role))
    wrong = []
    before = examples.fingerprint()
    for route in routes():
        path = examples.path_of(route.pattern)
        for method in METHODS:
            response = open_route(client, method, path)
            if response.status_code >= 500:
                wrong.append(f"{method} {path} ({route.name}): {response.status_code}")
        after = examples.fingerprint()
        if route.name not in may_write and after != before:
            changed = [table for table in after if after[table] != before.get(table)]
            wrong.append(f"{route.name} ({path}) let a {role} change {changed}")
        before = after
    assert not wrong, "\n".join(wrong)
