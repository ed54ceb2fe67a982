"""Scores and comments as the pages' scripts take them: the field names are those of the API."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AnonymousUser

from apps.core import permissions
from apps.core.models import User, Workspace
from apps.tracing.models import Comment, Score, ScoreConfig


def notes_data(
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    scores: Iterable[Score],
    comments: Iterable[Comment],
    **subject: str,
) -> dict[str, Any]:
    """What the scores and comments of a trace or session are drawn and written with.

    `subject` is `trace_id` or `session_id`. Costs two queries: the person's role and the score definitions.
    """
    configs = ScoreConfig.objects.in_workspace(workspace).visible_to(user).filter(archived=False)
    return {
        "subject": subject,
        "me": str(user.pk),
        "rights": _rights(user, workspace),
        "configs": list(
            configs.values("name", "data_type", "description", "min_value", "max_value", "categories")
        ),
        "scores": [score_data(score) for score in scores],
        "comments": [comment_data(comment) for comment in comments],
    }


def score_data(score: Score) -> dict[str, Any]:
    """One score; needs `author` selected."""
    return {
        "id": str(score.pk),
        "observation_id": score.observation_id,
        "name": score.name,
        "data_type": score.data_type,
        "value": score.value,
        "string_value": score.string_value,
        "shown_value": score.shown_value,
        "comment": score.comment,
        "source": score.source,
        "author": None if score.author_id is None else str(score.author_id),
        "author_name": str(score.author) if score.author else score.author_ref,
        "created_at": score.created_at.isoformat(),
    }


def comment_data(comment: Comment) -> dict[str, Any]:
    """One comment; needs `author` selected."""
    return {
        "id": str(comment.pk),
        "observation_id": comment.observation_id,
        "text": comment.text,
        "author": None if comment.author_id is None else str(comment.author_id),
        "author_name": str(comment.author) if comment.author else comment.author_label,
        "created_at": comment.created_at.isoformat(),
        "edited_at": None if comment.edited_at is None else comment.edited_at.isoformat(),
    }


def _rights(user: User | AnonymousUser, workspace: Workspace) -> dict[str, bool]:
    """What the page offers; the services check again."""
    asked = {"score": (Score, "add"), "comment": (Comment, "add"), "remove": (Score, "delete")}
    if not isinstance(user, User):
        return dict.fromkeys(asked, False)
    if user.is_superuser:
        return dict.fromkeys(asked, True)
    role = permissions.role_in(user, workspace)
    needed = {name: model.access.lowest(action) for name, (model, action) in asked.items()}
    return {
        name: role is not None and lowest is not None and role.includes(lowest)
        for name, lowest in needed.items()
    }
