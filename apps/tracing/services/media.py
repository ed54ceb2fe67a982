"""Writing media: announced by hash, then uploaded once, then used by any number of fields."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from django.core.files import File
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import TooLarge
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidMedia
from apps.tracing.models import Media, MediaUse

MAX_BYTES: Final = 50 * 2**20
_IN_MEMORY: Final = 2**20
_HASH_BYTES: Final = 32
_ID_CHARS: Final = 22
_TYPE: Final = re.compile(r"(application|audio|font|image|text|video)/[a-z0-9][a-z0-9.+_-]{0,100}")
#: What was announced and never came, and what nothing uses, is forgotten after this time.
KEPT_UNUSED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Use:
    """Where a client says that it uses media."""

    trace_id: str = ""
    observation_id: str = ""
    source_type: str = ""
    source_id: str = ""
    field: str = ""


@transaction.atomic
def announce_media(
    *, actor: Actor, workspace: Workspace, sha256: str, content_type: str, size: int, use: Use
) -> Media:
    """Say that content of this hash (base64) is used, and will be uploaded unless `uploaded_at` says that it is there.

    Raises InvalidMedia, TooLarge.
    """
    permissions.require_in(actor, "add", Media, workspace)
    digest = _digest(sha256)
    content_type = content_type.partition(";")[0].strip().lower()
    if not _TYPE.fullmatch(content_type):
        raise InvalidMedia(_("This type of content is not kept."))
    if size < 0 or size > MAX_BYTES:
        raise TooLarge(_("A file may have %(limit)d MiB at most.") % {"limit": MAX_BYTES // 2**20})
    media, created = Media.objects.get_or_create(
        workspace=workspace,
        media_id=media_id_of(digest),
        defaults={
            "sha256": base64.b64encode(digest).decode(),
            "content_type": content_type,
            "size": size,
        },
    )
    if created:
        audit.record(
            actor=actor, action="tracing.media.create", obj=media, after={"type": content_type, "size": size}
        )
    MediaUse.objects.get_or_create(
        media=media,
        trace_id=use.trace_id[:32],
        observation_id=use.observation_id[:16],
        source_type=use.source_type,
        source_id=use.source_id[:255],
        field=use.field[:40],
    )
    return media


def upload_media(*, media: Media, chunks: Iterable[bytes]) -> Media:
    """Take the content that was announced; whoever holds the address with its signature may send it.

    Raises TooLarge as soon as there is more than was announced, InvalidMedia when it is something else.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            size += len(chunk)
            if size > media.size:
                raise TooLarge(_("This is more than was announced."))
            digest.update(chunk)
            file.write(chunk)
        if size != media.size or base64.b64encode(digest.digest()).decode() != media.sha256:
            raise InvalidMedia(_("This is not the content that was announced."))
        file.seek(0)
        return _keep(media, file)


@transaction.atomic
def _keep(media: Media, file: IO[bytes]) -> Media:
    locked = Media.objects.select_for_update(of=("self",)).get(pk=media.pk)
    if locked.uploaded_at is None:
        locked.content.save("content", File(file), save=False)
        locked.uploaded_at = timezone.now()
        locked.save(update_fields=["content", "uploaded_at", "updated_at"])
    return locked


def forget_uses(*, workspace: Workspace, source_type: str, source_id: str) -> None:
    """Say that a source is gone; what it used goes with the next sweep unless something else does."""
    MediaUse.objects.filter(media__workspace=workspace, source_type=source_type, source_id=source_id).delete()


#: Uses by traces that retention has dropped. A trace may come later than its media, so young ones stay.
_DROP_USES: Final = """
DELETE FROM tracing_mediause u USING tracing_media m
WHERE u.media_id = m.id AND u.trace_id <> '' AND m.updated_at < %s
  AND NOT EXISTS (
      SELECT FROM tracing_trace t WHERE t.workspace_id = m.workspace_id AND t.trace_id = u.trace_id::uuid
  )
"""


def drop_unused_media() -> int:
    """Delete media that nothing uses, and what was announced and never came; returns how many."""
    before = timezone.now() - KEPT_UNUSED
    with connection.cursor() as cursor:
        cursor.execute(_DROP_USES, [before])
    old = Media.objects.filter(updated_at__lt=before)
    gone = [*old.filter(uses=None), *old.filter(uploaded_at=None).exclude(uses=None)]
    for media in gone:
        _delete(media)
    return len(gone)


@transaction.atomic
def _delete(media: Media) -> None:
    name, storage = media.content.name, media.content.storage
    media.delete()
    if name:
        transaction.on_commit(lambda: storage.delete(name), robust=True)


def media_id_of(digest: bytes) -> str:
    """The id that follows from a SHA-256 digest."""
    return base64.urlsafe_b64encode(digest).decode()[:_ID_CHARS]


def _digest(sha256: str) -> bytes:
    try:
        digest = base64.b64decode(sha256, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _HASH_BYTES:
        raise InvalidMedia(_("The hash is SHA-256 in base64."))
    return digest
