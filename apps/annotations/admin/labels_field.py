"""The form field for a queue's labels: rows of name, colour and key."""

from __future__ import annotations

from typing import Any

import orjson
from django import forms
from django.core.exceptions import ValidationError
from django.forms import Script
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.annotations.labels import COLORS, clean_labels
from apps.core.exceptions import Invalid


class LabelsWidget(forms.Textarea):
    """JSON in a text area, turned into rows by a script; without the script the JSON can be edited."""

    template_name = "annotations/labels_widget.html"

    class Media:
        css = {"all": ["annotations/css/annotations.css"]}
        js = [Script("annotations/js/labels.js", type="module")]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the palette."""
        return {**super().get_context(name, value, attrs), "colors": " ".join(COLORS)}

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        """Through the project's templates; forms' own renderer doesn't see them."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))


class LabelsField(forms.CharField):
    """Labels as a list of {"name", "color", "key"}."""

    widget = LabelsWidget

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Labels"))
        super().__init__(
            required=False,
            help_text=_("Toggles on the desk. The key is the number that toggles the label."),
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        """Lists as JSON; what the person typed stays as it is."""
        return value if isinstance(value, str) else orjson.dumps(value or []).decode()

    def to_python(self, value: Any) -> Any:
        """Parse and check."""
        try:
            raw = orjson.loads(value or "[]")
        except orjson.JSONDecodeError as error:
            raise ValidationError(_("This is not valid JSON.")) from error
        if not isinstance(raw, list):
            raise ValidationError(_("Labels are a list."))
        try:
            return clean_labels(raw)
        except Invalid as error:
            raise ValidationError(str(error.detail)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what it means, not how it is written."""
        return bool(self.prepare_value(initial) != data)
