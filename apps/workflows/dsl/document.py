"""The document `flywheel/v1`: what a workflow is, as data.

Unknown keys are refused, so that misspelt ones are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from apps.workflows.dsl.nodetype import OUT
from apps.workflows.dsl.references import NAME
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.types import TYPES, is_type

VERSION = "flywheel/v1"
#: First names of references that are no nodes.
NAMESPACES = ("sys", "env", "conversation", "inputs")
RESERVED = frozenset(NAMESPACES)

MAX_NODES = 5_000
MAX_EDGES = 20_000


def _checked_type(name: str) -> str:
    if not is_type(name):
        raise ValueError(
            _("There is no type {name!r}; known are {known}.", name=name, known=", ".join(TYPES))
        )
    return name


NodeId = Annotated[str, Field(pattern=rf"^{NAME}$")]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
TypeName = Annotated[str, AfterValidator(_checked_type), Field(json_schema_extra={"enum": list(TYPES)})]
Text = Annotated[str, Field(max_length=100_000)]


class Part(BaseModel):
    """Base of all parts of a document."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Position(Part):
    """Where a node stands on the canvas, in pixels; containers and comments have a size."""

    x: float = 0
    y: float = 0
    width: float | None = None
    height: float | None = None


class Retry(Part):
    """How often a node is tried, and how long it rests in between.

    attempts counts all tries. The rest before try n + 1 is ``delay_ms · factor^(n-1)``, at most max_delay_ms; with
    jitter it is shortened at random.
    """

    attempts: int = Field(default=3, ge=1, le=20)
    delay_ms: float = Field(default=500, ge=0, le=600_000)
    factor: float = Field(default=2.0, ge=1, le=10)
    max_delay_ms: float = Field(default=30_000, ge=0, le=3_600_000)
    jitter: bool = True


class OnError(Part):
    """What happens when a node failed for good.

    ``fail`` fails the run, ``default`` goes on with the given outputs, ``branch`` leaves by the port ``error``.
    The last two add the outputs error_message, error_code and is_success.
    """

    strategy: Literal["fail", "default", "branch"] = "fail"
    default: dict[str, Any] = Field(default_factory=dict)


class NodeModel(Part):
    """One node; `config` is checked by the node's type."""

    id: NodeId
    type: Annotated[str, Field(min_length=1, max_length=100)]
    title: Annotated[str, Field(max_length=200)] = ""
    description: Text = ""
    config: dict[str, Any] = Field(default_factory=dict)
    retry: Retry | None = None
    timeout_s: float | None = Field(default=None, gt=0, le=86_400)
    on_error: OnError | None = None
    position: Position | None = None
    body: Body | None = None


class Edge(Part):
    """The way from a node's port to another node of the same level."""

    source: NodeId
    target: NodeId
    port: Annotated[str, Field(min_length=1, max_length=100)] = OUT


class Body(Part):
    """What a container runs, round by round. Nodes without incoming edges begin."""

    nodes: list[NodeModel] = Field(default_factory=list, max_length=MAX_NODES)
    edges: list[Edge] = Field(default_factory=list, max_length=MAX_EDGES)


class EnvironmentVariable(Part):
    """A setting of the workflow, ``$.env.NAME``. Values of type secret are kept beside the document, encrypted."""

    name: VariableName
    type: TypeName = "string"
    value: Any = None
    description: Text = ""


class ConversationVariable(Part):
    """A value that a conversation keeps from one message to the next, ``$.conversation.name``."""

    name: VariableName
    type: TypeName = "string"
    default: Any = None
    description: Text = ""


class Variables(Part):
    """Variables beside those that nodes make."""

    environment: list[EnvironmentVariable] = Field(default_factory=list, max_length=500)
    conversation: list[ConversationVariable] = Field(default_factory=list, max_length=500)


class Limits(Part):
    """What one run may use; null is no limit. seconds is wall time without waiting for people; cost is in USD."""

    steps: int | None = Field(default=1_000, ge=1, le=10_000_000)
    depth: int = Field(default=8, ge=1, le=32)
    seconds: float | None = Field(default=1_200, gt=0, le=2_592_000)
    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)
    variable_bytes: int = Field(default=1_048_576, ge=1_024, le=268_435_456)
    parallel: int = Field(default=10, ge=1, le=1_000)


class Uploads(Part):
    """Files that people may send along in a chat."""

    enabled: bool = False
    types: list[str] = Field(default_factory=list)
    extensions: list[str] = Field(default_factory=list)
    max_files: int = Field(default=5, ge=1, le=100)
    max_bytes: int = Field(default=15_728_640, ge=1)


class Speech(Part):
    """Answers read aloud."""

    enabled: bool = False
    voice: str = ""
    language: str = ""
    autoplay: bool = False


class Features(Part):
    """What the chat window of a chatflow offers."""

    opening: Text = ""
    suggested_questions: list[str] = Field(default_factory=list, max_length=20)
    follow_up_questions: bool = False
    citations: bool = True
    uploads: Uploads | None = None
    speech_to_text: bool = False
    text_to_speech: Speech | None = None
    placeholder: str = ""


class Document(Part):
    """A workflow. ``workflow`` runs once for its inputs; ``chatflow`` answers messages of a conversation."""

    version: Literal["flywheel/v1"] = "flywheel/v1"
    kind: Literal["workflow", "chatflow"] = "workflow"
    name: Annotated[str, Field(max_length=200)] = ""
    description: Text = ""
    icon: Annotated[str, Field(max_length=100)] = "account_tree"
    variables: Variables = Field(default_factory=Variables)
    limits: Limits = Limits()
    features: Features = Field(default_factory=Features)
    nodes: list[NodeModel] = Field(default_factory=list, max_length=MAX_NODES)
    edges: list[Edge] = Field(default_factory=list, max_length=MAX_EDGES)

    def walk(self) -> Iterator[tuple[NodeModel, str]]:
        """Every node with its place, bodies included, in the order of the document."""
        yield from _walk(self.nodes, "")


def _walk(nodes: list[NodeModel], base: str) -> Iterator[tuple[NodeModel, str]]:
    for index, node in enumerate(nodes):
        place = f"{base}nodes[{index}]"
        yield node, place
        if node.body is not None:
            yield from _walk(node.body.nodes, f"{place}.body.")
