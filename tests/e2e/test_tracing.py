"""The trace explorer by mouse and keyboard, on traces that an application sent over OTLP."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Visit
from tests.support.api import Api
from tests.support.otlp import Step, messages, send_trace
from tests.support.product import Product, wait_until

pytestmark = pytest.mark.e2e

ENVIRONMENT = "harbour"
SESSION = "trip-17"
NAMES = ("Travel desk", "Lost luggage", "look up notes", "plan", "weather", "reply", "Where is my case?")
TURNS = (
    ("Will it rain in Oslo?", "Yes, take a coat to Oslo."),
    ("And in Bergen?", "Bergen is dry today."),
    ("Then book me a bed there.", "A bed in Bergen is booked."),
)


@dataclass
class Desk:
    """What the application sent: three turns of a session and a call that failed."""

    api: Api
    turns: list[str]
    failed: str


def turn(question: str, answer: str) -> Step:
    """An agent that reads, plans, asks the weather twice, and answers."""
    said = {"gen_ai.input.messages": messages("user", question)}
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "fjord-2", **said}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}
    return Step(
        "Travel desk",
        0,
        2_400,
        {
            "gen_ai.operation.name": "invoke_agent",
            "session.id": SESSION,
            "user.id": "ada",
            **said,
            "gen_ai.output.messages": messages("assistant", answer),
        },
        steps=[
            Step("look up notes", 20, 300, {"openinference.span.kind": "RETRIEVER", "input.value": question}),
            Step(
                "plan",
                340,
                700,
                {**model, "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30},
            ),
            Step("weather", 1_050, 200, {**tool, "gen_ai.tool.call.arguments": '{"city": "Oslo"}'}),
            Step("weather", 1_260, 240, {**tool, "gen_ai.tool.call.arguments": '{"city": "Bergen"}'}),
            Step(
                "reply",
                1_520,
                860,
                {
                    **model,
                    "gen_ai.output.messages": messages("assistant", answer),
                    "gen_ai.usage.input_tokens": 260,
                    "gen_ai.usage.output_tokens": 45,
                },
            ),
        ],
    )


@pytest.fixture(scope="module")
def desk(product: Product) -> Desk:
    """An application that has sent its traces."""
    api = Api.of(product)
    turns = [
        send_trace(api, turn(*said), environment=ENVIRONMENT, seconds_ago=90 - 20 * number)
        for number, said in enumerate(TURNS)
    ]
    lost = Step(NAMES[1], 0, 800, {"user.id": "bob", "input.value": NAMES[-1]}, error="No answer")
    return Desk(api, turns, send_trace(api, lost, environment=ENVIRONMENT, seconds_ago=20))


@pytest.fixture
def page(visit: Visit, desk: Desk) -> Page:
    """The window of somebody who looks at the application's traces."""
    return visit.page


def menu(page: Page, name: str) -> Locator:
    """What opens a menu of a page."""
    return page.locator("summary", has_text=name)


def reload_until(page: Page, shown: Locator) -> None:
    """Load a page that does not change by itself again and again until it shows something."""

    def look() -> int:
        if not shown.count():
            page.wait_for_timeout(500)
            page.reload()
        return shown.count()

    wait_until(look, what=str(shown))


def open_list(visit: Visit, *conditions: str) -> Locator:
    """The list of the application's traces; returns its rows."""
    query = "&".join(f"f={condition}" for condition in (f"environment:is:{ENVIRONMENT}", *conditions))
    visit.open(f"/admin/traces/?{query}")
    return visit.page.locator("table.tr-list tbody tr")


