"""The contract of a format. One format is one file with one `Exporter` in it."""

from __future__ import annotations

from typing import ClassVar, Protocol

from pydantic import BaseModel

from apps.annotations.exporters.example import Example
from apps.annotations.exporters.rejection import Reason, Rejected


class Exporter(Protocol):
    """A training-file format: turns an example into one validated row, or says why it can't."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]

    def row(self, example: Example) -> BaseModel:
        """The row for `example`; raises `Rejected`."""
        ...


def require_expected(example: Example) -> str:
    """The answer to learn; raises `Rejected` when it is blank."""
    if not example.expected.strip():
        raise Rejected(Reason.NO_EXPECTED_OUTPUT)
    return example.expected


def require_rejected(example: Example) -> str:
    """The answer to unlearn; raises `Rejected` when it is blank or equals the expected one."""
    if not example.rejected.strip():
        raise Rejected(Reason.NO_REJECTED_OUTPUT)
    if example.rejected.strip() == example.expected.strip():
        raise Rejected(Reason.SAME_OUTPUTS)
    return example.rejected
