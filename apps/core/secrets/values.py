"""A string that cannot be printed by accident."""

from __future__ import annotations

from typing import Any, NoReturn

MASK = "••••••••"


class Secret:
    """Wraps a secret: `repr`, `str` and formatting show a mask; `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})" if self._value else "Secret('')"

    def __str__(self) -> str:
        return MASK if self._value else ""

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not serialised.")

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self