def test_a_list_is_narrowed_kept_tagged_and_exported(visit: Visit, page: Page, tmp_path: Path) -> None:
    visit.open("/admin/traces/")

    # a filter by hand, then one by a click on a value beside the list
    menu(page, "Add a filter").click()
    page.get_by_role("combobox", name="Field", exact=True).select_option("environment")
    value = page.get_by_role("combobox", name="Value", exact=True)
    value.fill(ENVIRONMENT[:3])
    # what the field had is offered while one types
    expect(page.locator(f'datalist option[value="{ENVIRONMENT}"]')).to_be_attached()
    value.fill(ENVIRONMENT)
    page.get_by_role("button", name="Add", exact=True).click()
    rows = page.locator("table.tr-list tbody tr")
    expect(rows).to_have_count(4)
    page.get_by_role("complementary", name="Frequent values").get_by_role("link", name="Travel desk").click()
    expect(rows).to_have_count(3)
    expect(page.locator(".fw-chip.is-active")).to_have_count(2)
    visit.shoot("tracing-01-list")

    # the list is kept as a view
    menu(page, "Views").click()
    page.get_by_label("Save this list as").fill("Trips of the desk")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The view “Trips of the desk” is saved.")).to_be_visible()
    menu(page, "Views").click()
    expect(page.get_by_role("link", name="Trips of the desk")).to_be_visible()
    page.keyboard.press("Escape")

    # chosen rows get a tag
    for number in (0, 2):
        rows.nth(number).get_by_role("checkbox").check()
    expect(page.get_by_text("2 rows chosen")).to_be_visible()
    page.get_by_role("button", name="Tag the traces").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tag").fill("reviewed")
    visit.shoot("tracing-02-tag")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 traces were tagged.")).to_be_visible()
    expect(rows).to_have_count(3)

    # the view comes back with another filter on it, and becomes a file
    visit.open("/admin/traces/")
    menu(page, "Views").click()
    page.get_by_role("link", name="Trips of the desk").click()
    values = page.get_by_role("complementary", name="Frequent values")
    values.locator("summary", has_text="Tag").click()
    values.get_by_role("link", name="reviewed").click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Export", exact=True).click()
    dialog.get_by_label("Format").select_option("csv")
    dialog.get_by_role("button", name="Export").click()
    page.get_by_role("link", name="See the exports").click()
    file = page.get_by_role("link", name="Download")
    reload_until(page, file)
    visit.shoot("tracing-03-export")
    with page.expect_download() as download:
        file.click()
    target = tmp_path / "traces.csv"
    download.value.save_as(target)
    with target.open(encoding="utf-8-sig", newline="") as opened:
        written = list(csv.DictReader(opened))
    assert [row["name"] for row in written] == ["Travel desk"] * 2
    assert [row["tags"] for row in written] == ['["reviewed"]'] * 2
    assert {row["environment"] for row in written} == {ENVIRONMENT}


def test_a_list_shows_what_arrives_while_it_is_watched(visit: Visit, page: Page, desk: Desk) -> None:
    rows = open_list(visit, "user_id:is:eve")
    expect(rows).to_have_count(0)
    live = page.get_by_role("button", name="Live")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")

    send_trace(desk.api, Step("Late ferry", 0, 40, {"user.id": "eve"}), environment=ENVIRONMENT)

    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Late ferry")
    visit.shoot("tracing-04-live")


LOCAL_TIME = """(minutes) => {
  const moment = new Date(Date.now() + minutes * 60000);
  const two = (number) => String(number).padStart(2, "0");
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${day}T${two(moment.getHours())}:${two(moment.getMinutes())}`;
}"""


def test_a_range_is_in_the_reader_s_time(browser: Browser, product: Product, desk: Desk) -> None:
    context = browser.new_context(timezone_id="Asia/Shanghai", locale="en-US")
    try:
        visit = Visit(context, product)
        visit.log_in()
        rows = open_list(visit, "name:is:Travel desk")
        expect(rows).to_have_count(3)
        page = visit.page
        for minutes, found in ((-30, 3), (1, 0)):
            since = page.evaluate(LOCAL_TIME, minutes)
            page.get_by_role("combobox", name="Time").select_option("custom")
            page.get_by_label("From", exact=True).fill(since)
            page.get_by_role("button", name="Search", exact=True).click()
            expect(rows).to_have_count(found)
            expect(page.get_by_label("From", exact=True)).to_have_value(since)
    finally:
        context.close()


