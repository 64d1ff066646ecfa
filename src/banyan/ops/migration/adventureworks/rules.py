"""What the tables of this mapping cannot say: sums and choices over the rows of AdventureWorks."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.lib.money import EXACT, rounded
from banyan.modules.company import queries as company
from banyan.modules.engineering import queries as engineering
from banyan.modules.items import queries as items
from banyan.ops.migration.sources import Row

POUND = Decimal("0.45359237")
WEEK_HOURS = Decimal(120)
PRODUCTION = "7"


def specification(row: Row, run: Any) -> str:
    """Give colour and size: “Black, 58 CM”."""
    size = f"{row['Size']} {row['SizeUnitMeasureCode']}".strip()
    return ", ".join(part for part in (row["Color"], size) if part)


def category(row: Row, run: Any) -> UUID | None:
    """Give the subcategory's record, none for the items that belong to none."""
    if not row["ProductSubcategoryID"]:
        return None
    return run.key_of("items.category", f"{row['group.ProductCategoryID']}.{row['ProductSubcategoryID']}")


def weight(row: Row, run: Any) -> Decimal | None:
    """Give the weight in kilograms; the source has grams and pounds."""
    if not row["Weight"]:
        return None
    factor = {"G": Decimal("0.001"), "LB": POUND}[row["WeightUnitMeasureCode"]]
    return rounded(EXACT.multiply(Decimal(row["Weight"]), factor), 6)


def lead_time(row: Row, run: Any) -> int:
    """Give the days to manufacture of what is made, the quickest vendor's lead time of what is bought."""
    if row["MakeFlag"] == "1":
        return int(row["DaysToManufacture"])
    return int(row["vendor.AverageLeadTime"] or 0)


def tracking(row: Row, run: Any) -> str:
    """Say how an item is traced: by lot what is made or goes into what is made, else not at all."""
    if "traced" not in run.memory:
        lines = run.sources["BillOfMaterials"].rows
        used = {line["ComponentID"] for line in lines if line["ProductAssemblyID"]}
        made = {one["ProductID"] for one in run.sources["Product"].rows if one["MakeFlag"] == "1"}
        run.memory["traced"] = used | made
    return "lot" if row["ProductID"] in run.memory["traced"] else "none"


def cost_source(row: Row, run: Any) -> str:
    """Say where an item's cost comes from: its standard, else its last receipt, else the roll-up."""
    if Decimal(row["StandardCost"]) > 0:
        return "standard"
    return "receipt" if _last_receipt(row, run) else "roll_up"


def cost(row: Row, run: Any) -> Decimal | None:
    """Give the cost that the source knows, in the company's currency; none where it is to be rolled up."""
    source = cost_source(row, run)
    if source == "roll_up":
        return None
    text = row["StandardCost"] if source == "standard" else _last_receipt(row, run)["LastReceiptCost"]
    return rounded(EXACT.multiply(Decimal(text), run.rate), 6)


def _last_receipt(row: Row, run: Any) -> Row | None:
    """Give the vendor row of the latest receipt; of several on one day the first vendor's."""
    rows = run.sources["ProductVendor"].matching(("ProductID",), (row["ProductID"],))
    known = [one for one in rows if one["LastReceiptCost"]]
    return max(known, key=lambda one: (one["LastReceiptDate"], -int(one["BusinessEntityID"])), default=None)


def rolled_up_cost(row: Row, run: Any) -> Decimal | None:
    """Give the cost of structure and routing as they are on the day of the import."""
    if "rolled up" not in run.memory:
        plant = company.plant(run.ctx.plant)
        wanted = [
            run.key_of("items.item", one["ProductID"])
            for one in run.sources["Product"].rows if cost_source(one, run) == "roll_up"
        ]  # fmt: skip
        run.memory["rolled up"] = engineering.standard_costs(plant.id, wanted, plant.day(run.ctx.now))
    found = run.memory["rolled up"].get(run.key_of("items.item", row["ProductID"]))
    return rounded(found.total, 6) if found and found.is_complete else None


def stock_amount(row: Row, run: Any) -> Decimal:
    """Give what a row of stock is worth: its quantity at the item's cost, zero where there is none."""
    if "costs" not in run.memory:
        known = items.planning_data(run.ctx.plant)
        run.memory["costs"] = {key: facts.standard_cost or Decimal(0) for key, facts in known.items()}
    unit_cost = run.memory["costs"][run.key_of("items.item", row["ProductID"])]
    return rounded(EXACT.multiply(Decimal(row["Quantity"]), unit_cost), 2)


