"""What the start page says about jobs and about what happened last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import cast

from django.apps import apps
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.core import permissions
from apps.core.admin.dashboard import Card
from apps.core.models import AuditEntry, Job, JobState, User, Workspace

RECENT = 8
#: Editors that save by themselves write many entries: so many times more are read than are shown.
_READ_AHEAD = 5
VERBS = {
    "create": pgettext_lazy("what somebody did", "created"),
    "update": pgettext_lazy("what somebody did", "changed"),
    "delete": pgettext_lazy("what somebody did", "deleted"),
    "cancel": pgettext_lazy("what somebody did", "cancelled"),
    "revoke": pgettext_lazy("what somebody did", "revoked"),
    "publish": pgettext_lazy("what somebody did", "published"),
    "export": pgettext_lazy("what somebody did", "exported"),
    "submit": pgettext_lazy("what somebody did", "judged"),
    "skip": pgettext_lazy("what somebody did", "skipped"),
    "reopen": pgettext_lazy("what somebody did", "reopened"),
    "reject": pgettext_lazy("what somebody did", "rejected"),
    "reindex": pgettext_lazy("what somebody did", "indexed again"),
    "add_items": pgettext_lazy("what somebody did", "added items to"),
    "set_default": pgettext_lazy("what somebody did", "made the default:"),
    "rotate": pgettext_lazy("what somebody did", "rotated the secrets of"),
    "bookmark": pgettext_lazy("what somebody did", "bookmarked"),
    "save_draft": pgettext_lazy("what somebody did", "worked on"),
    "restore": pgettext_lazy("what somebody did", "restored a version of"),
    "archive": pgettext_lazy("what somebody did", "archived"),
    "unarchive": pgettext_lazy("what somebody did", "brought back"),
    "set_secrets": pgettext_lazy("what somebody did", "set secrets of"),
    "renew_secret": pgettext_lazy("what somebody did", "renewed the secret of"),
    "start": pgettext_lazy("what somebody did", "started"),
    "rerun": pgettext_lazy("what somebody did", "repeated"),
    "try_node": pgettext_lazy("what somebody did", "tried a node of"),
    "answer": pgettext_lazy("what somebody did", "answered"),
    "upload": pgettext_lazy("what somebody did", "uploaded"),
    "import": pgettext_lazy("what somebody did", "imported into"),
    "change_model": pgettext_lazy("what somebody did", "changed the model of"),
    "change_password": pgettext_lazy("what somebody did", "set the password of"),
    "change_profile": pgettext_lazy("what somebody did", "changed the profile of"),
}
FAILED_WITHIN = timedelta(days=1)


def job_card(request: HttpRequest) -> Card:
    """Count jobs that failed within a day, and those under way."""
    workspace = cast("Workspace", request.workspace)  # type: ignore[attr-defined]  # WorkspaceMiddleware
    since = timezone.now() - FAILED_WITHIN
    counts = (
        Job.objects.in_workspace(workspace)
        .visible_to(request.user)
        .filter(Q(state__in=[JobState.QUEUED, JobState.RUNNING]) | Q(created_at__gt=since))
        .aggregate(
            failed=Count("pk", filter=Q(state=JobState.FAILED)),
            open=Count("pk", filter=Q(state__in=[JobState.QUEUED, JobState.RUNNING])),
        )
    )
    return Card(
        title=_("Failed jobs, 24 hours"),
        value=str(counts["failed"]),
        hint=gettext("%(count)d under way") % {"count": counts["open"]},
        url=reverse("admin:core_job_changelist"),
        tone="error" if counts["failed"] else "ok",
    )


def recent_jobs(request: HttpRequest) -> list[Job]:
    """Return the jobs under way or finished last."""
    workspace = cast("Workspace", request.workspace)  # type: ignore[attr-defined]  # WorkspaceMiddleware
    return list(Job.objects.in_workspace(workspace).visible_to(request.user).order_by("-created_at")[:5])


@dataclass(frozen=True, slots=True)
class Happening:
    """An audit entry in words: `actor` `verb` `kind` `label`."""

    actor: str
    verb: str | Promise
    kind: str | Promise
    label: str
    time: datetime


def in_words(entry: AuditEntry) -> Happening:
    """Say an entry in words; an act without a word of its own keeps its name."""
    verb = VERBS.get(entry.action.rpartition(".")[2], entry.action)
    model = {kind._meta.label_lower: kind for kind in apps.get_models()}.get(entry.object_type)
    kind = (model._meta.verbose_name if model is not None else None) or entry.object_type
    return Happening(entry.actor_label, verb, kind, entry.object_label, entry.created_at)


def recent_happenings(request: HttpRequest) -> list[Happening]:
    """Return what happened last, the same act in a row once; people who may not read the audit log see their own
    acts."""
    workspace = cast("Workspace", request.workspace)  # type: ignore[attr-defined]  # WorkspaceMiddleware
    entries = AuditEntry.objects.filter(workspace=workspace)
    user = cast("User", request.user)
    if not permissions.allows_in(user, "view", AuditEntry, workspace):
        entries = entries.filter(actor_id=user.pk)
    latest = entries.order_by("-created_at")[: RECENT * _READ_AHEAD]
    repeated = groupby(latest, key=lambda entry: (entry.actor_label, entry.action, entry.object_id))
    return [in_words(next(same)) for _act, same in islice(repeated, RECENT)]
