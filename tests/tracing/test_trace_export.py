"""Lists as files: what they hold, that only whole ones are offered, and to whom."""

import csv
import hashlib
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files import File
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pyarrow import parquet

from apps.core import jobs
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import AuditEntry, Job, JobState, Membership
from apps.tracing.downloads import columns_of, payloads, rows
from apps.tracing.downloads import response as response_of_files
from apps.tracing.downloads.csv_file import harmless
from apps.tracing.exceptions import InvalidExport, InvalidSelection, TooManyExports
from apps.tracing.explorer import OBSERVATIONS, Condition, Search
from apps.tracing.models import Observation, ObservationPayload, TraceExport
from apps.tracing.selection import KINDS, MAX_CONDITIONS, Selection
from apps.tracing.services import trace_export as service
from apps.tracing.services.score import record_score
from tests.factories.core import SYSTEM
from tests.factories.tracing import make_row, make_span, make_trace, store
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db

API = "/api/v1/trace-exports/"
LONG = "What is it? " * 40


def selection(list_name, *conditions, chosen=(), **options):
    kind = KINDS[service.list_of(list_name)]
    parsed = tuple(Condition.parse(text, kind.fields) for text in conditions)
    return Selection(Search(kind, conditions=parsed, **options), chosen)


def ask(user, workspace, list_name="traces", *conditions, file_format="jsonl", **options):
    chosen = options.pop("chosen", ())
    return service.create_export(
        actor=Actor.for_user(user),
        workspace=workspace,
        list_name=list_name,
        selection=selection(list_name, *conditions, chosen=chosen),
        file_format=file_format,
        **options,
    )


def written(*args, **options):
    """The export after its job, and the bytes of its file."""
    export = ask(*args, **options)
    run_queued()
    export.refresh_from_db()
    assert export.state == "completed", export.job.error
    with export.file.open("rb") as file:
        return export, file.read()


def lines(*args, **options):
    return [json.loads(line) for line in written(*args, **options)[1].splitlines()]


@pytest.fixture
def traces(workspace):
    """Three traces, the newest first; the newest has a long input, a session and a score."""
    found = [
        make_trace(
            workspace, name="one", ago_s=60, INPUT=LONG, SESSION_ID="s-1", USER_ID="ada", TAGS='["vip"]'
        ),
        make_trace(workspace, name="=two", ago_s=120, SESSION_ID="s-1"),
        make_trace(workspace, name="three", ago_s=180, SESSION_ID="s-2", failed=True),
    ]
    record_score(
        actor=SYSTEM, workspace=workspace, trace_id=found[0].trace_id, name="quality", data_type="numeric",
        value=0.5, comment="-fine", source="api",
    )  # fmt: skip
    return found


def test_traces_as_json_lines_lose_nothing(editor, workspace, traces):
    first, second, third = lines(editor, workspace, payloads=True)
    assert [first["name"], second["name"], third["name"]] == ["one", "=two", "three"]
    assert list(first) == [column.name for column in columns_of("traces")]
    assert (first["input"], first["output"]) == (LONG, "It is this.")
    assert first["input_preview"] != LONG
    assert (second["input"], third["status"]) == ("What is it?", "error")
    assert (first["models"], first["tags"], first["bookmarked"]) == (["small-1"], ["vip"], False)
    assert [(score["name"], score["value"]) for score in first["scores"]] == [("quality", 0.5)]
    assert second["scores"] == []


def test_observations_keep_json_and_decimals_digit_by_digit(editor, workspace):
    trace = make_trace(workspace)
    big = {"n": 123456789012345678901234567890, "f": 0.1, "deep": [{"ü": None}]}
    generation = Observation.objects.of_trace(trace).filter(span_id="0000000000000003")
    generation.update(metadata=big, cost=Decimal("0.0000000001"))
    _export, content = written(editor, workspace, "observations", "type:is:generation", payloads=True)
    assert b'"cost":0.0000000001,' in content
    assert b"123456789012345678901234567890" in content
    row = json.loads(content)
    assert row["metadata"] == big
    assert (row["trace_id"], row["span_id"], row["parent_id"]) == (
        trace.trace_id,
        "0" * 15 + "3",
        "0" * 15 + "1",
    )
    assert (row["latency_ms"], row["ttft_ms"], row["input_tokens"]) == (1500.0, 200.0, 120)
    assert row["input"] == '[{"role": "user", "content": "What is it?"}]'
    assert row["usage"]["input"] == 120


