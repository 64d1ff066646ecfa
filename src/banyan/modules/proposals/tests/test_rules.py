"""What a card teaches, as cases."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.modules.proposals.rules import Used, learnt, next_code


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


def test_a_revision_code_is_used_once():
    assert next_code([]) == "A"
    assert next_code(["A", "B"]) == "C"
    assert next_code([chr(n) for n in range(65, 91)]) == "A1"
