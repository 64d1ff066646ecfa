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
    assert rules.walk(codes, lambda code: code, lambda _: None) == walked


@pytest.mark.parametrize(
    ("places", "walked"),
    [
        ([(2, "A-1"), (1, "B-9"), (None, "C-1"), (1, "B-10")], ["B-9", "B-10", "A-1", "C-1"]),
        ([(1, "A-1"), (1, "A-2"), (2, "B-1"), (2, "B-2"), (3, "C-1"), (3, "C-2")],
         ["A-1", "A-2", "B-2", "B-1", "C-1", "C-2"]),
        ([(1, "A-1"), (7, "G-1"), (7, "G-12"), (9, "J-2"), (9, "J-1")], ["A-1", "G-12", "G-1", "J-1", "J-2"]),
        ([(10, "Z-1"), (20, "Y-1"), (30, "X-1")], ["Z-1", "Y-1", "X-1"]),
    ],
)  # fmt: skip
def test_a_walk_goes_by_aisle_and_turns_at_its_end(places, walked):
    found = rules.walk(places, lambda place: place[1], lambda place: place[0])
    assert [code for _, code in found] == walked


@pytest.mark.parametrize(
    ("accepted", "rejected", "left", "found"),
    [
        ("2", "1", "1 1 1 1", "1/0 1/0 0/1"), ("1", "0", "0 1", "0 1/0"), ("3", "0", "1 1", "1/0 2/0"),
        ("0", "2", "1 1 1", "0/1 0/1"),
    ],
)  # fmt: skip
def test_pieces_told_together_are_taken_in_their_order(accepted, rejected, left, found):
    lines = [(UUID(int=n), D(one)) for n, one in enumerate(left.split())]
    told = {line: f"{good}/{bad}" for line, good, bad in rules.spread(D(accepted), D(rejected), lines)}
    assert [told.get(key, "0") for key, _ in lines][: len(found.split())] == found.split()
    assert len(told) == sum(one != "0" for one in found.split())


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
