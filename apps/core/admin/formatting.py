"""Small pieces of HTML that lists and forms show."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.core.models import Job, JobState

NOTHING = mark_safe('<span class="fw-muted">–</span>')  # a constant

_TONES = {
    JobState.QUEUED: "muted",
    JobState.RUNNING: "info",
    JobState.SUCCEEDED: "ok",
    JobState.FAILED: "error",
    JobState.CANCELLED: "warn",
}


def badge(text: str | Promise, tone: str = "") -> SafeString:
    """Return a state badge; `tone` is "", ok, warn, error, info or muted."""
    return format_html('<span class="fw-badge{}">{}</span>', f" fw-badge--{tone}" if tone else "", text)


def moment(value: datetime | None) -> SafeString:
    """Return a time that the browser shows relative to now ("3 minutes ago"); exact time on hover."""
    if value is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" data-relative class="fw-number">{}</time>',
        value.isoformat(timespec="seconds"),
        date_format(value, "SHORT_DATETIME_FORMAT"),
    )


def job_badge(job: Job) -> SafeString:
    """Return the state of a job as a badge that stays up to date on a page with live events."""
    state = JobState(job.state)
    return format_html(
        '<span data-job="{0}" data-job-state="{1}">'
        '<span class="fw-badge fw-badge--{2}" data-job-badge>{3}</span></span>',
        job.pk,
        state.value,
        _TONES[state],
        state.label,
    )


def job_progress(job: Job) -> SafeString:
    """Return the live progress bar of a job with its message or error."""
    return format_html(
        '<div class="fw-job" data-job="{0}" data-job-state="{1}">'
        '<progress class="fw-progress{2}" max="100" value="{3}" aria-label="{4}"></progress>'
        '<span class="fw-small fw-muted" data-job-message>{5}</span></div>',
        job.pk,
        job.state,
        {JobState.SUCCEEDED: " fw-progress--ok", JobState.FAILED: " fw-progress--error"}.get(
            JobState(job.state), ""
        ),
        job.percent,
        str(job),
        (job.error or job.message)[:300],
    )
