"""Errors of workflows, their runs and triggers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import Conflict, Invalid, NotAllowed, RateLimited, TooLarge, Unavailable


class DocumentInvalidError(Invalid):
    """A text or object that is no workflow; `problems` lists all that is wrong, each with its place."""

    code = "document_invalid"
    title = _("This is not a valid workflow")


class NotPublishableError(Invalid):
    """The draft has errors; `problems` lists all of them."""

    code = "not_publishable"
    title = _("The workflow has errors")


class DraftChangedError(Conflict):
    """Somebody saved the draft in the meantime; `revision` is the current one."""

    code = "draft_changed"
    title = _("The draft was changed in the meantime")


class NotPublishedError(Conflict):
    """A workflow is run in its published version, and has none."""

    code = "not_published"
    title = _("The workflow is not published")


class ArchivedError(Conflict):
    """Archived workflows neither change nor run."""

    code = "archived"
    title = _("The workflow is archived")


class InputsInvalidError(Invalid):
    """Inputs that the start node does not accept; `errors` names them."""

    code = "inputs_invalid"
    title = _("The inputs are not valid")


class RunEndedError(Conflict):
    """The run has ended."""

    code = "run_ended"
    title = _("The run has ended")


class LedgerGoneError(Conflict):
    """The details of the run were deleted by retention."""

    code = "ledger_gone"
    title = _("The details of the run are not kept any more")


class WaitClosedError(Conflict):
    """A question that was answered already, or whose time is over."""

    code = "wait_closed"
    title = _("This can't be answered any more")


class TriggerInvalidError(Invalid):
    """Settings of a trigger that make no sense; `errors` names them."""

    code = "trigger_invalid"
    title = _("The trigger is not valid")


class RunTimeoutError(Unavailable):
    """A blocking call waited as long as it may; the run goes on."""

    code = "run_timeout"
    status = 504
    title = _("The run has not ended yet")


class SignatureError(NotAllowed):
    """A webhook call without a valid signature."""

    code = "signature_invalid"
    status = 401
    title = _("The signature is not valid")


class ReplayError(Conflict):
    """A webhook call that was received before, or is too old."""

    code = "replayed"
    title = _("This call was received before")


class PayloadTooLargeError(TooLarge):
    """A webhook call with a larger body than its trigger takes."""

    code = "payload_too_large"


class TooManyCallsError(RateLimited):
    """A webhook is called faster than its trigger allows."""

    code = "too_many_calls"
    title = _("Too many calls")
