"""JSON kept exactly as it was given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField  # generic in the type stubs only


class ExactJSONField(_TextField):
    """Any JSON value as text. PostgreSQL's jsonb would sort keys and refuse NUL characters."""

    def get_prep_value(self, value: Any) -> Any:
        """JSON text; non-ASCII letters stay readable, so that they can be searched for."""
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False)
        return text if _is_unicode(text) else json.dumps(value)

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Any:
        """The value; SQL's NULL is JSON's null."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """Values are JSON values already."""
        return value

    def value_to_string(self, obj: Any) -> Any:
        """For serialisation: the value, not its text."""
        return self.value_from_object(obj)


def _is_unicode(text: str) -> bool:
    """False for half surrogates, which no database takes; JSON can write them as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
