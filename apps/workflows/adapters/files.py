"""Files of runs: those kept here, and those that lie elsewhere under an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings

from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.workflows.adapters.http import HttpAdapter
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import HttpOptions
from apps.workflows.models import RunFile
from apps.workflows.services.run_file import keep_file

_ACTOR = Actor.system("workflows")


class FilesAdapter:
    """The port for one run. Only files of its workspace exist for it."""

    def __init__(self, *, workspace: Workspace, run_id: UUID | None) -> None:
        self._workspace = workspace
        self._run_id = run_id

    async def read(self, file: Mapping[str, Any]) -> bytes:
        """The content by the file's id, else by its address. Raises NodeError (file_not_found, file_too_large …)."""
        identifier = str(file.get("id") or "")
        if identifier:
            return await sync_to_async(self._read)(identifier)
        url = str(file.get("url") or "")
        if not url.startswith(("http://", "https://")):
            raise NodeError("The file has neither an id nor an address.", code="file_not_found")
        return await self._fetch(url)

    def _read(self, identifier: str) -> bytes:
        found = (
            RunFile.objects.in_workspace(self._workspace).filter(pk=identifier).first()
            if is_uuid(identifier)
            else None
        )
        if found is None:
            raise NodeError("There is no such file, or it has been deleted.", code="file_not_found")
        if found.size > settings.MAX_UPLOAD_BYTES:
            raise NodeError(f"The file “{found.name}” is too large to be read.", code="file_too_large")
        try:
            with found.content.open("rb") as content:
                return bytes(content.read())
        except FileNotFoundError as error:
            raise NodeError(
                f"The content of “{found.name}” is gone from the storage.", code="file_not_found"
            ) from error

    async def _fetch(self, url: str) -> bytes:
        http = HttpAdapter(allow_private=self._workspace.allow_private_network)
        response = await http.request(
            "GET", url, headers={}, options=HttpOptions(timeout_s=120, max_bytes=settings.MAX_UPLOAD_BYTES)
        )
        if response.status >= 400:
            raise NodeError(
                f"The file could not be fetched: the server answered with status {response.status}.",
                code="file_not_found",
                retryable=response.status >= 500,
            )
        return response.body

    async def save(self, name: str, content_type: str, content: bytes, *, key: str) -> dict[str, Any]:
        """Keep a file once per key. Raises NodeError (file_too_large)."""
        try:
            file = await sync_to_async(keep_file)(
                actor=_ACTOR,
                workspace=self._workspace,
                run_id=self._run_id,
                key=key,
                name=name,
                content=content,
                content_type=content_type,
            )
        except FlywheelError as error:
            raise NodeError(str(error.detail), code="file_too_large") from error
        return file.described
