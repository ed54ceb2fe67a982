"""A workflow by mouse and keyboard: written, checked, run, answered, repeated, published, talked to."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit

pytestmark = pytest.mark.e2e

DOCUMENT = """version: flywheel/v1
kind: workflow
name: Order desk
nodes:
  - id: start
    type: start
    title: Start
    config:
      inputs:
        - {name: order, type: text, label: Order}
        - {name: amount, type: number, label: Amount, default: 12}
  - id: each
    type: iteration
    title: Each check
    config: {items: [1, 2, 3]}
    body:
      nodes:
        - id: line
          type: template
          title: Check
          config: {template: "Check {{ each.index }}"}
  - id: boss
    type: approval
    title: Ask the boss
    config: {title: "Approve {{ start.order }}?"}
  - id: write
    type: template
    title: Write
    config: {template: "Approved: {{ start.order }} for {{ start.amount }}"}
  - id: refuse
    type: template
    title: Refuse
    config: {template: "Refused: {{ boss.comment }}"}
  - id: end
    type: end
    title: End
    config:
      outputs:
        - {name: answer, value: "{{ write.output }}{{ refuse.output }}"}
edges:
  - {source: start, target: each}
  - {source: each, target: boss}
  - {source: boss, target: write, port: approved}
  - {source: boss, target: refuse, port: rejected}
  - {source: write, target: end}
  - {source: refuse, target: end}
"""

ECHO = """version: flywheel/v1
kind: chatflow
name: Echo desk
nodes:
  - {id: start, type: start, title: Start, config: {inputs: []}}
  - {id: answer, type: answer, title: Answer, config: {answer: "You said **{{ sys.query }}**."}}
edges:
  - {source: start, target: answer}
"""


def create(page: Page, name: str, kind: str, text: str) -> None:
    """Make a workflow, and put `text` into its editor."""
    page.get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("button", name="New workflow").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label(f"A blank {kind}").check()
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url("**/edit/")
    page.locator(".wf-editor__area").fill(text)


def test_a_workflow_from_its_first_line_to_its_second_run(visit: Visit):
    page = visit.page
    create(page, "Order desk", "workflow", DOCUMENT.replace("type: approval", "type: aproval"))

    # a misspelt type is found while one types, on its line, and in the drawing
    problems = page.locator("[data-problems] li")
    expect(problems.filter(has_text="aproval").first).to_be_visible()
    expect(page.locator("[data-node=boss]")).to_have_attribute("data-problem", "error")
    problems.filter(has_text="aproval").first.get_by_role("button").click()
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.className") == "wf-editor__area"
    visit.shoot("wf-01-problem")
    page.locator(".wf-editor__area").fill(DOCUMENT)
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")
    expect(page.locator("[data-node]")).to_have_count(7)
    expect(page.locator("[data-status]")).to_have_text("Saved")
    visit.shoot("wf-02-editor")

    # run the draft from its form
    page.get_by_role("button", name="Run draft").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("This is required.")).to_be_visible()
    page.get_by_label("Order").fill("three chairs")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/workflows/runs/*/")

    # it stops at the approval; the rounds before it are looked at one by one
    state = page.locator("[data-fact=state]")
    expect(state).to_have_text("Waiting for an answer")
    expect(page.locator("[data-node=boss]")).to_have_attribute("data-state", "waiting")
    page.locator("[data-node=line]").click()
    expect(page.locator("#panel-step")).to_contain_text("each:2/line")
    page.get_by_role("button", name="Round before").click()
    expect(page.locator("[data-rounds]")).to_contain_text("2 of 3")
    page.get_by_role("tab", name="Result").click()
    visit.shoot("wf-03-waiting")

    # the page that is loaded anew knows it all, and the answer goes on from there
    page.reload()
    expect(page.locator("#panel-result")).to_contain_text("Approve three chairs?")
    page.get_by_label("Comment").fill("Gladly.")
    page.get_by_role("button", name="Approve").click()
    expect(state).to_have_text("Succeeded")
    expect(page.locator("#panel-result")).to_contain_text("Approved: three chairs for 12")
    expect(page.locator("[data-node=refuse]")).to_have_attribute("data-state", "skipped")
    visit.shoot("wf-04-done")

    # again, from a step, with another value
    page.get_by_role("button", name="Run again", exact=True).click()
    dialog = page.locator("dialog")
    dialog.locator("select").select_option("write")
    dialog.get_by_role("button", name="Change a variable").click()
    dialog.get_by_label("Name", exact=True).fill("inputs.order")
    dialog.get_by_label("Value", exact=True).fill("one table")
    before = page.url
    dialog.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: url != before)
    expect(page.locator("#panel-result")).to_contain_text("Approved: one table for 12")

    # both are in the list
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.locator("tr[data-run]")).to_have_count(2)
    visit.shoot("wf-05-runs")


def test_a_person_outside_answers_by_the_address_of_the_form(visit: Visit, browser):
    page = visit.page
    create(page, "Order desk", "workflow", DOCUMENT)
    expect(page.locator("[data-status]")).to_have_text("Saved")
    page.get_by_role("button", name="Run draft").click()
    page.get_by_label("Order").fill("a lamp")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("[data-fact=state]")).to_have_text("Waiting for an answer")
    [(token,)] = visit.product.query(
        "select token from workflows_runwait where state = 'open' order by id desc limit 1"
    )
    visitor = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    visitor.goto(f"{visit.product.base_url}/runs/forms/{token}/")
    visitor.get_by_role("button", name="Reject").click()
    expect(visitor.get_by_role("status")).to_contain_text("Thank you")
    visitor.screenshot(path="var/e2e/wf-06-form-mobile.png")
    visitor.context.close()
    # the page of the run was open all the time
    expect(page.locator("#panel-result")).to_contain_text("Refused:")


def test_a_chatflow_is_published_and_talked_to(visit: Visit):
    page = visit.page
    create(page, "Echo desk", "chatflow", ECHO)
    expect(page.locator("[data-problem-count]")).to_have_text("No problems")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("What is new").fill("It answers.")
    page.locator("dialog").get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published v1")).to_be_visible()
    page.get_by_role("button", name="Try in a chat").click()
    page.get_by_placeholder("Write a message").fill("good morning")
    # the script of the page is there
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    page.keyboard.press("Enter")
    answer = page.locator("article.agents-message--answer").last
    expect(answer).to_contain_text("You said good morning.", timeout=20_000)
    page.reload()
    expect(page.locator("article.agents-message--answer").last).to_contain_text("good morning")
    visit.shoot("wf-07-chat")


PAGES = [
    "/admin/workflows/",
    "/admin/workflows/runs/",
    "/admin/workflows/waits/",
    "/admin/workflows/node-types/",
]
CODE = """version: flywheel/v1
kind: workflow
name: Doubling
nodes:
  - {id: start, type: start, title: Start, config: {inputs: [{name: n, type: number}]}}
  - id: double
    type: code
    title: Double
    config:
      language: python
      code: |
        def main(n):
            return {"x": n * 2}
      inputs: {n: $.start.n}
      outputs: {x: {type: number}}
  - {id: end, type: end, title: End, config: {outputs: [{name: x, value: $.double.x}]}}
