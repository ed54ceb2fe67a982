"""A judgement on a trace, an observation, a session or a run over a dataset."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.tracing.models.score_config import ScoreConfig, ScoreDataType
from apps.tracing.querysets import ScoreQuerySet


class ScoreSource(models.TextChoices):
    """Who or what judged."""

    ANNOTATION = "annotation", _("Annotation")
    EVALUATOR = "evaluator", _("Evaluator")
    API = "api", _("API")
    USER = "user", _("End user")


class Score(WorkspaceModel):
    """One value per subject, name, source and author; scoring again replaces it."""

    access: ClassVar[Access] = Access(
        add=Role.ANNOTATOR, change=Role.ANNOTATOR, delete=Role.EDITOR, extra={"feedback": Role.VIEWER}
    )

    trace_id = models.CharField(_("trace id"), max_length=32, blank=True, default="")
    observation_id = models.CharField(_("observation id"), max_length=16, blank=True, default="")
    session_id = models.CharField(_("session"), max_length=200, blank=True, default="")
    # of a run over a dataset, by the id that clients know it by; the run may become known later than its score
    dataset_run_id = models.CharField(_("dataset run"), max_length=200, blank=True, default="")
    name = models.CharField(_("name"), max_length=100)
    data_type = models.CharField(_("type"), max_length=12, choices=ScoreDataType.choices)
    value = models.FloatField(_("value"), null=True, blank=True)
    string_value = models.TextField(_("text value"), blank=True, default="")
    comment = models.TextField(_("comment"), blank=True, default="")
    source = models.CharField(_("source"), max_length=12, choices=ScoreSource.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    # tells authors apart, also after their account is gone
    author_ref = models.CharField(_("author reference"), max_length=200, blank=True, default="")
    config = models.ForeignKey(
        ScoreConfig, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("definition")
    )
    # when it was given, which a client may say; `created_at` is when it arrived
    timestamp = models.DateTimeField(_("given"), default=timezone.now)
    environment = models.CharField(_("environment"), max_length=200, blank=True, default="")
    queue_id = models.CharField(_("annotation queue"), max_length=64, blank=True, default="")
    metadata = JSONField(_("metadata"), null=True, blank=True)

    objects = ScoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "workspace",
                    "trace_id",
                    "observation_id",
                    "session_id",
                    "dataset_run_id",
                    "name",
                    "source",
                    "author_ref",
                ],
                name="tracing_score_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(trace_id="") | ~models.Q(session_id="") | ~models.Q(dataset_run_id=""),
                name="tracing_score_has_subject",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="tracing_score_latest"),
            models.Index(fields=["workspace", "name", "-created_at"], name="tracing_score_name"),
            models.Index(
                fields=["workspace", "session_id"],
                name="tracing_score_session",
                condition=~models.Q(session_id=""),
            ),
            models.Index(
                fields=["workspace", "dataset_run_id"],
                name="tracing_score_run",
                condition=~models.Q(dataset_run_id=""),
            ),
            models.Index(fields=["workspace", "-timestamp", "-id"], name="tracing_score_given"),
            # clients of other systems find their scores by the id they gave them
            models.Index(
                fields=["workspace", "author_ref"],
                name="tracing_score_client",
                condition=models.Q(author_ref__startswith="langfuse:"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.shown_value}"

    @property
    def shown_value(self) -> str:
        """The value as a person reads it."""
        if self.data_type == ScoreDataType.BOOLEAN:
            return str(_("Yes") if self.value else _("No"))
        if self.data_type == ScoreDataType.NUMERIC and self.value is not None:
            return f"{self.value:g}"
        return self.string_value
