"""Reads that pages need, and who may listen to what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count, Q

from apps.core.models import Job, User, Workspace
from apps.knowledge.models import Chunk, Document, DocumentState, KnowledgeBase
from apps.knowledge.querysets import DocumentQuerySet, KnowledgeBaseQuerySet


def bases_with_counts(user: User, workspace: Workspace) -> KnowledgeBaseQuerySet:
    """The bases of a workspace with `document_count`, `working_count` and `failed_count`."""
    working = ~Q(documents__state__in=[state for state in DocumentState if state.is_final])
    return (
        KnowledgeBase.objects.in_workspace(workspace)
        .visible_to(user)
        .with_models()
        .annotate(
            document_count=Count("documents"),
            working_count=Count("documents", filter=Q(documents__isnull=False) & working),
            failed_count=Count("documents", filter=Q(documents__state=DocumentState.FAILED)),
        )
    )


def documents_of(base: KnowledgeBase, *, state: str = "", search: str = "") -> DocumentQuerySet:
    """Documents of a base for its list, newest first."""
    documents = Document.objects.of_base(base).order_by("-created_at", "-pk")
    if state == "working":
        documents = documents.in_progress()
    elif state in DocumentState.values:
        documents = documents.filter(state=state)
    return documents.filter(name__icontains=search) if search else documents


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A chunk between the ones before and after it."""

    before: list[Chunk]
    chunk: Chunk
    after: list[Chunk]


def neighbourhood(chunk: Chunk, count: int = 2) -> Neighbourhood:
    """The chunk in its document's context."""
    siblings = Chunk.objects.of_generation(chunk.document, chunk.generation)
    before = list(siblings.filter(position__lt=chunk.position).order_by("-position")[:count])
    after = list(siblings.filter(position__gt=chunk.position)[:count])
    return Neighbourhood(before[::-1], chunk, after)


def latest_job(base: KnowledgeBase) -> Job | None:
    """The last change of the base's embedding model."""
    jobs = Job.objects.filter(subject_type="knowledge.knowledgebase", subject_id=str(base.pk))
    return jobs.order_by("-created_at").first()


def bases_by_id(user: User, workspace: Workspace, ids: Iterable[str]) -> list[KnowledgeBase]:
    """The bases that these ids name, as far as the person may read them; malformed ids name nothing."""
    valid = [parsed for value in ids if (parsed := _uuid(value)) is not None]
    return list(
        KnowledgeBase.objects.in_workspace(workspace).visible_to(user).with_models().filter(pk__in=valid)
    )


def may_watch_base(user: User, base_id: str) -> bool:
    """Whether a person may listen to a base's events."""
    return _may_watch(KnowledgeBase.objects.visible_to(user), base_id)


def may_watch_document(user: User, document_id: str) -> bool:
    """Whether a person may listen to a document's events."""
    return _may_watch(Document.objects.visible_to(user), document_id)


def _may_watch(visible: KnowledgeBaseQuerySet | DocumentQuerySet, key: str) -> bool:
    try:
        return visible.filter(pk=key).exists()
    except (ValidationError, ValueError):
        return False


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
