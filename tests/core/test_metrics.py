"""Figures for Prometheus."""

import json
import re
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apps.core.metrics import render
from apps.core.models import Job
from apps.providers.gateway import metrics as gateway_metrics
from apps.providers.wire import Usage
from config.env import ROOT
from tests.factories.core import make_api_key, make_user

pytestmark = pytest.mark.django_db


def samples(content):
    families = text_string_to_metric_families(content.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(name, **labels):
    return samples(render()).get((name, tuple(sorted(labels.items()))), 0)


def test_requests_are_counted_by_route_and_never_by_path(client):
    before = value("flywheel_http_requests_total", method="GET", route="health/", status="200")
    client.get("/health/")
    client.get("/nowhere/zanzibar/")
    assert value("flywheel_http_requests_total", method="GET", route="health/", status="200") == before + 1
    assert b"zanzibar" not in render()


def test_queues_are_read_when_they_are_asked_for(workspace):
    Job.objects.create(workspace=workspace, task="x", queue="indexing")
    assert value("flywheel_jobs", queue="indexing", state="queued") == 1
    assert value("flywheel_oldest_job_seconds", queue="indexing") >= 0
    assert any(name == "flywheel_database_connections" for name, _labels in samples(render()))


def test_tokens_of_a_call_are_counted_once():
    label = {"provider": "p", "model": "metrics-test"}
    usage = Usage(input_tokens=100, output_tokens=50, cached_tokens=60, reasoning_tokens=20)
    gateway_metrics.count_usage(**label, usage=usage)
    kinds = ("input", "cached_input", "output", "reasoning")
    counted = {kind: value("flywheel_model_tokens_total", **label, kind=kind) for kind in kinds}
    assert counted == {"input": 40, "cached_input": 60, "output": 30, "reasoning": 20}


class TestDoor:
    def test_administrators_read_them_with_a_session_or_a_key(self, client, workspace):
        admin = make_user(superuser=True)
        key = make_api_key(workspace, admin)
        assert client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        client.force_login(admin)
        response = client.get("/metrics")
        assert response.status_code == 200
        assert "flywheel_http_requests_total" in response.content.decode()

    def test_others_do_not(self, client, owner, workspace):
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        key = make_api_key(workspace, owner)
        assert client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 403
        client.force_login(owner)
        assert client.get("/metrics").status_code == 403
        assert client.post("/metrics").status_code == 405

    def test_a_token_of_the_installation_opens_it_to_prometheus(self, client, settings):
        settings.METRICS_TOKEN = "t0ken"
        assert client.get("/metrics", headers={"Authorization": "Bearer t0ken"}).status_code == 200
        assert client.get("/metrics", headers={"Authorization": "Bearer t0ke"}).status_code == 401


def test_processes_add_up_their_figures(settings, tmp_path):
    code = "from apps.core.metrics import counter; counter('added_up', 'x').inc(2)"
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", code], env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}, check=True
        )
    settings.METRICS_DIR = str(tmp_path)
    assert value("flywheel_added_up_total") == 4


def test_the_dashboard_asks_for_figures_that_exist():
    dashboard = json.loads((ROOT / "deploy/grafana/flywheel.json").read_text())
    asked = set(
        re.findall(r"flywheel_\w+", " ".join(t["expr"] for p in dashboard["panels"] for t in p["targets"]))
    )
    described = (ROOT / "docs/operations/metrics.md").read_text()
    known = {name.removesuffix("_total") for name in re.findall(r"# TYPE (\w+)", render().decode())}
    for name in asked:
        assert re.sub(r"_(total|bucket)$", "", name) in known
        assert re.sub(r"_bucket$", "", name) in described or name.startswith("flywheel_sandbox_")
