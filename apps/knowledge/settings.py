"""How passages are searched: settings of a base, an agent or a single query."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SearchMode = Literal["hybrid", "vector", "full_text"]
Fusion = Literal["convex", "reciprocal_rank"]


class RetrievalSettings(BaseModel):
    """``alpha`` is the weight of the vector side in convex fusion (0 text only, 1 vectors only).

    ``score_threshold`` applies to the final score, 0..1. ``metadata`` keeps documents whose metadata has
    these values.
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
