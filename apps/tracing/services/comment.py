"""Writing, editing and deleting comments."""

from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidComment
from apps.tracing.ids import is_span_id, is_trace_id
from apps.tracing.models import Comment

MAX_TEXT: Final = 10_000
MAX_SESSION_ID: Final = 200


@transaction.atomic
def add_comment(
    *,
    actor: Actor,
    workspace: Workspace,
    text: str,
    trace_id: str = "",
    observation_id: str = "",
    session_id: str = "",
) -> Comment:
    """Write beside a trace, one of its observations, or a session. The trace need not be stored yet.

    Raises InvalidComment for a text or subject that makes no sense, NotAllowed for a role that may not comment.
    """
    permissions.require_in(actor, "add", Comment, workspace)
    _check_subject(trace_id, observation_id, session_id)
    comment = Comment.objects.create(
        workspace=workspace,
        trace_id=trace_id,
        observation_id=observation_id,
        session_id=session_id,
        text=_checked(text),
        author=actor.user,
        author_label=actor.label[:200],
    )
    audit.record(actor=actor, action="tracing.comment.create", obj=comment, after=audit.snapshot(comment))
    return comment


@transaction.atomic
def edit_comment(*, actor: Actor, comment: Comment, text: str) -> Comment:
    """Change the text of a comment of one's own; raises NotAllowed for somebody else's."""
    permissions.require(actor, "change", comment)
    if actor.user is None or comment.author_id != actor.user.pk:
        raise NotAllowed(_("Only its author may edit a comment."))
    before = audit.snapshot(comment, ["text"])
    comment.text = _checked(text)
    comment.edited_at = timezone.now()
    comment.save(update_fields=["text", "edited_at", "updated_at"])
    after = audit.snapshot(comment, ["text"])
    audit.record(actor=actor, action="tracing.comment.update", obj=comment, before=before, after=after)
    return comment


@transaction.atomic
def delete_comment(*, actor: Actor, comment: Comment) -> None:
    """Delete a comment; its author may always take it back."""
    if actor.user is None or comment.author_id != actor.user.pk:
        permissions.require(actor, "delete", comment)
    before = audit.snapshot(comment)
    audit.record(actor=actor, action="tracing.comment.delete", obj=comment, before=before)
    comment.delete()


def _checked(text: str) -> str:
    text = text.replace("\0", "").strip()
    if not text or len(text) > MAX_TEXT:
        raise InvalidComment(_("A comment has 1 to %(limit)d characters.") % {"limit": MAX_TEXT})
    return text


def _check_subject(trace_id: str, observation_id: str, session_id: str) -> None:
    if bool(trace_id) == bool(session_id):
        raise InvalidComment(_("Name either a trace or a session."))
    if trace_id and not is_trace_id(trace_id):
        raise InvalidComment(_("A trace id has 32 hexadecimal digits."))
    if observation_id and not (trace_id and is_span_id(observation_id)):
        raise InvalidComment(_("An observation id has 16 hexadecimal digits and belongs to a trace."))
    if len(session_id) > MAX_SESSION_ID or "\0" in session_id:
        raise InvalidComment(_("A session id has at most %(limit)d characters.") % {"limit": MAX_SESSION_ID})
