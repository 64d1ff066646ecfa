"""What a card teaches, as cases."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.modules.proposals.rules import Used, in_both, learnt, next_code, numbered, placed, relinked


@pytest.mark.parametrize(
    ("used", "released", "change", "proposed"),
    [
        (8, 2, "same", 2), ("8.07", 2, "same", 2), ("8.09", 2, "changed", "2.0225"), (12, 2, "changed", 3),
        (8, None, "new", 2), (0, 2, "changed", 0), (None, 2, "unused", 0), (4, 0, "changed", 1),
    ],
)  # fmt: skip
def test_what_was_used_is_compared_with_what_is_released(used, released, change, proposed):
    rows = [] if used is None else [Used("a", D(used))]
    found = learnt(rows, {} if released is None else {"a": D(released)}, D(4))
    assert [(one.change, one.proposed) for one in found] == [(change, D(proposed))]


@pytest.mark.parametrize(
    ("kept", "numbers"),
    [
        ([None, None], [10, 20]), ([10, None, 20], [10, 15, 20]), ([10, None, None, 20], [10, 13, 16, 20]),
        ([None, 10], [5, 10]), ([10, 25, None], [10, 25, 30]), ([10, None, 11, 40], [10, 20, 30, 40]),
        ([10, None, 11, 20, 21], [10, 20, 30, 40, 50]), ([None, 1], [10, 20]), ([], []),
    ],
)  # fmt: skip
def test_numbers_lie_between_neighbours_and_push_only_where_none_is_free(kept, numbers):
    assert numbered(kept) == numbers


RELEASED = [(10, "a"), (20, "b"), (30, "c")]


@pytest.mark.parametrize(
    ("done", "places"),
    [
        ("abc", [(10, 10), (20, 20), (30, 30)]),
        ("axc", [(10, 10), (None, 15), (30, 30), (20, 20)]),
        ("ax", [(10, 10), (None, 15), (20, 20), (30, 30)]),
        ("abcx", [(10, 10), (20, 20), (30, 30), (None, 40)]),
        ("xabc", [(None, 5), (10, 10), (20, 20), (30, 30)]),
        ("acb", [(10, 10), (30, 15), (20, 20)]),
        ("cab", [(30, 5), (10, 10), (20, 20)]),
        ("aabc", [(10, 10), (None, 15), (20, 20), (30, 30)]),
        ("abca", [(10, 10), (20, 20), (30, 30), (None, 40)]),
    ],
)  # fmt: skip
def test_an_operation_stands_where_the_card_did_it(done, places):
    found = placed(done, RELEASED)
    assert sorted((one.was, one.number) for one in found if one.was) == sorted(one for one in places if one[0])
    assert [(one.was, one.number) for one in found] == places
    assert [one.done for one in found] == [*range(len(done)), *[None] * (len(found) - len(done))]


def test_a_released_name_that_stands_twice_is_known_by_its_place():
    found = placed("ba", [(10, "a"), (20, "b"), (30, "a")])
    assert [(one.done, one.was, one.number) for one in found] == [(0, 20, 20), (1, 30, 30), (None, 10, 10)]


def test_what_stands_in_both_rows_in_one_order_is_found():
    assert in_both("abcd", "xbyd") == ((1, 1), (3, 3))
    assert in_both("", "a") == in_both("a", "b") == ()


SAME = {10: 10, 20: 20, 30: 30}
STRAIGHT, FORK = {10: set(), 20: {10}, 30: {20}}, {10: set(), 20: {10}, 30: {10}, 40: {20, 30}}


@pytest.mark.parametrize(
    ("links", "numbers", "added", "after"),
    [
        ({10: set(), 20: set()}, {10: 10, 20: 20}, [15], {}),
        (STRAIGHT, SAME, [15], {10: set(), 15: {10}, 20: {15}, 30: {20}}),
        (STRAIGHT, SAME, [5, 40], {5: set(), 10: {5}, 20: {10}, 30: {20}, 40: {30}}),
        (STRAIGHT, {10: 10, 30: 30}, [], {10: set(), 30: {10}}),
        (STRAIGHT, {10: 10, 20: 40, 30: 30}, [], {10: set(), 30: {10}, 40: {30}}),
        (STRAIGHT, {10: 10, 20: 30, 30: 40}, [20], {10: set(), 20: {10}, 30: {20}, 40: {30}}),
        (FORK, {10: 10, 20: 20, 30: 30, 40: 40}, [25], {10: set(), 20: {10}, 25: {20}, 30: {10}, 40: {25, 30}}),
        (FORK, {10: 10, 20: 20, 40: 40}, [], {10: set(), 20: {10}, 40: {10, 20}}),
    ],
)  # fmt: skip
def test_links_follow_what_goes_moves_and_comes_in(links, numbers, added, after):
    assert relinked(links, numbers, added) == after


def test_a_revision_code_is_used_once():
    assert next_code([]) == "A"
    assert next_code(["A", "B"]) == "C"
    assert next_code([chr(n) for n in range(65, 91)]) == "A1"
