"""Decisions and sums, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.modules.inventory import rules
from banyan.modules.inventory.kinds import KINDS, OURS
from banyan.modules.inventory.rules import Claim, Layer, Pickable, Pool, Shelf, Worth

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ITEM, PLANT, LINE, OTHER = (UUID(int=n) for n in range(1, 5))
KEY, FAR = (ITEM, None, UUID(int=10), None), (ITEM, None, UUID(int=11), None)
MINE, THEIRS = ("sales.order", LINE), ("sales.order", OTHER)


def shelf(on_hand, allocated=0, key=KEY, is_free=True):
    return Shelf(key, PLANT, "bin" if is_free else "line_side", is_free, D(on_hand), D(allocated))


def claim(demand, place, quantity, minute=0, n=1):
    return Claim(UUID(int=100 + n), demand, place, D(quantity), NOW + timedelta(minutes=minute))


# --- where things may go ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "owner", "state", "free"),
    [
        ("bin", None, None, True), ("zone", None, "released", True), ("warehouse", None, None, True),
        ("bin", None, "held", False), ("bin", None, "rejected", False), ("bin", OTHER, None, False),
        ("line_side", None, None, False), ("inspection", None, None, False), ("rejected", None, None, False),
        ("transit", None, None, False), ("subcontractor", None, None, False),
    ],
)  # fmt: skip
def test_what_may_be_promised(kind, owner, state, free):
    assert rules.is_free(kind, owner, state) is free


@pytest.mark.parametrize(
    ("source", "target", "stopped"),
    [
        ("bin", "production", True), ("bin", "customer", True), ("bin", "line_side", True),
        ("warehouse", "subcontractor", True), ("line_side", "production", True), ("bin", "rejected", False),
        ("bin", "inspection", False), ("bin", "bin", False), ("bin", "supplier", False),
        ("bin", "scrap", False),
        ("bin", "adjustment", False), ("production", "bin", False), ("customer", "bin", False),
    ],
)  # fmt: skip
def test_where_a_held_lot_may_not_go(source, target, stopped):
    assert rules.stops_held(source, target) is stopped


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("supplier", "inspection", "receipt"), ("bin", "supplier", "supplier_return"),
        ("bin", "customer", "shipment"), ("customer", "bin", "customer_return"),
        ("bin", "production", "issue"), ("production", "bin", "production"),
        ("bin", "scrap", "scrap"), ("bin", "adjustment", "adjustment"), ("adjustment", "bin", "adjustment"),
        ("scrap", "bin", "adjustment"), ("bin", "bin", "transfer"),
    ],
)  # fmt: skip
def test_what_a_move_does_to_value(source, target, kind):
    assert rules.value_kind(source, target, False) == kind
    assert rules.value_kind(source, target, True) == "reversal"


def test_documents_never_join_two_far_ends():
    for kind in rules.DOCUMENT_ENDS:
        for source in KINDS:
            for target in KINDS:
                if rules.may_document(kind, source, target):
                    assert source in OURS or target in OURS


# --- taking and putting -------------------------------------------------------------------------------------

TAKING = [
    # on hand, allocated to me, to others, my promise, others' promise, wanted, fact -> taken, missing, pool
    ("plain", 10, 0, 0, 0, 0, 4, False, 4, 0, (6, 0)),
    ("all of it", 10, 0, 0, 0, 0, 10, False, 10, 0, (0, 0)),
    ("too much", 10, 0, 0, 0, 0, 12, False, 10, 2, (0, 0)),
    ("my allocation first", 10, 4, 0, 3, 0, 4, False, 4, 0, (6, 3)),
    ("then my promise", 10, 4, 0, 3, 0, 6, False, 6, 0, (4, 1)),
    ("what others hold stays", 10, 0, 8, 0, 0, 4, False, 2, 2, (0, 0)),
    ("a fact takes it", 10, 0, 8, 0, 0, 4, True, 4, 0, (-2, 0)),
    ("a fact finds what is there", 3, 0, 0, 0, 0, 4, True, 3, 1, (0, 0)),
]


@pytest.mark.parametrize("case", TAKING, ids=[c[0] for c in TAKING])
def test_taking_from_a_shelf(case):
    _, on_hand, mine, others, promise, promised, wanted, is_fact, taken, missing, after = case
    place = shelf(on_hand, mine + others)
    pool = Pool((ITEM, PLANT), D(on_hand - mine - others), D(promise + promised))
    allocations = [claim(MINE, KEY, mine)] if mine else []
    promises = [claim(MINE, pool.key, promise, n=2)] if promise else []
    got = rules.take_out(place, pool, D(wanted), MINE, promises, allocations, {KEY: place}, is_fact)
    assert (got.quantity, got.missing) == (taken, missing)
    assert place.on_hand == on_hand - taken
    assert (pool.available, pool.promised) == after


def test_taking_elsewhere_gives_the_allocation_back():
    here, there = shelf(5), shelf(5, 4, FAR)
    pool = Pool((ITEM, PLANT), D(6), D(0))
    mine = claim(MINE, FAR, 4)
    rules.take_out(here, pool, D(3), MINE, [], [mine], {KEY: here, FAR: there}, False)
    assert (here.on_hand, there.allocated, mine.quantity) == (2, 1, 1)
    assert pool.available == 6


def test_stock_that_is_not_free_does_not_touch_what_is_available():
    line = shelf(5, is_free=False)
    pool = Pool((ITEM, PLANT), D(7), D(7))
    rules.take_out(line, pool, D(3), None, [], [], {KEY: line}, False)
    rules.put_in(line, pool, D(1))
    assert (line.on_hand, pool.available) == (3, 7)


def test_releasing_takes_promises_before_allocations():
    place = shelf(10, 4)
    pool = Pool((ITEM, PLANT), D(6), D(3))
    promise, allocation = claim(MINE, pool.key, 3), claim(MINE, KEY, 4, n=2)
    assert rules.give_back([promise], [allocation], D(5), {KEY: place}, pool) == 5
    assert (pool.available, pool.promised, place.allocated) == (8, 0, 2)
    assert rules.give_back([promise], [allocation], None, {KEY: place}, pool) == 2
    assert (pool.available, place.allocated) == (10, 0)


def test_sharing_is_first_come_first_served():
    a, b = (ITEM, PLANT), (OTHER, PLANT)
    wishes = [(a, D(7)), (b, D(1)), (a, D(5)), (a, D(1))]
    assert rules.share(wishes, {a: D(10), b: D(-1)}) == (7, 0, 3, 0)


def test_the_newest_claims_break_first():
    old, new, newest = (claim(THEIRS, KEY, 4, minute, n) for n, minute in enumerate((0, 1, 2)))
    broken = rules.break_claims([old, newest, new], D(6))
    assert [(one.id, cut) for one, cut in broken] == [(newest.id, 4), (new.id, 2)]
    assert [one.quantity for one in (old, new, newest)] == [4, 2, 0]
    assert rules.break_claims([old], D(0)) == ()


def test_picking_goes_by_expiry_then_age_then_place():
    def row(name, expires=None, days=0, free=1):
        return Pickable((ITEM, None, LINE, None), D(free), expires, NOW + timedelta(days=days), name, "")

    rows = [
        row("D"),
        row("C", days=-1),
        row("B", date(2026, 5, 1)),
        row("A", date(2026, 4, 1), days=9),
        row("E"),
    ]
    ordered = rules.picking_order(rows)
    assert "".join(one.location_code for one in ordered) == "ABCDE"
    chosen, missing = rules.pick(D("2.5"), ordered)
    assert [(one.location_code, part) for one, part in chosen] == [("A", 1), ("B", 1), ("C", D("0.5"))]
    assert missing == 0
    assert rules.pick(D(9), ordered)[1] == 4


# --- value --------------------------------------------------------------------------------------------------


def worth(quantity, amount, method="moving_average", **more):
    return Worth((ITEM, PLANT), method, quantity=D(quantity), amount=D(amount), **more)


def layer(n, quantity, amount, day):
    return Layer(UUID(int=n), UUID(int=50 + n), NOW + timedelta(days=day), D(quantity), D(amount))


VALUE_OUT = [
    # method, quantity, amount, taken, given -> value, difference
    ("moving_average", 3, "10.00", 1, None, "3.33", "0"),
    ("moving_average", 3, "10.00", 3, None, "10.00", "0"),
    ("monthly_average", 4, "10.00", 1, None, "2.50", "0"),
    ("moving_average", 10, "100.00", 4, "52.00", "52.00", "0"),
    ("moving_average", 10, "100.00", 4, "152.00", "100.00", "52.00"),
    ("moving_average", 10, "70.00", 10, "100.00", "70.00", "30.00"),
    ("moving_average", 10, "100.00", 10, "70.00", "100.00", "-30.00"),
    ("standard", 10, "40.00", 3, None, "12.00", "0"),
    ("standard", 10, "40.00", 3, "15.00", "12.00", "3.00"),
]


@pytest.mark.parametrize("case", VALUE_OUT, ids=str)
def test_value_that_leaves(case):
    method, quantity, amount, taken, given, value, difference = case
    there = worth(quantity, amount, method, standard_cost=D(4))
    got = there.take(D(taken), None if given is None else D(given), None)
    assert (got.amount, got.difference) == (D(value), D(difference))
    assert (there.quantity, there.amount) == (quantity - taken, D(amount) - D(value))


VALUE_IN = [
    # method, quantity, amount, brought, given, standard, last -> value, difference
    ("moving_average", 0, "0", 3, "10.00", None, None, "10.00", "0"),
    ("moving_average", 3, "10.00", 2, None, "9", "9", "6.67", "0"),
    ("moving_average", 0, "0", 2, None, "9", "8", "18.00", "0"),
    ("moving_average", 0, "0", 2, None, None, "8", "16.00", "0"),
    ("moving_average", 0, "0", 2, None, None, None, "0.00", "0"),
    ("standard", 0, "0", 10, "41.50", "4", None, "40.00", "1.50"),
    ("standard", 0, "0", 10, None, "4", None, "40.00", "0"),
]


@pytest.mark.parametrize("case", VALUE_IN, ids=str)
def test_value_that_comes_in(case):
    method, quantity, amount, brought, given, standard, last, value, difference = case
    there = worth(
        quantity, amount, method, standard_cost=standard and D(standard), last_unit=last and D(last)
    )
    got = there.put(D(brought), None if given is None else D(given), layer(1, 0, 0, 0))
    assert (got.amount, got.difference) == (D(value), D(difference))
    assert there.quantity == quantity + brought


def test_a_part_of_a_quantity_takes_its_part_of_the_amount():
    assert rules.part_of(None, D(1), D(3)) is None
    assert rules.part_of(D("10.00"), D(3), D(3)) == D("10.00")
    assert rules.part_of(D("10.00"), D(1), D(3)) == D("3.33")


def test_layers_leave_oldest_first_by_the_day_they_came():
    there = worth(
        30, "360.00", "fifo", layers=[layer(1, 10, "100", 2), layer(2, 10, "120", 1), layer(3, 10, "140", 3)]
    )
    assert there.take(D(15), None, None).amount == D("170.00")
    assert there.take(D(5), None, UUID(int=53)).amount == D("70.00")
    assert [one.quantity for one in there.layers] == [5, 0, 5]
    assert there.take(D(10), None, None).amount == D("120.00")
    assert there.amount == 0


def test_layers_of_an_earlier_time_are_cut_to_what_there_is():
    there = worth(5, "60.00", "fifo", layers=[layer(1, 10, "100", 1), layer(2, 5, "70", 2)])
    assert there.take(D(2), None, None).amount == D("28.00")
    assert [one.quantity for one in there.layers] == [0, 3]


# --- counts and time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "counted", "percent", "over"),
    [
        (100, 98, 2, False), (100, 97, 2, True), (100, 102, 2, False), (100, 103, 2, True), (0, 0, 0, False),
        (0, 1, 100, True), (10, 10, 0, False), (10, 9, 0, True), (3, 0, 100, False),
    ],
)  # fmt: skip
def test_when_to_count_again(expected, counted, percent, over):
    assert rules.is_over_tolerance(D(expected), D(counted), D(percent)) is over


def test_the_second_count_is_what_was_found():
    assert (rules.found(D(5), None), rules.found(D(5), D(6)), rules.found(None, None)) == (5, 6, None)


def test_expiry_is_known_when_both_days_are():
    assert rules.expiry(date(2026, 1, 31), 28) == date(2026, 2, 28)
    assert rules.expiry(None, 28) is None
    assert rules.expiry(date(2026, 1, 31), None) is None


def test_only_a_fact_from_before_the_hold_is_booked():
    before, after = NOW - timedelta(seconds=1), NOW
    assert rules.is_fact_before_hold(True, before, NOW)
    assert not rules.is_fact_before_hold(True, after, NOW)
    assert not rules.is_fact_before_hold(False, before, NOW)
