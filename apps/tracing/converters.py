"""Ids that applications chose, as part of an address."""

from django.urls.converters import StringConverter


class AnyConverter(StringConverter):
    """Any text at all, slashes and line breaks too: names of sessions and users are the application’s."""

    regex = r"(?s:.+)"
