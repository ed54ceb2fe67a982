"""What a run is given: `$.sys`, `$.env` and conversation variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from apps.core.secrets import decrypt
from apps.workflows.runner.queue import Claimed
from apps.workflows.services.document import environment_values


def system_variables(run: Claimed, dialogue_count: int) -> dict[str, Any]:
    """`$.sys`: the same whenever and wherever the run executes."""
    person = run.external_user or (str(run.user_id) if run.user_id else "")
    return {
        "query": "",
        "files": [],
        **run.system,
        "dialogue_count": dialogue_count,
        "conversation_id": str(run.conversation_id) if run.conversation_id else "",
        "user_id": person,
        "workflow_id": str(run.workflow_id),
        "run_id": str(run.id),
        "timestamp": int(run.started_at.timestamp()),
        "trigger": run.trigger_kind,
    }


def environment(run: Claimed, document: Mapping[str, Any]) -> dict[str, Any]:
    """`$.env`: the document's values, and the workflow's secrets."""
    secrets: dict[str, Any] = orjson.loads(decrypt(bytes(run.secrets)))
    return environment_values(document, secrets)
