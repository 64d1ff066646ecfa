"""Reads of items; frozen values for the modules above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.modules.items.errors import ItemInactive, NoConversion
from banyan.modules.items.models import ItemUnit, Substitute
from banyan.modules.items.rules import UnitOf, factor_to_stock, in_stock_unit


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """An item as others see it; `unit` is the code of its stock unit, `places` are those of it."""

    id: UUID
    code: str
    name: str
    unit_id: UUID
    kind: str
    tracking: str
    shelf_life_days: int | None
    places: int
    second_unit_id: UUID | None
    category_id: UUID | None
    tax_code_id: UUID | None
    is_active: bool
    is_sold: bool
    is_critical: bool
    unit: str

    @property
    def has_stock(self) -> bool:
        """Say whether it can lie in a store: services and phantoms cannot."""
        return self.kind not in ("service", "phantom")


@dataclass(frozen=True, slots=True)
class PlanningFacts:
    """How a plant plans and values an item; the model's defaults where nobody said anything.

    `settings` is the record that says so (items.item_plant), None where there is none.
    """

    item: UUID
    code: str
    kind: str
    places: int
    is_active: bool
    lead_time_days: int
    lot_rule: str
    lot_minimum: Decimal
    lot_multiple: Decimal
    lot_fixed: Decimal
    supply_days: int
    safety_stock: Decimal
    safety_days: int
    yield_percent: Decimal
    costing_method: str
    standard_cost: Decimal | None
    standard_lot: Decimal
    backflush: bool
    settings: UUID | None


@dataclass(frozen=True, slots=True)
class SubstituteFacts:
    """What may be used instead; `ratio` of it replaces one."""

    item: UUID
    priority: int
    ratio: Decimal


_FACTS = """
    SELECT i.id, i.code, i.name, i.unit_id, i.kind, i.tracking, i.shelf_life_days, u.places, i.second_unit_id,
           i.category_id, i.tax_code_id, i.is_active, i.is_sold, i.is_critical, u.code
    FROM items_item i JOIN company_unit u ON u.id = i.unit_id
"""


def items_by_id(ids: Sequence[UUID]) -> dict[UUID, ItemFacts]:
    """Give the facts of items by key. One statement."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    return {row[0]: ItemFacts(*row) for row in db.rows(f"{_FACTS} WHERE i.id = ANY(%s)", [list(wanted)])}


def items_by_code(codes: Sequence[str]) -> dict[str, ItemFacts]:
    """Give the facts of items by code. One statement."""
    return {
        row[1]: ItemFacts(*row) for row in db.rows(f"{_FACTS} WHERE i.code = ANY(%s)", [list(set(codes))])
    }


def require_usable(ids: Sequence[UUID]) -> dict[UUID, ItemFacts]:
    """Give the facts of items if all are in use. One statement.

    Raises: ItemInactive for the first that is not
    """
    found = items_by_id(ids)
    for item in sorted(found.values(), key=lambda one: one.code):
        if not item.is_active:
            raise ItemInactive(item=item.code)
    return found


#: Columns as in PlanningFacts.
PLANNING = """
    SELECT i.id, i.code, i.kind, u.places, i.is_active, coalesce(p.lead_time_days, 0),
           coalesce(p.lot_rule, 'lot_for_lot'), coalesce(p.lot_minimum, 0), coalesce(p.lot_multiple, 0),
           coalesce(p.lot_fixed, 0), coalesce(p.supply_days, 0), coalesce(p.safety_stock, 0),
           coalesce(p.safety_days, 0), coalesce(p.yield_percent, 100),
           coalesce(p.costing_method, 'moving_average'), p.standard_cost, coalesce(p.standard_lot, 1),
           coalesce(p.backflush, false), p.id AS settings
    FROM items_item i JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN items_itemplant p ON p.item_id = i.id AND p.plant_id = %(plant)s
    WHERE %(ids)s::uuid[] IS NULL OR i.id = ANY(%(ids)s)
"""


def planning_data(plant_id: UUID, ids: Sequence[UUID] | None = None) -> dict[UUID, PlanningFacts]:
    """Give how a plant plans all items, or those named, by key. One statement."""
    wanted = None if ids is None else list(ids)
    return {row[0]: PlanningFacts(*row) for row in db.rows(PLANNING, {"plant": plant_id, "ids": wanted})}


def to_stock_unit(item_id: UUID, unit_id: UUID | None, quantity: Decimal) -> Decimal:
    """Give one quantity in the item's stock unit. At most three statements. Raises: NoConversion."""
    return to_stock_units(((item_id, unit_id, quantity),))[0]


def to_stock_units(rows: Sequence[tuple[UUID, UUID | None, Decimal]]) -> tuple[Decimal, ...]:
    """Give quantities in their items' stock units, in order. One statement, three if any converts.

    Takes:  (item, unit, quantity); unit None is the stock unit
    Raises: NoConversion naming item and units
    """
    items = items_by_id([item for item, _, _ in rows])
    foreign = {item for item, unit, _ in rows if unit is not None and unit != items[item].unit_id}
    own: dict[UUID, dict[UUID, tuple[Decimal, Decimal]]] = {}
    units: dict[UUID, UnitOf] = {}
    if foreign:
        for item, unit, numerator, denominator in ItemUnit.objects.filter(item__in=foreign).values_list(
            "item_id", "unit_id", "numerator", "denominator"
        ):
            own.setdefault(item, {})[unit] = (numerator, denominator)
        found = db.rows("SELECT id, code, places, dimension, factor FROM company_unit")
        units = {key: UnitOf(*rest) for key, *rest in found}
    converted = []
    for item, unit, quantity in rows:
        facts = items[item]
        factor = factor_to_stock(unit or facts.unit_id, facts.unit_id, own.get(item, {}), units)
        if factor is None:
            names = {key: one.code for key, one in units.items()}
            raise NoConversion(
                item=facts.code,
                unit=names.get(unit, unit),
                stock_unit=names.get(facts.unit_id, facts.unit_id),
            )
        converted.append(in_stock_unit(quantity, *factor, facts.places))
    return tuple(converted)


def substitutes(ids: Sequence[UUID]) -> dict[UUID, tuple[SubstituteFacts, ...]]:
    """Give what may replace each item, first priority first; items without any are left out."""
    found: dict[UUID, list[SubstituteFacts]] = {}
    rows = Substitute.objects.filter(main__in=list(ids)).order_by("main_id", "priority", "position")
    for main, *rest in rows.values_list("main_id", "item_id", "priority", "ratio"):
        found.setdefault(main, []).append(SubstituteFacts(*rest))
    return {main: tuple(several) for main, several in found.items()}
