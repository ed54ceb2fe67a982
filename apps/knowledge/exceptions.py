"""Failures of the knowledge part that people are told about."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import Conflict, Invalid


class DuplicateDocument(Conflict):
    """The base already has a file with the same content; `document_id` names it."""

    code = "duplicate_document"
    title = _("This file is already in the base")


class DocumentBusy(Conflict):
    """The document is being indexed."""

    code = "document_busy"
    title = _("The document is being indexed")


class UnsuitableModel(Invalid):
    """The model does not embed, or belongs to another workspace."""

    code = "unsuitable_model"
    title = _("This model can't be used here")
