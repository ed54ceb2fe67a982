"""Texts of the console's theme, which has no translations: named here to be collected with ours."""

from __future__ import annotations

from django.utils.translation import gettext_noop

THEME_TEXTS = (
    gettext_noop("Apply Filters"),
    gettext_noop("Choose file to upload"),
    gettext_noop("Click to download"),
    gettext_noop("Collapse"),
    gettext_noop("Current file"),
    gettext_noop("Date"),
    gettext_noop("Date from"),
    gettext_noop("Date to"),
    gettext_noop("Default"),
    gettext_noop("Expand row"),
    gettext_noop("Go back"),
    gettext_noop("Image preview"),
    gettext_noop("More actions"),
    gettext_noop("No data"),
    gettext_noop("No results found"),
    gettext_noop("Reset filters"),
    gettext_noop("Reset to default"),
    gettext_noop("Select action"),
    gettext_noop("Select action to run"),
    gettext_noop("Select all rows"),
    gettext_noop("Select record"),
    gettext_noop("Select value"),
    gettext_noop("Submit"),
    gettext_noop("This item will be deleted."),
    gettext_noop("Toggle password visibility"),
    gettext_noop("Type to search"),
    gettext_noop("Update"),
    gettext_noop("Value"),
)
