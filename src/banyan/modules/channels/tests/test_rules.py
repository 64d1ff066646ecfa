"""Decisions of channels, each a table of cases; no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from types import SimpleNamespace
from uuid import UUID

import pytest

from banyan.lib.expressions import compile
from banyan.modules.channels import rules
from banyan.modules.channels.rules import Allotment, Hold, Listed, Part, Place, SettledLine, Source, Wanted


def key(n: int) -> UUID:
    return UUID(int=n)


A, B, C, GIFT = key(1), key(2), key(3), key(4)
NEAR, FAR, THIRD = key(11), key(12), key(13)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

# --- amounts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "price", "discount", "found"), [
    ("3", "9.99", "1.00", "28.97"), ("1", "0.005", "0", "0.01"), ("0.333", "3", "0", "1.00"),
    ("1", "0.004", "0", "0.00"), ("2", "10", "25", "-5.00"), ("1000000", "0.000001", "0", "1.00"),
])  # fmt: skip
def test_what_is_paid_for_a_line(quantity, price, discount, found):
    assert rules.line_amount(D(quantity), D(price), D(discount)) == D(found)


@pytest.mark.parametrize(("lines", "discount", "freight", "total", "found"), [
    (["10.00", "5.00"], "2.00", "6.00", "19.00", "0"), (["10.00"], "0", "0", "9.99", "-0.01"),
    (["10.00"], "10.00", "0", "0", "0"), ([], "0", "5.00", "6.00", "1.00"),
])  # fmt: skip
def test_by_how_much_the_total_differs(lines, discount, freight, total, found):
    assert rules.disagreement(map(D, lines), D(discount), D(freight), D(total)) == D(found)


@pytest.mark.parametrize(("amount", "weights", "found"), [
    ("10.00", "1 1 1", "3.33 3.34 3.33"), ("10.00", "3 1", "7.50 2.50"), ("0.01", "1 1", "0.01 0.00"),
    ("10.00", "0 0", "5.00 5.00"), ("10.00", "0 1", "0.00 10.00"), ("0.00", "1 2", "0.00 0.00"), ("5.00", "", ""),
])  # fmt: skip
def test_shares_add_up_to_the_cent(amount, weights, found):
    shares = rules.shared(D(amount), [D(w) for w in weights.split()])
    assert shares == tuple(D(s) for s in found.split())
    assert not weights or sum(shares) == D(amount)


@pytest.mark.parametrize(("amount", "quantity"), [("10.00", "3"), ("0.01", "7"), ("99.99", "13"), ("0.00", "5")])
def test_a_price_to_six_places_comes_to_the_amount_again(amount, quantity):
    price = rules.unit_price(D(amount), D(quantity))
    assert price == round(price, 6)
    assert round(price * D(quantity), 2) == D(amount)


# --- what a line stands for ---------------------------------------------------------------------------------

ONE = Listed(key(21), A)
BOX = Listed(key(22), A, factor=D(6))
SET = Listed(key(23), None, parts=(Part(A, D(1), D(3)), Part(B, D(2), D(1)), Part(GIFT, D(1), is_gift=True,
                                                                                  least_quantity=D(2))))  # fmt: skip
FREE_GIFT = Listed(key(24), A, parts=(Part(GIFT, D(2), is_gift=True),))
MADE = Listed(key(25), A, is_made_to_order=True)


@pytest.mark.parametrize(("lines", "discount", "found"), [
    ([("2", "20.00", ONE)], "0", [(0, A, "2", "20.00")]),
    ([("2", "20.00", BOX)], "0", [(0, A, "12", "20.00")]),
    ([("1", "10.01", SET)], "0", [(0, A, "1", "7.51"), (0, B, "2", "2.50")]),
    ([("2", "20.02", SET)], "0", [(0, A, "2", "15.02"), (0, B, "4", "5.00"), (0, GIFT, "1", "0")]),
    ([("5", "50.00", SET)], "0", [(0, A, "5", "37.50"), (0, B, "10", "12.50"), (0, GIFT, "2", "0")]),
    ([("3", "30.00", FREE_GIFT)], "0", [(0, A, "3", "30.00"), (0, GIFT, "6", "0")]),
    ([("1", "30.00", ONE), ("1", "10.00", BOX)], "4.00", [(0, A, "1", "27.00"), (1, A, "6", "9.00")]),
    ([("1", "10.00", ONE)], "10.00", [(0, A, "1", "0.00")]),
    ([], "0", []),
])  # fmt: skip
def test_bundles_are_taken_apart_gifts_cost_nothing_and_amounts_add_up(lines, discount, found):
    given = [(D(pieces), D(amount), listed) for pieces, amount, listed in lines]
    wanted = rules.wanted(given, D(discount))
    assert wanted == tuple(Wanted(n, item, D(quantity), D(amount)) for n, item, quantity, amount in found)
    assert sum((one.amount for one in wanted), D(0)) == sum((amount for _, amount, _ in given), D(0)) - D(discount)


def test_what_is_made_to_order_stays_so():
    assert [one.is_made_to_order for one in rules.wanted([(D(1), D(5), MADE), (D(1), D(5), ONE)])] == [True, False]


@pytest.mark.parametrize(("amount", "most", "found"), [
    ("70", ["60", "40"], ["60", "10"]), ("60", ["60", "40"], ["60", "0"]), ("100", ["60", "40"], ["60", "40"]),
    ("100.01", ["60", "40"], None), ("5", ["-1", "9"], ["0", "5"]), ("1", [], None),
])  # fmt: skip
def test_an_amount_is_spread_over_what_each_can_take(amount, most, found):
    got = rules.spread(D(amount), [D(one) for one in most])
    assert got == (found and tuple(D(one) for one in found))


# --- who looks at it first ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "expected", "tolerance", "is_low"), [
    ("10", None, "0", False), ("0", None, "0", False), ("10", "10", "0", False), ("9.99", "10", "0", True),
    ("9", "10", "10", False), ("8.99", "10", "10", True), ("0", "10", "100", False), ("11", "10", "0", False),
])  # fmt: skip
def test_a_price_is_too_low_below_the_listings_less_the_tolerance(price, expected, tolerance, is_low):
    assert rules.price_too_low(D(price), expected and D(expected), D(tolerance)) is is_low


def test_every_rule_that_holds_is_a_hold_in_its_order():
    given = [(A, "remark", "留言", lambda: True), (B, "rule", "大单", lambda: False), (C, "rule", "远", lambda: True)]
    assert rules.broken_rules(given) == (Hold("remark", "留言", A), Hold("rule", "远", C))


@pytest.mark.parametrize("condition", [
    "total > 5000", 'contains(remark, "发票")', 'region = "新疆"', "orders_of_buyer > 3",
])  # fmt: skip
def test_conditions_that_shops_usually_have_are_understood(condition):
    assert compile(condition, rules.RULE_NAMES, expects="bool") is not None


# --- who ships ----------------------------------------------------------------------------------------------


def source(plant, free, **more):
    return Source(Place(plant), free={item: D(n) for item, n in free.items()}, **more)


@pytest.mark.parametrize(("needs", "sources", "may_split", "plants"), [
    pytest.param([{A: 1}], [(FAR, {A: 5}, {"distance": 900}), (NEAR, {A: 5}, {"distance": 10})], False, [NEAR],
                 id="the nearest"),
    pytest.param([{A: 1}], [(FAR, {A: 5}, {"priority": 9}), (NEAR, {A: 5}, {"priority": 1})], False, [NEAR],
                 id="the priority where both are as far"),
    pytest.param([{A: 1}], [(FAR, {A: 5}, {"cost": D(9)}), (NEAR, {A: 5}, {"cost": D(8)})], False, [NEAR],
                 id="the cheaper where all else is equal"),
    pytest.param([{A: 1}, {B: 1}], [(NEAR, {A: 9}, {"distance": 1}), (FAR, {A: 1, B: 1}, {"distance": 900})], True,
                 [FAR, FAR], id="one parcel before the nearest"),
    pytest.param([{A: 1}], [(NEAR, {A: 1}, {"distance": 1, "kept": {A: D(1)}}), (FAR, {A: 9}, {"distance": 900})],
                 False, [FAR], id="shares kept back are the last to go"),
    pytest.param([{A: 1}], [(NEAR, {A: 1}, {"kept": {A: D(1)}})], False, [NEAR], id="but they go"),
    pytest.param([{A: 1}, {B: 1}], [(NEAR, {A: 1}, {"distance": 1}), (FAR, {B: 1}, {"distance": 2})], True,
                 [NEAR, FAR], id="split where it may be"),
    pytest.param([{A: 1}, {B: 1}, {C: 1}], [(NEAR, {A: 1}, {"distance": 1}), (FAR, {B: 1, C: 1}, {"distance": 2})],
                 True, [NEAR, FAR, FAR], id="the plant with the most lines is asked first"),
    pytest.param([{A: 1}, {A: 1}], [(NEAR, {A: 2}, {})], False, [NEAR, NEAR], id="lines of one item are summed"),
    pytest.param([{}], [(NEAR, {}, {})], False, [NEAR], id="what takes no stock leaves from the best"),
])  # fmt: skip
def test_who_ships(needs, sources, may_split, plants):
    given = [{item: D(n) for item, n in one.items()} for one in needs]
    found = rules.allot(given, [source(p, free, **more) for p, free, more in sources], may_split=may_split)
    assert found == Allotment(tuple(Place(one) for one in plants))


@pytest.mark.parametrize(("needs", "sources", "may_split", "missing"), [
    pytest.param([{A: 3}], [], False, {A: 3}, id="nobody ships"),
    pytest.param([{A: 3}], [(NEAR, {A: 1})], False, {A: 2}, id="too little"),
    pytest.param([{A: 3}], [(NEAR, {A: -2})], False, {A: 3}, id="below zero counts as none"),
    pytest.param([{A: 1}, {B: 1}], [(NEAR, {A: 1}), (FAR, {B: 1})], False, {B: 1}, id="not split"),
    pytest.param([{A: 3}], [(NEAR, {A: 1}), (FAR, {A: 1})], True, {A: 1}, id="all plants together lack it"),
    pytest.param([{A: 2}], [(NEAR, {A: 1}), (FAR, {A: 1})], True, {A: 2}, id="a line never leaves from two"),
    pytest.param([{A: 1, B: 2}], [(NEAR, {B: 1}), (FAR, {A: 1})], False, {B: 2}, id="of the one that lacks least"),
])  # fmt: skip
def test_what_is_missing(needs, sources, may_split, missing):
    given = [{item: D(n) for item, n in one.items()} for one in needs]
    found = rules.allot(given, [source(p, free) for p, free in sources], may_split=may_split)
    assert found == Allotment(missing={item: D(n) for item, n in missing.items()})


def test_a_choice_does_not_depend_on_the_order_of_the_sources():
    sources = [source(plant, {A: 5}, distance=1) for plant in (THIRD, FAR, NEAR)]
    assert [rules.allot([{A: D(1)}], order) for order in (sources, sources[::-1])] == [Allotment((Place(NEAR),))] * 2


# --- what is offered ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "free", "percent", "quantity", "found"), [
    ([(A, "3")], {A: "10"}, "20", "0", "2"), ([(A, "1")], {A: "10"}, "0", "0", "10"),
    ([(A, "1")], {A: "10"}, "20", "3", "7"), ([(A, "1")], {A: "10"}, "50", "3", "5"),
    ([(A, "1")], {A: "-4"}, "0", "0", "0"), ([(A, "1")], {}, "0", "0", "0"), ([], {A: "9"}, "0", "0", "0"),
    ([(A, "1"), (B, "2")], {A: "10", B: "7"}, "0", "0", "3"), ([(A, "0.5")], {A: "1.4"}, "0", "0", "2"),
    ([(A, "1")], {A: "10"}, "100", "0", "0"), ([(A, "1")], {A: "2"}, "0", "5", "0"),
])  # fmt: skip
def test_whole_pieces_beyond_the_share_are_offered(parts, free, percent, quantity, found):
    given = [Part(item, D(n)) for item, n in parts]
    there = {item: D(n) for item, n in free.items()}
    assert rules.offered(given, there, percent=D(percent), quantity=D(quantity)) == D(found)


# --- what may leave together, what has changed --------------------------------------------------------------


def order(**more):
    same = dict.fromkeys(rules.PARCEL, "x") | {"ordered_at": NOON}
    return SimpleNamespace(**(same | more))


@pytest.mark.parametrize(("mine", "other", "minutes", "is_together"), [
    ({}, {}, None, True), ({}, {}, 0, True), *(({}, {name: "y"}, None, False) for name in rules.PARCEL),
    ({}, {"ordered_at": NOON + timedelta(minutes=30)}, 30, True),
    ({}, {"ordered_at": NOON + timedelta(minutes=31)}, 30, False),
    ({}, {"ordered_at": NOON - timedelta(minutes=31)}, 30, False),
    ({}, {"ordered_at": NOON + timedelta(days=9)}, None, True),
    ({"ordered_at": None}, {}, 30, False), ({"ordered_at": None}, {}, None, True),
    ({"address": ""}, {"address": ""}, None, False),
    ({"buyer": "", "phone": ""}, {"buyer": "", "phone": ""}, None, False),
    ({"buyer": ""}, {"buyer": ""}, None, True),
])  # fmt: skip
def test_orders_of_one_buyer_and_address_leave_together(mine, other, minutes, is_together):
    assert rules.leaves_together(order(**mine), order(**other), minutes) is is_together


@pytest.mark.parametrize(("known", "given", "is_older"), [
    (NOON, NOON - timedelta(seconds=1), True), (NOON, NOON, False), (NOON, NOON + timedelta(seconds=1), False),
    (None, NOON, False), (NOON, None, False), (None, None, False),
])  # fmt: skip
def test_which_version_is_older(known, given, is_older):
    assert rules.is_older(known, given) is is_older


def test_only_what_differs_is_a_change():
    assert rules.changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {"b": (2, 3), "c": (None, 4)}


@pytest.mark.parametrize(("minutes", "tone"), [(-1, "red"), (0, "orange"), (360, "orange"), (361, "green")])
def test_a_clock_turns_orange_and_red(minutes, tone):
    left = rules.minutes_left(NOON + timedelta(minutes=minutes), NOON)
    assert (left, rules.clock_tone(left)) == (minutes, tone)


# --- settling -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lines", "found"), [
    ([("order", A, "60"), ("order", A, "39")], ["0", "-1"]), ([("order", A, "100")], ["0"]),
    ([("order", A, "100"), ("refund", A, "-30")], ["0", "0"]), ([("refund", A, "-31")], ["-1"]),
    ([("fee", A, "-5"), ("other", None, "7"), ("order", None, "3")], ["0", "0", "0"]),
])  # fmt: skip
def test_what_is_settled_differs_on_the_last_line(lines, found):
    given = [SettledLine(kind, one, D(amount)) for kind, one, amount in lines]
    assert rules.settled_differences(given, {A: (D(100), D(30))}) == tuple(map(D, found))
