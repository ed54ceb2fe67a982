"""People learn by mail that a run waits for them."""

import pytest
from django.core import mail
from django.utils import timezone

from apps.core.exceptions import Invalid, Unavailable
from apps.core.mail import send_mail
from apps.core.models import Job
from apps.workflows.models import RunState, RunWait, WorkflowRun
from apps.workflows.services.run_wait import open_wait
from apps.workflows.services.workflow import create_workflow
from tests.factories.core import SYSTEM
from tests.factories.workflows import greeting
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db

EMAIL = {"to": ["ann@example.org"], "subject": "", "body": ""}


@pytest.fixture
def server(settings):
    settings.MAIL_URL = "smtp://localhost"
    settings.PUBLIC_URL = "https://flywheel.example.com/"


@pytest.fixture
def ask(workspace):
    """Open a wait of a running run."""
    workflow = create_workflow(actor=SYSTEM, workspace=workspace, name="Asks", document=greeting())
    run = WorkflowRun.objects.create(
        workspace=workspace,
        workflow=workflow,
        state=RunState.RUNNING,
        lease_owner="me",
        document=greeting(),
        queued_at=timezone.now(),
    )

    def asked(**email):
        payload = {
            "title": "Please decide",
            "content": "Two of **three**?",
            "delivery": {"page": True, "email": email},
        }
        assert open_wait(run.pk, "me", {"path": "ask", "kind": "approval", "payload": payload}, 0)
        return RunWait.objects.get(run=run)

    return asked


def test_the_message_holds_the_content_and_the_address(server, ask):
    wait = ask(**EMAIL)
    run_queued()
    (message,) = mail.outbox
    assert message.recipients() == ["ann@example.org"]
    assert message.subject == "Please decide"
    assert "Two of **three**?" in message.body
    assert f"https://flywheel.example.com/runs/forms/{wait.token}/" in message.body


def test_subject_and_text_may_be_given(server, ask):
    wait = ask(to=["a@b.io", "c@d.io"], subject="Look\r\nBcc: x@y.z", body="Go to [[url]] now")
    run_queued()
    (message,) = mail.outbox
    assert message.subject == "Look Bcc: x@y.z"
    assert message.body == f"Go to https://flywheel.example.com/runs/forms/{wait.token}/ now"
    assert message.to == []


def test_nothing_is_sent_for_a_wait_that_is_over_or_asks_for_no_mail(server, ask):
    wait = ask()
    assert not Job.objects.filter(task="workflows.mail_wait").exists()
    RunWait.objects.filter(pk=wait.pk).delete()
    wait = ask(**EMAIL)
    RunWait.objects.filter(pk=wait.pk).update(state="answered")
    run_queued()
    assert mail.outbox == []


@pytest.mark.parametrize("email", [{"to": ["nobody"]}, EMAIL])
def test_a_message_that_can_not_be_sent_leaves_a_job_that_says_why(settings, ask, email):
    settings.MAIL_URL = "" if email is EMAIL else "smtp://localhost"
    ask(**{**EMAIL, **email})
    run_queued()
    job = Job.objects.get(task="workflows.mail_wait")
    assert job.state == "failed"
    assert job.error
    assert mail.outbox == []


def test_a_message_needs_addresses_and_a_server(settings):
    settings.MAIL_URL = "smtp://localhost"
    for to in ([], ["x"] * 0, [f"a{n}@b.io" for n in range(60)]):
        with pytest.raises(Invalid):
            send_mail(to=to, subject="s", text="t")
    settings.MAIL_URL = ""
    with pytest.raises(Unavailable):
        send_mail(to=["a@b.io"], subject="s", text="t")
