"""Workflows of the starter workspace: documents beside this app, with the tables and the knowledge they use.

Each step looks first whether it was done, so that a loader that was killed goes on where it stopped.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.actors import Actor
from apps.core.exceptions import Conflict, FlywheelError, Unavailable
from apps.core.models import Membership, Role, Workspace
from apps.knowledge.models import KnowledgeBase
from apps.knowledge.services.base import create_base
from apps.knowledge.services.document import add_document
from apps.workflows.models import DataTable, TriggerKind, Workflow, WorkflowRun
from apps.workflows.services.data_table import create_table
from apps.workflows.services.run import Origin, start_run
from apps.workflows.services.workflow import import_document, publish

logger = logging.getLogger(__name__)

DOCUMENTS: Final = Path(__file__).resolve().parent.parent / "starter"
#: In a document, what stands for the knowledge base, whose name is in the installation's language.
BASE_MARK: Final = "@support_answers"

_ORDERS: Final[list[dict[str, Any]]] = [
    {"name": "customer", "type": "text", "required": True},
    {"name": "amount", "type": "number", "required": True},
    {"name": "items", "type": "integer", "default": 1},
]
_TICKETS: Final[list[dict[str, Any]]] = [
    {"name": "topic", "type": "text", "required": True},
    {"name": "question", "type": "text", "required": True},
    {"name": "done", "type": "boolean", "default": False},
]


def load_starter_workflows(actor: Actor, workspace: Workspace) -> None:
    """Make the workflows, publish them, and run those that need nobody; safe to run again."""
    try:
        _tables(actor, workspace)
    except Unavailable as error:
        # a database user without the right to make schemas must not keep the rest of the workspace from being filled
        logger.warning("The example workflows were left out: %s", error.detail)
        return
    base = _base(actor, workspace)
    _workflow(actor, workspace, "support_triage", {BASE_MARK: base.name})
    for name in ("order_check", "weekly_digest"):
        _run_once(workspace, _workflow(actor, workspace, name, {}))


def _tables(actor: Actor, workspace: Workspace) -> None:
    _table(actor, workspace, "orders", _("Orders that the workflow “Order check” kept."), _ORDERS)
    _table(
        actor, workspace, "support_tickets", _("Tickets that the workflow “Support triage” opened."), _TICKETS
    )


def _table(
    actor: Actor, workspace: Workspace, name: str, description: str, columns: list[dict[str, Any]]
) -> None:
    if not DataTable.objects.named(workspace, name).exists():
        create_table(actor=actor, workspace=workspace, name=name, description=description, columns=columns)


def _base(actor: Actor, workspace: Workspace) -> KnowledgeBase:
    name = _("Support answers")
    found = KnowledgeBase.objects.in_workspace(workspace).filter(name=name).first()
    base = found or create_base(
        actor=actor,
        workspace=workspace,
        name=name,
        description=_("What customers of a shop ask. The workflow “Support triage” answers from it."),
    )
    try:
        content = (DOCUMENTS / "support_answers.md").read_bytes()
        add_document(actor=actor, base=base, name="support_answers.md", content=content)
    except Conflict:
        logger.debug("The answers are there already.")
    return base


@transaction.atomic
def _workflow(actor: Actor, workspace: Workspace, file: str, marks: dict[str, str]) -> Workflow:
    text = (DOCUMENTS / f"{file}.yaml").read_text(encoding="utf-8")
    for mark, value in marks.items():
        text = text.replace(mark, value)
    names = {
        "support_triage": _("Support triage"),
        "order_check": _("Order check"),
        "weekly_digest": _("Weekly digest"),
    }
    found = Workflow.objects.in_workspace(workspace).filter(name=names[file]).first()
    workflow = found or import_document(actor=actor, workspace=workspace, content=text, name=names[file])
    if workflow.published_id is None:
        publish(actor=actor, workflow=workflow)
        workflow.refresh_from_db()
    return workflow


def _run_once(workspace: Workspace, workflow: Workflow) -> None:
    """So that the list of runs has something to show; a runner takes it up when there is one."""
    if WorkflowRun.objects.filter(workflow=workflow).exists():
        return
    owner = Membership.objects.filter(workspace=workspace, role=Role.OWNER).select_related("user").first()
    actor = Actor.for_user(owner.user) if owner else Actor.system("setup")
    try:
        start_run(actor=actor, workflow=workflow, origin=Origin(kind=TriggerKind.CONSOLE))
    except FlywheelError:
        logger.warning("The example run was not started.", exc_info=True)
