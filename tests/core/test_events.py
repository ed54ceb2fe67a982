"""Events to the browser."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from apps.core import events, jobs
from apps.core.consumers import EventsConsumer
from tests.factories.core import SYSTEM, make_member, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


@jobs.task("tests.events_nothing")
def nothing(ctx: jobs.JobContext) -> None:
    """Do nothing."""


async def connect(user):
    communicator = WebsocketCommunicator(EventsConsumer.as_asgi(), "/ws/events/")
    communicator.scope["user"] = user
    connected, _code = await communicator.connect()
    return communicator, connected


async def test_visitors_are_refused():
    _communicator, connected = await connect(AnonymousUser())
    assert not connected


async def test_a_member_hears_of_a_job_and_a_stranger_does_not():
    workspace = await sync_to_async(make_workspace)()
    member = await sync_to_async(make_member)(workspace)
    stranger = await sync_to_async(lambda: make_member(make_workspace()))()
    job = await sync_to_async(jobs.enqueue)("tests.events_nothing", actor=SYSTEM, workspace=workspace)
    topic = f"job:{job.pk}"

    inside, _ = await connect(member)
    outside, _ = await connect(stranger)
    for page in (inside, outside):
        await page.send_json_to({"action": "subscribe", "topics": [topic]})
    assert await inside.receive_json_from() == {"type": "subscribed", "topic": topic}
    assert await outside.receive_json_from() == {"type": "denied", "topic": topic}

    await sync_to_async(events.publish)(topic, "job", {"state": "running"})
    assert await inside.receive_json_from() == {"topic": topic, "type": "job", "data": {"state": "running"}}
    assert await outside.receive_nothing()
    await inside.disconnect()
    await outside.disconnect()


@pytest.mark.parametrize(
    "message", ["{", "[]", '{"action": "explode"}', '{"action": "subscribe", "topics": 7}']
)
async def test_nonsense_is_answered_with_an_error(message):
    workspace = await sync_to_async(make_workspace)()
    page, _ = await connect(await sync_to_async(make_member)(workspace))
    await page.send_to(text_data=message)
    assert (await page.receive_json_from())["type"] == "error"
    await page.disconnect()


@pytest.mark.parametrize("topic", ["job:", "job:not-an-id", "nothing:1", ""])
async def test_unknown_topics_are_denied(topic):
    workspace = await sync_to_async(make_workspace)()
    page, _ = await connect(await sync_to_async(make_member)(workspace))
    await page.send_json_to({"action": "subscribe", "topics": [topic]})
    assert (await page.receive_json_from())["type"] == "denied"
    await page.disconnect()
