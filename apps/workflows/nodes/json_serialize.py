"""From JSON to text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result


class JsonSerializeConfig(NodeConfig):
    """The value, and how it is written."""

    value: DynamicAny = Field(title=_("Value"), description=_("Objects and lists may hold references."))
    pretty: bool = Field(False, title=_("On several lines"))
    indent: int = Field(
        2, ge=1, le=8, title=_("Indentation"), json_schema_extra={"x-when": {"pretty": [True]}}
    )
    sort_keys: bool = Field(False, title=_("Sort names"))
    ensure_ascii: bool = Field(
        False, title=_("ASCII only"), description=_("Write other characters as \\u escapes.")
    )


class JsonSerializeNode(Node[JsonSerializeConfig]):
    """Writes JSON."""

    type = "json_serialize"
    title = _("Write JSON")
    description = _("Turns a value into JSON text.")
    group = "transform"
    icon = "data_array"
    Config = JsonSerializeConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The text."""
        return {"output": Output("string", _("The text"))}

    def run(self, ctx: NodeContext, config: JsonSerializeConfig) -> Result:
        """Write. Raises `NodeError` (not_json) for numbers that JSON doesn't know."""
        try:
            text = json.dumps(
                config.value,
                ensure_ascii=config.ensure_ascii,
                indent=config.indent if config.pretty else None,
                sort_keys=config.sort_keys,
                separators=None if config.pretty else (",", ":"),
                allow_nan=False,
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise NodeError("The value holds something that JSON doesn't know.", code="not_json") from error
        return Result({"output": text})
