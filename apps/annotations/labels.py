"""The labels of a queue: a name, a colour of the palette, a key of the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from apps.core.exceptions import Invalid

Color = Literal["gray", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"]
COLORS: tuple[str, ...] = Color.__args__  # type: ignore[attr-defined]  # typing has no public reader of Literal
VERDICT_SCORE = "verdict"
_KEYS = "123456789"


class Label(BaseModel):
    """One toggle on the desk. `key` is "1" … "9", or "" when all nine are taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    color: Color = "gray"
    key: Annotated[str, StringConstraints(pattern=r"^[1-9]?$")] = ""


_LABELS: TypeAdapter[list[Label]] = TypeAdapter(list[Label])


def clean_labels(raw: Sequence[Any]) -> list[dict[str, str]]:
    """Check labels and give each a free number key; raises `Invalid` with a sentence."""
    try:
        labels = _LABELS.validate_python(
            [item.model_dump() if isinstance(item, Label) else item for item in raw]
        )
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Invalid(
            _("Label %(place)s: %(fault)s")
            % {"place": ".".join(str(part) for part in fault["loc"]), "fault": fault["msg"]}
        ) from error
    _refuse_doubles(labels)
    free = [key for key in _KEYS if key not in {label.key for label in labels}]
    return [
        {"name": label.name, "color": label.color, "key": label.key or (free.pop(0) if free else "")}
        for label in labels
    ]


def _refuse_doubles(labels: Sequence[Label]) -> None:
    names = [label.name.casefold() for label in labels]
    keys = [label.key for label in labels if label.key]
    if len(set(names)) < len(names):
        raise Invalid(_("Two labels have the same name."))
    if len(set(keys)) < len(keys):
        raise Invalid(_("Two labels have the same key."))
    if VERDICT_SCORE in names:
        raise Invalid(_("“%(name)s” is the name of the thumb; choose another one.") % {"name": VERDICT_SCORE})
