"""Scores: what is recorded, refused and replaced."""

import pytest

from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import AuditEntry
from apps.tracing.exceptions import InvalidScore
from apps.tracing.models import Score, ScoreConfig
from apps.tracing.services.score import delete_score, record_score

pytestmark = pytest.mark.django_db

TRACE = "a" * 32


def score(actor, workspace, **fields):
    known = {"trace_id": TRACE, "name": "quality", "data_type": "numeric", "value": 0.5, "source": "api"}
    return record_score(actor=actor, workspace=workspace, **{**known, **fields})


def test_scoring_again_replaces_the_value_of_the_same_author(workspace, editor, annotator):
    first = score(Actor.for_user(editor), workspace, value=0.2)
    again = score(Actor.for_user(editor), workspace, value=0.9, comment="better")
    other = score(Actor.for_user(annotator), workspace, value=0.1)
    assert first.pk == again.pk
    assert other.pk != first.pk
    assert sorted(Score.objects.filter(workspace=workspace).values_list("value", flat=True)) == [0.1, 0.9]


def test_end_users_without_an_account_are_told_apart_by_their_reference(workspace, system):
    for reference in ("visitor-1", "visitor-2", "visitor-1"):
        score(system, workspace, source="user", data_type="boolean", value=1, author_ref=reference)
    assert Score.objects.filter(workspace=workspace).count() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"value": None},
        {"value": float("nan")},
        {"value": float("inf")},
        {"data_type": "boolean", "value": 2},
        {"data_type": "boolean", "value": None},
        {"data_type": "categorical", "value": None, "string_value": " "},
        {"data_type": "text", "value": None, "string_value": "x" * 6000},
        {"data_type": "colour"},
        {"source": "nobody"},
        {"trace_id": "", "session_id": ""},
        {"trace_id": "zz"},
        {"observation_id": "12"},
        {"name": "  "},
        {"name": "n" * 101},
        {"name": "nul\0"},
        {"session_id": "s" * 201},
    ],
)
def test_values_that_make_no_sense_are_refused(workspace, system, fields):
    with pytest.raises(InvalidScore):
        score(system, workspace, **fields)
    assert not Score.objects.filter(workspace=workspace).exists()


def test_a_definition_holds_scores_to_its_rules(workspace, system):
    ScoreConfig.objects.create(
        workspace=workspace, name="stars", data_type="numeric", min_value=1, max_value=5
    )
    ScoreConfig.objects.create(
        workspace=workspace, name="tone", data_type="categorical", categories=["warm", "cold"]
    )
    assert score(system, workspace, name="stars", value=4).config is not None
    for fields in (
        {"name": "stars", "value": 6},
        {"name": "stars", "value": 0},
        {"name": "stars", "data_type": "boolean", "value": 1},
        {"name": "tone", "data_type": "categorical", "value": None, "string_value": "lukewarm"},
    ):
        with pytest.raises(InvalidScore):
            score(system, workspace, **fields)


def test_a_viewer_may_give_feedback_and_no_other_score(workspace, viewer, stranger):
    assert score(Actor.for_user(viewer), workspace, source="user", data_type="boolean", value=1)
    with pytest.raises(NotAllowed):
        score(Actor.for_user(viewer), workspace)
    with pytest.raises(NotAllowed):
        score(Actor.for_user(stranger), workspace, source="user")


def test_an_author_takes_a_score_back_and_a_bystander_does_not(workspace, annotator, viewer, editor):
    mine, other = score(Actor.for_user(annotator), workspace), score(Actor.for_user(editor), workspace)
    with pytest.raises(NotAllowed):
        delete_score(actor=Actor.for_user(viewer), score=mine)
    with pytest.raises(NotAllowed):
        delete_score(actor=Actor.for_user(annotator), score=other)
    delete_score(actor=Actor.for_user(annotator), score=mine)
    delete_score(actor=Actor.for_user(editor), score=other)
    assert not Score.objects.filter(workspace=workspace).exists()
    actions = AuditEntry.objects.filter(workspace=workspace).values_list("action", flat=True)
    assert list(actions).count("tracing.score.delete") == 2
