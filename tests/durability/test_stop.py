"""The end of the product: the last file that needs it."""

import pytest

from tests.support.product import Product

pytestmark = pytest.mark.durability


def test_the_whole_product_stops_in_order(product: Product) -> None:
    assert product.stop() == 0

    assert product.postgres.pid() is None
    assert "Stopped." in product.logs()
