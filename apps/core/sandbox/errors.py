"""Why a job gave no result. One class per reason, each with one plain sentence for the author of the code.

`retryable` says whether the same job may succeed later: only what the platform caused is.
"""

from __future__ import annotations

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.exceptions import FlywheelError


class SandboxError(FlywheelError):
    """A job that gave no result. `line` counts in the author's code from 1; `traceback` shows only that code."""

    code = "sandbox_error"
    status = 422
    title = _("The code could not be run.")
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | Promise = "",
        *,
        line: int | None = None,
        traceback: str = "",
        stdout: str = "",
        stderr: str = "",
    ) -> None:
        super().__init__(message)
        self.line = line
        self.traceback = traceback
        self.stdout = stdout
        self.stderr = stderr

    @property
    def message(self) -> str:
        """The sentence for the author."""
        return str(self.detail)


class SandboxUnavailable(SandboxError):
    """No sandbox runs, or it refused to start; the message gives its reason."""

    code = "sandbox_unavailable"
    status = 503
    title = _("Code can't be run at the moment: no sandbox answers.")
    retryable = True


class SandboxBusy(SandboxError):
    """All job slots and waiting places are taken."""

    code = "sandbox_busy"
    status = 503
    title = _("Too much code is running at the moment. Try again in a few seconds.")
    retryable = True


class JobCrashed(SandboxError):
    """The platform lost the job before or while it ran; the code is not to blame."""

    code = "sandbox_job_crashed"
    status = 503
    title = _("The sandbox lost this job. It can be tried again.")
    retryable = True


class CodeFailed(SandboxError):
    """The code raised, does not compile, or ended its process; the message is the code's own error."""

    code = "sandbox_code_failed"
    title = _("The code failed.")


class CpuLimitExceeded(SandboxError):
    """More processor time than `cpu_s`."""

    code = "sandbox_cpu_limit"
    title = _("The code used more processor time than it may. Look for a loop that does not end.")


class WallLimitExceeded(SandboxError):
    """Not finished after `wall_s`."""

    code = "sandbox_wall_limit"
    title = _("The code did not finish in the time it may take.")


class MemoryLimitExceeded(SandboxError):
    """More memory than `memory_mb`."""

    code = "sandbox_memory_limit"
    title = _("The code needed more memory than it may use.")


class OutputLimitExceeded(SandboxError):
    """More printed than `output_kb`, or larger files than `file_mb`."""

    code = "sandbox_output_limit"
    title = _("The code printed more, or wrote larger files, than it may.")


class ResultTooLarge(SandboxError):
    """A result larger than `result_kb`, or a text in it longer than `string_chars`."""

    code = "sandbox_result_too_large"
    title = _("The result is larger than it may be.")


class ResultTooDeep(SandboxError):
    """A result nested deeper than `depth`."""

    code = "sandbox_result_too_deep"
    title = _("The result has more levels of lists and objects inside each other than it may.")


class ResultNotJson(SandboxError):
    """A result that is no plain JSON (NaN, infinity, NUL, lone surrogates, other types), or not exactly one."""

    code = "sandbox_result_not_json"
    title = _(
        "The result is not plain JSON: use objects, lists, texts, finite numbers, true, false and null."
    )


class ForbiddenOperation(SandboxError):
    """The system call filter ended the job."""

    code = "sandbox_forbidden"
    title = _("The code tried something that is never allowed here and was stopped.")


class ResultTypeWrong(SandboxError):
    """A result that lacks a declared output, or holds another type than declared."""

    code = "sandbox_result_type"
    title = _("The result does not have the declared outputs.")
