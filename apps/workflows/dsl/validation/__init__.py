"""Validation: everything that is wrong with a document, each finding with its place.

Form is checked while a document is parsed (`dsl.parsing`); here is what the form can't say. Each concern is one file:

- `variables`: environment and conversation variables, secrets
- `nodes`: types, configurations, error handling, bodies, what they name outside the document
- `graph`: edges, ports, cycles, reachability, and which nodes belong where
- `fields`: values, templates and conditions of configurations
- `references`: whether what they read exists, can have been set, and fits
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.workflows.dsl.document import Document
from apps.workflows.dsl.nodetype import Catalogue
from apps.workflows.dsl.parsing import load, parse_source, with_lines
from apps.workflows.dsl.problems import DocumentError, Problem
from apps.workflows.dsl.validation import fields, graph, nodes, variables
from apps.workflows.dsl.validation.environment import Environment, Inventory, State
from apps.workflows.dsl.validation.model import Model

__all__ = ["Environment", "Inventory", "State", "inspect", "validate"]


def validate(
    document: Document, catalogue: Catalogue, *, environment: Environment | None = None
) -> list[Problem]:
    """Every problem of a document, in the order of the document; without errors among them it can run.

    Without an environment, names of things outside the document are taken on trust.
    """
    model = Model(document, catalogue, environment)
    variables.check(model)
    nodes.check(model)
    graph.check(model)
    fields.check(model)
    return model.report.sorted()


def inspect(
    source: str | Mapping[str, Any], catalogue: Catalogue, *, environment: Environment | None = None
) -> tuple[Document | None, list[Problem]]:
    """Parse and validate in one; the document is None when it can't be read. Problems carry lines for text."""
    try:
        read = load(source)
        document = parse_source(read)
    except DocumentError as error:
        return None, error.problems
    return document, with_lines(validate(document, catalogue, environment=environment), read.lines)
