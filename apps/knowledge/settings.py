"""How passages are searched: settings of a base, an agent or a single query."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SearchMode = Literal["hybrid", "vector", "full_text"]
Fusion = Literal["convex", "reciprocal_rank"]


MetadataOperator = Literal[
    "=", "!=", "contains", "not contains", "starts with", "ends with", "in", "not in", "empty", "not empty",
    ">", "<", ">=", "<=", "before", "after",
]  # fmt: skip


class MetadataCondition(BaseModel):
    """A condition on a field of a document's metadata, or on document_name, document_id, content_type, language,
    upload_date, last_update_date. Comparisons read the field as a number; before and after as an ISO 8601 time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=120)]
    op: MetadataOperator = "="
    value: Any = None


class MetadataFilter(BaseModel):
    """Conditions of which all, or any, must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: Literal["all", "any"] = "all"
    conditions: Annotated[list[MetadataCondition], Field(max_length=50)] = Field(default_factory=list)


class RetrievalSettings(BaseModel):
    """``alpha`` is the weight of the vector side in convex fusion (0 text only, 1 vectors only).

    ``score_threshold`` applies to the final score, 0..1. ``metadata`` keeps documents whose metadata has
    these values, ``filter`` those for which its conditions hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: SearchMode = "hybrid"
    top_k: Annotated[int, Field(ge=1, le=50)] = 5
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    fusion: Fusion = "convex"
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    rerank_model: UUID | None = None
    rerank_candidates: Annotated[int, Field(ge=1, le=100)] = 30
    metadata: dict[str, str] = Field(default_factory=dict)
    filter: MetadataFilter | None = None
