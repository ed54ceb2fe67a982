"""Sums over the observations of a minute, an hour, six hours or a day, written by `services.rollup` alone."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.models import Workspace
from apps.tracing.models.fields import TraceIdField


class Grain(models.IntegerChoices):
    """How long a row's time is, in minutes."""

    MINUTE = 1, _("Minute")
    HOUR = 60, _("Hour")
    QUARTER = 360, _("Quarter of a day")
    DAY = 1440, _("Day")


class Level(models.IntegerChoices):
    """By how much rows are told apart: charts that ask for little read few rows."""

    BASE = 0, _("By type, model and environment")
    FULL = 1, _("By everything")
    # of tags alone, of which there are many: none is told apart by everything
    NARROW = 2, _("By environment")
    TYPED = 3, _("By type and environment")
    TRACE = 4, _("By trace, prompt and environment")


class Owner(models.TextChoices):
    """What a trace is a trace of, where that is known; then its name is the owner's."""

    NONE = "", _("Unknown")
    AGENT = "agent", _("Agent")
    WORKFLOW = "workflow", _("Workflow")


class StepRollup(models.Model):
    """What the observations of one kind in one stretch of time add up to.

    `root` tells the first steps of traces, which stand for the trace, from the others. `name` is the trace's, which is
    the agent's or the workflow's when `owner` says so; `key` is a hash of everything that tells rows of one time apart.
    `latency` and `ttft` count durations by the slots of `rollups.histogram`; no `ttft`: no first token was seen.
    """

    access: ClassVar[Access] = Access()

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    bucket = models.DateTimeField(_("from"))
    key = models.BigIntegerField(_("key"))
    count = models.BigIntegerField(_("count"))
    errors = models.BigIntegerField(_("errors"))
    input_tokens = models.BigIntegerField(_("input tokens"))
    output_tokens = models.BigIntegerField(_("output tokens"))
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10)
    level = models.SmallIntegerField(_("level"), choices=Level.choices)
    grain = models.SmallIntegerField(_("grain"), choices=Grain.choices)
    root = models.BooleanField(_("first step"))
    type = models.TextField(_("type"))
    model = models.TextField(_("model"))
    environment = models.TextField(_("environment"))
    name = models.TextField(_("trace"))
    owner = models.TextField(_("owner"), choices=Owner.choices)
    prompt_name = models.TextField(_("prompt"))
    prompt_version = models.TextField(_("prompt version"))
    latency = ArrayField(models.IntegerField(), verbose_name=_("latency"))
    ttft = ArrayField(models.IntegerField(), verbose_name=_("time to first token"), null=True)

    class Meta:
        abstract = True


class Rollup(StepRollup):
    """Sums of all observations."""

    pk = models.CompositePrimaryKey("workspace_id", "level", "grain", "root", "bucket", "key")

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")

    def __str__(self) -> str:
        return f"{self.bucket} {self.type} {self.model}"


class TagRollup(StepRollup):
    """Sums of the observations of traces with one tag; "" stands for all that the day does not tell apart.

    `part` is a hash of type, model or name, whichever the level is most filtered by. Histograms end with the last slot
    that holds something.
    """

    pk = models.CompositePrimaryKey("workspace_id", "level", "grain", "root", "bucket", "tag", "part", "key")
    tag = models.TextField(_("tag"))
    part = models.BigIntegerField(_("part"))

    class Meta:
        verbose_name = _("rollup of a tag")
        verbose_name_plural = _("rollups of tags")

    def __str__(self) -> str:
        return f"{self.bucket} {self.tag} {self.type} {self.model}"


