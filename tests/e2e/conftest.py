"""A running product and a browser for all end-to-end tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.product import Product, running_product, wait_until

SHOTS = Path(__file__).resolve().parents[2] / "var" / "e2e"
# Chromium looks for its maker's hosts at every start; the machine that runs the tests may have no way out
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """A product with its starter workspace filled."""
    with contextmanager(running_product)() as running:
        state = "select state from core_job where task = 'core.first_start'"
        wait_until(
            lambda: running.query(state) == [("succeeded",)], seconds=120, what="the starter workspace"
        )
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        binary = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
        running = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield running
        running.close()


class Visit:
    """One person's browser window: errors of the page fail the test, pictures are kept."""

    def __init__(self, context: BrowserContext, product: Product) -> None:
        self.product = product
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)

    def open(self, path: str) -> None:
        """Go to a path of the product."""
        self.page.goto(self.product.base_url + path)

    def log_in(self) -> None:
        """Sign in as the first administrator."""
        self.open("/admin/login/")
        self.page.get_by_label("E-mail address").fill(self.product.admin_email)
        self.page.get_by_label("Password").fill(self.product.admin_password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(self.product.base_url + "/admin/")

    def shoot(self, name: str) -> None:
        """Keep a picture in var/e2e/."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile."""
    opened = browser.new_context(
        viewport={"width": 1440, "height": 900}, accept_downloads=True, locale="en-US"
    )
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def visit(context: BrowserContext, product: Product) -> Iterator[Visit]:
    """A signed-in window; whatever its pages complained about fails the test."""
    window = Visit(context, product)
    window.log_in()
    yield window
    assert not window.errors
