"""Judging an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from apps.annotations.exceptions import EmptyAnnotation, ItemClosed, UnknownLabel
from apps.annotations.labels import VERDICT_SCORE
from apps.annotations.models import Annotation, AnnotationQueue, ItemState, QueueItem, Verdict
from apps.annotations.progress import publish_progress
from apps.annotations.services.dataset_item import Content, Lineage, drop_correction, put_correction
from apps.annotations.services.queue_item import lock_for
from apps.annotations.subjects import Subject, subject_of
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.permissions import require
from apps.tracing.models import Score
from apps.tracing.services.score import delete_score, record_score


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an annotator says; at least one part is given. `duration_ms` is the time at the desk."""

    verdict: str = ""
    labels: Sequence[str] = ()
    corrected_answer: str = ""
    comment: str = ""
    duration_ms: int = 0


@transaction.atomic
def submit(*, actor: Actor, item: QueueItem, judgement: Judgement) -> Annotation:
    """Record the actor's judgement of an item: annotation, scores on the trace, example in the dataset.

    Doing it twice is doing it once; doing it again with other content edits. Raises `ItemTaken` when somebody
    else has the item by now, `ItemClosed` when others have finished it, `EmptyAnnotation` when nothing is
    said.
    """
    require(actor, "annotate", item.queue)
    if actor.user is None:
        raise NotAllowed(_("Only a person can judge an item."))
    locked = lock_for(actor, item)
    subject = subject_of(locked)
    cleaned = _clean(locked.queue, subject, judgement)
    annotation = Annotation.objects.filter(item=locked, annotator=actor.user).first()
    if annotation is None and locked.state == ItemState.DONE:
        raise ItemClosed(_("Others have finished this item."))
    before = audit.snapshot(annotation) if annotation else {}
    old_labels = set(annotation.labels) if annotation else set()
    had_verdict = bool(annotation and annotation.verdict)
    annotation = _save(actor, locked, annotation, cleaned)
    _close(locked)
    _score(actor, subject, annotation, old_labels, had_verdict=had_verdict)
    _keep_example(locked.queue, subject, annotation, had_correction=bool(before.get("corrected_answer")))
    audit.record(
        actor=actor,
        action="annotations.annotation.submit",
        obj=annotation,
        before=before,
        after=audit.snapshot(annotation),
    )
    publish_progress(locked.queue)
    return annotation


def _clean(queue: AnnotationQueue, subject: Subject, judgement: Judgement) -> Judgement:
    """Check against the queue; a correction that equals the answer is none."""
    if judgement.verdict and judgement.verdict not in Verdict.values:
        raise Invalid(_("The verdict is “up” or “down”."))
    known = [label["name"] for label in queue.labels]
    for name in judgement.labels:
        if name not in known:
            raise UnknownLabel(_("The queue has no label “%(name)s”.") % {"name": name})
    correction = judgement.corrected_answer.replace("\r\n", "\n").rstrip()
    if correction == subject.answer.replace("\r\n", "\n").rstrip():
        correction = ""
    cleaned = Judgement(
        verdict=judgement.verdict,
        labels=[name for name in known if name in set(judgement.labels)],
        corrected_answer=correction,
        comment=judgement.comment.strip(),
        duration_ms=min(max(judgement.duration_ms, 0), 24 * 3_600_000),
    )
    if not (cleaned.verdict or cleaned.labels or cleaned.corrected_answer or cleaned.comment):
        raise EmptyAnnotation
    return cleaned


def _save(actor: Actor, item: QueueItem, annotation: Annotation | None, judgement: Judgement) -> Annotation:
    if annotation is None:
        annotation = Annotation(workspace_id=item.workspace_id, item=item, annotator=actor.user)
        item.annotation_count += 1
    annotation.verdict = judgement.verdict
    annotation.labels = list(judgement.labels)
    annotation.corrected_answer = judgement.corrected_answer
    annotation.comment = judgement.comment
    # looking again adds to the time, submitting the same thing twice doesn't lower it
    annotation.duration_ms = max(annotation.duration_ms, judgement.duration_ms)
    annotation.save()
    return annotation


def _close(item: QueueItem) -> None:
    """Done when enough people have judged; else back into the pool for the next one."""
    enough = item.annotation_count >= item.queue.annotators_per_item
    item.state = ItemState.DONE if enough else ItemState.PENDING
    item.assignee, item.lease_until, item.skip_reason = None, None, ""
    item.save(
        update_fields=["state", "assignee", "lease_until", "skip_reason", "annotation_count", "updated_at"]
    )


def _score(
    actor: Actor, subject: Subject, annotation: Annotation, old_labels: set[str], *, had_verdict: bool
) -> None:
    """Scores on the answer's trace or step: `verdict` (1 or 0), and each chosen label as a boolean of its name."""
    if not subject.trace_id:
        return
    if annotation.verdict:
        value = 1.0 if annotation.verdict == Verdict.UP else 0.0
        _record(actor, subject, VERDICT_SCORE, value, annotation.comment)
    for name in annotation.labels:
        _record(actor, subject, name, 1.0, "")
    gone = old_labels - set(annotation.labels)
    if had_verdict and not annotation.verdict:
        gone.add(VERDICT_SCORE)
    for score in Score.objects.filter(
        workspace=subject.workspace,
        trace_id=subject.trace_id,
        observation_id=subject.observation_id,
        source="annotation",
        author=actor.user,
        name__in=gone,
    ):
        delete_score(actor=actor, score=score)


def _record(actor: Actor, subject: Subject, name: str, value: float, comment: str) -> None:
    record_score(
        actor=actor,
        workspace=subject.workspace,
        trace_id=subject.trace_id,
        observation_id=subject.observation_id,
        name=name,
        data_type="boolean",
        value=value,
        comment=comment,
        source="annotation",
    )


def _keep_example(
    queue: AnnotationQueue, subject: Subject, annotation: Annotation, *, had_correction: bool
) -> None:
    if queue.dataset is None:
        return
    if annotation.corrected_answer:
        messages, tools = subject.example()
        put_correction(
            dataset=queue.dataset,
            annotation=annotation,
            content=Content(
                messages=messages,
                tools=tools,
                expected_output=annotation.corrected_answer,
                rejected_output=subject.answer,
                metadata={
                    "queue": queue.name,
                    "labels": list(annotation.labels),
                    "comment": annotation.comment,
                },
            ),
            lineage=Lineage(
                message_id=subject.message_id,
                trace_id=subject.trace_id,
                observation_id=subject.observation_id,
                annotator_id=annotation.annotator_id,
                annotation=annotation,
            ),
        )
    elif had_correction:
        drop_correction(dataset=queue.dataset, annotation=annotation)
