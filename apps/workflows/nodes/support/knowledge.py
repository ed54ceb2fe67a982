"""What the nodes of knowledge bases share."""

from __future__ import annotations

from typing import Annotated

from apps.workflows.dsl.dynamic import Dynamic, Resource

#: A knowledge base, by id or name.
BaseRef = Annotated[str, Dynamic("string"), Resource("knowledge_base")]
