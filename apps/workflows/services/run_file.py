"""Keeping and removing the files of runs."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import TooLarge
from apps.core.ids import is_uuid, uuid7
from apps.core.models import Workspace
from apps.workflows.dsl import types
from apps.workflows.models.run_file import RunFile

if TYPE_CHECKING:
    from apps.workflows.models import WorkflowRun

_READ_BYTES = 1024 * 1024
_UNKNOWN_TYPE = "application/octet-stream"
_DELETE_AT_ONCE = 500
_AUDITED = ("name", "size", "content_type", "sha256")


def upload_file(
    *, actor: Actor, workspace: Workspace, name: str, content: File[bytes] | bytes, content_type: str = ""
) -> RunFile:
    """Keep a file that somebody gives, to be named in the inputs of a run. Raises `TooLarge`."""
    permissions.require_in(actor, "add", RunFile, workspace)
    file = _keep(
        actor=actor,
        workspace=workspace,
        name=name,
        content=content,
        content_type=content_type,
        run_id=None,
        key="",
    )
    audit.record(
        actor=actor, action="workflows.run_file.upload", obj=file, after=audit.snapshot(file, _AUDITED)
    )
    return file


def keep_file(
    *,
    actor: Actor,
    workspace: Workspace,
    run_id: UUID | None,
    key: str,
    name: str,
    content: bytes,
    content_type: str = "",
) -> RunFile:
    """Keep a file that a node made, once per `key`; the run's ledger is its history. Raises `TooLarge`."""
    earlier = RunFile.objects.in_workspace(workspace).filter(key=key).first() if key else None
    return earlier or _keep(
        actor=actor,
        workspace=workspace,
        name=name,
        content=content,
        content_type=content_type,
        run_id=run_id,
        key=key,
    )


def claim_files(*, run: WorkflowRun) -> int:
    """Let a run hold the uploaded files that its inputs name, so that they live as long as it does; how many."""
    ids = set(_file_ids([run.inputs, run.system]))
    if not ids:
        return 0
    return RunFile.objects.in_workspace(run.workspace).unclaimed().filter(pk__in=ids).update(run=run)


def _file_ids(value: Any) -> Iterator[str]:
    """Ids of files anywhere in plain JSON."""
    if isinstance(value, list):
        for item in value:
            yield from _file_ids(item)
    elif isinstance(value, dict):
        identifier = value.get("id")
        if types.is_file(value) and isinstance(identifier, str) and is_uuid(identifier):
            yield identifier
        else:
            yield from _file_ids(list(value.values()))


def delete_unused_files(*, actor: Actor, before: datetime) -> int:
    """Delete files older than `before` that nothing needs, with their content; how many. For retention."""
    gone = 0
    while True:
        old = RunFile.objects.unused().filter(created_at__lt=before).order_by("created_at")
        files = list(old[:_DELETE_AT_ONCE])
        for file in files:
            _remove(file)
        gone += len(files)
        if len(files) < _DELETE_AT_ONCE:
            return gone


def delete_file(*, actor: Actor, file: RunFile) -> None:
    """Delete a file with its content; a run that holds it finds it gone."""
    permissions.require(actor, "delete", file)
    with transaction.atomic():
        audit.record(
            actor=actor, action="workflows.run_file.delete", obj=file, before=audit.snapshot(file, _AUDITED)
        )
        _remove(file)


def _remove(file: RunFile) -> None:
    content = str(file.content.name or "")
    file.delete()
    if content:
        transaction.on_commit(lambda: default_storage.delete(content), robust=True)


def _keep(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    content: File[bytes] | bytes,
    content_type: str,
    run_id: UUID | None,
    key: str,
) -> RunFile:
    source = ContentFile(content) if isinstance(content, bytes) else content
    size, digest = _measure(source)
    clean = clean_name(name, content_type)
    file = RunFile(
        id=uuid7(),
        workspace=workspace,
        run_id=run_id,
        key=key[:200],
        name=clean,
        content_type=(content_type or mimetypes.guess_type(clean)[0] or _UNKNOWN_TYPE)[:120],
        size=size,
        sha256=digest,
        created_by=actor.user,
    )
    file.content.save(clean, source, save=False)
    try:
        with transaction.atomic():
            file.save(force_insert=True)
    except BaseException as error:
        default_storage.delete(str(file.content.name))
        earlier = RunFile.objects.in_workspace(workspace).filter(key=key).first() if key else None
        if isinstance(error, IntegrityError) and earlier is not None:
            return earlier  # another try of the same node was a moment faster
        raise
    return file


def _measure(file: File[bytes]) -> tuple[int, str]:
    """Size and SHA-256, read in pieces; stops at the limit."""
    digest = hashlib.sha256()
    size = 0
    for piece in file.chunks(_READ_BYTES):
        size += len(piece)
        if size > settings.MAX_UPLOAD_BYTES:
            raise TooLarge(
                _("A file may have %(limit)s at most.") % {"limit": filesizeformat(settings.MAX_UPLOAD_BYTES)}
            )
        digest.update(piece)
    file.seek(0)
    return size, digest.hexdigest()


def clean_name(name: str, content_type: str = "") -> str:
    """The last part of a path, without control characters, short enough for the column with its extension kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].encode("utf-8", "ignore").decode()
    printable = " ".join("".join(sign if sign.isprintable() else " " for sign in last).split())
    if not printable.strip(". "):
        printable = "file" + (mimetypes.guess_extension(content_type.partition(";")[0].strip()) or "")
    path = PurePath(printable)
    suffix = path.suffix[:20]
    return f"{printable.removesuffix(path.suffix)[: 255 - len(suffix)]}{suffix}"
