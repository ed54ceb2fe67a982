"""Comments as SDKs read and write them: on traces, observations and sessions."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid, NotFound
from apps.core.ids import is_uuid
from apps.core.numbers import whole_number
from apps.interop.base import AdapterView
from apps.interop.langfuse import ids
from apps.interop.langfuse.pages import Page
from apps.interop.langfuse.values import as_object, text
from apps.tracing.models import Comment, Observation
from apps.tracing.querysets import CommentQuerySet
from apps.tracing.services.comment import add_comment


class CommentsView(AdapterView):
    """All of them."""

    def get(self, request: Request) -> Response:
        """Newest first, of one subject or author."""
        query = request.query_params
        found = Comment.objects.in_workspace(self.workspace).visible_to(request.user)
        if kind := query.get("objectType"):
            found = _of_kind(found, kind.upper(), text(query.get("objectId")))
        if author := query.get("authorUserId"):
            number = whole_number(author)
            found = found.none() if number is None else found.filter(author_id=number)
        page = Page.of(found.order_by("-created_at", "-id"), query)
        return Response(page.body([comment_row(comment) for comment in page.rows]))

    def post(self, request: Request) -> Response:
        """Write one; its author is the key's owner."""
        body = as_object(request.data)
        kind, subject = text(body.get("objectType")).upper(), text(body.get("objectId"))
        comment = add_comment(
            actor=self.actor,
            workspace=self.workspace,
            text=text(body.get("content")),
            **self._subject(kind, subject),
        )
        return Response({"id": str(comment.pk)})

    def _subject(self, kind: str, subject: str) -> dict[str, str]:
        if kind == "TRACE":
            return {"trace_id": ids.trace_id(subject)}
        if kind == "SESSION":
            return {"session_id": subject}
        if kind != "OBSERVATION":
            raise Invalid("Comments are kept on a TRACE, an OBSERVATION or a SESSION.")
        span_id = ids.span_id(subject)
        visible = Observation.objects.in_workspace(self.workspace).visible_to(self.request.user)
        found = (
            visible.filter(span_id=span_id).order_by("-start_time").values_list("trace_id", flat=True).first()
        )
        if found is None:
            raise NotFound("There is no observation with this id.")
        return {"trace_id": found, "observation_id": span_id}


class CommentView(AdapterView):
    """One of them."""

    def get(self, request: Request, comment_id: str) -> Response:
        """Read it."""
        comment_id = comment_id.removesuffix("/")
        visible = Comment.objects.in_workspace(self.workspace).visible_to(request.user)
        comment = visible.filter(pk=comment_id).first() if is_uuid(comment_id) else None
        if comment is None:
            raise NotFound("There is no comment with this id.")
        return Response(comment_row(comment))


def _of_kind(found: CommentQuerySet, kind: str, subject: str) -> CommentQuerySet:
    if kind == "SESSION":
        found = found.exclude(session_id="")
        return found.filter(session_id=subject) if subject else found
    if kind == "OBSERVATION":
        found = found.exclude(observation_id="")
        return found.filter(observation_id=ids.span_id(subject)) if subject else found
    if kind == "TRACE":
        found = found.filter(observation_id="").exclude(trace_id="")
        return found.filter(trace_id=ids.trace_id(subject)) if subject else found
    return found.none()


def comment_row(comment: Comment) -> dict[str, Any]:
    """A comment in the SDKs' shape."""
    kind, subject = "TRACE", comment.trace_id
    if comment.observation_id:
        kind, subject = "OBSERVATION", comment.observation_id
    elif comment.session_id:
        kind, subject = "SESSION", comment.session_id
    return {
        "id": str(comment.pk),
        "projectId": str(comment.workspace_id),
        "createdAt": comment.created_at,
        "updatedAt": comment.updated_at,
        "objectType": kind,
        "objectId": subject,
        "content": comment.text,
        "authorUserId": str(comment.author_id) if comment.author_id else None,
    }
