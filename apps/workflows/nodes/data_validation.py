"""Checks data against a JSON Schema."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import OUT, Output, Port
from apps.workflows.dsl.sentences import Text
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import records

REJECTED = "rejected"
#: Records checked in one go; between two of these the other branches get their turn.
_AT_ONCE = 50


class DataValidationConfig(NodeConfig):
    """The data, what it must look like, and what happens to data that does not."""

    data: DynamicAny = Field(title=_("Data"), description=_("One record, or a list of records."))
    json_schema: dict[str, Any] = Field(
        title=_("Schema"),
        description=_("JSON Schema (2020-12) of one record."),
        json_schema_extra={"x-widget": "json_schema"},
    )
    mode: Literal["auto", "record", "list"] = Field(
        "auto",
        title=_("Checked"),
        description=_(
            "auto checks the items of a list one by one, unless the schema itself describes a list. "
            "record checks the data as a whole."
        ),
    )
    coerce: bool = Field(
        False,
        title=_("Convert"),
        description=_(
            "Numbers, truth values, objects and lists that are written as text become what they say."
        ),
    )
    defaults: bool = Field(
        True, title=_("Fill in defaults"), description=_("Missing fields take the default of the schema.")
    )
    drop_unknown: bool = Field(
        False, title=_("Leave out unknown fields"), description=_("Fields that the schema does not name.")
    )
    check_formats: bool = Field(
        True,
        title=_("Check formats"),
        description=_("date, date-time, time, email, hostname, ipv4, ipv6, uri, uuid, regex, json-pointer."),
    )
    reject_when: Literal["any", "all", "never"] = Field(
        "any",
        title=_("Leave by “rejected”"),
        description=_(
            "When any record is bad, only when all of them are, or never. The outputs hold both kinds."
        ),
    )


class DataValidationNode(Node[DataValidationConfig]):
    """Sorts good records from bad ones."""

    type = "data_validation"
    title = _("Validate data")
    description = _("Checks records against a schema; bad ones are set aside with the reasons.")
    group = "logic"
    icon = "rule"
    Config = DataValidationConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """All is well, or not."""
        if config.reject_when == "never":
            return (Port(OUT, _("Valid")),)
        return (Port(OUT, _("Valid")), Port(REJECTED, _("Rejected")))

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Good and bad records."""
        return {
            "output": Output("any", _("The valid record, or the list of the valid ones"), config.json_schema),
            "rejected": Output("array[object]", _("Bad records: index, record, reasons, errors")),
            "is_valid": Output("boolean", _("Whether all records are valid")),
            "valid_count": Output("integer", _("How many are valid")),
            "rejected_count": Output("integer", _("How many are not")),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """A schema that is none."""
        return records.problems("json_schema", config.json_schema)

    async def run(self, ctx: NodeContext, config: DataValidationConfig) -> Result:
        """Check. Raises `NodeError` (invalid_schema)."""
        several = isinstance(config.data, list) and _by_item(config)
        found: list[Any] = config.data if several else [config.data]
        valid: list[Any] = []
        rejected: list[dict[str, Any]] = []
        for index, record in enumerate(found):
            fitted, errors = self._check(record, config)
            if errors:
                rejected.append(_rejection(index, record, errors))
            else:
                valid.append(fitted)
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        outputs = {
            "output": valid if several else (valid[0] if valid else None),
            "rejected": rejected,
            "is_valid": not rejected,
            "valid_count": len(valid),
            "rejected_count": len(rejected),
        }
        return Result(outputs, _port(config, len(valid), len(rejected)))

    def _check(self, record: Any, config: DataValidationConfig) -> tuple[Any, list[dict[str, Any]]]:
        fitted = records.normalise(
            record,
            config.json_schema,
            coerce=config.coerce,
            defaults=config.defaults,
            drop_unknown=config.drop_unknown,
        )
        return fitted, records.check(fitted, config.json_schema, formats=config.check_formats)


def _by_item(config: DataValidationConfig) -> bool:
    if config.mode == "auto":
        kind = config.json_schema.get("type")
        return kind != "array" and not (isinstance(kind, list) and "array" in kind)
    return config.mode == "list"


def _rejection(index: int, record: Any, errors: list[dict[str, Any]]) -> dict[str, Any]:
    reasons = [
        f"{error['path'].removeprefix('$').lstrip('.')} {error['message']}".strip() for error in errors
    ]
    return {"index": index, "record": record, "reasons": reasons, "errors": errors}


def _port(config: DataValidationConfig, valid: int, rejected: int) -> str:
    if config.reject_when == "any":
        return REJECTED if rejected else OUT
    return REJECTED if config.reject_when == "all" and rejected and not valid else OUT
