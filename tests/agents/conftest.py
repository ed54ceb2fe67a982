"""Fixtures of the agents' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from apps.agents.models import Agent
from apps.core.access import Role
from apps.core.models import User, Workspace
from apps.core.streams import close_current_hub
from apps.providers.drivers import pool
from tests.factories.agents import make_agent
from tests.factories.core import make_member, make_workspace
from tests.fakes.model_server import _model_server_thread, model_server

__all__ = ["_model_server_thread", "model_server"]

ORIGIN = (b"origin", b"http://localhost")
HOST = (b"host", b"localhost")


@pytest.fixture
async def hub() -> AsyncIterator[None]:
    """Ends the loop's connections after the test."""
    yield
    await close_current_hub()
    await pool.close()


@pytest.fixture
def acme(transactional_db: None) -> Workspace:
    """A workspace whose rows other connections see."""
    return make_workspace("Acme")


@pytest.fixture
def person(acme: Workspace) -> User:
    """An editor of `acme`."""
    return make_member(acme, Role.EDITOR)


@pytest.fixture
def agent(acme: Workspace, model_server: Any) -> Agent:
    """An agent that echoes."""
    return make_agent(acme, model_server.base_url, opening="Hello!")


def connect_as(user: User | None, path: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Any:
    """A websocket of a signed-in person (or of nobody), through the whole ASGI application."""
    from config.asgi import application

    cookies: tuple[tuple[bytes, bytes], ...] = ()
    if user is not None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        cookies = ((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()),)
    given = dict(headers)
    base = [(name, value) for name, value in (ORIGIN, HOST) if name not in given]
    return WebsocketCommunicator(application, path, headers=[*base, *cookies, *headers])


@pytest.fixture
def connect(hub: None) -> Callable[..., Any]:
    """`await connect(user, path)`: a communicator that has not connected yet."""

    async def open_socket(user: User | None, path: str, *headers: tuple[bytes, bytes]) -> Any:
        return await sync_to_async(connect_as)(user, path, headers)

    return open_socket
