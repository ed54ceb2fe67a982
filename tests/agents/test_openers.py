"""From a step of a trace to the prompt version it was made with."""

import pytest

from apps.agents.openers import prompt_address
from apps.agents.services.prompt import add_prompt_version
from apps.core.actors import Actor
from apps.tracing.models import Observation

pytestmark = pytest.mark.django_db


def test_a_step_leads_to_its_prompt_version(workspace, viewer, stranger, system):
    for content in ("Hi.", "Hello."):
        version = add_prompt_version(
            actor=system, workspace=workspace, name="greeting", type="text", content=content, labels=[]
        )

    def address(user, name="greeting", number="2"):
        step = Observation(workspace=workspace, prompt_name=name, prompt_version=number)
        return prompt_address(Actor.for_user(user), step)

    assert address(viewer) == f"/admin/prompts/{version.prompt_id}/?version=2"
    assert address(stranger) is None
    for name, number in (
        ("greeting", "3"),
        ("greeting", ""),
        ("greeting", "9" * 30),
        ("nothing", "1"),
        ("", "1"),
    ):
        assert address(viewer, name, number) is None
