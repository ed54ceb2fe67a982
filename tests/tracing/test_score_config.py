"""Score definitions in the console."""

import pytest

from apps.tracing.models import ScoreConfig

pytestmark = pytest.mark.django_db

LIST = "/admin/tracing/scoreconfig/"
TONE = {"name": "tone", "data_type": "categorical", "categories": "warm\n\ncold\nwarm"}


def test_an_editor_defines_changes_and_deletes(console, editor, workspace):
    client = console(editor)
    assert client.post(f"{LIST}add/", TONE).status_code == 302
    config = ScoreConfig.objects.get(workspace=workspace)
    assert config.categories == ["warm", "cold"]
    assert "warm\ncold" in client.get(f"{LIST}{config.pk}/change/").content.decode()
    client.post(f"{LIST}{config.pk}/change/", {**TONE, "description": "How it sounds"})
    config.refresh_from_db()
    assert config.description == "How it sounds"
    assert "How it sounds" in client.get(LIST).content.decode()
    client.post(f"{LIST}{config.pk}/delete/", {"post": "yes"})
    assert not ScoreConfig.objects.filter(workspace=workspace).exists()


@pytest.mark.parametrize(
    "values",
    [
        {"data_type": "categorical"},
        {"data_type": "boolean", "categories": "a"},
        {"data_type": "numeric", "min_value": 5, "max_value": 1},
        {"data_type": "text", "max_value": 1},
        {"data_type": "colour"},
    ],
)
def test_rules_that_contradict_each_other_are_refused(console, editor, workspace, values):
    response = console(editor).post(f"{LIST}add/", {"name": "x", **values})
    assert response.status_code == 200
    assert not ScoreConfig.objects.filter(workspace=workspace).exists()


def test_a_name_is_defined_once(console, editor, workspace):
    client = console(editor)
    for _ in range(2):
        assert client.post(f"{LIST}add/", TONE).status_code == 302
    assert ScoreConfig.objects.filter(workspace=workspace).count() == 1


def test_viewers_and_strangers_define_nothing(console, viewer, stranger, workspace, editor):
    console(editor).post(f"{LIST}add/", TONE)
    config = ScoreConfig.objects.get(workspace=workspace)
    assert console(viewer).post(f"{LIST}add/", {**TONE, "name": "other"}).status_code == 403
    assert console(stranger).get(f"{LIST}{config.pk}/change/").status_code == 302
    assert console(stranger).post(f"{LIST}{config.pk}/delete/", {"post": "yes"}).status_code in (302, 403)
    assert ScoreConfig.objects.filter(workspace=workspace).count() == 1
