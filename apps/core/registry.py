"""A named collection that higher apps fill from their `apps.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps a key to a value; a second registration of a key is a mistake and raises."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._items: dict[str, T] = {}

    def register(self, key: str, value: T) -> None:
        """Add `value`; raises ValueError when `key` is taken by something else."""
        if self._items.get(key, value) is not value:
            raise ValueError(f"{key!r} is already registered in {self.name}.")
        self._items[key] = value

    def get(self, key: str) -> T | None:
        """Return the value of `key`, or None."""
        return self._items.get(key)

    def __getitem__(self, key: str) -> T:
        try:
            return self._items[key]
        except KeyError:
            raise LookupError(f"Nothing is registered as {key!r} in {self.name}.") from None

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(list(self._items.items()))

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)
