"""A document into a knowledge base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import documents
from apps.workflows.nodes.support.knowledge import BaseRef
from apps.workflows.nodes.support.ports import need


class KnowledgeWriteConfig(NodeConfig):
    """What is written, where."""

    base: BaseRef = Field(
        title=_("Knowledge base"), description=_("Id or name."), json_schema_extra={"x-widget": "base"}
    )
    text: DynamicText = Field("", title=_("Text"), json_schema_extra={"x-widget": "textarea"})
    files: DynamicAny = Field(
        None,
        title=_("Files"),
        description=_("Instead of a text: a file or a list of files."),
        json_schema_extra={"x-widget": "reference"},
    )
    name: DynamicText = Field(
        "",
        title=_("Name"),
        description=_(
            "Of the document; its ending says how a text is read (.md, .txt, .csv). Empty: made up."
        ),
    )
    metadata: dict[str, DynamicAny] = Field(
        default_factory=dict,
        title=_("Metadata"),
        description=_("Retrieval can filter by it."),
        json_schema_extra={"x-widget": "variables"},
    )
    replace: bool = Field(
        False,
        title=_("Replace"),
        description=_("Documents of the same name are deleted once the new one is there."),
    )
    wait: bool = Field(
        True,
        title=_("Wait for indexing"),
        description=_(
            "On: the node ends when the document can be found, and fails when it can't be indexed."
        ),
    )
    wait_s: float = Field(
        300, gt=0, le=3_600, title=_("Longest wait"), description=_("In seconds."),
        json_schema_extra={"x-advanced": True, "x-when": {"wait": [True]}},
    )  # fmt: skip


class KnowledgeWriteNode(Node[KnowledgeWriteConfig]):
    """Adds documents."""

    type = "knowledge_write"
    title = _("Knowledge write")
    description = _("Adds a text or files to a knowledge base, where they are cut, embedded and found.")
    group = "knowledge"
    icon = "note_add"
    Config = KnowledgeWriteConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The documents."""
        return {
            "document_id": Output("string", _("Id of the (first) document")),
            "name": Output("string", _("Its name")),
            "state": Output("string", _("ready, queued, failed …")),
            "existed": Output("boolean", _("Whether the base had this content already")),
            "documents": Output(
                "array[object]", _("All documents: document_id, name, state, chunks, existed")
            ),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Nothing to write."""
        if config.text == "" and config.files is None:
            yield "text", Sentence(_("Give a text or files."))

    async def run(self, ctx: NodeContext, config: KnowledgeWriteConfig) -> Result:
        """Write. The same content twice is one document. Raises NodeError."""
        port = need(ctx.ports.knowledge, "Knowledge bases")
        written = []
        for number, (name, content) in enumerate(await self._contents(ctx, config)):
            written.append(
                await port.write(
                    config.base,
                    name,
                    content,
                    metadata={key: types.text(value) for key, value in config.metadata.items()},
                    key=f"{ctx.idempotency_key}:{number}",
                    replace=config.replace,
                    wait_s=config.wait_s if config.wait else None,
                )
            )
        first = written[0]
        return Result(
            {
                "document_id": first["document_id"],
                "name": first["name"],
                "state": first["state"],
                "existed": first["existed"],
                "documents": written,
            }
        )

    async def _contents(self, ctx: NodeContext, config: KnowledgeWriteConfig) -> list[tuple[str, bytes]]:
        files = documents.files_in(config.files) if config.files not in (None, "") else []
        if files:
            port = need(ctx.ports.files, "Files")
            names = (
                [config.name] if config.name and len(files) == 1 else [documents.name_of(f) for f in files]
            )
            return [(name, await port.read(file)) for name, file in zip(names, files, strict=True)]
        if not config.text.strip():
            raise NodeError("There is nothing to write: the text is empty.", code="nothing_to_write")
        name = config.name.strip() or f"{ctx.node_id}-{ctx.idempotency_key[:8]}.md"
        return [(name if "." in name else f"{name}.md", config.text.encode())]
