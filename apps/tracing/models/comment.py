"""What somebody wrote beside a trace, one of its observations, or a session."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import CommentQuerySet


class Comment(WorkspaceModel):
    """A remark for the colleagues; no judgement that is counted (that is a score)."""

    access: ClassVar[Access] = Access(add=Role.ANNOTATOR, change=Role.ANNOTATOR, delete=Role.EDITOR)

    trace_id = models.CharField(_("trace id"), max_length=32, blank=True, default="")
    observation_id = models.CharField(_("observation id"), max_length=16, blank=True, default="")
    session_id = models.CharField(_("session"), max_length=200, blank=True, default="")
    text = models.TextField(_("text"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    # still says who it was when the account is gone, or when no person wrote it
    author_label = models.CharField(_("author"), max_length=200, blank=True, default="")
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(session_id="") ^ models.Q(trace_id=""), name="tracing_comment_one_subject"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="tracing_comment_latest"),
            models.Index(
                fields=["workspace", "trace_id"],
                name="tracing_comment_trace",
                condition=~models.Q(trace_id=""),
            ),
            models.Index(
                fields=["workspace", "session_id"],
                name="tracing_comment_session",
                condition=~models.Q(session_id=""),
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]