def test_csv_can_do_nothing_in_a_spreadsheet(editor, workspace, traces):
    export, content = written(
        editor, workspace, file_format="csv", columns=["cost", "name", "tags", "start_time", "complete"]
    )
    assert content.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    # columns come in their own order, whatever the order they were asked for in
    assert table[0] == ["name", "start_time", "complete", "cost", "tags"] == export.columns
    assert [row[0] for row in table[1:]] == ["one", "'=two", "three"]
    assert table[1][2:] == ["true", "0.0015000000", '["vip"]']
    assert table[1][1].endswith("+00:00")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "＝1"])
def test_what_a_spreadsheet_would_compute_is_quoted(text):
    assert harmless(text) == "'" + text


def test_texts_that_are_no_formulas_stay_as_they_are():
    assert [harmless(text) for text in ("a=b", "1-2", "", "'=x", "é")] == ["a=b", "1-2", "", "'=x", "é"]


def test_parquet_keeps_types(editor, workspace, traces):
    export, content = written(editor, workspace, file_format="parquet", payloads=True)
    table = parquet.read_table(io.BytesIO(content))
    assert table.column_names == export.columns
    assert str(table.schema.field("cost").type) == "decimal128(38, 10)"
    assert str(table.schema.field("start_time").type) == "timestamp[us, tz=UTC]"
    row = table.to_pylist()[0]
    assert (row["name"], row["cost"], row["tags"], row["input"]) == ("one", Decimal("0.0015"), ["vip"], LONG)
    assert row["start_time"] == traces[0].start_time
    assert json.loads(row["scores"])[0]["comment"] == "-fine"


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_an_empty_list_is_a_file_without_rows(editor, workspace, file_format):
    export, content = written(editor, workspace, "traces", "name:is:nothing", file_format=file_format)
    assert export.row_count == 0
    if file_format == "parquet":
        assert parquet.read_table(io.BytesIO(content)).num_rows == 0
    else:
        assert len(content.splitlines()) == (1 if file_format == "csv" else 0)


def test_scores_and_sessions_can_be_exported(editor, workspace, traces):
    (score,) = lines(editor, workspace, "scores", "name:is:quality")
    assert (score["trace_id"], score["value"], score["comment"], score["author"]) == (
        traces[0].trace_id, 0.5, "-fine", None,
    )  # fmt: skip
    assert lines(editor, workspace, "scores", "value:gt:0.5") == []
    one, two = lines(editor, workspace, "sessions")
    assert (one["session_id"], one["trace_count"], one["failed_count"], one["user_id"]) == (
        "s-1",
        2,
        0,
        "ada",
    )
    assert (one["input_tokens"], one["cost"]) == (240, 0.003)
    assert (two["session_id"], two["failed_count"]) == ("s-2", 1)
    assert [row["session_id"] for row in lines(editor, workspace, "sessions", "status:is:error")] == ["s-2"]


def test_chosen_rows_alone_are_exported(editor, workspace, traces):
    chosen = (traces[0].trace_id, traces[2].trace_id)
    assert [row["name"] for row in lines(editor, workspace, chosen=chosen)] == ["one", "three"]
    chosen = tuple(f"{trace.trace_id}:{2:016x}" for trace in traces[:2])
    found = lines(editor, workspace, "observations", chosen=chosen)
    assert [(row["trace_id"], row["name"]) for row in found] == [
        (trace.trace_id, "retrieve") for trace in traces[:2]
    ]


