"""Files that belong to inputs, outputs and metadata: pictures, sound, documents."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import MediaQuerySet


def storage_path(media: "Media", _filename: str) -> str:
    """Where content is kept: by its hash, so that the same content is kept once."""
    return f"media/{media.workspace_id}/{media.media_id}"


class Media(WorkspaceModel):
    """Content in the media storage, known by its hash. It was announced first; `uploaded_at` says it is there.

    `media_id` is the first 22 characters of the hash in URL-safe base64: the form in which inputs and outputs refer to
    it (``@@@langfuseMedia:type=…|id=…|source=…@@@``).
    """

    access: ClassVar[Access] = Access(add=Role.ANNOTATOR, change=Role.ANNOTATOR, delete=Role.EDITOR)

    media_id = models.CharField(_("media id"), max_length=22, editable=False)
    #: Of the content, base64.
    sha256 = models.CharField(max_length=44, editable=False)
    content_type = models.CharField(_("type"), max_length=120)
    size = models.PositiveBigIntegerField(_("size"))
    content = models.FileField(_("content"), upload_to=storage_path, max_length=255, blank=True)
    uploaded_at = models.DateTimeField(_("uploaded"), null=True, blank=True, editable=False)

    objects = MediaQuerySet.as_manager()

    class Meta:
        verbose_name = _("media file")
        verbose_name_plural = _("media files")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "media_id"], name="tracing_media_once"),
        ]

    def __str__(self) -> str:
        return self.media_id


class MediaUse(models.Model):
    """Where media is used: a field of an observation or of a dataset's item. What nothing uses is deleted."""

    media = models.ForeignKey(Media, models.CASCADE, related_name="uses", verbose_name=_("media file"))
    trace_id = models.CharField(_("trace id"), max_length=32, blank=True, default="")
    observation_id = models.CharField(_("observation id"), max_length=16, blank=True, default="")
    #: What uses it when it is no trace ("annotations.dataset"), and its id.
    source_type = models.CharField(_("source"), max_length=40, blank=True, default="")
    source_id = models.CharField(_("source id"), max_length=255, blank=True, default="")
    field = models.CharField(_("field"), max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("use of media")
        verbose_name_plural = _("uses of media")
        constraints = [
            models.UniqueConstraint(
                fields=["media", "trace_id", "observation_id", "source_type", "source_id", "field"],
                name="tracing_mediause_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["trace_id"], name="tracing_mediause_trace", condition=~models.Q(trace_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.media_id} {self.field}"
