"""The starter workspace: what a new installation shows, made by really running the product once.

A knowledge base of the product's own documentation, an agent on it, three conversations, and a queue over them. Each
step looks first whether it was done, so that a loader that was killed goes on where it stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils.translation import gettext as _

from apps.agents.exceptions import AnswerFailedError
from apps.agents.models import Agent, Conversation
from apps.agents.services.agent import create_agent
from apps.agents.services.answer import ask_and_wait
from apps.agents.services.conversation import start_conversation
from apps.annotations.models import AnnotationQueue
from apps.annotations.services.starter import create_starter_queue
from apps.core import jobs
from apps.core.actors import Actor
from apps.core.exceptions import Conflict
from apps.core.models import Job, JobState, Membership, Role, Workspace
from apps.core.streams import close_current_hub
from apps.knowledge.models import Document, DocumentState, KnowledgeBase
from apps.knowledge.services.base import create_base
from apps.knowledge.services.document import add_document
from apps.providers.models import Model, ModelSlot

logger = logging.getLogger(__name__)

DOCUMENTATION: Final = Path(settings.BASE_DIR) / "docs"
# pages for readers of the source, not for users of the product
LEFT_OUT: Final = ("adr/", "benchmarks.md")
LONGEST_WAIT_S: Final = 600.0
POLL_S: Final = 0.2


def load_starter_workspace(actor: Actor, workspace: Workspace) -> None:
    """Fill a workspace with the starter content; safe to run again."""
    base = _base(actor, workspace)
    _add_documentation(actor, base)
    _index(base)
    agent = _agent(actor, workspace, base)
    for question in _questions():
        _converse(_person(workspace, actor), agent, question)
    if not AnnotationQueue.objects.in_workspace(workspace).exists():
        create_starter_queue(actor=actor, workspace=workspace, agent=agent)


def _base(actor: Actor, workspace: Workspace) -> KnowledgeBase:
    name = _("Flywheel documentation")
    found = KnowledgeBase.objects.in_workspace(workspace).filter(name=name).first()
    return found or create_base(
        actor=actor,
        workspace=workspace,
        name=name,
        description=_("The product's own handbook: concepts, how-to guides, operations."),
    )


def _add_documentation(actor: Actor, base: KnowledgeBase) -> None:
    for path in _pages():
        try:
            add_document(
                actor=actor,
                base=base,
                name=str(path.relative_to(DOCUMENTATION)).replace("/", " – "),
                content=path.read_bytes(),
            )
        except Conflict:
            continue  # added by an earlier attempt


def _pages() -> Iterable[Path]:
    pages = sorted(DOCUMENTATION.rglob("*.md"))
    return [page for page in pages if not str(page.relative_to(DOCUMENTATION)).startswith(LEFT_OUT)]


def _index(base: KnowledgeBase) -> None:
    """Index here what no other worker has begun, and wait for the rest."""
    for job in Job.objects.in_workspace(base.workspace).filter(state=JobState.QUEUED, queue="indexing"):
        jobs.run_job(job.pk)
    deadline = time.monotonic() + LONGEST_WAIT_S
    final = (DocumentState.READY, DocumentState.FAILED, DocumentState.CANCELLED)
    while Document.objects.filter(base=base).exclude(state__in=final).exists():
        if time.monotonic() > deadline:
            logger.warning("The documentation is not indexed yet; the examples go on without the rest of it.")
            return
        time.sleep(POLL_S)


def _agent(actor: Actor, workspace: Workspace, base: KnowledgeBase) -> Agent:
    name = _("Flywheel guide")
    found = Agent.objects.in_workspace(workspace).filter(name=name).first()
    return found or create_agent(
        actor=actor,
        workspace=workspace,
        name=name,
        description=_("Answers questions about Flywheel from its handbook."),
        model=Model.objects.for_slot(workspace, ModelSlot.CHAT).first(),
        knowledge_bases=[base],
        instructions=_(
            "You help people who are new to Flywheel. Answer from the passages only, briefly and concretely; "
            "name the page or menu where something is done. Say so when the passages do not hold the answer."
        ),
        opening=_("Hello! Ask me anything about Flywheel."),
        suggested_questions=list(_questions()),
    )


def _questions() -> tuple[str, ...]:
    return (
        _("Which roles are there in a workspace, and what may an annotator do?"),
        _("How do I add documents to a knowledge base?"),
        _("What happens to a running answer when I close the tab?"),
    )


def _person(workspace: Workspace, fallback: Actor) -> Actor:
    """Ask in the name of the owner, who will find the conversations in their history."""
    owner = Membership.objects.filter(workspace=workspace, role=Role.OWNER).select_related("user").first()
    return Actor.for_user(owner.user) if owner else fallback


def _converse(person: Actor, agent: Agent, question: str) -> None:
    earlier = Conversation.objects.filter(agent=agent, messages__content=question).first()
    if earlier is not None:
        return
    conversation = start_conversation(actor=person, agent=agent)
    try:
        async_to_sync(_answer)(person, conversation, question)
    except AnswerFailedError:
        # a registered model that cannot answer now must not keep the workspace from being usable
        logger.warning("The example question was not answered.", exc_info=True)


async def _answer(person: Actor, conversation: Conversation, question: str) -> None:
    """Ask on an event loop of its own, and give its connections back."""
    try:
        await ask_and_wait(actor=person, conversation=conversation, text=question)
    finally:
        await close_current_hub()
