"""What can be done with the chosen rows of a list: higher apps add theirs ("add to queue", "add to dataset")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise

from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.core.registry import Registry

if TYPE_CHECKING:
    from apps.tracing.models import Trace


@dataclass(frozen=True, slots=True)
class Selected:
    """A chosen trace, or one observation of it."""

    trace: "Trace"
    observation_id: str = ""


#: Does it as `actor` and returns a sentence for the person; a `FlywheelError` is shown instead.
Run = Callable[[Actor, Workspace, Sequence[Selected]], str]


@dataclass(frozen=True, slots=True)
class BulkAction:
    """An entry of the menu above the lists named in `lists` ("traces", "observations")."""

    title: str | Promise
    run: Run
    lists: tuple[str, ...] = ("traces", "observations")


_actions: Registry[BulkAction] = Registry("tracing bulk actions")


def register(name: str, action: BulkAction) -> None:
    """Offer `action` under a name that no other action has."""
    _actions.register(name, action)


def find(name: str, list_name: str) -> BulkAction | None:
    """The action of this name on this list."""
    action = _actions.get(name)
    return action if action is not None and list_name in action.lists else None


def offered(list_name: str) -> list[tuple[str, str | Promise]]:
    """Names and titles of the actions on a list."""
    return [(name, action.title) for name, action in _actions if list_name in action.lists]
