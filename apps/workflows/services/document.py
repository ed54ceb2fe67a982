"""Documents of workflows between the language and the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from django.utils.translation import gettext as _

from apps.core.exceptions import TooLarge
from apps.workflows import dsl
from apps.workflows.dsl.problems import Problem
from apps.workflows.dsl.sentences import said
from apps.workflows.exceptions import DocumentInvalidError
from apps.workflows.models import Workflow

MAX_DOCUMENT_BYTES: Final = 5 * 2**20
VERSION: Final = "flywheel/v1"


def new_document(name: str, kind: str, description: str = "", icon: str = "account_tree") -> dict[str, Any]:
    """What a new workflow begins with: a start and an end, or for a chatflow an answer that echoes."""
    chat = kind == "chatflow"
    last: dict[str, Any] = (
        {"id": "answer", "type": "answer", "title": "Answer", "config": {"answer": "{{ sys.query }}"}}
        if chat
        else {"id": "end", "type": "end", "title": "End", "config": {"outputs": []}}
    )
    return {
        "version": VERSION,
        "kind": kind,
        "name": name,
        "description": description,
        "icon": icon,
        "nodes": [
            {
                "id": "start",
                "type": "start",
                "title": "Start",
                "config": {"inputs": []},
                "position": {"x": 0, "y": 0},
            },
            {**last, "position": {"x": 320, "y": 0}},
        ],
        "edges": [{"source": "start", "target": str(last["id"])}],
    }


def read_document(content: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
    """The document in a YAML or JSON text, or an object, in its current version and plain JSON.

    Raises DocumentInvalidError with all problems of its form; whether it can run is said by `dsl.validate`.
    """
    if isinstance(content, bytes):
        content = _decoded(content)
    if isinstance(content, str) and len(content) > MAX_DOCUMENT_BYTES:
        raise TooLarge(_("A workflow has at most %(limit)d MB.") % {"limit": MAX_DOCUMENT_BYTES // 2**20})
    try:
        parsed = dsl.parse(content if isinstance(content, str) else dict(content))
    except dsl.DocumentError as error:
        raise DocumentInvalidError(_summary(error), problems=shown_problems(error.problems)) from None
    document: dict[str, Any] = orjson.loads(dsl.dump_json(parsed))
    return document


def _summary(error: dsl.DocumentError) -> str:
    """The first problems in one text, in the language of whoever asks."""
    return "; ".join(problem.shown(_) for problem in error.problems[:5])


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentInvalidError(_("The file is not UTF-8 text.")) from None


def shown_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as JSON, for the API and the console, in the language of whoever asks."""
    return [
        {
            "code": problem.code,
            "place": problem.place,
            "message": said(problem.sentence, _),
            "node_id": problem.node_id,
            "severity": problem.severity,
        }
        for problem in problems
    ]


def checksum_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def take_secrets(document: dict[str, Any]) -> dict[str, str]:
    """Take the values of secret variables out of a document (they are kept apart); returns them by name."""
    found: dict[str, str] = {}
    for variable in _environment(document):
        if variable.get("type") == "secret":
            value = variable.pop("value", None)
            if value not in (None, ""):
                found[str(variable.get("name"))] = str(value)
    return found


def secret_names(document: Mapping[str, Any]) -> list[str]:
    """Names of the secret environment variables that a document declares."""
    return [str(v.get("name")) for v in _environment(document) if v.get("type") == "secret"]


def environment_values(document: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """What `$.env` holds in a run: the document's values, and the secrets that are set."""
    return {
        str(v.get("name")): secrets.get(str(v.get("name"))) if v.get("type") == "secret" else v.get("value")
        for v in _environment(document)
    }


def missing_secrets(workflow: Workflow, document: Mapping[str, Any]) -> list[str]:
    """Secrets that a document declares and nobody has entered."""
    return [name for name in secret_names(document) if not workflow.secrets.get(name)]


def _environment(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    variables = document.get("variables")
    found = variables.get("environment") if isinstance(variables, Mapping) else None
    return [v for v in found if isinstance(v, dict)] if isinstance(found, list) else []
