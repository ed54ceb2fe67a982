"""Files of runs: the storage, the port of a run, the API."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed, TooLarge
from apps.core.models import AuditEntry
from apps.workflows.adapters.files import FilesAdapter
from apps.workflows.engine.errors import NodeError
from apps.workflows.models import RunFile, Workflow, WorkflowRun
from apps.workflows.services.run_file import (
    claim_files,
    clean_name,
    delete_file,
    delete_unused_files,
    keep_file,
    upload_file,
)
from tests.factories.core import SYSTEM, make_workspace

URL = "/api/v1/workflow-files/"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def run(workspace) -> WorkflowRun:
    workflow = Workflow.objects.create(workspace=workspace, name="Orders")
    return WorkflowRun.objects.create(
        workspace=workspace, workflow=workflow, checksum="0" * 64, queued_at=timezone.now()
    )


def keep(run: WorkflowRun, key: str = "k:0", content: bytes = b"abc", name: str = "a.txt") -> RunFile:
    return keep_file(
        actor=SYSTEM, workspace=run.workspace, run_id=run.pk, key=key, name=name, content=content
    )


@pytest.mark.django_db
class TestService:
    """Keeping and removing."""

    def test_a_node_that_runs_again_keeps_its_file_once(self, run):
        first = keep(run)
        assert keep(run, content=b"other") == first
        assert RunFile.objects.get().sha256.startswith("ba7816bf")
        assert (first.size, first.content_type, first.run) == (3, "text/plain", run)
        assert keep(run, key="k:1") != first

    def test_keys_are_a_workspace_s_own(self, run):
        keep(run)
        other = make_workspace()
        keep_file(actor=SYSTEM, workspace=other, run_id=None, key="k:0", name="a", content=b"x")
        assert RunFile.objects.count() == 2

    def test_an_upload_is_audited_and_held_by_the_run_that_uses_it(self, run, viewer):
        actor = Actor.for_user(viewer)
        file = upload_file(actor=actor, workspace=run.workspace, name="x/é\n.PDF", content=b"1")
        assert (file.name, file.content_type, file.run) == ("é .PDF", "application/pdf", None)
        assert AuditEntry.objects.filter(action="workflows.run_file.upload", object_id=str(file.pk)).exists()
        run.inputs = {
            "deep": [{"doc": file.described}, {"id": str(uuid4()), "name": "gone"}, {"id": "x", "name": "y"}]
        }
        assert claim_files(run=run) == 1
        assert claim_files(run=run) == 0
        file.refresh_from_db()
        assert file.run == run

    def test_strangers_may_not_upload_or_delete(self, run, stranger, viewer):
        with pytest.raises(NotAllowed):
            upload_file(actor=Actor.for_user(stranger), workspace=run.workspace, name="a", content=b"")
        with pytest.raises(NotAllowed):
            delete_file(actor=Actor.for_user(viewer), file=keep(run))

    def test_files_have_a_largest_size(self, run, settings):
        settings.MAX_UPLOAD_BYTES = 2
        with pytest.raises(TooLarge):
            keep(run)
        assert RunFile.objects.count() == 0

    def test_unused_files_go_with_their_content(self, run, django_capture_on_commit_callbacks):
        kept, left = keep(run), keep(run, key="k:1")
        upload = upload_file(actor=SYSTEM, workspace=run.workspace, name="u", content=b"u")
        fresh = upload_file(actor=SYSTEM, workspace=run.workspace, name="f", content=b"f")
        RunFile.objects.filter(pk=left.pk).update(run=None)
        long_ago = timezone.now() - timedelta(days=40)
        RunFile.objects.exclude(pk=fresh.pk).update(created_at=long_ago)
        with django_capture_on_commit_callbacks(execute=True):
            assert delete_unused_files(actor=SYSTEM, before=timezone.now() - timedelta(days=30)) == 2
        assert set(RunFile.objects.all()) == {kept, fresh}
        assert not default_storage.exists(upload.content.name)
        assert default_storage.exists(kept.content.name)

    def test_files_of_a_run_that_was_forgotten_are_not_needed(self, run):
        file = keep(run)
        assert RunFile.objects.unused().count() == 0
        WorkflowRun.objects.filter(pk=run.pk).update(ledger_kept=False)
        assert list(RunFile.objects.unused()) == [file]

    def test_files_outlive_their_run(self, run):
        file = keep(run)
        run.delete()
        file.refresh_from_db()
        assert file.run is None


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("../../etc/passwd", "", "passwd"),
        ("C:\\x\\y.txt", "", "y.txt"),
        ("", "image/png", "file.png"),
        ("..", "", "file"),
        ("a\0b\n", "", "a b"),
        ("x" * 300 + ".pdf", "", "x" * 251 + ".pdf"),
    ],
)
def test_names_are_made_harmless(name, kind, expected):
    assert clean_name(name, kind) == expected


@pytest.mark.django_db
class TestPort:
    """What nodes of a run can do."""

    def test_saves_and_reads(self, run):
        port = FilesAdapter(workspace=run.workspace, run_id=run.pk)
        file = async_to_sync(port.save)("a.png", "image/png", b"1", key="k")
        assert file == async_to_sync(port.save)("a.png", "image/png", b"2", key="k")
        assert set(file) >= {"id", "name", "content_type", "size", "url"}
        assert async_to_sync(port.read)(file) == b"1"

    @pytest.mark.parametrize(
        "file", [{"id": str(uuid4())}, {"id": "../x"}, {"id": ""}, {"url": "file:///etc/passwd"}]
    )
    def test_there_is_nothing_else(self, run, file):
        with pytest.raises(NodeError) as caught:
            async_to_sync(FilesAdapter(workspace=run.workspace, run_id=run.pk).read)(file)
        assert caught.value.code == "file_not_found"

    def test_files_of_other_workspaces_do_not_exist(self, run):
        other = FilesAdapter(workspace=make_workspace(), run_id=None)
        with pytest.raises(NodeError):
            async_to_sync(other.read)(keep(run).described)

    def test_content_that_is_gone(self, run):
        file = keep(run)
        default_storage.delete(file.content.name)
        with pytest.raises(NodeError) as caught:
            async_to_sync(FilesAdapter(workspace=run.workspace, run_id=run.pk).read)(file.described)
        assert "a.txt" in caught.value.message

    def test_addresses_inside_the_network_are_refused(self, run):
        file = {"name": "x", "url": "http://127.0.0.1:1/x"}
        with pytest.raises(NodeError) as caught:
            async_to_sync(FilesAdapter(workspace=run.workspace, run_id=run.pk).read)(file)
        assert caught.value.code == "http_blocked"

    def test_too_large(self, run, settings):
        settings.MAX_UPLOAD_BYTES = 2
        with pytest.raises(NodeError) as caught:
            async_to_sync(FilesAdapter(workspace=run.workspace, run_id=run.pk).save)("a", "", b"123", key="k")
        assert caught.value.code == "file_too_large"


@pytest.mark.django_db
class TestApi:
    """Upload and download."""

    def upload(self, client, content=b"abc", name="a.txt", kind="text/plain"):
        return client.post(URL, {"file": SimpleUploadedFile(name, content, kind)}, format="multipart")

    def test_upload_and_download(self, api, viewer):
        client = api(viewer)
        answer = self.upload(client)
        assert answer.status_code == 201
        file = answer.json()
        assert (file["name"], file["size"], file["content_type"], file["run"]) == (
            "a.txt",
            3,
            "text/plain",
            None,
        )
        content = client.get(file["url"])
        assert b"".join(content.streaming_content) == b"abc"
        assert content["Content-Type"] == "application/octet-stream"
        assert content["Content-Disposition"].startswith("attachment")
        assert content["X-Content-Type-Options"] == "nosniff"
        assert client.get(f"{URL}{file['id']}/").json() == file

    def test_pictures_are_shown_and_scripts_are_not(self, api, editor):
        client = api(editor)
        picture = client.get(self.upload(client, b"\x89PNG", "a.png", "image/png").json()["url"])
        assert picture["Content-Type"] == "image/png"
        assert picture["Content-Security-Policy"] == "default-src 'none'; sandbox"
        drawing = client.get(self.upload(client, b"<svg/>", "a.svg", "image/svg+xml").json()["url"])
        assert drawing["Content-Disposition"].startswith("attachment")

    def test_who_may_what(self, api, viewer, editor, stranger, run):
        file = keep(run)
        assert api(viewer).delete(f"{URL}{file.pk}/").status_code == 403
        assert api(stranger).get(f"{URL}{file.pk}/content/").status_code in {403, 404}
        assert api(editor, scopes=("read",)).post(URL).status_code == 403
        assert api(editor).delete(f"{URL}{file.pk}/").status_code == 204

    def test_bad_uploads(self, api, editor, settings):
        client = api(editor)
        assert client.post(URL, {}, format="multipart").status_code == 400
        assert client.post(URL, {"file": "text"}, format="json").status_code == 400
        assert self.upload(client, b"", "empty.txt").status_code == 201
        settings.MAX_UPLOAD_BYTES = 2
        assert self.upload(client).status_code == 413

    def test_content_that_is_gone_is_a_404(self, api, editor, run):
        file = keep(run)
        default_storage.delete(file.content.name)
        assert api(editor).get(f"{URL}{file.pk}/content/").status_code == 404

    def test_the_list_takes_the_same_queries_however_long(self, api, editor, run):
        client = api(editor)
        keep(run)
        client.get(URL)  # notes when the key was last used
        counts = []
        for _round in range(2):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(URL, {"run": str(run.pk)}).status_code == 200
            counts.append(len(queries))
            for index in range(5):
                keep(run, key=f"more:{index}")
        assert counts[0] == counts[1]
