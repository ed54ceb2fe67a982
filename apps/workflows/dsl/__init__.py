"""The workflow language `flywheel/v1`: plain Python, no Django. See ``docs/reference/workflow-language.md``."""

from __future__ import annotations

from apps.workflows.dsl.compiled import ConfigSource, compile_config, dynamic_fields
from apps.workflows.dsl.conditions import Condition, compile_condition
from apps.workflows.dsl.diff import Change, diff
from apps.workflows.dsl.document import (
    NAMESPACES,
    RESERVED,
    VERSION,
    Body,
    Document,
    Edge,
    Limits,
    NodeModel,
    OnError,
    Retry,
)
from apps.workflows.dsl.errors import (
    ConditionSyntaxError,
    FieldError,
    LanguageError,
    MissingValue,
    ReferenceSyntaxError,
    TemplateError,
    TemplateSyntaxError,
    TypeMismatch,
)
from apps.workflows.dsl.files import file_name, read_file, write_file
from apps.workflows.dsl.migrate import migrate
from apps.workflows.dsl.parsing import load, parse, parse_source
from apps.workflows.dsl.problems import DocumentError, Problem, errors
from apps.workflows.dsl.references import Reference, compile_reference, is_reference
from apps.workflows.dsl.schema import document_schema, node_schemas
from apps.workflows.dsl.scope import ItemScope, Scope
from apps.workflows.dsl.templates import Template, compile_template, is_template
from apps.workflows.dsl.types import check, convert, infer
from apps.workflows.dsl.validation import Environment, Inventory, inspect, validate
from apps.workflows.dsl.values import Value, compile_value, literal
from apps.workflows.dsl.writing import dump, dump_json, dump_yaml

__all__ = [
    "NAMESPACES",
    "RESERVED",
    "VERSION",
    "Body",
    "Change",
    "Condition",
    "ConditionSyntaxError",
    "ConfigSource",
    "Document",
    "DocumentError",
    "Edge",
    "Environment",
    "FieldError",
    "Inventory",
    "ItemScope",
    "LanguageError",
    "Limits",
    "MissingValue",
    "NodeModel",
    "OnError",
    "Problem",
    "Reference",
    "ReferenceSyntaxError",
    "Retry",
    "Scope",
    "Template",
    "TemplateError",
    "TemplateSyntaxError",
    "TypeMismatch",
    "Value",
    "check",
    "compile_condition",
    "compile_config",
    "compile_reference",
    "compile_template",
    "compile_value",
    "convert",
    "diff",
    "document_schema",
    "dump",
    "dump_json",
    "dump_yaml",
    "dynamic_fields",
    "errors",
    "file_name",
    "infer",
    "inspect",
    "is_reference",
    "is_template",
    "literal",
    "load",
    "migrate",
    "node_schemas",
    "parse",
    "parse_source",
    "read_file",
    "validate",
    "write_file",
]
