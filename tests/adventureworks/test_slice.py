"""A slice of real records comes in whole, is accounted for row by row, and a second run changes nothing."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from banyan.kernel import proofs
from banyan.kernel.models import Audit
from banyan.modules.company.models import Company, Currency
from banyan.modules.engineering.models import Bom, BomLine, Routing, RoutingOperation
from banyan.modules.equipment.models import WorkCentre
from banyan.modules.finance.queries import account_balance
from banyan.modules.inventory.models import Balance, Lot, Move, StockValue
from banyan.modules.items.models import Item, ItemPlant
from banyan.modules.parties.models import ExternalId, Party
from banyan.modules.people.models import Employee
from banyan.modules.purchasing.models import Order, OrderLine, SupplierItem
from banyan.modules.sales.models import CustomerPrice
from banyan.ops.migration.sources import NoSource
from tests.adventureworks.conftest import SLICE, cells

PRODUCTS = {row["ProductID"]: row for row in cells(SLICE, "Product")}
LINES = [row for row in cells(SLICE, "BillOfMaterials") if row["ProductAssemblyID"]]
STOCK = [row for row in cells(SLICE, "ProductInventory") if row["Quantity"] != "0"]
TRACED = {row["ComponentID"] for row in LINES} | {k for k, row in PRODUCTS.items() if row["MakeFlag"] == "1"}


def result(report, noun):
    return [(s.made, s.changed, s.unchanged, s.left) for s in report.steps if s.noun == noun]


def test_every_row_is_accounted_for_and_a_second_run_changes_nothing(bring_in, app_role):
    first = bring_in(SLICE)
    assert first.problems == []
    assert [t.label.en for t in first.totals if not t.agrees] == []
    assert {s.name: s.open for s in first.sources if s.open} == {}
    for source in first.sources:
        assert source.brought + sum(len(rows) for _, rows in source.left) == source.rows, source.name
        assert source.rows == len(cells(SLICE, source.name))
    assert first.is_reconciled
    assert list(first.lines("en"))[-1].startswith("Reconciled: ")

    before = Audit.objects.filter(outcome="done").exclude(command="inventory.location.make_standing").count()
    second = bring_in(SLICE)
    assert (second.made, second.changed, second.is_reconciled) == (0, 0, True)
    after = Audit.objects.filter(outcome="done").exclude(command="inventory.location.make_standing").count()
    assert after == before


def test_records_stand_as_the_source_has_them(bring_in):
    bring_in(SLICE)
    # items, their units from the BOM, kilograms, and what is no longer sold
    assert Item.objects.count() == len(PRODUCTS)
    assert Counter(Item.objects.values_list("kind", flat=True)) == Counter(
        {"1": "made", "0": "bought"}[row["MakeFlag"]] for row in PRODUCTS.values()
    )
    assert Item.objects.filter(is_active=False).count() == sum(
        bool(r["SellEndDate"]) for r in PRODUCTS.values()
    )
    units = {row["ComponentID"]: row["UnitMeasureCode"] for row in LINES}
    for item in Item.objects.select_related("unit"):
        row = next(row for row in PRODUCTS.values() if row["ProductNumber"] == item.code)
        assert item.unit.code == units.get(row["ProductID"], "EA")
        if row["WeightUnitMeasureCode"] == "G":
            assert item.weight == D(row["Weight"]) / 1000
    # what is made, or goes into what is made, is traced by lot
    assert set(Item.objects.filter(tracking="lot").values_list("code", flat=True)) == {
        PRODUCTS[key]["ProductNumber"] for key in TRACED
    }
    # structure: one released BOM for each made item that has one, the source's last day still counting
    assert Bom.objects.filter(state="released").count() == len({row["ProductAssemblyID"] for row in LINES})
    assert BomLine.objects.count() == len(LINES)
    ends = Counter(BomLine.objects.values_list("valid_to", flat=True))
    assert ends == Counter(
        date.fromisoformat(row["EndDate"][:10]) + timedelta(days=1) if row["EndDate"] else None
        for row in LINES
    )
    made = [row for row in PRODUCTS.values() if row["MakeFlag"] == "1"]
    assert Routing.objects.filter(state="released").count() == len(made)
    assert not RoutingOperation.objects.filter(work_centre=None).exists()
    # places: seven work centres with a rate and a line side
    assert WorkCentre.objects.filter(machine_rate__gt=0, line_side__kind="line_side").count() == 7
    # people, at whose average pay in Production work centres reckon
    present = {
        row["BusinessEntityID"]
        for row in cells(SLICE, "EmployeeDepartmentHistory")
        if (row["DepartmentID"], row["EndDate"]) == ("7", "")
    }
    rates = [D(_latest_pay()[key]["Rate"]) for key in present]
    assert set(WorkCentre.objects.values_list("labour_rate", flat=True)) == {
        (sum(rates) / len(rates)).quantize(D("0.01"))
    }
    assert Employee.objects.filter(department=None).count() == 0
    assert dict(Employee.objects.values_list("code", "hourly_pay")) == {
        f"AW-{int(key):04}": D(row["Rate"]) for key, row in _latest_pay().items()
    }
    # parties, by what they are
    assert Party.objects.filter(is_supplier=True).count() == len(cells(SLICE, "Vendor"))
    assert Party.objects.filter(is_customer=True).count() == len(cells(SLICE, "Store"))
    assert ExternalId.objects.filter(system="AdventureWorks vendor").count() == len(cells(SLICE, "Vendor"))


def _latest_pay() -> dict[str, dict[str, str]]:
    latest: dict[str, dict[str, str]] = {}
    for row in cells(SLICE, "EmployeePayHistory"):
        if row["RateChangeDate"] >= latest.get(row["BusinessEntityID"], row)["RateChangeDate"]:
            latest[row["BusinessEntityID"]] = row
    return latest


def test_list_prices_hold_for_everybody_from_day_to_day(bring_in):
    bring_in(SLICE)
    rows = cells(SLICE, "ProductListPriceHistory")
    assert CustomerPrice.objects.filter(party=None).count() == CustomerPrice.objects.count() == len(rows)
    now = {r["ProductID"]: D(r["ListPrice"]) for r in rows if not r["EndDate"]}
    assert dict(CustomerPrice.objects.filter(valid_to=None).values_list("item__code", "price")) == {
        PRODUCTS[key]["ProductNumber"]: price for key, price in now.items()
    }


def test_with_the_books_on_it_reconciles_too(bring_in, world):
    """The opening stock is in the ledger at once, cent for cent, and a second run changes nothing there."""
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=world.ctx.now.year)
    first = bring_in(SLICE)
    assert first.is_reconciled
    worth = sum(StockValue.objects.values_list("amount", flat=True))
    assert worth > 0
    assert -account_balance("1999") == worth
    second = bring_in(SLICE)
    assert (second.made, second.changed, second.is_reconciled) == (0, 0, True)
    assert -account_balance("1999") == worth
    assert [verdict.proof.key for verdict in proofs.run() if not verdict.is_green] == []


def test_stock_is_received_at_cost_and_orders_move_nothing(bring_in):
    bring_in(SLICE)
    assert Move.objects.exclude(origin_noun="inventory.stock_document").count() == 0
    assert Move.objects.count() == len(STOCK)
    assert sum(Balance.objects.values_list("on_hand", flat=True)) == sum(D(row["Quantity"]) for row in STOCK)
    at_work = {row["LocationID"] for row in cells(SLICE, "Location") if D(row["CostRate"]) > 0}
    stocked = {PRODUCTS[row["ProductID"]]["ProductNumber"] for row in STOCK if row["ProductID"] in TRACED}
    assert set(Lot.objects.values_list("item__code", "number")) == {(code, f"{code}-AW") for code in stocked}
    assert Balance.objects.filter(kind="line_side").count() == sum(r["LocationID"] in at_work for r in STOCK)
    costs = dict(ItemPlant.objects.values_list("item_id", "standard_cost"))
    assert None not in costs.values()
    for item, quantity, amount in StockValue.objects.values_list("item_id", "quantity", "amount"):
        assert abs(amount - quantity * costs[item]) <= D("0.05")
    assert Order.objects.filter(is_history=True).count() == len(cells(SLICE, "PurchaseOrderHeader"))
    assert OrderLine.objects.count() == len(cells(SLICE, "PurchaseOrderDetail"))
    assert SupplierItem.objects.count() == len(cells(SLICE, "ProductVendor"))


def test_costs_come_from_the_standard_the_last_receipt_or_the_roll_up(bring_in):
    report = bring_in(SLICE)
    vendors = {row["ProductID"] for row in cells(SLICE, "ProductVendor") if row["LastReceiptCost"]}
    standard = {key for key, row in PRODUCTS.items() if D(row["StandardCost"]) > 0}
    said = {text.en: count for count, text in report.notes}
    assert said["{n} items have their cost from the standard cost"] == len(standard)
    receipt = {key for key in PRODUCTS if key not in standard and key in vendors}
    assert said["{n} items have no standard cost: the cost of the last receipt"] == len(receipt)
    rolled = set(PRODUCTS) - standard - receipt
    assert said["{n} items have neither: rolled up from BOM and routing"] == len(rolled) > 0
    codes = [PRODUCTS[key]["ProductNumber"] for key in rolled]
    assert ItemPlant.objects.filter(item__code__in=codes, standard_cost__gt=0).count() == len(rolled)


def test_a_changed_row_changes_its_record_alone(bring_in, slice_folder):
    bring_in(slice_folder)
    file = slice_folder / "Product.csv"
    file.write_text(
        file.read_text("utf-8").replace("HL Road Frame - Black, 62", "HL Road Frame - Noir, 62"), "utf-8"
    )
    report = bring_in(slice_folder)
    assert result(report, "items.item")[0] == (0, 1, len(PRODUCTS) - 1, 0)
    assert (report.made, report.changed) == (0, 1)
    assert Item.objects.get(code="FR-R92B-62").name == "HL Road Frame - Noir, 62"


def test_what_the_factory_takes_up_again_stays_in_use(bring_in, world):
    bring_in(SLICE)
    item, vendor = Item.objects.filter(is_active=False)[0], Party.objects.filter(is_active=False)[0]
    world.do("items.item.activate", item)
    world.do("parties.party.activate", vendor)
    report = bring_in(SLICE)
    assert (report.made, report.changed, report.is_reconciled) == (0, 0, True)
    assert Item.objects.get(pk=item.pk).is_active
    assert Party.objects.get(pk=vendor.pk).is_active


def test_what_cannot_come_in_is_listed_with_its_reason(bring_in, slice_folder):
    file = slice_folder / "ProductVendor.csv"
    rows = file.read_text("utf-8").splitlines()
    gone, unreadable = rows[1].split(","), rows[2].split(",")
    gone[1], unreadable[3] = "9999", "much"
    file.write_text("\n".join([rows[0], ",".join(gone), ",".join(unreadable), *rows[3:]]) + "\n", "utf-8")
    report = bring_in(slice_folder)
    source = next(one for one in report.sources if one.name == "ProductVendor")
    assert {rows: why.en for why, rows in source.left} == {
        (1,): "refers to Party vendor 9999, which was not brought in",
        (2,): "StandardPrice: “much” is not a decimal",
    }
    assert result(report, "purchasing.supplier_item") == [(len(rows) - 3, 0, 0, 2)]


def test_an_interrupted_run_is_taken_up_where_it_stopped(bring_in, monkeypatch):
    from banyan.ops.migration import engine

    whole = engine.Run.take

    def interrupted(self, step):
        if step.noun == "inventory.stock_document":
            raise KeyboardInterrupt
        whole(self, step)

    monkeypatch.setattr(engine.Run, "take", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bring_in(SLICE)
    monkeypatch.setattr(engine.Run, "take", whole)
    report = bring_in(SLICE)
    assert result(report, "items.item")[0] == (0, 0, len(PRODUCTS), 0)
    assert Move.objects.count() == len(STOCK)
    assert report.is_reconciled


def test_beside_another_company_amounts_come_in_its_currency(bring_in, world):
    assert world.company
    world.make(
        "company.currency", code="USD", name="美元", rates=[{"valid_from": "2026-01-01", "rate": "7.00"}]
    )
    bring_in(SLICE)
    assert (Company.objects.count(), Currency.objects.count()) == (1, 2)
    row = next(row for row in PRODUCTS.values() if D(row["StandardCost"]) > 0)
    assert ItemPlant.objects.get(item__code=row["ProductNumber"]).standard_cost == D(row["StandardCost"]) * 7


def test_a_missing_file_is_named_before_anything_is_written(bring_in, slice_folder):
    (slice_folder / "Vendor.csv").unlink()
    with pytest.raises(NoSource) as refused:
        bring_in(slice_folder)
    assert refused.value.facts["file"] == "Vendor.csv"
    assert not Company.objects.exists()
