"""kill -9 in the middle of indexing and of a streaming answer: nothing lost, nothing doubled, a true state."""

import http.client
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.error import URLError

import pytest

from tests.fakes.model_server import ModelServer
from tests.support.api import Api
from tests.support.product import Product, wait_until

pytestmark = pytest.mark.durability

PARAGRAPHS = 260
BROKEN_OFF = (AssertionError, URLError, http.client.HTTPException, OSError)


@pytest.fixture(scope="module")
def api(product: Product) -> Api:
    return Api.of(product)


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def agent(api: Api, models: ModelServer) -> dict[str, Any]:
    """An agent whose model says 120 tokens, 40 a second."""
    provider = api.call(
        "POST", "/api/v1/providers/", {"name": "Paced", "base_url": models.base_url, "api_key": "sk-test"}
    )
    model = api.call(
        "POST", "/api/v1/models/", {"provider": provider["id"], "slot": "chat", "name": "paced-120-40"}
    )
    return api.call("POST", "/api/v1/agents/", {"name": "Slow talker", "model": model["id"]})


class Indexing:
    """A document that is being embedded."""

    def __init__(self, product: Product, api: Api, name: str) -> None:
        self.product = product
        base = api.call("POST", "/api/v1/knowledge-bases/", {"name": name})
        text = "\n\n".join(
            f"{name} paragraph {n}. " + "The machine turns and stores its work. " * 18
            for n in range(PARAGRAPHS)
        )
        self.document = api.upload("/api/v1/documents/", f"{name}.txt", text.encode(), base=base["id"])["id"]
        wait_until(lambda: self.vectors() > 0, seconds=60, what="the first vectors")
        assert self.state() != "ready", "the document is too small to be caught in the middle"

    def vectors(self) -> int:
        query = (
            "select count(*) from knowledge_chunkembedding e join knowledge_chunk c on c.id = e.chunk_id "
            "where c.document_id = %s"
        )
        return int(self.product.query(query, self.document)[0][0])

    def state(self) -> str:
        return str(
            self.product.query("select state from knowledge_document where id = %s", self.document)[0][0]
        )

    def assert_finished_once(self) -> None:
        wait_until(lambda: self.state() == "ready", seconds=90, what="the end of indexing")
        query = "select position, text from knowledge_chunk where document_id = %s order by position"
        rows = self.product.query(query, self.document)
        assert [position for position, _ in rows] == list(range(len(rows)))
        assert self.vectors() == len(rows)
        whole = " ".join(text for _, text in rows)
        assert all(f"paragraph {number}." in whole for number in range(PARAGRAPHS))


def test_a_document_is_indexed_once_though_the_worker_is_killed(product: Product, api: Api) -> None:
    indexing = Indexing(product, api, "worker")

    old = product.kill("worker")

    product.wait_back("worker", after=old)
    indexing.assert_finished_once()


class Answer:
    """An answer that is being streamed."""

    def __init__(self, api: Api, agent: dict[str, Any]) -> None:
        self.api = api
        self.message_id = ""
        self.seen: list[str] = []
        self.last_id = 0
        self._events = api.events(
            "POST", f"/api/v1/agents/{agent['id']}/chat", {"query": "Talk.", "stream": True}
        )
        self.read(until_texts=20)

    def read(self, *, until_texts: int) -> None:
        """Read until so many pieces of text were seen, or the stream ends."""
        for number, kind, data in self._events:
            self.message_id = data.get("message_id", self.message_id)
            self.last_id = max(self.last_id, number)
            if kind == "text.delta":
                self.seen.append(data["text"])
                if len(self.seen) >= until_texts:
                    return

    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.call("GET", f"/api/v1/messages/{self.message_id}/")
        return found

    def wait_final(self) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            with suppress(AssertionError):  # the web process is on its way back
                message = self.message()
                return message if message["state"] not in {"pending", "streaming"} else None
            return None

        found: dict[str, Any] = wait_until(final, seconds=60, what="a final state of the answer")
        return found


def numbers(text: str) -> list[int]:
    """Return k of each token `t<k>@<time>`."""
    return [int(token[1:].split("@")[0]) for token in text.split() if token.startswith("t") and "@" in token]


def test_an_answer_whose_process_is_killed_shows_what_was_said(
    product: Product, api: Api, agent: dict[str, Any]
) -> None:
    answer = Answer(api, agent)

    old = product.kill("web")

    with suppress(*BROKEN_OFF):
        answer.read(until_texts=10_000)
    product.wait_back("web", after=old)
    message = answer.wait_final()
    assert message["state"] == "interrupted"
    # all that the reader saw is there, in order and once; perhaps a little more was stored than was read
    assert message["content"].startswith("".join(answer.seen))
    said = numbers(message["content"])
    assert said == list(range(len(said)))

    again = list(api.events("POST", f"/api/v1/messages/{answer.message_id}/regenerate", {"stream": True}))
    assert again[-1][1] == "run.completed"


def test_an_answer_is_completed_though_the_database_is_killed(
    product: Product, api: Api, agent: dict[str, Any]
) -> None:
    answer = Answer(api, agent)

    old = product.kill("postgres")

    with suppress(*BROKEN_OFF):
        answer.read(until_texts=10_000)
    product.wait_back("postgres", after=old)
    message = answer.wait_final()
    assert message["state"] == "completed"
    assert numbers(message["content"]) == list(range(120))
    replayed = [
        data["text"]
        for _, kind, data in api.events("GET", f"/api/v1/messages/{answer.message_id}/stream")
        if kind == "text.delta"
    ]
    assert "".join(replayed) == message["content"]


def test_a_reader_that_comes_back_gets_each_token_once(api: Api, agent: dict[str, Any]) -> None:
    answer = Answer(api, agent)
    answer._events.close()  # type: ignore[attr-defined]  # a generator

    resumed = f"/api/v1/messages/{answer.message_id}/stream?after_seq={answer.last_id}"
    rest = [data["text"] for _, kind, data in api.events("GET", resumed) if kind == "text.delta"]

    assert numbers("".join([*answer.seen, *rest])) == list(range(120))
