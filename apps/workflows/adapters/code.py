"""User code of nodes, in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apps.core.exceptions import FlywheelError
from apps.core.sandbox import run_code
from apps.core.sandbox.errors import SandboxError
from apps.core.sandbox.jobs import JobResult, Language
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import CodeResult

_LANGUAGES: Mapping[str, Language] = {"python": "python", "javascript": "javascript"}


class CodeAdapter:
    """The port for one workspace, whose policy sets the limits."""

    def __init__(self, *, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id

    async def run(
        self,
        language: str,
        code: str,
        inputs: Mapping[str, Any],
        *,
        files: Mapping[str, bytes] | None = None,
        timeout_s: float | None = None,
    ) -> CodeResult:
        """Call `main` in the code. Raises NodeError, retryable when the sandbox is at fault."""
        if language not in _LANGUAGES:
            raise NodeError("Code is written in Python or JavaScript.", code="invalid_language")
        result = await self._run(_LANGUAGES[language], code, inputs, files or {}, timeout_s)
        return CodeResult(result.value, result.stdout, result.stderr, dict(result.files))

    async def _run(
        self,
        language: Language,
        code: str,
        inputs: Mapping[str, Any],
        files: Mapping[str, bytes],
        timeout_s: float | None,
    ) -> JobResult:
        try:
            return await run_code(
                workspace_id=self._workspace_id,
                language=language,
                code=code,
                inputs=inputs,
                files=files,
                timeout_s=timeout_s,
            )
        except SandboxError as error:
            details = {
                "line": error.line,
                "traceback": error.traceback,
                "stdout": error.stdout,
                "stderr": error.stderr,
            }
            raise NodeError(
                error.message, code=error.code, retryable=error.retryable, details=details
            ) from error
        except FlywheelError as error:
            raise NodeError(str(error.detail), code=error.code) from error
