"""What a caller asks for and what comes back. Plain data, shared by the client and the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[Any] | dict[str, Any] | None"
Language = Literal["python", "javascript"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use.

    `memory_mb` counts what the job adds to the resident interpreter. `output_kb` holds for stdout and for stderr
    each. `processes` is always enforced as 0 by the system call filter. `file_mb` is the sum of the files a job
    hands back. `depth` and `string_chars` describe the result.
    """

    cpu_s: float = 5.0
    wall_s: float = 10.0
    memory_mb: int = 128
    output_kb: int = 256
    result_kb: int = 1024
    processes: int = 0
    file_mb: int = 0
    depth: int = 20
    string_chars: int = 400_000


@dataclass(frozen=True, slots=True)
class CodeJob:
    """One call of `entry` in `code` with `inputs`.

    `files` are visible to the code by name. `network` names the hosts that `http_request()` may reach through the
    client's broker (`"api.example.com"`, `"*.example.com"`); empty means that the function does not exist.
    """

    language: Language
    code: str
    inputs: Mapping[str, JSON] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    network: tuple[str, ...] = ()
    entry: str = "main"


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job returned, printed and used."""

    value: JSON
    stdout: str = ""
    stderr: str = ""
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    max_rss_kb: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
