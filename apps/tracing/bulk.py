"""What can be done with the rows of a list: tag, score, delete, export; higher apps add theirs ("Add to queue")."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import models
from django.utils.functional import Promise

from apps.core.access import Access, Role
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.core.permissions import role_in
from apps.core.registry import Registry
from apps.tracing.selection import Selected, Selection

#: What a person filled in, as JSON: a job keeps it.
Values = dict[str, Any]

#: Does it to some rows as `actor` and returns how many it changed. Called with a few hundred rows at a time, inside a
#: transaction; a `FlywheelError` ends the work and is shown. Writes no audit entry: there is one for all rows.
Run = Callable[[Actor, Workspace, Sequence[Selected], Values], int]
#: Takes the selection as a whole (an export is a job of its own) and returns a sentence.
Start = Callable[[Actor, Workspace, Selection, Values], str]
#: The fields of the form, by name, for this person and list.
Fields = Callable[[Actor, Workspace, str], Mapping[str, forms.Field]]
#: Checks what was filled in, and may create what it names, once before the first row; returns what `run` gets.
Prepare = Callable[[Actor, Workspace, Values], Values]
#: An action on a model that the person's role must include; what they may not do is not offered.
Needs = tuple[str, type[models.Model]]
#: A sentence about so many changed rows of so many.
Told = Callable[[int, int], str]


@dataclass(frozen=True, slots=True)
class BulkAction:
    """An entry of the menu above the lists named in `lists` ("traces", "observations"), and of the trace page.

    Either `run` with `told`, or `start`.
    """

    title: str | Promise
    needs: Needs
    run: Run | None = None
    told: Told | None = None
    start: Start | None = None
    fields: Fields | None = None
    prepare: Prepare | None = None
    lists: tuple[str, ...] = ("traces", "observations")
    #: A sentence above the fields.
    hint: str | Promise = ""
    #: It can't be undone.
    danger: bool = False
    #: Seldom wanted: in the second menu of the lists, and not on the trace page.
    minor: bool = False
    #: It is done to the traces of the rows, and so not offered for a single step.
    of_traces: bool = False


_actions: Registry[BulkAction] = Registry("tracing bulk actions")


def register(name: str, action: BulkAction) -> None:
    """Offer `action` under a name that no other action has."""
    _actions.register(name, action)


def find(name: str, list_name: str) -> BulkAction | None:
    """The action of this name on this list."""
    action = _actions.get(name)
    return action if action is not None and list_name in action.lists else None


def offered(list_name: str, role: Role | None) -> list[tuple[str, BulkAction]]:
    """Names and actions of a list that somebody of this role may do."""
    return [
        (name, action) for name, action in _actions if list_name in action.lists and _includes(role, action)
    ]


def may(actor: Actor, workspace: Workspace, action: BulkAction) -> bool:
    """Whether `actor` may do the action at all; single rows are checked by `run`."""
    user = actor.user
    if user is None or not user.is_active:
        return False
    return user.is_superuser or _includes(role_in(user, workspace), action)


def _includes(role: Role | None, action: BulkAction) -> bool:
    verb, model = action.needs
    lowest = getattr(model, "access", Access()).lowest(verb)
    return role is not None and lowest is not None and role.includes(lowest)


class BulkForm(forms.Form):
    """The form of an action."""

    def __init__(self, fields: Mapping[str, forms.Field], data: Any = None) -> None:
        super().__init__(data, auto_id="bulk-%s")
        for name, field in fields.items():
            kind = {"select": "fw-select", "checkbox": "fw-checkbox"}
            field.widget.attrs["class"] = kind.get(getattr(field.widget, "input_type", ""), "fw-input")
            self.fields[name] = field

    def problem(self) -> str:
        """The first thing that is wrong, as a sentence with the name of its field."""
        for name, errors in self.errors.items():
            label = self.fields[name].label if name in self.fields else ""
            return f"{label}: {errors[0]}" if label else str(errors[0])
        return ""


__all__ = ["BulkAction", "BulkForm", "Selected", "Selection", "Values", "find", "may", "offered", "register"]
