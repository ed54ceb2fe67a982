"""One small product for all durability tests."""

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
def product() -> Iterator[Product]:
    """A product with the probe job and without starter content."""
    for running in running_product(ENVIRONMENT):
        running.query("create table if not exists probe_count (series text, step int)")
        yield running
