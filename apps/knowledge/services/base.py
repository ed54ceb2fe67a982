"""Creating, changing and deleting knowledge bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from apps.core import audit, jobs, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Job, Workspace
from apps.knowledge.chunking import ChunkingSettings
from apps.knowledge.exceptions import UnsuitableModel
from apps.knowledge.indexing import delete_base_rows, delete_vectors, embed_chunks, missing_vectors
from apps.knowledge.locks import lock_base
from apps.knowledge.models import Chunk, Document, KnowledgeBase
from apps.knowledge.notifications import publish_base
from apps.knowledge.settings import RetrievalSettings
from apps.providers.models import Model, ModelSlot

#: Stands for "the embedding model that every workspace has".
DEFAULT_MODEL: Any = object()
_AUDITED = ("name", "description", "embedding_model", "next_embedding_model", "chunking", "retrieval")


@transaction.atomic
def create_base(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    description: str = "",
    embedding_model: Model | None = DEFAULT_MODEL,
    chunking: ChunkingSettings | Mapping[str, Any] | None = None,
    retrieval: RetrievalSettings | Mapping[str, Any] | None = None,
) -> KnowledgeBase:
    """Create an empty base. Without an embedding model (None) it is searched by full text only."""
    permissions.require_in(actor, "add", KnowledgeBase, workspace)
    model = _default_model(workspace) if embedding_model is DEFAULT_MODEL else embedding_model
    _check_model(model, workspace)
    base = KnowledgeBase.objects.create(
        workspace=workspace,
        name=_name(name),
        description=description.strip(),
        embedding_model=model,
        chunking=_settings(ChunkingSettings, chunking),
        retrieval=_settings(RetrievalSettings, retrieval),
    )
    audit.record(actor=actor, action="knowledge.base.create", obj=base, after=audit.snapshot(base, _AUDITED))
    return base


@transaction.atomic
def update_base(
    *,
    actor: Actor,
    base: KnowledgeBase,
    name: str | None = None,
    description: str | None = None,
    chunking: ChunkingSettings | Mapping[str, Any] | None = None,
    retrieval: RetrievalSettings | Mapping[str, Any] | None = None,
) -> KnowledgeBase:
    """Change what is given. New chunking settings apply to documents indexed from then on."""
    permissions.require(actor, "change", base)
    locked = lock_base(base.pk)
    before = audit.snapshot(locked, _AUDITED)
    if name is not None:
        locked.name = _name(name)
    if description is not None:
        locked.description = description.strip()
    if chunking is not None:
        locked.chunking = _settings(ChunkingSettings, chunking)
    if retrieval is not None:
        locked.retrieval = _settings(RetrievalSettings, retrieval)
    locked.save(update_fields=["name", "description", "chunking", "retrieval", "updated_at"])
    audit.record(
        actor=actor,
        action="knowledge.base.update",
        obj=locked,
        before=before,
        after=audit.snapshot(locked, _AUDITED),
    )
    publish_base(locked)
    return locked


@transaction.atomic
def delete_base(*, actor: Actor, base: KnowledgeBase) -> None:
    """Delete a base with its documents, chunks, vectors and files. Work under way on it stops."""
    permissions.require(actor, "delete", base)
    documents = list(Document.objects.filter(base=base).values_list("pk", "file"))
    _cancel_jobs("knowledge.document", [str(pk) for pk, _file in documents])
    _cancel_jobs("knowledge.knowledgebase", [str(base.pk)])
    audit.record(actor=actor, action="knowledge.base.delete", obj=base, before=audit.snapshot(base, _AUDITED))
    delete_base_rows(base.pk)
    base.delete()
    for _pk, file in documents:
        if file:
            transaction.on_commit(lambda name=file: default_storage.delete(name), robust=True)  # type: ignore[misc]


@transaction.atomic
def change_embedding_model(*, actor: Actor, base: KnowledgeBase, model: Model | None) -> KnowledgeBase:
    """Switch the embedding model. With chunks there, their new vectors are made first, beside the old
    ones."""
    permissions.require(actor, "change", base)
    _check_model(model, base.workspace)
    locked = lock_base(base.pk)
    before = audit.snapshot(locked, _AUDITED)
    _cancel_jobs("knowledge.knowledgebase", [str(base.pk)])
    if model is None or locked.chunk_count == 0 or model.pk == locked.embedding_model_id:
        locked.embedding_model, locked.next_embedding_model = model, None
    else:
        locked.next_embedding_model = model
        jobs.enqueue(
            "knowledge.reembed_base",
            actor=actor,
            workspace=locked.workspace,
            args={"base_id": str(locked.pk)},
            subject=locked,
            title=_("New vectors for “%(base)s”") % {"base": locked.name},
        )
    locked.save(update_fields=["embedding_model", "next_embedding_model", "updated_at"])
    audit.record(
        actor=actor,
        action="knowledge.base.change_model",
        obj=locked,
        before=before,
        after=audit.snapshot(locked, _AUDITED),
    )
    publish_base(locked)
    return locked


def reembed_base(ctx: jobs.JobContext, *, base_id: str) -> None:
    """Make the next model's vectors for all searchable chunks, then let it take over. Resumes where a kill
    left it."""
    base = KnowledgeBase.objects.with_models().filter(pk=base_id).first()
    while base is not None and (model := base.next_embedding_model) is not None:
        chunks = Chunk.objects.filter(base=base, live=True)
        embed_chunks(chunks, model, lambda done, total: ctx.progress(done, total, _("Embedding")))
        ctx.checkpoint()
        if _take_over(base, model):
            return
        base = KnowledgeBase.objects.with_models().filter(pk=base_id).first()


@transaction.atomic
def _take_over(base: KnowledgeBase, model: Model) -> bool:
    """Put the new model in charge, unless chunks came in meanwhile or somebody chose another one."""
    locked = lock_base(base.pk)
    if locked.next_embedding_model_id != model.pk:
        return False
    if missing_vectors(Chunk.objects.filter(base=locked, live=True), model).exists():
        return False
    old = locked.embedding_model_id
    locked.embedding_model, locked.next_embedding_model = model, None
    locked.save(update_fields=["embedding_model", "next_embedding_model", "updated_at"])
    if old is not None and old != model.pk:
        delete_vectors(locked.pk, old)
    audit.record(
        actor=Actor.system("indexing"),
        action="knowledge.base.model_changed",
        obj=locked,
        before={"embedding_model": str(old)},
        after={"embedding_model": str(model.pk)},
    )
    publish_base(locked)
    return True


def _default_model(workspace: Workspace) -> Model | None:
    """The workspace's default embedding model: the local one until a real one is connected."""
    return Model.objects.for_slot(workspace, ModelSlot.EMBEDDING).first()


def _check_model(model: Model | None, workspace: Workspace) -> None:
    if model is None:
        return
    if model.workspace_id != workspace.pk or model.slot != ModelSlot.EMBEDDING:
        raise UnsuitableModel(_("Choose an embedding model of this workspace."))


def _name(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())[:120]
    if not cleaned:
        raise Invalid(_("Give the knowledge base a name."), errors={"name": [_("This field is required.")]})
    return cleaned


def _settings(kind: type[BaseModel], value: BaseModel | Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        settings = value if isinstance(value, kind) else kind.model_validate(dict(value or {}))
    except ValidationError as error:
        errors = {".".join(map(str, item["loc"])) or "settings": [item["msg"]] for item in error.errors()}
        raise Invalid(
            "; ".join(f"{place}: {texts[0]}" for place, texts in errors.items()), errors=errors
        ) from error
    return settings.model_dump(mode="json")


def _cancel_jobs(subject_type: str, subject_ids: list[str]) -> None:
    open_jobs = Job.objects.open().filter(subject_type=subject_type, subject_id__in=subject_ids)
    for job in open_jobs:
        jobs.cancel(actor=Actor.system("knowledge"), job=job)