def test_a_list_is_read_in_steps_of_bounded_size(editor, workspace, traces, monkeypatch):
    """Rows of one moment on both sides of a step, texts beyond the limit of a group: each once, in order."""

    def noise(number):  # what is stored packed can't be packed much smaller than this
        return "".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(10))

    base = 10**9 * 1_700_000_000
    trace_id = make_span().trace_id
    store(
        *(make_row(workspace, trace_id=trace_id, number=n, base_ns=base, INPUT=noise(n)) for n in range(1, 8))
    )
    monkeypatch.setattr(rows, "STEP", 3)
    monkeypatch.setattr(payloads, "GROUP_BYTES", 1000)
    wide = selection("observations", start=timezone.now() - timedelta(days=3000))
    groups = list(
        rows.read_rows("observations", wide, columns_of("observations"), user=editor, workspace=workspace)
    )
    mine = [row for group in groups for row in group if row["trace_id"] == trace_id]
    assert [row["span_id"] for row in mine] == [f"{n:016x}" for n in range(7, 0, -1)]
    assert [row["input"] for row in mine] == [noise(n) for n in range(7, 0, -1)]
    assert max(sum(len(row["input"] or "") for row in group) for group in groups) < 3000
    with CaptureQueriesContext(connection) as captured:
        list(
            rows.read_rows(
                "traces", selection("traces"), columns_of("traces"), user=editor, workspace=workspace
            )
        )
    payload_reads = [query for query in captured if "tracing_observationpayload" in query["sql"]]
    assert len(payload_reads) == 2  # sizes, and the one text that is longer than its preview


def test_texts_that_pack_to_nearly_nothing_are_bounded_by_their_own_size(workspace, monkeypatch):
    """Each is a few hundred bytes as it is stored; all of them would be one group by that."""
    trace_id = make_span().trace_id
    store(*(make_row(workspace, trace_id=trace_id, number=n, INPUT="x" * 100_000) for n in range(1, 7)))
    steps = Observation.objects.in_workspace(workspace).filter(trace_id=trace_id)
    values = list(steps.values("trace_id", "span_id", "start_time", "input_preview", "output_preview"))
    monkeypatch.setattr(payloads, "GROUP_BYTES", 250_000)
    groups = payloads.read_payloads(OBSERVATIONS, values, workspace)
    sizes = [sum(len(row["input"]) for row in group) for group in groups]
    assert sizes == [200_000] * 3


def test_a_file_ends_at_the_limits_and_says_so(editor, workspace, traces, settings):
    settings.TRACE_EXPORT_MAX_ROWS = 2
    export, content = written(editor, workspace)
    assert (export.row_count, export.limit_reached, len(content.splitlines())) == (2, "rows", 2)
    assert "ends after 2 rows" in service.describe_limit(export)
    settings.TRACE_EXPORT_MAX_ROWS = 3
    export, _content = written(editor, workspace)
    assert (export.row_count, export.limit_reached) == (3, "")
    settings.TRACE_EXPORT_MAX_MB = 0
    export, _content = written(editor, workspace)
    assert export.limit_reached == "bytes"
    assert "greatest size" in service.describe_limit(export)


def stop_after(monkeypatch, act):
    """Let `act(context)` happen when the last rows are written and the file is not offered yet."""
    real = service._offer

    def offer(export, context, target, limit):
        act(context)
        context.checkpoint()
        real(export, context, target, limit)

    monkeypatch.setattr(service, "_offer", offer)


def test_a_cancelled_export_leaves_nothing(editor, workspace, traces, monkeypatch):
    stop_after(monkeypatch, lambda context: jobs.cancel(actor=SYSTEM, job=context.job))
    export = ask(editor, workspace)
    run_queued()
    export.refresh_from_db()
    assert (export.state, export.file.name, export.completed_at) == ("cancelled", "", None)


class Killed(BaseException):
    """What no code of ours catches."""


