"""Whatever stands in a body, the answer is no server error."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from apps.core.models import User, Workspace
from tests.factories.core import make_api_key

TRACE = "5" * 32
TIME = "2026-03-01T00:00:00Z"
#: What clients send, by method and address.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "scores"): {
        "id": "s", "traceId": TRACE, "name": "q", "value": 1, "dataType": "NUMERIC", "comment": "c",
        "observationId": "a" * 16, "sessionId": None, "configId": None, "metadata": {"a": 1}, "timestamp": TIME,
    },
    ("POST", "ingestion"): {
        "batch": [
            {
                "id": "e1", "type": "trace-create", "timestamp": TIME,
                "body": {"id": TRACE, "name": "n", "userId": "u", "input": {"a": 1}, "tags": ["x"], "metadata": {}},
            },
            {
                "id": "e2", "type": "generation-create", "timestamp": TIME,
                "body": {
                    "id": "g", "traceId": TRACE, "name": "n", "startTime": TIME, "endTime": TIME, "model": "m",
                    "usage": {"input": 1, "output": 2}, "usageDetails": {"input": 1}, "costDetails": {"total": 1},
                    "output": "x", "level": "ERROR", "modelParameters": {"t": 1}, "promptVersion": 1,
                },
            },
        ],
        "metadata": {"sdk_name": "x"},
    },
    ("POST", "v2/datasets"): {"name": "d", "description": "d", "metadata": {}, "inputSchema": None},
    ("POST", "dataset-items"): {
        "datasetName": "d", "id": "i", "input": {"a": 1}, "expectedOutput": "x", "metadata": {},
        "sourceTraceId": TRACE, "status": "ACTIVE",
    },
    ("POST", "dataset-run-items"): {
        "runName": "r", "runDescription": "d", "metadata": {}, "datasetItemId": "i", "traceId": TRACE,
    },
    ("POST", "comments"): {"objectType": "TRACE", "objectId": TRACE, "content": "c"},
    ("POST", "score-configs"): {
        "name": "c", "dataType": "CATEGORICAL", "categories": [{"label": "a", "value": 1}], "description": "d",
    },
    ("POST", "v2/prompts"): {
        "name": "p", "type": "chat", "prompt": [{"role": "user", "content": "x"}], "config": {},
        "labels": ["production"], "tags": ["a"], "commitMessage": None,
    },
    ("PATCH", "v2/prompts/p/versions/1"): {"newLabels": ["a"]},
    ("POST", "media"): {
        "traceId": TRACE, "contentType": "image/png", "contentLength": 10, "field": "input",
        "sha256Hash": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
    },
    ("GET", "v2/metrics"): {
        "view": "observations", "metrics": [{"measure": "tokensPerSecond", "aggregation": "p99"}],
        "dimensions": [{"field": "name"}], "timeDimension": {"granularity": "day"}, "fromTimestamp": TIME,
        "filters": [{"column": "type", "operator": "=", "value": "SPAN", "type": "string"}], "toTimestamp": TIME,
        "orderBy": [{"field": "name", "direction": "asc"}], "config": {"row_limit": 10},
    },
}  # fmt: skip
STRANGE: list[Any] = [
    None, True, -1, 1e308, 2**70, "", "a\0b", "\ud800", "x" * 300, "2100-01-01T00:00:00Z", "1969-01-01T00:00:00-20:35",
    [], {}, [1], {"a": 1}, {"\0": "\0"}, [[[]]], "../../x",
]  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a body."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*place, key))


def replaced(value: Any, place: tuple[Any, ...], by: Any) -> Any:
    """A copy of a body with something else at a place."""
    if not place:
        return by
    changed = copy.deepcopy(value)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = by
    return changed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "path"), BODIES, ids=[path for _method, path in BODIES])
def test_no_body_is_a_server_error(method: str, path: str, workspace: Workspace, editor: User) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, editor)}")
    for (verb, address), body in BODIES.items():
        if verb == "POST":
            client.post(f"/api/public/{address}", body, format="json")
    rng = random.Random(path)
    body = BODIES[method, path]
    for place in places(body):
        for strange in rng.sample(STRANGE, 4):
            text = json.dumps(replaced(body, place, strange))
            if method == "GET":
                answer = client.get(f"/api/public/{path}?query={quote(text)}")
            else:
                answer = client.generic(method, f"/api/public/{path}", text, content_type="application/json")
            assert answer.status_code < 500, text
            answer.json()
