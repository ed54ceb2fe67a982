"""The playground by mouse and keyboard: columns, variables, tools, stop, reload, prompts, and back from a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.e2e.conftest import Visit
from tests.fakes.model_server import ModelServer
from tests.support.product import wait_until

pytestmark = pytest.mark.e2e

# as the console's own scripts do it
POST = """async ([path, json]) => {
  const token = document.cookie.split("; ").find((part) => part.startsWith("csrftoken=")).slice("csrftoken=".length);
  const response = await fetch(path, {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-CSRFToken": token},
    body: JSON.stringify(json),
  });
  return response.json();
}"""


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """A model server that the product can reach."""
    with ModelServer() as server:
        yield server


def add_models(page: Page, server: ModelServer) -> None:
    """Make the server a provider with a few of its models."""
    provider: dict[str, Any] = page.evaluate(
        POST,
        ["/api/v1/providers/", {"name": "Pretend", "base_url": server.base_url, "api_key": server.api_key}],
    )
    for name in ("echo", "tool", "paced-400-40"):
        page.evaluate(
            POST,
            ["/api/v1/models/", {"provider": provider["id"], "slot": "chat", "name": name, "input_price": 1}],
        )


def keeps(state: str) -> Callable[[Response], bool]:
    """Whether a response is of the save of a session with an answer in this state."""
    return lambda response: (
        response.request.method == "PATCH" and f'"state":"{state}"' in (response.request.post_data or "")
    )


def test_prompts_are_tried_saved_and_found_again(visit: Visit, models: ModelServer) -> None:
    page = visit.page
    add_models(page, models)
    visit.open("/admin/playground/?new")
    first, second = (page.get_by_role("region", name=f"Column {letter}") for letter in "AB")
    first.get_by_label("Model").select_option(label="echo · Pretend")
    first.get_by_label("Text of message 1").fill("You serve {{shop}}.")
    first.get_by_label("Text of message 2").fill("{{question}}")
    page.get_by_label("shop", exact=True).fill("Acme")
    page.get_by_label("question", exact=True).fill("Rome?")

    # a second column asks another model, with a tool
    page.get_by_role("button", name="Column", exact=True).click()
    second.get_by_label("Model").select_option(label="tool · Pretend")
    second.get_by_text("Tools", exact=True).click()
    second.get_by_role("button", name="Tool", exact=True).click()
    second.get_by_label("Name of tool 1").fill("weather")
    second.get_by_label("Parameters (JSON Schema)").fill("{oops")
    expect(second.get_by_text("this is not JSON")).to_be_visible()
    second.get_by_label("Parameters (JSON Schema)").fill('{"type": "object"}')
    page.keyboard.press("Control+Enter")
    expect(first.locator(".playground-answer__text")).to_have_text("Rome?")
    expect(first.get_by_text("First token")).to_be_visible()
    second.get_by_label("Result of weather").fill("Sunny")
    visit.shoot("pg-01-columns")
    second.get_by_role("button", name="Go on with these results").click()
    expect(second.locator(".playground-answer__text")).to_have_text("The tools said: Sunny.")

    # stopping ends the call at the provider, and what was said outlives the page
    first.get_by_label("Model").select_option(label="paced-400-40 · Pretend")
    first.get_by_role("button", name="Run", exact=True).click()
    expect(first.locator(".playground-answer__text")).to_contain_text("t3@")
    with page.expect_response(keeps("stopped")) as kept:
        first.get_by_role("button", name="Stop", exact=True).click()
        expect(first.get_by_text("Stopped")).to_be_visible()
        assert models.wait_for(lambda requests: requests[-1].disconnected)
    said = first.locator(".playground-answer__text").inner_text()
    assert kept.value.ok
    expect(page.locator("#playground-saved")).to_have_text("Saved")
    page.reload()
    expect(first.locator(".playground-answer__text")).to_have_text(said)
    expect(page.get_by_label("shop", exact=True)).to_have_value("Acme")

    # the first column becomes a prompt, and is opened again from there
    first.get_by_label("Model").select_option(label="echo · Pretend")
    first.get_by_role("button", name="Save as a prompt").click()
    page.get_by_label("Name", exact=True).fill("trip/answer")
    page.get_by_label("Labels").fill("production")
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("Saved trip/answer, version 1.")).to_be_visible()
    first.get_by_role("link", name="trip/answer · 1").click()
    page.get_by_role("link", name="Open in playground").click()
    page.get_by_label("shop", exact=True).fill("Bolt")
    page.get_by_label("question", exact=True).fill("Oslo?")
    page.keyboard.press("Control+Enter")
    expect(first.locator(".playground-answer__text")).to_have_text("Oslo?")

    # the trace of that call leads back, with the values of the variables
    to_trace = first.get_by_role("link", name="Trace")
    address = f"{visit.product.base_url}{to_trace.get_attribute('href')}"
    wait_until(lambda: page.request.get(address).ok, what="the trace")  # spans are stored some 0.3 s later
    to_trace.click()
    page.get_by_text("chat echo").first.click()
    link = page.get_by_role("link", name="Open in playground")
    visit.open(str(link.get_attribute("href")))
    expect(page.get_by_label("shop", exact=True)).to_have_value("Bolt")
    expect(page.get_by_label("question", exact=True)).to_have_value("Oslo?")
    expect(first.get_by_label("Text of message 1")).to_have_value("You serve {{shop}}.")
    expect(first.locator(".playground-answer__text")).to_have_text("Oslo?")
    visit.shoot("pg-02-from-trace")
