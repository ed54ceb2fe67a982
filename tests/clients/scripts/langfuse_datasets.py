"""Datasets, experiments, media and readers with the Langfuse SDK, whatever its line; prints what it got."""

import base64
import datetime
import json
import sys
import time

from langfuse import Evaluation, get_client
from langfuse.media import LangfuseMedia

line, name = sys.argv[1:]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
client = get_client()
client.create_dataset(name=name, description="Capitals", metadata={"topic": "geography"})
for key, country, capital in (("it", "Italy", "Rome"), ("fr", "France", "Paris")):
    client.create_dataset_item(
        dataset_name=name,
        id=f"{name}-{key}",
        input={"country": country},
        expected_output={"capital": capital},
    )
client.create_dataset_item(
    dataset_name=name, input="untouched \0", metadata={"n": [1, None]}, status="ARCHIVED"
)
client.create_dataset_item(dataset_name=name, id=f"{name}-fr", metadata={"changed": True})
dataset = client.get_dataset(name)


def task(*, item, **_kwargs):
    with client.start_as_current_observation(name="think", as_type="generation", model="small-1") as step:
        step.update(input=item.input, output="Rome")
    return "Rome"


def exact(*, output, expected_output, **_kwargs):
    return Evaluation(name="exact", value=float(output == expected_output["capital"]))


def mean(*, item_results, **_kwargs):
    values = [entry.value for result in item_results for entry in result.evaluations]
    return Evaluation(name="mean", value=sum(values) / len(values), comment="of all")


result = dataset.run_experiment(
    name="Capitals", run_name="run/one", description="First try", metadata={"model": "small-1"},
    task=task, evaluators=[exact], run_evaluators=[mean],
)  # fmt: skip
manual = 0
if line == "3":
    for item in dataset.items:
        with item.run(run_name="by hand", run_metadata={"by": "hand"}) as span:
            span.update(output="Rome")
        manual += 1
picture = LangfuseMedia(content_bytes=PIXEL, content_type="image/png")
with client.start_as_current_observation(name="picture", input={"image": picture}) as root:
    trace_id, root_id = root.trace_id, root.id
client.flush()
reference = json.dumps({"image": str(picture._reference_string)})
resolved = client.resolve_media_references(
    obj={"i": picture._reference_string}, resolve_with="base64_data_uri"
)
api = client.api


def readers():
    """The lists that the line has, by the names it has for them."""
    if line == "3":
        yield "traces", api.trace.list(limit=1, name="picture", order_by="timestamp.desc").data
        yield "observations", api.observations.get_many(trace_id=trace_id).data
        yield "scores", api.score_v_2.get(name="exact", limit=100).data
        yield "sessions", api.sessions.list(limit=1).data
        yield "runs", client.get_dataset_runs(dataset_name=name).data
        yield "run", client.get_dataset_run(dataset_name=name, run_name="run/one").dataset_run_items
    elif line == "4":
        yield "traces", api.trace.list(limit=1, name="picture", order_by="timestamp.desc").data
        yield "observations", api.legacy.observations_v1.get_many(trace_id=trace_id).data
        yield "observations_v2", api.observations.get_many(trace_id=trace_id, fields="core,basic,io").data
        yield "scores", api.scores.get_many(name="exact", limit=100).data
        yield "sessions", api.sessions.list(limit=1).data
        yield "runs", client.get_dataset_runs(dataset_name=name).data
        yield "run", client.get_dataset_run(dataset_name=name, run_name="run/one").dataset_run_items
    else:
        yield "observations_v2", api.observations.get_many(trace_id=trace_id, fields="core,basic,io").data
        yield "scores", api.scores.get_many(name="exact", limit=100, fields="subject").data
        since = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        yield "runs", api.experiments.list(from_start_time=since, fields="scores,metadata").data
        yield (
            "run",
            api.experiments.list_items(from_start_time=since, experiment_id=result.experiment_id).data,
        )


def counted():
    """What the metrics say of the picture's step."""
    now = datetime.datetime.now(datetime.UTC)
    query = {
        "view": "observations",
        "metrics": [
            {"measure": "count", "aggregation": "count"},
            {"measure": "latency", "aggregation": "p95"},
        ],
        "dimensions": [{"field": "name"}],
        "filters": [{"column": "traceId", "operator": "=", "value": trace_id, "type": "string"}],
        "timeDimension": {"granularity": "hour"},
        "fromTimestamp": (now - datetime.timedelta(hours=1)).isoformat(),
        "toTimestamp": (now + datetime.timedelta(hours=1)).isoformat(),
    }
    (row,) = api.metrics.metrics(query=json.dumps(query)).data
    return [row["name"], row["count_count"], row["p95_latency"] >= 0]


found = dict(readers())
# line 5 reads no traces, and inputs as they are stored
seen = json.loads(found["observations_v2"][0].input) if line == "5" else api.trace.get(trace_id).input
print(
    json.dumps(
        {
            "dataset": [dataset.name, dataset.description, dataset.metadata],
            "items": sorted(
                [item.id, item.input, item.expected_output, item.metadata] for item in dataset.items
            ),
            "results": sorted([entry.output, entry.evaluations[0].value] for entry in result.item_results),
            "run_id": getattr(result, "experiment_id", None) or result.dataset_run_id,
            "manual": manual,
            "trace_id": trace_id,
            "trace_input": seen,
            "reference": reference,
            "resolved": resolved["i"] == "data:image/png;base64," + base64.b64encode(PIXEL).decode(),
            "media_id": picture._media_id,
            "counts": {key: len(rows) for key, rows in found.items()},
            "observation_ids": sorted(
                {row.id for key in found if "observations" in key for row in found[key]}
            ),
            "root_id": root_id,
            "metrics": counted(),
            "seconds": time.process_time(),
        }
    )
)
client.shutdown()
