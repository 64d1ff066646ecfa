"""Sums on items: how a quantity in one unit becomes the stock unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.lib.money import EXACT
from banyan.lib.quantity import PIECE_TOLERANCE, round_quantity


@dataclass(frozen=True, slots=True)
class UnitOf:
    """What a unit is: its dimension and factor to that dimension's base unit, None where it has none."""

    code: str
    places: int
    dimension: str = ""
    factor: Decimal | None = None


def factor_to_stock(
    unit: UUID, stock_unit: UUID, own: Mapping[UUID, tuple[Decimal, Decimal]], units: Mapping[UUID, UnitOf]
) -> tuple[Decimal, Decimal] | None:
    """Give numerator and denominator by which a quantity in a unit becomes the stock unit.

    Takes:  own: the item's own conversions by unit; they win over the units' factors
    Gives:  None where there is no way
    """
    if unit == stock_unit:
        return Decimal(1), Decimal(1)
    if unit in own:
        return own[unit]
    one, other = units.get(unit), units.get(stock_unit)
    if one and other and one.dimension == other.dimension and one.factor and other.factor:
        return one.factor, other.factor
    return None


def in_stock_unit(quantity: Decimal, numerator: Decimal, denominator: Decimal, places: int) -> Decimal:
    """Give quantity × numerator / denominator to six places, put on the unit's grid where it all but is.

    Takes:  places of the stock unit: 9.999999 pieces are ten, 9.5 pieces stay as they are
    """
    value = EXACT.divide(EXACT.multiply(quantity, numerator), denominator)
    on_grid = round_quantity(value, places)
    return on_grid if abs(on_grid - value) <= PIECE_TOLERANCE else round_quantity(value)
