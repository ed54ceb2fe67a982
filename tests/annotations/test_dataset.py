"""Datasets: versions that don't change, and files that name them."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from apps.annotations.exceptions import EmptyDataset, NameTaken, UnknownExportFormat, UnknownVersion
from apps.annotations.models import Dataset, DatasetItem, DatasetVersion, Export
from apps.annotations.services import dataset as dataset_service
from apps.annotations.services import export as export_service
from apps.annotations.services.dataset_item import Content, add_item, delete_item, update_item
from apps.annotations.services.dataset_version import freeze
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed, NotFound
from apps.core.models import Job
from tests.factories.annotations import make_dataset
from tests.factories.core import SYSTEM
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def content(question: str = "Q?", expected: str = "A.") -> Content:
    return Content(messages=[{"role": "user", "content": question}], expected_output=expected)


def answers(dataset: Dataset, version: int | None = None) -> list[str]:
    items = DatasetItem.objects.filter(dataset=dataset)
    items = items.current() if version is None else items.at(version)
    return list(items.order_by("key").values_list("expected_output", flat=True))


def test_a_frozen_version_keeps_what_is_edited_and_deleted_later(workspace, editor):
    actor = Actor.for_user(editor)
    dataset = make_dataset(workspace, ("a", "1"), ("b", "2"), ("c", "3"))
    first, second, _third = DatasetItem.objects.order_by("key")

    assert freeze(actor=actor, dataset=dataset).number == 1
    update_item(actor=actor, dataset=dataset, key=first.key, content=content(expected="one"))
    update_item(actor=actor, dataset=dataset, key=first.key, content=content(expected="uno"))
    delete_item(actor=actor, dataset=dataset, key=second.key)
    add_item(actor=actor, dataset=dataset, content=content(expected="4"))
    assert freeze(actor=actor, dataset=dataset, note="better").number == 2
    delete_item(actor=actor, dataset=dataset, key=first.key)

    assert answers(dataset, 1) == ["1", "2", "3"]
    assert answers(dataset, 2) == ["uno", "3", "4"]
    assert answers(dataset) == ["3", "4"]
    assert list(DatasetVersion.objects.values_list("number", "item_count", "note")) == [
        (2, 3, "better"),
        (1, 3, ""),
    ]


def test_freezing_an_unchanged_dataset_gives_the_same_version(workspace, editor):
    actor = Actor.for_user(editor)
    dataset = make_dataset(workspace, ("a", "1"))
    item = DatasetItem.objects.get()

    first = freeze(actor=actor, dataset=dataset)
    same = freeze(actor=actor, dataset=dataset)
    update_item(
        actor=actor,
        dataset=dataset,
        key=item.key,
        content=Content(messages=item.messages, expected_output="1", rejected_output="No idea."),
    )
    still = freeze(actor=actor, dataset=dataset)

    assert first.pk == same.pk == still.pk


def test_an_empty_dataset_is_not_frozen(workspace, editor):
    with pytest.raises(EmptyDataset):
        freeze(actor=Actor.for_user(editor), dataset=make_dataset(workspace))


def test_an_example_no_trainer_could_read_is_refused_with_a_sentence(workspace, editor):
    dataset = make_dataset(workspace)
    broken = Content(messages=[{"role": "user", "content": "q"}, {"role": "tool", "content": "x"}])

    with pytest.raises(Invalid, match="wrong shape"):
        add_item(actor=Actor.for_user(editor), dataset=dataset, content=broken)
    assert not DatasetItem.objects.exists()


def test_annotators_do_not_change_datasets(workspace, annotator):
    dataset = make_dataset(workspace, ("a", "1"))
    actor = Actor.for_user(annotator)
    key = DatasetItem.objects.get().key

    for refused in (
        lambda: add_item(actor=actor, dataset=dataset, content=content()),
        lambda: update_item(actor=actor, dataset=dataset, key=key, content=content()),
        lambda: delete_item(actor=actor, dataset=dataset, key=key),
        lambda: freeze(actor=actor, dataset=dataset),
        lambda: export_service.create_export(actor=actor, dataset=dataset, file_format="openai_chat"),
        lambda: dataset_service.delete_dataset(actor=actor, dataset=dataset),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert answers(dataset) == ["1"]


def test_names_are_unique_in_a_workspace(workspace, editor):
    make_dataset(workspace, name="Gold")
    with pytest.raises(NameTaken):
        dataset_service.create_dataset(actor=Actor.for_user(editor), workspace=workspace, name=" Gold ")


def test_an_export_is_exact_names_its_version_and_tells_what_was_left_out(workspace, editor):
    actor = Actor.for_user(editor)
    dataset = make_dataset(workspace, ("a?", "1"), ("b?", ""), ("c?", "三"))

    export = export_service.create_export(actor=actor, dataset=dataset, file_format="openai_chat")

    data = export.file.open("rb").read()
    assert data.decode() == (
        '{"messages":[{"role":"user","content":"a?"},{"role":"assistant","content":"1"}]}\n'
        '{"messages":[{"role":"user","content":"c?"},{"role":"assistant","content":"三"}]}\n'
    )
    assert (export.version.number, export.row_count, export.rejected_count) == (1, 2, 1)
    assert (export.byte_count, export.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    empty = DatasetItem.objects.get(expected_output="")
    assert export.rejections == [{"item_id": str(empty.key), "reason": "no_expected_output", "detail": ""}]
    assert export.state == "completed"


def test_an_export_of_an_old_version_is_the_same_file_again(workspace, editor):
    actor = Actor.for_user(editor)
    dataset = make_dataset(workspace, ("a?", "1"))
    first = export_service.create_export(actor=actor, dataset=dataset, file_format="openai_dpo")
    update_item(
        actor=actor, dataset=dataset, key=DatasetItem.objects.get().key, content=content(expected="changed")
    )

    again = export_service.create_export(actor=actor, dataset=dataset, file_format="openai_dpo", version=1)

    assert first.row_count == again.row_count == 1
    assert first.sha256 == again.sha256


def test_unknown_formats_and_versions_are_told(workspace, editor):
    dataset = make_dataset(workspace, ("a?", "1"))
    actor = Actor.for_user(editor)

    with pytest.raises(UnknownExportFormat):
        export_service.create_export(actor=actor, dataset=dataset, file_format="parchment")
    with pytest.raises(UnknownVersion):
        export_service.create_export(actor=actor, dataset=dataset, file_format="openai_chat", version=7)
    with pytest.raises(NotFound):
        delete_item(actor=actor, dataset=dataset, key=dataset.pk)
    assert not Export.objects.exists()


def test_a_large_export_is_a_job_with_progress(workspace, editor, monkeypatch):
    monkeypatch.setattr(export_service, "INLINE_ITEMS", 2)
    dataset = make_dataset(workspace, ("a?", "1"), ("b?", "2"), ("c?", "3"))

    export = export_service.create_export(
        actor=Actor.for_user(editor), dataset=dataset, file_format="openai_chat"
    )
    assert (export.state, export.completed_at) == ("queued", None)
    (job,) = run_queued()

    export.refresh_from_db()
    assert (job.state, job.done, job.total) == ("succeeded", 3, 3)
    assert (export.state, export.row_count) == ("completed", 3)
    assert export.file.open("rb").read().count(b"\n") == 3


def test_a_job_that_is_run_again_leaves_one_file(workspace, editor, monkeypatch):
    monkeypatch.setattr(export_service, "INLINE_ITEMS", 0)
    dataset = make_dataset(workspace, ("a?", "1"))
    export = export_service.create_export(
        actor=Actor.for_user(editor), dataset=dataset, file_format="openai_chat"
    )
    run_queued()
    Job.objects.update(state="queued")
    Export.objects.update(completed_at=None)
    run_queued()

    export.refresh_from_db()
    folder = f"exports/{workspace.pk}/{export.pk}"
    assert default_storage.listdir(folder)[1] == [export.filename]


def test_deleting_takes_the_files_along(workspace, editor, django_capture_on_commit_callbacks):
    actor = Actor.for_user(editor)
    dataset = make_dataset(workspace, ("a?", "1"))
    one = export_service.create_export(actor=actor, dataset=dataset, file_format="openai_chat")
    two = export_service.create_export(actor=actor, dataset=dataset, file_format="openai_dpo")
    names = [one.file.name, two.file.name]

    with django_capture_on_commit_callbacks(execute=True):
        export_service.delete_export(actor=actor, export=one)
    assert [default_storage.exists(name) for name in names] == [False, True]
    with django_capture_on_commit_callbacks(execute=True):
        dataset_service.delete_dataset(actor=actor, dataset=dataset)
    assert [default_storage.exists(name) for name in names] == [False, False]
    assert not DatasetItem.objects.exists()


def test_twenty_thousand_items_stream_in_bounded_memory(workspace, editor):
    dataset = make_dataset(workspace)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotations_datasetitem (id, key, workspace_id, dataset_id, created_at, updated_at,"
            " since, messages, tools, expected_output, rejected_output, metadata, trace_id, observation_id, client_id,"
            " shape, archived)"
            " SELECT gen_random_uuid(), gen_random_uuid(), %s, %s, now(), now(), 1,"
            " jsonb_build_array(jsonb_build_object('role', 'user', 'content', repeat('q', 200))), '[]',"
            " repeat('a', 400), '', '{}', '', '', '', 'chat', false FROM generate_series(1, 20000)",
            [workspace.pk, dataset.pk],
        )
    freeze(actor=SYSTEM, dataset=dataset)
    export = Export.objects.create(
        workspace=workspace, dataset=dataset, version=dataset.versions.get(), format="openai_chat"
    )

    tracemalloc.start()
    export_service.write_export(export=export)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert export.row_count == 20_000
    assert export.byte_count > 12_000_000
    assert peak < 8_000_000
