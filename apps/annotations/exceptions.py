"""What can go wrong with annotations, as sentences for the person who did it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import Conflict, Invalid, NotFound


class ItemTaken(Conflict):
    """Another annotator holds the item, or has finished it."""

    code = "item_taken"
    title = _("Somebody else has this item")


class ItemClosed(Conflict):
    """The item is done or skipped and takes no judgement from this person."""

    code = "item_closed"
    title = _("This item is closed")


class SubjectGone(Conflict):
    """What an item asks about is no longer stored."""

    code = "subject_gone"
    title = _("The trace is no longer stored")


class EmptyAnnotation(Invalid):
    """An annotation has to say something."""

    code = "empty_annotation"
    title = _("Give a verdict, a label, a corrected answer or a comment")


class UnknownLabel(Invalid):
    """The queue has no such label."""

    code = "unknown_label"
    title = _("The queue has no such label")


class UnknownExportFormat(NotFound):
    """No exporter has this name."""

    code = "unknown_format"
    title = _("There is no such export format")


class UnknownVersion(NotFound):
    """The dataset has no frozen version with this number."""

    code = "unknown_version"
    title = _("The dataset has no such version")


class EmptyDataset(Conflict):
    """There is nothing to freeze or to export."""

    code = "empty_dataset"
    title = _("The dataset is empty")


class NameTaken(Conflict):
    """Names of queues and datasets are unique in a workspace."""

    code = "name_taken"
    title = _("This name is taken in the workspace")


class ItemIdTaken(Conflict):
    """Ids that clients choose for items are unique in a workspace."""

    code = "item_id_taken"
    title = _("Another item has this id")


class RunIdTaken(Conflict):
    """Ids that clients choose for runs are unique in a workspace."""

    code = "run_id_taken"
    title = _("Another run has this id")
