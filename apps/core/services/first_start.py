"""What a new installation gets: an administrator, a workspace, and its first content."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import jobs
from apps.core.actors import Actor
from apps.core.models import Job, User, Workspace
from apps.core.services.user import create_first_administrator
from apps.core.services.workspace import create_workspace

FIRST_START = "core.first_start"


@dataclass(frozen=True, slots=True)
class NewInstallation:
    """What `prepare_installation` made; `password` is known here and nowhere else."""

    administrator: User
    password: str
    workspace: Workspace
    job: Job | None


@transaction.atomic
def prepare_installation(*, email: str, password: str = "") -> NewInstallation | None:
    """Set an empty installation up; None when it has an administrator already.

    The first content (providers found, starter workspace) is loaded by a job, so that the first page does not wait.
    """
    created = create_first_administrator(email=email, password=password)
    if created is None:
        return None
    administrator, chosen = created
    actor = Actor.system("setup")
    workspace = create_workspace(actor=actor, name=_("Starter workspace"), owner=administrator)
    job = None
    if settings.LOAD_STARTER_WORKSPACE:
        job = jobs.enqueue(
            FIRST_START, actor=actor, workspace=workspace, title=_("Fill the starter workspace")
        )
    return NewInstallation(administrator, chosen, workspace, job)
