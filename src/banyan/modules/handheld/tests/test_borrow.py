"""Material borrowed between orders: two scans, and settled when material arrives, whoever had it."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.kernel.proofs import run
from banyan.modules.handheld import proofs  # noqa: F401
from banyan.modules.handheld.errors import (
    NotAtWork,
    NothingToLend,
    NothingToSettle,
    NotNeeded,
    OrdersUnknown,
    SameOrder,
)
from banyan.modules.handheld.models import Borrow, Settlement
from banyan.modules.inventory.errors import HeldLot
from banyan.modules.inventory.models import Promise
from banyan.modules.inventory.queries import held_by
from banyan.modules.production.models import Material

pytestmark = pytest.mark.django_db
PROOFS = ("handheld.settled", "handheld.moved", "handheld.lines")


def borrow(shop, lender, borrower, item, quantity, **more):
    return shop.world.do(
        "handheld.borrow.borrow", lender=lender.pk, borrower=borrower.pk, item=item.pk, quantity=str(quantity), **more
    )


def issued(shop, order, item) -> D:
    row = shop.material(order, item)
    return row.issued_quantity - row.returned_quantity


def kept(shop, order, item) -> D:
    return sum(held_by([shop.material(order, item).pk]).get(shop.material(order, item).pk, (D(0),)), D(0))


def broken() -> list[str]:
    return [v.proof.key for v in run(PROOFS) if not v.is_green]


@pytest.fixture
def two(shop):
    """Give an order for which all stock is kept, and one that came too late."""
    return shop.released(quantity="150"), shop.released(quantity="40")


def test_what_is_kept_for_an_order_goes_to_another_and_comes_back_with_the_next_arrival(shop, two):
    lender, borrower = two
    assert (kept(shop, lender, shop.world.part), kept(shop, borrower, shop.world.part)) == (300, 0)
    (made,) = borrow(shop, lender, borrower, shop.world.part, 80)
    assert (made.state, made.source, made.quantity, made.number[:2]) == ("open", "kept", 80, "BR")
    assert (kept(shop, lender, shop.world.part), issued(shop, borrower, shop.world.part)) == (220, 80)
    shop.receive(shop.world.part, 30, "300")
    made.refresh_from_db()
    assert (made.state, made.settled_quantity, kept(shop, lender, shop.world.part)) == ("open", 30, 250)
    shop.receive(shop.world.part, 100, "1000")
    made.refresh_from_db()
    assert (made.state, made.settled_quantity, kept(shop, lender, shop.world.part)) == ("settled", 80, 300)
    assert list(Settlement.objects.order_by("at", "id").values_list("kind", "quantity")) == [
        ("arrival", 30), ("arrival", 50)
    ]  # fmt: skip
    assert broken() == []


def test_what_an_order_has_already_is_handed_over_by_lot_and_at_its_value(shop, two):
    lender, borrower = two
    material = shop.material(lender, shop.world.steel)
    shop.world.do("production.work_order.issue", lender, lines=[{"material": material.pk, "quantity": "75"}])
    before = shop.on_hand(shop.world.steel)
    (made,) = borrow(shop, lender, borrower, shop.world.steel, 12)
    assert (made.source, made.lot_id, made.state) == ("held", shop.steel_lot.pk, "open")
    assert (issued(shop, lender, shop.world.steel), issued(shop, borrower, shop.world.steel)) == (63, 12)
    assert shop.on_hand(shop.world.steel) == before
    assert broken() == []


def test_an_issue_to_the_lender_settles_it_too(shop, two):
    lender, borrower = two
    (made,) = borrow(shop, lender, borrower, shop.world.part, 80)
    material = shop.material(lender, shop.world.part)
    shop.world.do("production.work_order.issue", lender, lines=[{"material": material.pk, "quantity": "220"}])
    made.refresh_from_db()
    assert made.settled_quantity == 0
    Promise.objects.all().delete()
    shop.receive(shop.world.part, 5, "50")
    made.refresh_from_db()
    assert made.settled_quantity == 5
    assert broken() == []


def test_the_oldest_borrow_is_settled_first(shop, two):
    lender, borrower = two
    (first,) = borrow(shop, lender, borrower, shop.world.part, 10)
    (second,) = borrow(shop, lender, borrower, shop.world.part, 20)
    shop.receive(shop.world.part, 15, "150")
    for one in (first, second):
        one.refresh_from_db()
    assert (first.state, first.settled_quantity, second.settled_quantity) == ("settled", 10, 5)


def test_a_return_of_the_borrower_gives_it_back(shop, two):
    lender, borrower = two
    (made,) = borrow(shop, lender, borrower, shop.world.part, 80)
    material = shop.material(borrower, shop.world.part)
    shop.world.do("production.work_order.return_material", borrower, lines=[{"material": material.pk, "quantity": 80}])
    made.refresh_from_db()
    assert (made.state, kept(shop, lender, shop.world.part)) == ("settled", 300)


def test_it_is_waived_by_hand_and_when_the_lender_ends(shop, two):
    lender, borrower = two
    (one,) = borrow(shop, lender, borrower, shop.world.part, 10)
    shop.world.do("handheld.borrow.waive", one, reason="改用替代料")
    assert (one.state, one.settled_quantity) == ("waived", 10)
    (other,) = borrow(shop, lender, borrower, shop.world.part, 10)
    shop.world.do("production.work_order.close", lender)
    other.refresh_from_db()
    assert other.state == "waived"
    assert broken() == []


def test_it_is_settled_by_hand_from_what_is_free(shop, two):
    lender, borrower = two
    (made,) = borrow(shop, lender, borrower, shop.world.part, 10)
    with pytest.raises(NothingToSettle):
        shop.world.do("handheld.borrow.settle", made)
    shop.receive(shop.world.part, 10, "100")
    made.refresh_from_db()
    assert made.state == "settled"


def test_refusals_write_nothing(shop, two):
    lender, borrower = two
    part, lot = shop.world.part, shop.steel_lot
    done = shop.released(quantity="1")
    shop.world.do("production.work_order.close", done)
    for refusal, given in (
        (SameOrder, (lender, lender, part, 1)),
        (NotNeeded, (lender, borrower, part, 81)),
        (NotNeeded, (lender, borrower, shop.world.product, 1)),
        (NothingToLend, (borrower, lender, part, 1)),
        (NotAtWork, (done, borrower, part, 1)),
    ):
        with pytest.raises(refusal):
            borrow(shop, *given)
    stranger = type("Gone", (), {"pk": part.pk})
    with pytest.raises(OrdersUnknown):
        borrow(shop, stranger, borrower, part, 1)
    material = shop.material(lender, shop.world.steel)
    shop.world.do("production.work_order.issue", lender, lines=[{"material": material.pk, "quantity": "75"}])
    shop.world.do("inventory.lot.hold", lot, reason="炉号待查")
    with pytest.raises(HeldLot):
        borrow(shop, lender, borrower, shop.world.steel, 5)
    assert Borrow.objects.count() == 0
    assert issued(shop, lender, shop.world.steel) == 75


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (lambda b: Borrow.objects.filter(pk=b.pk).update(settled_quantity=3), "handheld.settled"),
        (lambda b: Borrow.objects.filter(pk=b.pk).update(state="settled"), "handheld.settled"),
        (lambda b: Borrow.objects.filter(pk=b.pk).update(quantity=11), "handheld.moved"),
        (
            lambda b: Borrow.objects.filter(pk=b.pk).update(
                lender_material=Material.objects.filter(work_order=b.borrower_id).first()
            ),
            "handheld.lines",
        ),
    ],
)
@pytest.mark.plants("named")
def test_a_planted_fault_is_named(shop, two, fault, named):
    (made,) = borrow(shop, *two, shop.world.part, 10)
    assert broken() == []
    fault(made)
    assert named in broken()
