"""From files to text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.knowledge.parsing import ParseError
from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.engine.ports import FilePort
from apps.workflows.nodes.support import documents
from apps.workflows.nodes.support.ports import need


class DocumentExtractorConfig(NodeConfig):
    """Which files, and how their text is handed on."""

    files: DynamicAny = Field(
        title=_("Files"),
        description=_("One file or a list of files."),
        json_schema_extra={"x-widget": "reference", "x-accepts": ["file", "array[file]"]},
    )
    separator: str = Field(
        "\n\n",
        title=_("Between files"),
        description=_("Stands between the texts of several files in the output “text”."),
        json_schema_extra={"x-advanced": True},
    )
    clean: bool = Field(
        True,
        title=_("Clean"),
        description=_("Leave out running headers, page numbers and stray characters."),
    )
    on_unreadable: Literal["fail", "skip"] = Field(
        "fail",
        title=_("Files that can't be read"),
        description=_("Make the node fail, or leave them out and tell of them in “errors”."),
    )
    max_chars: int | None = Field(
        None,
        ge=1,
        title=_("Longest text per file"),
        description=_("In characters; what is longer is cut. Empty: no limit."),
        json_schema_extra={"x-advanced": True},
    )


class DocumentExtractorNode(Node[DocumentExtractorConfig]):
    """Reads documents."""

    type = "document_extractor"
    title = _("Extract text")
    description = _(
        "Reads the text of documents: PDF, DOCX, PPTX, XLSX, EPUB, Markdown, HTML, tables, JSON, YAML, plain text."
    )
    group = "transform"
    icon = "description"
    Config = DocumentExtractorConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The text in three shapes."""
        return {
            "text": Output("string", _("The text of all files")),
            "texts": Output("array[string]", _("The text of each file")),
            "documents": Output(
                "array[object]", _("Each file: name, title, text, pages, metadata, warnings")
            ),
            "errors": Output("array[object]", _("Files that could not be read: name, message")),
        }

    async def run(self, ctx: NodeContext, config: DocumentExtractorConfig) -> Result:
        """Read one file after another, in a thread. Raises `NodeError` (unreadable_file, no_file)."""
        port = need(ctx.ports.files, "Files")
        read: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for file in documents.files_in(config.files):
            try:
                read.append(await _extract(port, file, config))
            except NodeError as error:
                if config.on_unreadable == "fail":
                    raise
                errors.append({"name": str(file.get("name", "")), "message": error.message})
        texts = [document["text"] for document in read]
        return Result(
            {"text": config.separator.join(texts), "texts": texts, "documents": read, "errors": errors}
        )


async def _extract(
    port: FilePort, file: Mapping[str, Any], config: DocumentExtractorConfig
) -> dict[str, Any]:
    content = await port.read(file)
    name = documents.name_of(file)
    try:
        found = await asyncio.to_thread(documents.read, content, name, clean=config.clean)
    except ParseError as error:
        raise NodeError(
            f"{PurePath(name).name}: {error}", code="unreadable_file", details={"reason": error.code}
        ) from error
    if config.max_chars is not None:
        found["text"] = found["text"][: config.max_chars]
    return found
