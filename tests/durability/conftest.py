"""One small product for all durability tests; they run in one process."""

from collections.abc import Iterator

import pytest

from tests.support.product import Product, running_product
from tests.workflows.conftest import acme, effects

__all__ = ["acme", "effects"]

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.durability.settings",
    "LOAD_STARTER_WORKSPACE": "0",
    "DEBUG": "1",  # no files for the browser are gathered
}


@pytest.fixture(scope="session")
def installation() -> Iterator[Product]:
    """A product with the probe job and without starter content."""
    for running in running_product(ENVIRONMENT):
        running.query("create table if not exists probe_count (series text, step int)")
        yield running


@pytest.fixture(scope="module")
def product(installation: Product) -> Product:
    """The product as it runs; the tests of another file may have stopped it."""
    if installation.pid("supervisor") is None:
        installation.start()
        installation.wait_ready()
    return installation
