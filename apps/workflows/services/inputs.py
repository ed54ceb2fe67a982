"""Inputs of a run, checked against what the start node asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from django.utils.translation import gettext as _

from apps.core.exceptions import TooLarge
from apps.core.json import storable
from apps.workflows.exceptions import InputsInvalidError
from apps.workflows.nodes import start

MAX_INPUT_BYTES: Final = 10 * 2**20


def start_config(document: Mapping[str, Any]) -> dict[str, Any]:
    """Configuration of the document's start node; empty when there is none."""
    for node in document.get("nodes") or ():
        if node.get("type") == "start":
            config: dict[str, Any] = node.get("config") or {}
            return config
    return {}


def input_schema(document: Mapping[str, Any]) -> dict[str, Any]:
    """JSON schema of the inputs that a document's start node asks for."""
    return start.input_schema(start.StartConfig.model_validate(start_config(document)))


def checked_inputs(document: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a run, as they can be stored; raises InputsInvalidError naming each that the start node refuses."""
    if not isinstance(inputs, Mapping):
        raise InputsInvalidError(_("Inputs are an object of names and values."))
    given = storable({str(name): value for name, value in inputs.items()})
    size = len(orjson.dumps(given, option=orjson.OPT_NON_STR_KEYS, default=str))
    if size > MAX_INPUT_BYTES:
        raise TooLarge(_("Inputs may have at most %(limit)d MB.") % {"limit": MAX_INPUT_BYTES // 2**20})
    _values, wrong = start.read_inputs(start.StartConfig.model_validate(start_config(document)), given)
    if wrong:
        name, sentence = next(iter(wrong.items()))
        raise InputsInvalidError(
            f"{name}: {sentence}", errors={field: [problem] for field, problem in wrong.items()}
        )
    return dict(given)