class RollupTag(models.Model):
    """A tag that the rollups of one day tell apart: a bounded number of them. `regular`: earlier days knew it."""

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "tag", "day")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    day = models.DateField(_("day"))
    tag = models.TextField(_("tag"))
    regular = models.BooleanField(_("regular"))

    class Meta:
        verbose_name = _("tag of a day")
        verbose_name_plural = _("tags of a day")
        indexes = [models.Index(fields=["workspace", "day"], name="tracing_rolluptag_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.tag}"


class CountedTags(models.Model):
    """The tags that all steps of a trace have been counted under; `day` is when the trace began (UTC)."""

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "trace_id")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    trace_id = TraceIdField(_("trace id"))
    day = models.DateField(_("day"))
    tags = ArrayField(models.TextField(), verbose_name=_("tags"))

    class Meta:
        verbose_name = _("counted tags of a trace")
        verbose_name_plural = _("counted tags of traces")
        # rows come in the order of days: few bytes find those that are over
        indexes = [BrinIndex(fields=["day"], pages_per_range=32, name="tracing_countedtags_day")]

    def __str__(self) -> str:
        return str(self.trace_id)


class TagChange(models.Model):
    """A trace that got tags otherwise than by a new step: from a person, or by a step that was written anew."""

    access: ClassVar[Access] = Access()

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    trace_id = TraceIdField(_("trace id"))

    class Meta:
        verbose_name = _("changed tags of a trace")
        verbose_name_plural = _("changed tags of traces")

    def __str__(self) -> str:
        return str(self.trace_id)


class PersonRollup(models.Model):
    """What the observations of an hour or a day add up to that one user or one session caused."""

    access: ClassVar[Access] = Access()

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    grain = models.SmallIntegerField(_("grain"), choices=Grain.choices)
    bucket = models.DateTimeField(_("from"))
    traces = models.BigIntegerField(_("traces"))
    errors = models.BigIntegerField(_("errors"))
    tokens = models.BigIntegerField(_("tokens"))
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10)

    class Meta:
        abstract = True


class UserRollup(PersonRollup):
    """What one user's observations add up to."""

    pk = models.CompositePrimaryKey("workspace_id", "grain", "bucket", "user_id")
    user_id = models.TextField(_("user"))

    class Meta:
        verbose_name = _("rollup of a user")
        verbose_name_plural = _("rollups of users")
        indexes = [
            models.Index(fields=["workspace", "user_id", "grain", "bucket"], name="tracing_userrollup_user"),
            models.Index(fields=["workspace", "grain", "bucket", "-cost"], name="tracing_userrollup_dearest"),
        ]

    def __str__(self) -> str:
        return f"{self.bucket} {self.user_id}"


class SessionRollup(PersonRollup):
    """What one session's observations add up to."""

    pk = models.CompositePrimaryKey("workspace_id", "grain", "bucket", "session_id")
    session_id = models.TextField(_("session"))

    class Meta:
        verbose_name = _("rollup of a session")
        verbose_name_plural = _("rollups of sessions")
        indexes = [
            models.Index(fields=["workspace", "grain", "bucket", "-cost"], name="tracing_sessionrollup_dear")
        ]

    def __str__(self) -> str:
        return f"{self.bucket} {self.session_id}"


class ScoreRollup(models.Model):
    """Scores of one name and category in one stretch of time; a row is counted anew when one of its scores changes.

    `category` is the value of scores without a number, and yes or no. `total` adds up the numbers, of which there are
    `count`.
    """

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "grain", "bucket", "key")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    grain = models.SmallIntegerField(_("grain"), choices=Grain.choices)
    bucket = models.DateTimeField(_("from"))
    key = models.BigIntegerField(_("key"))
    count = models.BigIntegerField(_("count"))
    total = models.FloatField(_("total"), null=True)
    score = models.TextField(_("score"))
    category = models.TextField(_("category"))
    source = models.TextField(_("source"))
    environment = models.TextField(_("environment"))
    name = models.TextField(_("trace"))
    owner = models.TextField(_("owner"), choices=Owner.choices)

    class Meta:
        verbose_name = _("rollup of scores")
        verbose_name_plural = _("rollups of scores")

    def __str__(self) -> str:
        return f"{self.bucket} {self.score}"


class ScoreChange(models.Model):
    """A minute in which a score was made, changed or deleted: a trigger on the scores notes it down."""

    access: ClassVar[Access] = Access()

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    minute = models.DateTimeField(_("minute"))

    class Meta:
        verbose_name = _("changed minute of scores")
        verbose_name_plural = _("changed minutes of scores")

    def __str__(self) -> str:
        return str(self.minute)


class RollupProgress(models.Model):
    """Up to where received observations have been added up, and up to where by tag. There is one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    received_before = models.DateTimeField(_("received before"))
    # None: not begun, which is where an installation stands that has added up without tags
    tagged_before = models.DateTimeField(_("added up by tag before"), null=True)

    class Meta:
        verbose_name = _("progress of the rollups")
        verbose_name_plural = _("progress of the rollups")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="tracing_rollup_one_row")]

    def __str__(self) -> str:
        return str(self.received_before)
