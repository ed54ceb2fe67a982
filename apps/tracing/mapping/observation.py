"""The row an observation is stored as."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class ObservationType(StrEnum):
    """What kind of step an observation is."""

    SPAN = "span"
    GENERATION = "generation"
    EVENT = "event"
    AGENT = "agent"
    TOOL = "tool"
    CHAIN = "chain"
    RETRIEVER = "retriever"
    EMBEDDING = "embedding"
    RERANKER = "reranker"
    EVALUATOR = "evaluator"
    GUARDRAIL = "guardrail"
    WORKFLOW = "workflow"
    NODE = "node"


def observation_type(value: object) -> ObservationType | None:
    """The type that `value` names, in letters of any case; None for anything else."""
    try:
        return ObservationType(str(value).lower())
    except ValueError:
        return None


#: Types that only wrap others: usage they report is the sum of their children and would be counted twice.
WRAPPERS = frozenset(
    {ObservationType.AGENT, ObservationType.CHAIN, ObservationType.WORKFLOW, ObservationType.NODE}
)


@dataclass(slots=True)
class ObservationRow:
    """One observation, cleaned and within the limits of its columns.

    `input` and `output` are None when the preview already is the whole value, or when there is none: short
    values are stored once, and the payload table holds only the others.
    """

    workspace_id: UUID
    trace_id: str
    span_id: str
    parent_id: str
    start_time: datetime
    end_time: datetime
    name: str
    type: str = ObservationType.SPAN
    status: str = "ok"
    status_message: str = ""
    level: str = "default"
    model: str = ""
    provider: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    usage: dict[str, int] | None = None
    cost: Decimal | None = None
    ttft_ms: float | None = None
    session_id: str = ""
    user_id: str = ""
    environment: str = ""
    release: str = ""
    version: str = ""
    source_type: str = ""
    source_id: str = ""
    trace_name: str = ""
    prompt_name: str = ""
    prompt_version: str = ""
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, object] | None = None
    attributes: dict[str, object] | None = None
    input_preview: str = ""
    output_preview: str = ""
    input: str | None = None
    output: str | None = None
