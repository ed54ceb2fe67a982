"""The published JSON Schema agrees with what the language accepts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from apps.workflows import dsl
from apps.workflows.nodes.registry import catalogue
from tests.workflows.dsl.catalogue import CATALOGUE
from tests.workflows.dsl.support import document
from tests.workflows.dsl.test_document import YAML
from tests.workflows.dsl.test_validation import GOOD

SCHEMA = dsl.document_schema(CATALOGUE)
VALIDATOR = Draft202012Validator(SCHEMA)


def places(data: Any) -> set[str]:
    return {"/".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(data)}


def test_is_a_schema_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_accepts_what_the_language_accepts() -> None:
    assert places(yaml.safe_load(GOOD)) == set()
    assert places(dsl.dump(dsl.parse(GOOD))) == set()


@pytest.mark.parametrize(
    ("node", "place"),
    [
        ({"id": "1x", "type": "step"}, "nodes/0/id"),
        ({"id": "a", "type": "nothing"}, "nodes/0/type"),
        ({"id": "a", "type": "step", "config": {"txt": 1}}, "nodes/0/config"),
        ({"id": "a", "type": "step", "config": {"size": 1000}}, "nodes/0/config/size"),
        ({"id": "a", "type": "step", "config": {"number": []}}, "nodes/0/config/number"),
        ({"id": "a", "type": "step", "config": {"pairs": [{"value": "x"}]}}, "nodes/0/config/pairs/0"),
        ({"id": "a", "type": "assign", "config": {"target": "topic"}}, "nodes/0/config/target"),
        ({"id": "a", "type": "assign"}, "nodes/0"),
        ({"id": "a", "type": "step", "retry": {"attempts": 0}}, "nodes/0/retry"),
        ({"id": "a", "type": "step", "body": {"nodes": []}}, "nodes/0"),
    ],
)
def test_refuses_what_the_language_refuses(node: dict[str, Any], place: str) -> None:
    assert place in places(document([node], []))


def test_bodies_are_checked_like_documents() -> None:
    body = {"nodes": [{"id": "b", "type": "step", "config": {"size": 0}}]}
    data = document([{"id": "a", "type": "loop", "body": body}], [])
    assert places(data) == {"nodes/0/body"}


def test_dynamic_fields_accept_references_and_templates() -> None:
    config = {
        "number": "$.a.b",
        "integer": "{{ a.b }}",
        "flag": "$.x.y",
        "object": "$.x.z",
        "items": "$.x.l",
        "text": {"$literal": "$.x"},
    }
    assert places(document([{"id": "a", "type": "step", "config": config}], [])) == set()


def test_node_types_have_schemas_of_their_own() -> None:
    schemas = dsl.node_schemas(CATALOGUE)
    assert set(schemas) == set(CATALOGUE)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert schemas["step"]["properties"]["text"]["x-dynamic"] == "string"
    assert schemas["model"]["properties"]["model"]["x-resource"] == "model"


def test_the_real_node_types_give_a_schema() -> None:
    schema = dsl.document_schema(catalogue())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    nodes = [{"id": "start", "type": "start", "config": {"inputs": []}}, {"id": "end", "type": "end"}]
    assert list(validator.iter_errors(document(nodes, ["start > end"]))) == []
    assert list(validator.iter_errors({**document(nodes, []), "nodes": [{"id": "a", "type": "step"}]}))


def test_every_definition_that_is_named_exists() -> None:
    definitions = SCHEMA["$defs"]
    pending: list[Any] = [SCHEMA]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                assert reference.removeprefix("#/$defs/") in definitions
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def test_the_example_of_a_file_fits_apart_from_its_types() -> None:
    assert all("config" in place or "body" in place for place in places(yaml.safe_load(YAML)))
