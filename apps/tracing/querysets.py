"""What may be read, and the filters that pages and the API share."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

from django.db import models

from apps.core.querysets import WorkspaceQuerySet
from apps.tracing import terms
from apps.tracing.ids import is_trace_id

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from apps.core.models import User, Workspace

    # named in text below, where the linter does not look
    from apps.tracing.models.alert import Alert  # noqa: F401
    from apps.tracing.models.alert_event import AlertEvent  # noqa: F401
    from apps.tracing.models.comment import Comment  # noqa: F401
    from apps.tracing.models.dashboard import Dashboard  # noqa: F401
    from apps.tracing.models.forwarder import TraceForwarder  # noqa: F401
    from apps.tracing.models.known_value import KnownValue  # noqa: F401
    from apps.tracing.models.masking_rule import MaskingRule  # noqa: F401
    from apps.tracing.models.media import Media  # noqa: F401
    from apps.tracing.models.observation import Observation
    from apps.tracing.models.payload import ObservationPayload
    from apps.tracing.models.saved_view import SavedView  # noqa: F401
    from apps.tracing.models.score import Score  # noqa: F401
    from apps.tracing.models.score_config import ScoreConfig  # noqa: F401
    from apps.tracing.models.span_draft import SpanDraft  # noqa: F401
    from apps.tracing.models.trace import Trace
    from apps.tracing.models.trace_export import TraceExport  # noqa: F401
    from apps.tracing.models.trace_retention import TraceRetention
    from apps.tracing.models.widget import Widget  # noqa: F401


class TraceQuerySet(WorkspaceQuerySet["Trace"]):
    """Trace summaries."""

    def between(self, start: datetime, end: datetime) -> Self:
        """Traces that started in a time range, `end` excluded."""
        return self.filter(start_time__gte=start, start_time__lt=end)

    def with_text(self, text: str) -> Self:
        """Traces whose name, input or output preview contains `text`, case ignored; or whose id it is."""
        return self.filter(_mentions(text))

    def of_session(self, session_id: str) -> Self:
        """Traces of one session, oldest first."""
        return self.filter(session_id=session_id).exclude(session_id="").order_by("start_time", "id")


class ObservationQuerySet(WorkspaceQuerySet["Observation"]):
    """Observations."""

    def visible_to(self, user: "User | AbstractBaseUser | AnonymousUser", action: str = "view") -> Self:
        """Observations of workspaces where the role of `user` includes `action`; single ones can't be shared."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(self._in_role(cast("User", user), action))

    def with_text(self, text: str) -> Self:
        """Observations with `text` in name, input or output preview, case ignored; or whose trace's id it is."""
        return self.filter(_mentions(text))

    def of_trace(self, trace: "Trace") -> Self:
        """Observations of `trace`, in the order they started; only the partitions of its time are read."""
        return self.filter(**_key(trace)).order_by("start_time", "span_id")

    def of_traces(self, traces: Collection["Trace"]) -> Self:
        """Observations of traces of one workspace; only the partitions of their time are read."""
        return self.filter(**_keys(traces)) if traces else self.none()

    def with_duration(self) -> Self:
        """How long each took under the alias `duration`, for conditions."""
        return self.alias(
            duration=models.ExpressionWrapper(
                models.F("end_time") - models.F("start_time"), output_field=models.DurationField()
            )
        )


class ObservationPayloadQuerySet(WorkspaceQuerySet["ObservationPayload"]):
    """Payloads of observations."""

    def of_trace(self, trace: "Trace") -> Self:
        """Payloads of all observations of `trace`."""
        return self.filter(**_key(trace))

    def of_traces(self, traces: Collection["Trace"]) -> Self:
        """Payloads of all observations of traces of one workspace."""
        return self.filter(**_keys(traces)) if traces else self.none()

    def of_steps(self, steps: Collection["Observation"]) -> Self:
        """Payloads of observations of one workspace, and perhaps of others of the same traces and ids."""
        if not steps:
            return self.none()
        starts = [step.start_time for step in steps]
        return self.filter(
            workspace_id=next(iter(steps)).workspace_id,
            trace_id__in={step.trace_id for step in steps},
            span_id__in={step.span_id for step in steps},
            start_time__gte=min(starts),
            start_time__lte=max(starts),
        )

    def of(self, observation: "Observation") -> Self:
        """The payload of one observation."""
        return self.filter(
            workspace_id=observation.workspace_id,
            trace_id=observation.trace_id,
            span_id=observation.span_id,
            start_time=observation.start_time,
        )

    def packed(self) -> "models.QuerySet[ObservationPayload, bytes]":
        """The texts as they are stored, for readers that don't unpack all of them."""
        as_stored = models.ExpressionWrapper(models.F("texts"), output_field=models.BinaryField())
        return self.values_list(as_stored, flat=True)