def die(*_args, **_kwargs):
    raise Killed


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_file_that_was_begun_twice_is_whole(editor, workspace, traces, monkeypatch, file_format):
    export = ask(editor, workspace, "observations", file_format=file_format, payloads=True)
    with monkeypatch.context() as patch:
        patch.setattr(rows, "STEP", 2)
        patch.setattr(jobs.JobContext, "progress", lambda self, done, total: die() if done > 2 else None)
        with pytest.raises(Killed):
            jobs.run_job(export.job_id)
    export.refresh_from_db()
    assert (export.state, export.file.name) == ("running", "")
    Job.objects.filter(pk=export.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.run_job(export.job_id)
    export.refresh_from_db()
    with export.file.open("rb") as file:
        content = file.read()
    assert (export.state, export.row_count, export.byte_count) == ("completed", 9, len(content))
    assert content == written(editor, workspace, "observations", file_format=file_format, payloads=True)[1]


def test_an_export_whose_worker_was_killed_is_written_anew(editor, workspace, traces, monkeypatch):
    export = ask(editor, workspace)
    storage = export.file.storage
    folder = f"trace-exports/{workspace.pk}/{export.pk}"
    # the worst moment: the file is stored, and nobody was told
    with monkeypatch.context() as patch:
        patch.setattr(jobs.JobContext, "progress", lambda self, done, total: die() if done == total else None)
        with pytest.raises(Killed):
            jobs.run_job(export.job_id)
    assert len(storage.listdir(folder)[1]) == 1
    export.refresh_from_db()
    assert (export.state, export.file.name) == ("running", "")
    Job.objects.filter(pk=export.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.run_job(export.job_id)
    export.refresh_from_db()
    assert (export.state, export.row_count) == ("completed", 3)
    assert storage.listdir(folder)[1] == [export.file.name.rpartition("/")[2]]


def test_a_worker_that_lost_its_job_offers_nothing(editor, workspace, traces, monkeypatch):
    other = "00000000-0000-0000-0000-000000000001"
    real = service._offer

    def late(export, context, target, limit):
        Job.objects.filter(pk=context.job.pk).update(lease_token=other)
        monkeypatch.setattr(context, "progress", lambda *_args: None)
        real(export, context, target, limit)

    monkeypatch.setattr(service, "_offer", late)
    export = ask(editor, workspace)
    assert jobs.run_job(export.job_id) is False
    export.refresh_from_db()
    assert (export.completed_at, export.file.name) == (None, "")
    folder = f"trace-exports/{workspace.pk}/{export.pk}"
    assert export.file.storage.listdir(folder)[1] == []


def test_the_file_holds_what_its_author_may_see_when_it_is_written(editor, workspace, traces):
    export = ask(editor, workspace)
    Membership.objects.filter(user=editor).delete()
    run_queued()
    export.refresh_from_db()
    assert export.state == "failed"
    assert "may not see" in export.job.error


def test_what_makes_no_sense_is_refused_with_a_sentence(editor, viewer, workspace):
    for error, options in (
        (InvalidExport, {"file_format": "xml"}),
        (InvalidExport, {"columns": ["nope"]}),
        (InvalidExport, {"columns": ["input"]}),
    ):
        with pytest.raises(error):
            ask(editor, workspace, **options)
    with pytest.raises(InvalidExport):
        service.create_export(
            actor=Actor.for_user(editor), workspace=workspace, list_name="scores",
            selection=selection("traces"), file_format="csv",
        )  # fmt: skip
    with pytest.raises(NotAllowed):
        ask(viewer, workspace)
    for _ in range(service.MAX_OPEN):
        ask(editor, workspace)
    with pytest.raises(TooManyExports):
        ask(editor, workspace)


@pytest.mark.parametrize(
    "values",
    [
        {"list": "nope"},
        {"list": "traces", "start": "yesterday"},
        {"list": "traces", "end": "2026-01-01T00:00:00"},
        {"list": "traces", "conditions": ["nope:is:1"]},
        {"list": "traces", "conditions": ["name:is:a"] * (MAX_CONDITIONS + 1)},
    ],
)
def test_a_selection_that_could_mean_more_than_was_asked_is_refused(values):
    with pytest.raises(InvalidSelection):
        Selection.from_json(values)


def test_a_selection_comes_back_as_it_was():
    found = selection(
        "observations", "type:is:agent", "metadata.a%2Eb:is:c", chosen=("a:b",), text="x"
    ).fixed()
    assert Selection.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_exports_over_the_api(api, editor, viewer, stranger, console, workspace, traces):
    client = api(editor)
    asked = {"list": "traces", "format": "csv", "filters": ["name:starts:o"], "columns": ["name"]}
    created = client.post(API, asked, format="json")
    assert created.status_code == 201, created.content
    export = created.json()
    assert (export["state"], export["download_url"], export["columns"]) == ("queued", "", ["name"])
    assert client.get(f"{API}{export['id']}/file/").status_code == 409
    run_queued()
    done = client.get(f"{API}{export['id']}/").json()
    assert (done["state"], done["row_count"], done["notice"]) == ("completed", 1, "")
    response = client.get(done["download_url"])
    assert b"".join(response.streaming_content) == b"\xef\xbb\xbfname\r\none\r\n"
    assert response["Content-Disposition"].startswith('attachment; filename="traces-')
    assert console(editor).get(done["download_url"]).status_code == 200
    for other in (api(viewer), console(stranger)):
        for url in (done["download_url"], f"{API}{export['id']}/"):
            assert other.get(url).status_code == 404
    assert api(viewer).post(API, asked, format="json").status_code == 403
    assert client.post(API, {"list": "traces", "filters": ["x"]}, format="json").status_code == 422
    assert client.post(API, {"list": "nope"}, format="json").status_code in {400, 422}
    name = TraceExport.objects.get().file.name
    assert client.delete(f"{API}{export['id']}/").status_code == 204
    assert not TraceExport.objects.exists()
    actions = AuditEntry.objects.filter(object_type="tracing.traceexport").values_list("action", flat=True)
    assert sorted(actions) == ["tracing.trace_export.create", "tracing.trace_export.delete"]
    assert name.startswith(f"trace-exports/{workspace.pk}/")


def test_an_export_is_stopped_over_the_api(api, editor, workspace):
    client = api(editor)
    export = client.post(API, {"list": "sessions"}, format="json").json()
    assert client.post(f"{API}{export['id']}/cancel/").json()["state"] == "cancelled"
    assert Job.objects.get(pk=export["job"]).state == JobState.CANCELLED


def test_lists_of_exports_need_the_same_number_of_queries_at_any_length(
    api, console, editor, workspace, traces
):
    def queries(client, url):
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url)
            assert response.status_code == 200
        return len(captured), response

    clients = ((api(editor), API), (console(editor), "/admin/tracing/traceexport/"))
    export, _content = written(editor, workspace, "traces", "name:is:one")
    for client, url in clients:
        queries(client, url)
    before = [queries(client, url)[0] for client, url in clients]
    for _ in range(2):
        written(editor, workspace)
    ask(editor, workspace, file_format="parquet")
    after = [queries(client, url) for client, url in clients]
    assert [count for count, _response in after] == before
    html = after[1][1].content.decode()
    for text in ("Traces · JSON Lines", "Complete", f"{API}{export.pk}/file/", "Stop it"):
        assert text in html
    page = console(editor).get(f"/admin/tracing/traceexport/{export.pk}/change/").content.decode()
    assert "Name is one" in page


def test_old_exports_are_deleted_with_their_files(
    editor, workspace, traces, django_capture_on_commit_callbacks
):
    old, _content = written(editor, workspace)
    new, _content = written(editor, workspace)
    busy = ask(editor, workspace)
    past = timezone.now() - timedelta(minutes=1)
    TraceExport.objects.filter(pk__in=[old.pk, busy.pk]).update(expires_at=past)
    with django_capture_on_commit_callbacks(execute=True):
        assert service.drop_expired() == 1
    assert set(TraceExport.objects.all()) == {new, busy}
    assert not old.file.storage.exists(old.file.name)
    assert new.file.storage.exists(new.file.name)


def test_observations_without_a_payload_are_read_whole(editor, workspace, traces):
    ObservationPayload.objects.in_workspace(workspace)._raw_delete("default")
    first = lines(editor, workspace, payloads=True)[0]
    assert first["input"] == first["input_preview"]


async def test_a_file_is_handed_out_in_pieces_where_the_server_awaits_them(monkeypatch, async_rf):
    monkeypatch.setattr(response_of_files, "PIECE_BYTES", 4)
    file = File(io.BytesIO(b"0123456789"))
    response = response_of_files.file_response(
        async_rf.get("/"), file, filename="traces ü.csv", content_type="text/csv"
    )
    assert [piece async for piece in response] == [b"0123", b"4567", b"89"]
    assert file.closed
    assert response["Content-Length"] == "10"
    assert "filename*=utf-8''traces%20%C3%BC.csv" in response["Content-Disposition"]
