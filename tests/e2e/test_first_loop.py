"""The whole loop by mouse and keyboard: upload, index, ask, look at the trace, correct, export."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e

HANDBOOK = """# Returns

Customers may return an unused article within 45 days of delivery. The refund is paid within five days.

# Shipping

Parcels leave the warehouse in Rotterdam every weekday at four in the afternoon.

# 退货政策

客户可以在收货后四十五天内退回未使用的商品。退款将在五天内支付。
"""


def test_from_a_document_to_a_training_file(visit: Visit, tmp_path):
    page = visit.page
    visit.shoot("01-dashboard")

    # a base, and files: one good, one broken, one of a kind that is not read
    page.get_by_role("link", name="Knowledge", exact=True).click()
    page.get_by_role("button", name="New knowledge base").first.click()
    page.get_by_label("Name", exact=True).fill("Handbook")
    page.get_by_role("button", name="Create", exact=True).click()
    page.locator("[data-dropzone] input[type=file]").set_input_files(
        [
            {"name": "handbook.md", "mimeType": "text/markdown", "buffer": HANDBOOK.encode()},
            {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 this is no document"},
            {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
        ]
    )
    rows = page.locator("tr[data-document]")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="handbook.md")).to_have_attribute("data-state", "ready", timeout=60_000)
    for name in ("broken.pdf", "empty.txt"):
        row = rows.filter(has_text=name)
        expect(row).to_have_attribute("data-state", "failed", timeout=30_000)
        expect(row.locator(".kn-error")).not_to_be_empty()
    visit.shoot("02-documents")

    # an agent on it
    page.get_by_role("link", name="Agents", exact=True).click()
    page.get_by_role("link", name="New agent").first.click()
    page.locator("input[name=name]").fill("Returns desk")
    page.locator("select[name=model]").select_option(index=1)
    page.get_by_label("Handbook").check()
    page.get_by_role("button", name="Create agent").click()
    page.get_by_role("link", name="Open chat").click()

    # a question: tokens stream in, the answer cites the file, the citation opens the passage
    page.get_by_placeholder("Ask a question").fill("Within how many days may customers return an article?")
    page.keyboard.press("Enter")
    answer = page.locator("article.agents-message--answer").last
    expect(answer).to_contain_text("45 days", timeout=30_000)
    expect(answer).to_have_attribute("aria-busy", "false", timeout=30_000)
    answer.locator(".agents-cite").first.click()
    expect(page.get_by_text("unused article within 45 days").last).to_be_visible()
    visit.shoot("03-answer")
    page.keyboard.press("Escape")
    answer.get_by_role("button", name="Bad answer").click()
    page.keyboard.press("Escape")

    # its trace
    answer.get_by_role("link", name="Open the trace of this answer").click()
    expect(page.get_by_text("Returns desk").first).to_be_visible()
    for step in ("agent", "retriever", "generation"):
        expect(
            page.locator(f"[data-type='{step}'], .trace-type--{step}, [title='{step}']").first
        ).to_be_attached()
    visit.shoot("04-trace")

    # a queue over the conversation, and a correction at the desk
    page.get_by_role("link", name="Annotation queues", exact=True).click()
    page.get_by_role("link", name="Annotate", exact=True).first.click()
    expect(page.locator("#desk")).to_have_attribute("data-view", "item", timeout=20_000)
    page.keyboard.press("d")
    page.keyboard.press("e")
    page.locator("#desk-correction").fill("An annotator judges answers, sets labels and writes corrections.")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.locator("#desk-comment").fill("Too vague.")
    visit.shoot("05-desk")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#desk-correction")).to_have_value("", timeout=10_000)
    expect(page.locator("#desk-counts")).to_contain_text("1")

    # the correction is a dataset item; the file is checked and downloaded
    page.get_by_role("link", name="Datasets", exact=True).click()
    page.get_by_role("link", name="Corrected answers").first.click()
    expect(page.locator("[data-item]")).to_have_count(1)
    expect(page.locator("[data-item]")).to_contain_text("writes corrections")
    page.locator("#export-open").click()
    page.locator("#export-start").click()
    expect(page.locator("#export-download")).to_be_visible(timeout=20_000)
    visit.shoot("06-export")
    with page.expect_download() as download:
        page.locator("#export-download").click()
    target = tmp_path / "train.jsonl"
    download.value.save_as(target)
    [line] = target.read_text().splitlines()
    messages = json.loads(line)["messages"]
    assert messages[-1]["role"] == "assistant"
    assert messages[-1]["content"].startswith("An annotator judges")
    assert messages[-2]["role"] == "user"


def test_an_answer_goes_on_without_its_tab(visit: Visit):
    page = visit.page
    page.get_by_role("link", name="Agents", exact=True).click()
    page.locator(".fw-card", has_text="Flywheel guide").get_by_role("link", name="Chat", exact=True).click()
    page.get_by_placeholder("Ask a question").fill("How do I add documents to a knowledge base?")
    page.keyboard.press("Enter")
    expect(page.locator("article.agents-message--answer")).to_have_count(1)
    page.wait_for_url("**/chat/*/")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    answer = page.locator("article.agents-message--answer").last
    expect(answer).to_have_attribute("aria-busy", "false", timeout=30_000)
    expect(answer).to_contain_text("quotes from the sources")


def test_a_visitor_chats_on_the_public_page_until_it_is_switched_off(visit: Visit, browser):
    page = visit.page
    page.get_by_role("link", name="Agents", exact=True).click()
    page.locator(".fw-card", has_text="Flywheel guide").get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("button", name="Switch on").click()
    address = page.locator("#agents-share-url").input_value()

    visitor = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    visitor.goto(address)
    visitor.get_by_placeholder("Ask a question").fill("Which roles are there in a workspace?")
    visitor.keyboard.press("Enter")
    answer = visitor.locator("article.agents-message--answer").last
    expect(answer).to_have_attribute("aria-busy", "false", timeout=30_000)
    visitor.screenshot(path="var/e2e/07-share-mobile.png")

    page.get_by_role("button", name="Switch off").click()
    expect(page.locator("#agents-share-url")).to_have_count(0)
    assert visitor.goto(address).status == 404  # type: ignore[union-attr]  # it has just answered
    visitor.context.close()


PAGES = [
    "/admin/",
    "/admin/agents/",
    "/admin/knowledge/",
    "/admin/knowledge/hit-testing/",
    "/admin/traces/",
    "/admin/agents/conversation/",
    "/admin/annotations/annotationqueue/",
    "/admin/annotations/dataset/",
    "/admin/annotations/export/",
    "/admin/providers/provider/",
    "/admin/providers/model/",
    "/admin/core/membership/",
    "/admin/core/apikey/",
    "/admin/core/job/",
    "/admin/core/auditentry/",
    "/admin/core/user/",
    "/admin/system/",
    "/admin/profile/",
]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_opens_in_both_languages_without_a_complaint(visit: Visit, context, language):
    context.add_cookies([{"name": "django_language", "value": language, "url": visit.product.base_url}])
    for number, path in enumerate(PAGES):
        response = visit.page.goto(visit.product.base_url + path)
        assert response is not None
        assert response.status == 200, path
        # the page itself never scrolls sideways
        assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        visit.shoot(f"page-{language}-{number:02d}")
