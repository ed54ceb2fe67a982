"""Errors of tracing that a person or a client is told about."""

from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import Conflict, Invalid


class InvalidScore(Invalid):
    """The value of a score does not fit its type or its definition."""

    code = "invalid_score"
    title = _("The score is not valid")


class InvalidComment(Invalid):
    """A comment without text, without a subject, or with two."""

    code = "invalid_comment"
    title = _("The comment is not valid")


class InvalidCursor(Invalid):
    """The cursor of a list was not made by this list."""

    code = "invalid_cursor"
    title = _("The page address is not valid")


class SearchTooSlow(Invalid):
    """A search that would have read too much."""

    code = "search_too_slow"
    title = _("This search takes too long. Choose a shorter time range or add a filter.")


class InvalidSelection(Invalid):
    """Rows named in a way that says nothing, or too many of them."""

    code = "invalid_selection"
    title = _("These rows can't be chosen")


class InvalidExport(Invalid):
    """A file that can't be made."""

    code = "invalid_export"
    title = _("This export can't be made")


class TooManyExports(Conflict):
    """Files are written one after another."""

    code = "too_many_exports"
    title = _("Several exports are being written already. Wait for one of them, or cancel it.")


class InvalidView(Invalid):
    """A saved view that can't be kept."""

    code = "invalid_view"
    title = _("This view can't be saved")


class InvalidTag(Invalid):
    """A tag that traces can't carry."""

    code = "invalid_tag"
    title = _("This tag can't be used")


class InvalidMedia(Invalid):
    """Media that can't be kept."""

    code = "invalid_media"
    title = _("This file can't be kept")


class InvalidMask(Invalid):
    """A masking rule that could not work."""

    code = "invalid_mask"
    title = _("This masking rule can't work")


class InvalidRetention(Invalid):
    """A time for which traces can't be kept."""

    code = "invalid_retention"
    title = _("Traces can't be kept for this time")


class InvalidForwarder(Invalid):
    """A forwarder that could not work."""

    code = "invalid_forwarder"
    title = _("This forwarder can't work")


class InvalidMetricQuery(Invalid):
    """A question that the rollups can't answer."""

    code = "invalid_metric_query"
    title = _("This can't be asked")


class InvalidDashboard(Invalid):
    """A dashboard or widget that can't be kept."""

    code = "invalid_dashboard"
    title = _("This dashboard can't be saved")


class InvalidAlert(Invalid):
    """An alert that could not work."""

    code = "invalid_alert"
    title = _("This alert can't work")
