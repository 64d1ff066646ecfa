"""The whole set of records, where it lies beside the checkout."""

from __future__ import annotations

import pytest

from banyan.kernel import proofs
from banyan.modules.engineering.models import BomLine
from banyan.modules.inventory.models import Move
from banyan.modules.people.models import Employee
from banyan.modules.purchasing.models import OrderLine

pytestmark = pytest.mark.slow("the records of AdventureWorks")


def test_the_whole_set_comes_in_and_again_changes_nothing(bring_in, whole_folder):
    report = bring_in(whole_folder)
    made = {(step.noun, step.made) for step in report.steps}
    assert made >= {
        ("company.unit", 38), ("company.department", 16), ("people.employee", 290), ("people.shift", 3),
        ("parties.party", 104), ("parties.party", 701), ("parties.party", 5), ("items.item", 504),
        ("items.category", 4), ("items.category", 37), ("inventory.location", 14),
        ("inventory.location", 753),
        ("equipment.work_centre", 7), ("engineering.bom", 238), ("engineering.routing", 239),
        ("purchasing.supplier_item", 460), ("purchasing.order", 4012), ("production.defect_reason", 16),
        ("sales.customer_price", 395), ("inventory.lot", 254), ("inventory.stock_document", 14),
    }  # fmt: skip
    brought = {source.name: source.brought for source in report.sources}
    assert brought["BillOfMaterials"] == 2576
    assert brought["PurchaseOrderDetail"] == 8845
    assert brought["ProductInventory"] == 1065
    assert brought["ProductListPriceHistory"] == 395
    left = {source.name: [(len(rows), why.en) for why, rows in source.left] for source in report.sources}
    assert left["BillOfMaterials"] == [
        (103, "Has no parent: the top of a structure, which is the item itself")
    ]
    assert left["ProductInventory"] == [(4, "Quantity zero: there is nothing to receive")]
    said = {text.en: count for count, text in report.notes}
    assert said["{n} items have their cost from the standard cost"] == 304
    assert said["{n} items have no standard cost: the cost of the last receipt"] == 182
    assert said["{n} items have neither: rolled up from BOM and routing"] == 18
    assert said["{n} rows of stock lie at the line sides of work centres"] == 477
    for count in (306, 619, 239, 326, 179, 98, 7, 4):
        assert count in said.values()
    assert report.is_reconciled
    people = Employee.objects.filter(department__isnull=False, shift__isnull=False, hourly_pay__gt=0)
    assert people.count() == 290
    assert BomLine.objects.count() == 2576
    assert OrderLine.objects.count() == 8845
    assert Move.objects.exclude(origin_noun="inventory.stock_document").count() == 0

    again = bring_in(whole_folder)
    assert (again.made, again.changed, again.is_reconciled) == (0, 0, True)
    assert [verdict.proof.key for verdict in proofs.run() if not verdict.is_green] == []
