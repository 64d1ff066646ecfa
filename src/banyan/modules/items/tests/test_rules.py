"""Units into stock units, without a database."""

from __future__ import annotations

from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.modules.items.rules import UnitOf, factor_to_stock, in_stock_unit

PCS, BOX, KG, GRAM, METRE = (UUID(int=n) for n in range(1, 6))
UNITS = {
    PCS: UnitOf("pcs", 0, "count", D(1)), BOX: UnitOf("box", 0, "package"), KG: UnitOf("kg", 3, "mass", D(1)),
    GRAM: UnitOf("g", 0, "mass", D("0.001")), METRE: UnitOf("m", 3, "length", D(1)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "stock_unit", "own", "factor"),
    [
        (PCS, PCS, {}, (1, 1)),
        (BOX, PCS, {BOX: (D(12), D(1))}, (12, 1)),
        (GRAM, KG, {}, (D("0.001"), 1)),
        (KG, GRAM, {}, (1, D("0.001"))),
        (GRAM, KG, {GRAM: (D(1), D(999))}, (1, 999)),
        (BOX, PCS, {}, None),
        (METRE, KG, {}, None),
        (METRE, KG, {METRE: (D("9.865"), D(1))}, (D("9.865"), 1)),
    ],
)
def test_an_items_own_conversion_wins_over_the_units_factors(unit, stock_unit, own, factor):
    assert factor_to_stock(unit, stock_unit, own, UNITS) == factor


@pytest.mark.parametrize(
    ("quantity", "numerator", "denominator", "places", "wanted"),
    [
        ("3", "12", "1", 0, "36"),
        ("2.5", "1", "1", 0, "2.5"),
        ("3.333333", "3", "1", 0, "10"),
        ("1", "1", "3", 3, "0.333333"),
        ("250", "0.001", "1", 3, "0.25"),
        ("0.75", "1", "12", 0, "0.0625"),
    ],
)
def test_what_a_conversion_leaves_over_is_put_on_the_grid(quantity, numerator, denominator, places, wanted):
    assert in_stock_unit(D(quantity), D(numerator), D(denominator), places) == D(wanted)