def opening_lot(row: Row, run: Any) -> UUID | None:
    """Give the lot in which an item's opening stock lies, none where it is not traced."""
    return run.key_of("inventory.lot", row["ProductID"]) if tracking(row, run) == "lot" else None


def stock_unit(row: Row, run: Any) -> UUID:
    """Give the item's stock unit: a pack without a stated factor counts as one of it."""
    uses = run.sources["BillOfMaterials"].matching(("ComponentID",), (row["ProductID"],))
    codes = [one["UnitMeasureCode"] for one in uses if one["ProductAssemblyID"]]
    return run.key_of("company.unit", codes[0] if codes else "EA")


STATUSES = {"1": "pending", "2": "approved", "3": "rejected", "4": "complete"}


def order_note(row: Row, run: Any) -> str:
    """Keep what an order of ours has no field for: the state it had, and the freight."""
    return f"AdventureWorks: {STATUSES[row['Status']]}, freight {Decimal(row['Freight']):.2f}"


def is_received_unplaced(row: Row, run: Any) -> bool:
    """Say whether a line has receipts although its order was pending or rejected."""
    orders = run.sources["PurchaseOrderHeader"].matching(("PurchaseOrderID",), (row["PurchaseOrderID"],))
    return Decimal(row["ReceivedQty"]) > 0 and any(one["Status"] in ("1", "3") for one in orders)


def place_kind(row: Row, run: Any) -> str:
    """Say what a location is: with an hourly rate the line side of a work centre, else a store."""
    return "line_side" if Decimal(row["CostRate"]) > 0 else "warehouse"


def is_usual_store(row: Row, run: Any) -> bool:
    """Say whether goods go to this store when nobody names another."""
    return row["Name"] == "Finished Goods Storage"


def bin_kind(row: Row, run: Any) -> str:
    """Say what a bin is: part of a line side, or a bin of a store."""
    return "line_side" if stock_kind(row, run) == "line_side" else "bin"


def stock_kind(row: Row, run: Any) -> str:
    """Say in what kind of location a row of stock lies."""
    places = run.sources["Location"].matching(("LocationID",), (row["LocationID"],))
    return place_kind(places[0], run) if places else ""


def efficiency(row: Row, run: Any) -> Decimal:
    """Give the hours of availability in percent of the plant's week."""
    return rounded(Decimal(row["Availability"]) * 100 / WEEK_HOURS, 4)


def labour_rate(row: Row, run: Any) -> Decimal:
    """Give the average hourly pay of the people who work in Production now, in the company's currency."""
    if "labour rate" not in run.memory:
        places = run.sources["EmployeeDepartmentHistory"]
        people = places.matching(("DepartmentID", "EndDate"), (PRODUCTION, ""))
        rates = [_present_pay(one["BusinessEntityID"], run) for one in people]
        average = EXACT.divide(sum(rates, Decimal(0)), Decimal(len(rates) or 1))
        run.memory["labour rate"] = rounded(EXACT.multiply(average, run.rate), 2)
    return run.memory["labour rate"]


def _present_pay(employee: str, run: Any) -> Decimal:
    rows = run.sources["EmployeePayHistory"].matching(("BusinessEntityID",), (employee,))
    return Decimal(max(rows, key=lambda one: one["RateChangeDate"])["Rate"]) if rows else Decimal(0)


def route(row: Row, run: Any) -> str:
    """Give the way through the factory: the subcategory's, else that of an assembly or a single part."""
    if row["ProductSubcategoryID"]:
        return row["ProductSubcategoryID"]
    below = run.sources["BillOfMaterials"].matching(("ProductAssemblyID",), (row["ProductID"],))
    return "assembly" if len({one["ComponentID"] for one in below}) > 1 else "part"


def has_structure(row: Row, run: Any) -> bool:
    """Say whether the source has a BOM for an item."""
    return bool(run.sources["BillOfMaterials"].matching(("ProductAssemblyID",), (row["ProductID"],)))


RULES: dict[str, Callable[[Row, Any], Any]] = {
    one.__name__: one
    for one in (
        specification, category, weight, lead_time, cost_source, cost, rolled_up_cost, stock_amount,
        stock_unit, order_note, is_received_unplaced, place_kind, is_usual_store, bin_kind, stock_kind,
        efficiency, labour_rate, route, has_structure, tracking, opening_lot,
    )
}  # fmt: skip