def _key(trace: "Trace") -> dict[str, Any]:
    return {
        "workspace_id": trace.workspace_id,
        "trace_id": trace.trace_id,
        "start_time__gte": trace.start_time,
        "start_time__lte": trace.end_time,
    }


def _keys(traces: Collection["Trace"]) -> dict[str, Any]:
    return {
        "workspace_id": next(iter(traces)).workspace_id,
        "trace_id__in": {trace.trace_id for trace in traces},
        "start_time__gte": min(trace.start_time for trace in traces),
        "start_time__lte": max(trace.end_time for trace in traces),
    }


def _mentions(text: str) -> models.Q:
    """Words of name, input or output preview that begin with those of `text`, case ignored; or the trace's id.

    What has no words is looked for in the plain texts alone.
    """
    wanted = terms.words(text)
    found = terms.has_words(wanted, _neighbours(text, wanted))
    return found | models.Q(trace_id=text) if is_trace_id(text.lower()) else found


def _neighbours(text: str, wanted: Sequence[str]) -> Sequence[str]:
    """Characters that are words stay together as they were asked for; other words may stand anywhere."""
    if not wanted:
        return [text]
    if all(len(word) == 1 and not word.isascii() for word in wanted):
        return text.split()
    return wanted


class ScoreConfigQuerySet(WorkspaceQuerySet["ScoreConfig"]):
    """Score definitions."""


class ScoreQuerySet(WorkspaceQuerySet["Score"]):
    """Scores."""

    def of_traces(self, trace_ids: Sequence[str]) -> Self:
        """Scores on these traces and on their observations, oldest first."""
        return self.filter(trace_id__in=trace_ids).select_related("author").order_by("created_at", "id")

    def of_whole_traces(self) -> Self:
        """Leave out the scores of single observations."""
        return self.filter(observation_id="")


class CommentQuerySet(WorkspaceQuerySet["Comment"]):
    """Comments."""

    def of_traces(self, trace_ids: Sequence[str]) -> Self:
        """Comments on these traces and on their observations, oldest first."""
        return self.filter(trace_id__in=trace_ids).select_related("author").order_by("created_at", "id")

    def of_session(self, session_id: str) -> Self:
        """Comments on a session itself, oldest first."""
        found = self.filter(session_id=session_id).exclude(session_id="")
        return found.select_related("author").order_by("created_at", "id")


class KnownValueQuerySet(WorkspaceQuerySet["KnownValue"]):
    """Values that fields had."""

    def visible_to(self, user: "User | AbstractBaseUser | AnonymousUser", action: str = "view") -> Self:
        """Values of workspaces where the role of `user` includes `action`; single ones can't be shared."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        return self.filter(self._in_role(cast("User", user), action))


class MaskingRuleQuerySet(WorkspaceQuerySet["MaskingRule"]):
    """Masking rules."""


class TraceForwarderQuerySet(WorkspaceQuerySet["TraceForwarder"]):
    """Trace forwarders."""


class TraceRetentionQuerySet(WorkspaceQuerySet["TraceRetention"]):
    """Retentions of traces."""

    def of(self, workspace: "Workspace") -> "TraceRetention":
        """The workspace's retention; one that is not stored as long as nobody has set it."""
        return self.in_workspace(workspace).first() or self.model(workspace=workspace)


class SavedViewQuerySet(WorkspaceQuerySet["SavedView"]):
    """Saved views: a person's own and the shared ones."""

    def visible_to(self, user: "User | AbstractBaseUser | AnonymousUser", action: str = "view") -> Self:
        """Views that `user` may see; all but `view` only for the owner."""
        own = models.Q(owner_id=user.pk)
        return (
            super().visible_to(user, "view").filter(own | models.Q(shared=True) if action == "view" else own)
        )


class TraceExportQuerySet(WorkspaceQuerySet["TraceExport"]):
    """Files made of lists."""


class MediaQuerySet(WorkspaceQuerySet["Media"]):
    """Media files."""

    def uploaded(self) -> Self:
        """Files whose content is there."""
        return self.filter(uploaded_at__isnull=False)


class SpanDraftQuerySet(WorkspaceQuerySet["SpanDraft"]):
    """Spans that arrive in pieces."""


class DashboardQuerySet(WorkspaceQuerySet["Dashboard"]):
    """Dashboards: a person's own and the shared ones."""

    def visible_to(self, user: "User | AbstractBaseUser | AnonymousUser", action: str = "view") -> Self:
        """Dashboards on which `user` may do `action`; nobody else reaches one that is not shared."""
        return super().visible_to(user, action).filter(models.Q(owner_id=user.pk) | models.Q(shared=True))


class AlertQuerySet(WorkspaceQuerySet["Alert"]):
    """Alerts."""


class WidgetQuerySet(WorkspaceQuerySet["Widget"]):
    """Widgets of dashboards."""


class AlertEventQuerySet(WorkspaceQuerySet["AlertEvent"]):
    """What became of alerts."""