def test_two_chosen_traces_are_compared(visit: Visit, page: Page) -> None:
    rows = open_list(visit, "name:is:Travel desk")
    for number in (0, 1):
        rows.nth(number).get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare", exact=True).click()

    # the older one is on the left; the first step is open and tells the texts apart
    expect(page.get_by_role("heading", name="Compare traces")).to_be_visible()
    changed = page.locator(".tr-diff__changed")
    expect(changed.first).to_be_visible()
    expect(changed.first.locator("td").first).to_contain_text(TURNS[1][0])
    expect(changed.first.locator("td").last).to_contain_text(TURNS[2][0])
    expect(changed.first.locator("del").first).to_be_visible()
    expect(page.locator("[data-pair]")).to_have_count(6)
    visit.shoot("tracing-05-compare")


def test_a_trace_is_read_from_all_sides_and_judged(visit: Visit, page: Page) -> None:
    rows = open_list(visit, "name:is:Travel desk")
    rows.first.get_by_role("link", name="Travel desk").click()
    steps = page.get_by_role("tree").get_by_role("treeitem")
    expect(steps).to_have_count(6)

    # the same steps as a tree, on a timeline, and as a graph
    view = page.get_by_role("group", name="View").first
    view.get_by_role("button", name="Timeline", exact=True).click()
    expect(page.locator(".tr-bar").first).to_be_visible()
    view.get_by_role("button", name="Graph", exact=True).click()
    graph = page.get_by_role("group", name="Graph of the steps")
    expect(graph.get_by_role("button")).to_have_count(5)
    weather = graph.get_by_role("button", name=re.compile("weather"))
    weather.click()
    weather.click()
    expect(weather).to_contain_text("2/2")
    detail = page.get_by_role("region", name="Chosen step")
    expect(detail).to_contain_text("Bergen")
    visit.shoot("tracing-06-graph")
    view.get_by_role("button", name="Tree and timeline").click()
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_contain_text("weather")

    # the messages of a model call as a conversation
    steps.filter(has_text="reply").click()
    expect(detail.get_by_role("heading", name="reply")).to_be_visible()
    expect(detail.locator(".tr-message--user")).to_contain_text(TURNS[-1][0])
    expect(detail.locator(".tr-message--assistant")).to_contain_text(TURNS[-1][1])
    visit.shoot("tracing-07-chat")

    # a comment and a score of the step, in place
    detail.get_by_text("Scores and comments", exact=True).click()
    detail.get_by_label("Comment", exact=True).fill("Asked for a bed, not for a hotel.")
    detail.get_by_role("button", name="Comment", exact=True).click()
    expect(detail.locator(".tr-note")).to_contain_text("not for a hotel")
    detail.get_by_role("button", name="Add a score").click()
    form = detail.locator(".tr-score-form")
    if form.get_by_role("combobox", name="Score").count():
        form.get_by_role("combobox", name="Score").select_option("")
    form.get_by_role("textbox", name="Name").fill("helpful")
    form.get_by_role("spinbutton").fill("0.75")
    form.get_by_role("button", name="Save the score").click()
    expect(detail.locator(".tr-score__badge").first).to_have_text("helpful: 0.75")
    visit.shoot("tracing-08-notes")
    page.reload()
    expect(detail.get_by_text("Scores and comments (2)")).to_be_visible()

    # its session is a conversation
    page.get_by_role("link", name=f"Session {SESSION}").click()
    said = page.locator("[data-replay] .tr-bubble .tr-text")
    expect(said).to_have_text([text for turn_ in TURNS for text in turn_])
    visit.shoot("tracing-09-session")
    page.get_by_role("link", name="Open the trace").nth(1).click()
    expect(page.get_by_role("tree")).to_be_visible()


