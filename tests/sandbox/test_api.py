"""Running code by API."""

from __future__ import annotations

import pytest

from apps.core.models import SandboxPolicy
from apps.core.services.sandbox_policy import change_sandbox_policy
from tests.factories.core import SYSTEM

pytestmark = pytest.mark.django_db
RUN, STATE = "/api/v1/sandbox/run", "/api/v1/sandbox"
ADD = "def main(a, b):\n    print('adding')\n    return {'sum': a + b}"


def body(code: str = ADD, **more):
    return {"language": "python", "code": code, "inputs": {"a": 1, "b": 2}, **more}


def test_editors_run_code(sandbox, api, editor):
    response = api(editor).post(RUN, body(outputs={"sum": "integer"}), format="json")
    assert response.status_code == 200
    answer = response.json()
    assert (answer["value"], answer["stdout"], answer["stderr"]) == ({"sum": 3}, "adding\n", "")
    assert answer["cpu_ms"] > 0


def test_sessions_run_code_too(sandbox, console, editor):
    response = console(editor).post(RUN, body(), content_type="application/json")
    assert response.json()["value"] == {"sum": 3}


@pytest.mark.parametrize("who", ["viewer", "annotator"])
def test_others_may_not(sandbox, api, request, who):
    response = api(request.getfixturevalue(who)).post(RUN, body(), format="json")
    assert (response.status_code, response.json()["code"]) == (403, "not_allowed")


def test_a_key_needs_the_scope(sandbox, api, editor):
    assert api(editor, scopes=("read",)).post(RUN, body(), format="json").status_code == 403
    assert api(editor, scopes=("read",)).get(STATE).status_code == 200


def test_strangers_and_visitors_get_nothing(client, api, stranger):
    assert client.post(RUN, body(), content_type="application/json").status_code == 401
    assert api(stranger).post(RUN, body(), format="json").status_code in {401, 403}


def test_errors_are_problems_with_the_line(sandbox, api, editor):
    code = "def main(a, b):\n    print('before')\n    raise ValueError('no')\n"
    response = api(editor).post(RUN, body(code), format="json")
    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:flywheel:problem:sandbox_code_failed"
    assert (problem["line"], problem["retryable"], problem["stdout"]) == (3, False, "before\n")
    assert "ValueError: no" in problem["traceback"]
    assert problem["detail"] == "ValueError: no"


def test_without_a_sandbox_it_is_a_503(no_sandbox, api, editor):
    response = api(editor).post(RUN, body(), format="json")
    assert (response.status_code, response.json()["code"]) == (503, "sandbox_unavailable")
    assert response.json()["retryable"] is True
    state = api(editor).get(STATE).json()
    assert state["running"] is False
    assert "manage.py sandbox" in state["reason"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "ruby"},
        {"code": ""},
        {"code": "x" * 300_000},
        {"code": "a\0b"},
        {"inputs": [1]},
        {"inputs": "x"},
        {"outputs": {"a": "text"}},
        {"outputs": ["a"]},
        {"timeout_s": 0},
        {"timeout_s": "soon"},
        {"timeout_s": 1e9},
    ],
)
def test_bad_requests_are_told_so(sandbox, api, editor, wrong):
    response = api(editor).post(RUN, {**body(), **wrong}, format="json")
    assert response.status_code in {400, 422}
    assert response["Content-Type"] == "application/problem+json"


def test_odd_inputs_never_break_the_server(sandbox, api, editor):
    """NaN in the request, lone surrogates, deep nesting, names that are no identifiers."""
    client = api(editor)
    raw = [
        b'{"language":"python","code":"def main(**k):\\n    return {}","inputs":{"a":NaN}}',
        b'{"language":"python","code":"def main(**k):\\n    return {}","inputs":{"a":1e999}}',
        b'{"language":"python","code":"def main(**k):\\n    return {}","inputs":{"\\ud800":"\\udfff"}}',
        b'{"language":"python","code":"def main(**k):\\n    return {}","inputs":{"a":'
        + b"[" * 5000
        + b"]" * 5000
        + b"}}",
        b'{"language":"python","code":"\\ud800","inputs":{}}',
        b'{"language":"javascript","code":"\\ud800","inputs":{"a b":1,"":2}}',
    ]
    for text in raw:
        response = client.post(RUN, text, content_type="application/json")
        assert response.status_code in {200, 400, 422}, response.content


def test_state_shows_layers_and_the_policy(sandbox, api, viewer, workspace):
    change_sandbox_policy(actor=SYSTEM, workspace=workspace, wall_s=7)
    state = api(viewer).get(STATE).json()
    assert state["running"] is True
    assert {"seccomp"} <= {layer["name"] for layer in state["layers"]}
    assert state["policy"]["wall_s"] == 7
    assert "zygotes" not in state


def test_administrators_change_the_policy(sandbox, api, owner, editor, workspace):
    assert api(editor).patch(STATE, {"wall_s": 3}, format="json").status_code == 403
    response = api(owner).patch(STATE, {"wall_s": 3, "hosts": ["api.example.com"]}, format="json")
    assert response.status_code == 200
    assert response.json()["hosts"] == ["api.example.com"]
    assert SandboxPolicy.objects.get(workspace=workspace).wall_s == 3
    for wrong in ({"wall_s": -1}, {"hosts": ["http://x"]}, {"memory_mb": None}):
        assert api(owner).patch(STATE, wrong, format="json").status_code == 400
    assert SandboxPolicy.objects.get(workspace=workspace).wall_s == 3
