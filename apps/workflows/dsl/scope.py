"""What references are read from while a run goes on."""

from __future__ import annotations

from typing import Any, Protocol


class Scope(Protocol):
    """The variables of a run as one node sees them. A plain dict will do."""

    def get(self, name: str, /) -> Any:
        """The value of a reference's first segment: a node's outputs, or a namespace such as ``sys``.

        Raises KeyError, or returns None, when nothing was set.
        """


#: The name under which conditions on the items of a list find the current one, written ``@``.
ITEM = "@"


class ItemScope:
    """A scope in which ``@`` is the current item of a list."""

    __slots__ = ("_item", "_scope")

    def __init__(self, scope: Scope, item: Any) -> None:
        self._scope = scope
        self._item = item

    def get(self, name: str, /) -> Any:
        """The current item for ``@``, anything else from the scope around it."""
        return self._item if name == ITEM else self._scope.get(name)