def test_a_chart_of_ones_own_leads_to_its_traces(visit: Visit, page: Page) -> None:
    visit.open("/admin/dashboards/")
    menu(page, "New dashboard").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Harbour figures")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("link", name="Add a widget").first.click()
    page.get_by_role("textbox", name="Title").fill("Traces by name")
    page.get_by_role("combobox", name="Chart").select_option("stacked")
    page.get_by_role("combobox", name="By", exact=True).select_option("name")
    page.locator("[name=filters_field]").first.select_option("environment")
    page.locator("[name=filters_value]").first.fill(ENVIRONMENT)
    visit.shoot("tracing-10-widget")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Done").click()

    # figures are added up every ten seconds
    bars = page.locator(".tr-chart__bar")
    reload_until(page, bars)
    visit.shoot("tracing-11-dashboard")
    page.locator(".tr-chart__legend").get_by_role("link", name="Lost luggage").click()
    rows = page.locator("table.tr-list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Where is my case?")
    page.go_back()
    bars.first.click()
    page.wait_for_url("**/admin/traces/?*")
    expect(page.locator(".fw-chip.is-active")).to_have_count(2)
    expect(rows.first).to_be_visible()
    visit.shoot("tracing-12-from-chart")


#: What the pages say by themselves: text and names of controls, without what is shown as it was sent.
LABELS = """() => {
  const found = new Set();
  const add = (text) => text?.trim() && found.add(text.trim());
  const sent = "script, code, pre, .fw-mono, .fw-kbd, .material-symbols-outlined, .tr-text, .tr-cell, .tr-diff td";
  const main = document.querySelector("#main");
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest(sent)) {
      add(walker.currentNode.data);
    }
  }
  const names = ["aria-label", "title", "placeholder", "data-confirm", "data-confirm-label"];
  main.querySelectorAll("*").forEach((node) => names.forEach((name) => add(node.getAttribute(name))));
  return [document.title, ...found];
}"""
#: What the application sent; what is the same in every language, such as formats and the words of the API.
NOT_LABELS = re.compile(
    "|".join(
        [
            *map(re.escape, (*NAMES, *(text for said in TURNS for text in said), SESSION, ENVIRONMENT)),
            r"\b(?:ada|bob|eve|fjord-2|Oslo|Bergen|city|customer\.tier)\b",
            r"\b(?:Late ferry|Trips of the desk|Harbour figures|reviewed|helpful)\b",
            r"\b(?:agent|generation|retriever|span|tool|user|assistant|ok|error|default)\b",
            r"\b(?:Flywheel|admin@example\.com|English|CSV|JSON Lines|JSON|Parquet)\b",
            r"\b(?:POST|Webhook|X-Flywheel-Signature)\b",
        ]
    )
)


def english_labels(page: Page) -> list[str]:
    """Labels of the page that hold an English word."""
    return [text for text in page.evaluate(LABELS) if re.search(r"[A-Za-z]{3,}", NOT_LABELS.sub("", text))]


def test_the_explorer_speaks_chinese(visit: Visit, page: Page, desk: Desk) -> None:
    language = {"name": "django_language", "value": "zh-hans", "url": visit.product.base_url}
    page.context.add_cookies([language])  # type: ignore[list-item]  # the library's own type of a dict
    left, right = desk.turns[:2]
    for path, ready in (
        (f"traces/?f=environment:is:{ENVIRONMENT}", "[data-facets] .tr-facet"),
        (f"observations/?f=environment:is:{ENVIRONMENT}", "[data-facets] .tr-facet"),
        (f"traces/{left}/", "[data-detail] .tr-value"),
        (f"traces/compare/?left={left}&right={right}", ".tr-diff"),
        (f"sessions/?q={SESSION}", "table"),
        (f"sessions/{SESSION}/", "[data-replay]"),
        ("trace-users/?q=ada", "table"),
        ("dashboards/", "#main"),
        (f"analytics/?environment={ENVIRONMENT}", ".tr-chart__svg"),
        ("tracing/alert/", "#main"),
        ("tracing/alert/add/", "#alert_form"),
        ("tracing/traceexport/", "#main"),
    ):
        visit.open(f"/admin/{path}")
        page.locator(ready).first.wait_for()
        assert not english_labels(page), path
    visit.open(f"/admin/traces/{left}/")
    page.locator("[data-view=graph]").click()
    page.locator(".tr-detail__notes summary").click()
    page.locator(".tr-graph__node").last.click()
    page.locator("summary").filter(has_text="操作").click()
    page.locator("[data-bulk-pick]").first.wait_for()
    visit.shoot("tracing-13-chinese")
    assert not english_labels(page)
