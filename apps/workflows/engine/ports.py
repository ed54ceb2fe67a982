"""The outside world as nodes know it. Engines get these handed in; the product's are in `workflows/adapters`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.providers.wire import ChatRequest, StreamEvent


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer: status, headers (names lower case), body bytes as they came, and the final URL."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a chat model. `abilities`: tools, vision, json_schema, json_object, as far as somebody said.

    `extractive`: it quotes from the passages of a request's context instead of writing.
    """

    name: str
    context_window: int = 0
    abilities: Mapping[str, Any] = field(default_factory=dict)
    extractive: bool = False


class ModelPort(Protocol):
    """Models of the workspace. `model` is an id, ``provider/name``, a name, or "" for the default."""

    async def describe(self, model: str) -> ModelInfo:
        """A chat model; raises NodeError when there is none."""

    async def embed(self, texts: Sequence[str], *, model: str = "") -> list[list[float]]:
        """Vectors by an embedding model; raises NodeError."""

    def stream_chat(
        self, model: str, request: ChatRequest, *, fallback: str = "", timeout_s: float | None = None
    ) -> AsyncIterator[StreamEvent]:
        """Stream an answer, ending with `Completed`; raises NodeError."""

    async def cost(self, model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> str:
        """What this usage costs, in USD as a decimal string."""


class KnowledgePort(Protocol):
    """Knowledge bases of the workspace, named by id or name."""

    async def retrieve(
        self, bases: Sequence[str], query: str, settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Passages, best first: content, title, score, and metadata (base, document, chunk, position)."""

    async def write(
        self,
        base: str,
        name: str,
        content: bytes,
        *,
        metadata: Mapping[str, Any],
        key: str,
        replace: bool = False,
        wait_s: float | None = None,
    ) -> dict[str, Any]:
        """Add a document under an idempotency key; returns document_id, name, state, chunks, existed.

        The same content in the same base is one document. `replace` takes documents of the same name away once it
        is there. `wait_s`: for its indexing to end. Raises NodeError.
        """

    async def fields(self, bases: Sequence[str]) -> dict[str, list[str]]:
        """The metadata fields of the bases' documents, each with some of its values."""

    async def delete(self, base: str, document_id: str) -> bool:
        """Delete a document; whether there was one."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How a request is made.

    `timeout_s` is for all of it, `connect_s` to connect, `read_s` between two pieces of the answer. At most
    `redirects` are followed; with 0 the redirect itself is the answer. `max_bytes` is the longest body.
    """

    timeout_s: float = 30.0
    connect_s: float | None = None
    read_s: float | None = None
    verify_tls: bool = True
    redirects: int = 10
    max_bytes: int = 10_000_000


class HttpPort(Protocol):
    """HTTP through the product's SSRF-safe client."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        form: Sequence[tuple[str, Any]] | None = None,
        options: HttpOptions = ...,
    ) -> HttpResponse:
        """One request. A file in `form` is a tuple (file name, content type, bytes). Raises NodeError."""


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What user code returned, what it printed, and the files it left by name."""

    value: Any
    stdout: str = ""
    stderr: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


class CodePort(Protocol):
    """User code in the sandbox."""

    async def run(
        self,
        language: str,
        code: str,
        inputs: Mapping[str, Any],
        *,
        files: Mapping[str, bytes] | None = None,
        timeout_s: float | None = None,
    ) -> CodeResult:
        """What `main`, called with the inputs, returned; `files` lie in its folder by name.

        Raises NodeError with line, traceback, stdout and stderr in `details`.
        """


@dataclass(frozen=True, slots=True)
class SqlResult:
    """Rows, how many were read or changed, and whether there were more than the limit."""

    rows: list[dict[str, Any]]
    count: int
    truncated: bool = False


class TablePort(Protocol):
    """Data tables of the workspace."""

    async def query(self, table: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows; query: fields, where, order_by, limit, distinct."""

    async def insert(
        self, table: str, rows: Sequence[Mapping[str, Any]], *, key: str
    ) -> list[dict[str, Any]]:
        """Insert rows once per idempotency key; returns them with their ids."""

    async def update(self, table: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        """Change rows; how many."""

    async def delete(self, table: str, where: Mapping[str, Any]) -> int:
        """Delete rows; how many."""

    async def sql(
        self,
        statement: str,
        params: Mapping[str, Any],
        *,
        read_only: bool = False,
        limit: int = 1_000,
        timeout_s: float = 10.0,
    ) -> SqlResult:
        """One statement with ``:name`` parameters, under the workspace's own role. Raises NodeError."""


class ConversationPort(Protocol):
    """The conversation a chatflow runs in, and others of the same workflow and person."""

    async def history(self, *, rounds: int) -> list[dict[str, str]]:
        """The last messages, oldest first: role, content."""

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A message or conversation operation, named as the node type that asks for it; raises NodeError."""


class FilePort(Protocol):
    """Files given to a run or made by one; in a variable: ``{"id", "name", "content_type", "size", "url"}``."""

    async def read(self, file: Mapping[str, Any]) -> bytes:
        """Its content; raises NodeError when it is gone or too large."""

    async def save(self, name: str, content_type: str, content: bytes, *, key: str) -> dict[str, Any]:
        """Keep a file once per key; returns its description."""


@dataclass(frozen=True, slots=True)
class LoadedWorkflow:
    """A published workflow: its document, the number of the version, its environment variables (secrets in clear)."""

    document: dict[str, Any]
    version: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)


class WorkflowPort(Protocol):
    """Other workflows of the workspace, for sub-workflow nodes."""

    async def load(self, workflow: str, version: int | None) -> LoadedWorkflow:
        """A published version by number (the newest for None); raises NodeError."""


@dataclass(slots=True)
class Ports:
    """What a run may reach. A port that is missing makes the nodes that need it fail with a clear sentence."""

    models: ModelPort | None = None
    knowledge: KnowledgePort | None = None
    http: HttpPort | None = None
    code: CodePort | None = None
    tables: TablePort | None = None
    conversation: ConversationPort | None = None
    files: FilePort | None = None
    workflows: WorkflowPort | None = None
    extra: dict[str, Any] = field(default_factory=dict)