edges:
  - {source: start, target: double}
  - {source: double, target: end}
"""


def test_one_step_is_tried_with_examples_and_tells_the_line_of_a_mistake(visit: Visit):
    page = visit.page
    create(page, "Doubling", "workflow", CODE)
    expect(page.locator("[data-status]")).to_have_text("Saved")
    page.locator("[data-node=double]").click()
    page.get_by_role("button", name="Try this step").click()
    dialog = page.get_by_role("dialog", name="Try the step double")
    dialog.get_by_label("Inputs of the workflow").fill('{"n": 21}')
    dialog.get_by_role("button", name="Run").click()
    expect(dialog.get_by_text('"x": 42')).to_be_visible()
    visit.shoot("wf-try")
    dialog.get_by_role("button", name="Close").click()

    page.locator(".wf-editor__area").fill(CODE.replace("n * 2", "n / 0"))
    page.locator("[data-node=double]").click()
    page.get_by_role("button", name="Try this step").click()
    dialog.get_by_role("button", name="Run").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Line 2")


TABS = ["", "edit/", "versions/", "triggers/", "settings/", "api/"]


@pytest.mark.parametrize("width", [1280, 390])
def test_every_workflow_page_fits_and_complains_of_nothing(visit: Visit, width: int):
    page = visit.page
    page.set_viewport_size({"width": width, "height": 844})
    [(pk,)] = visit.product.query("select id from workflows_workflow order by created_at limit 1")
    for number, path in enumerate([*PAGES, *(f"/admin/workflows/{pk}/{tab}" for tab in TABS)]):
        response = page.goto(visit.product.base_url + path)
        assert response is not None
        assert response.status == 200, path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        visit.shoot(f"wf-page-{width}-{number:02d}")
