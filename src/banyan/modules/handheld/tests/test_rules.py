"""The order of a walk, what to take from shelves, what of a loan is settled."""

from __future__ import annotations

from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.modules.handheld import rules
from banyan.modules.handheld.rules import Owed, Shelf

A, B, C = (UUID(int=n) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("codes", "walked"),
    [
        (["RAW-BAR-10", "RAW-BAR-9", "RAW-AUX-01"], ["RAW-AUX-01", "RAW-BAR-9", "RAW-BAR-10"]),
        (["B2", "B10", "A", ""], ["", "A", "B2", "B10"]),
        (["1-2", "1-10", "棒料-1"], ["1-2", "1-10", "棒料-1"]),
    ],
)
def test_a_walk_passes_bins_in_their_order(codes, walked):
    assert rules.walk(codes, lambda code: code) == walked


@pytest.mark.parametrize(
    ("wanted", "got", "missing"), [("3", ["3"], "0"), ("7", ["5", "2"], "0"), ("9", ["5", "3"], "1")]
)
def test_shelves_are_emptied_in_their_order(wanted, got, missing):
    found, left = rules.taken([Shelf(A, None, D(5)), Shelf(B, C, D(3))], D(wanted))
    assert ([s.quantity for s in found], left) == ([D(q) for q in got], D(missing))


def test_loans_are_settled_oldest_first_and_by_line():
    owed = [Owed(A, C, D(4)), Owed(B, C, D(4)), Owed(C, A, D(1))]
    assert rules.paid(owed, {C: D(5)}) == [(A, D(4)), (B, D(1))]
    assert rules.paid(owed, {}) == []
    assert rules.beyond_need(owed, {C: D(6), A: D(3)}) == {C: D(2)}
    assert rules.beyond_need(owed, {}) == {C: D(8), A: D(1)}
