"""Statements of shops against orders: sums, differences, what has no order."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.modules.channels.errors import NotAllMatched, SettledAlready, SumsDiffer
from banyan.modules.channels.models import Settlement
from banyan.modules.channels.tests.conftest import unplanned
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
HEAD = {"shop": "S", "number": "2026-03", "settled_on": "2026-03-31"}


@pytest.fixture
@stands
@unplanned()
def numbers(stall, shop):
    """Give the outside numbers of two orders of ten each."""
    stall.put(stall.world.part, 10)
    given = [stall.outside(shop), stall.outside(shop, buyer="b")]
    stall.receive(*given)
    return [one["number"] for one in given]


def lines(numbers, *amounts):
    return [{"order": number, "amount": amount} for number, amount in zip(numbers, amounts, strict=True)]


def test_a_statement_is_matched_and_settled(stall, numbers):
    rows = [*lines(numbers, "10.00", "10.00"), {"kind": "fee", "fee": "佣金", "amount": "-1.00"}]
    one = stall.run("channels.settlement.receive", **HEAD, total_amount="19.00", lines=rows)
    assert (one.unmatched, one.difference_amount) == (0, D(0))
    stall.do("channels.settlement.settle", one)
    (told,) = stall.told("statement_settled")
    assert (told["total_amount"], told["amounts"]) == ("19", [["fee", "-1"], ["order", "20"]])


def test_what_differs_or_has_no_order_is_shown_and_asked_about(stall, numbers):
    rows = [*lines(numbers, "10.00", "9.00"), {"order": "没有", "amount": "5.00"}]
    one = stall.run("channels.settlement.receive", **HEAD, lines=rows)
    assert (one.unmatched, one.difference_amount) == (1, D(-1))
    assert list(one.lines.order_by("position").values_list("difference", flat=True)) == [D(0), D(-1), D(0)]
    with pytest.raises(NotAllMatched):
        stall.do("channels.settlement.settle", one)


def test_an_order_that_comes_later_is_matched_then(stall, shop, numbers):
    one = stall.run("channels.settlement.receive", **HEAD, lines=[{"order": "LATE", "amount": "10.00"}])
    stall.receive(stall.outside(shop, number="LATE"))
    stall.do("channels.settlement.match", one)
    one.refresh_from_db()
    assert (one.unmatched, one.difference_amount) == (0, D(0))


def test_the_same_statement_twice_is_kept_once_and_another_under_its_number_is_refused(stall, numbers):
    rows = lines(numbers, "10.00", "10.00")
    first = stall.run("channels.settlement.receive", **HEAD, lines=rows)
    assert stall.run("channels.settlement.receive", **HEAD, lines=rows).pk == first.pk
    with pytest.raises(SettledAlready):
        stall.run("channels.settlement.receive", **HEAD, lines=rows[:1])
    assert Settlement.objects.count() == 1


def test_a_file_that_does_not_add_up_is_refused(stall, numbers):
    with pytest.raises(SumsDiffer):
        stall.run("channels.settlement.receive", **HEAD, total_amount="21.00", lines=lines(numbers, "10.00", "10.00"))
    assert not Settlement.objects.exists()
