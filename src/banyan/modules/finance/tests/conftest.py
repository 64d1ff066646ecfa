"""A plant that sells through a shop, its books open: fixtures of the tests of statements and refunds."""

from __future__ import annotations

import pytest

from banyan.modules.channels.tests.conftest import Stall
from tests.plugins.standing import stands


@pytest.fixture
@stands
def stall(world):
    """Give a plant that sells through shops."""
    return Stall(world)


@pytest.fixture
@stands
def shop(stall):
    """Give a shop that bills one customer and lists a part as A-1."""
    shop = stall.shop("S", tax_code=stall.world.vat13)
    stall.listing(shop, "A-1", stall.world.part)
    return shop


@pytest.fixture
@stands
def books(stall):
    """Open the books of a plant that sells through a shop."""
    stall.run("finance.account.install", chart="cas_small")
    stall.run("finance.period.open_year", year=2026)
    stall.put(stall.world.part, 20)
    return stall
