"""How a workflow is called by API: snippets with its own address and inputs."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.workflows.admin.base import WorkflowPage
from apps.workflows.admin.inputs import sample_inputs
from apps.workflows.admin.workflow import is_changed
from apps.workflows.models import WorkflowKind

MODES = ("blocking", "streaming", "async")


class ApiPage(WorkflowPage):
    """curl and Python for each way to run the workflow."""

    template_name = "workflows/api.html"
    tab = "api"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Snippets."""
        document = self.workflow.published.document if self.workflow.published else self.workflow.draft
        url = request.build_absolute_uri(f"/api/v1/workflows/{self.workflow.pk}/run")
        body: dict[str, Any] = {"inputs": sample_inputs(document)}
        if self.workflow.kind == WorkflowKind.CHATFLOW:
            body["query"] = "Hello"
        return {
            "changed": is_changed(self.workflow),
            "keys_url": reverse("admin:core_apikey_changelist"),
            "reference_url": reverse("api-reference"),
            "snippets": [_snippet(url, {**body, "response": mode}) for mode in MODES],
        }


def _snippet(url: str, body: dict[str, Any]) -> dict[str, str]:
    return {"key": body["response"], "curl": _curl(url, body), "python": _python(url, body)}


def _curl(url: str, body: dict[str, Any]) -> str:
    quoted = json.dumps(body, ensure_ascii=False, indent=2).replace("'", "'\\''")
    no_buffer = " -N" if body["response"] == "streaming" else ""
    return (
        f"curl{no_buffer} -X POST '{url}' \\\n"
        "  -H 'Authorization: Bearer YOUR_API_KEY' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{quoted}'"
    )


def _python(url: str, body: dict[str, Any]) -> str:
    shown = _literal(body)
    head = f'import httpx\n\nurl = "{url}"\nheaders = {{"Authorization": "Bearer YOUR_API_KEY"}}\nbody = {shown}\n\n'
    if body["response"] == "streaming":
        return (
            head + 'with httpx.stream("POST", url, headers=headers, json=body, timeout=None) as response:\n'
            "    response.raise_for_status()\n"
            "    for line in response.iter_lines():\n"
            '        if line.startswith("data:"):\n'
            "            print(line[5:].strip())\n"
        )
    return (
        head + "response = httpx.post(url, headers=headers, json=body, timeout=120)\n"
        "response.raise_for_status()\n"
        "print(response.json())\n"
    )


def _literal(body: dict[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, indent=4)
    # JSON's three words that Python spells otherwise stand alone, since texts are quoted
    lines = []
    for line in text.splitlines():
        head, separator, tail = line.partition(": ")
        for word, python in (("true", "True"), ("false", "False"), ("null", "None")):
            if tail.rstrip(",") == word:
                tail = tail.replace(word, python)
        lines.append(head + separator + tail)
    return "\n".join(lines)
