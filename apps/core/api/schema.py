"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema


class WorkspaceAutoSchema(AutoSchema):
    """Adds what every operation has: the workspace header and problem answers."""

    def get_override_parameters(self) -> list[Any]:
        """Describe the headers of every call."""
        from drf_spectacular.types import OpenApiTypes
        from drf_spectacular.utils import OpenApiParameter

        parameters = [
            OpenApiParameter(
                "X-Workspace",
                OpenApiTypes.UUID,
                OpenApiParameter.HEADER,
                description="Workspace of a session call; an API key belongs to one already.",
            )
        ]
        if self.method == "POST":
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    OpenApiTypes.STR,
                    OpenApiParameter.HEADER,
                    description="Sending the same key again returns the first answer instead of writing twice.",
                )
            )
        return parameters

    def get_tags(self) -> list[str]:
        """Group by resource: the first path segment."""
        path = self.path.removeprefix("/api/v1/").strip("/")
        return [path.split("/", 1)[0] or "api"]
