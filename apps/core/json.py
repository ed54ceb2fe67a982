"""JSON that can be stored: PostgreSQL's jsonb takes neither NUL characters nor halves of surrogate pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    _JSONField = models.JSONField[Any, Any]
else:
    _JSONField = models.JSONField

#: What may be such a character in JSON text in ASCII; emojis look like one, too.
_SUSPECT = re.compile(r"\\u(?:0000|d[89a-f])")


def storable(value: Any) -> Any:
    """The value with U+FFFD in place of NUL, and a question mark in place of half a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    if isinstance(value, Mapping):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def dump_storable(value: Any, encoder: type[json.JSONEncoder] | None = None) -> str:
    """JSON text of what `storable` gives."""
    text = json.dumps(value, cls=encoder)
    return json.dumps(storable(value), cls=encoder) if _SUSPECT.search(text) else text


class JSONField(_JSONField):
    """JSON of anybody: a user's input, a model's answer, what a program returned. Migrations see Django's own field."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Adapt for psycopg."""
        adapted = super().get_db_prep_value(value, connection, prepared)
        if isinstance(adapted, Jsonb):
            adapted.dumps = partial(dump_storable, encoder=self.encoder)
        return adapted

    def deconstruct(self) -> Any:
        """Name Django's class: the column is the same."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs
