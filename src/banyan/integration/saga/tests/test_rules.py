"""What a run does next, as tables."""

from __future__ import annotations

import pytest

from banyan.integration.saga.rules import (
    Step,
    contradiction,
    is_failure_askable,
    is_past_return,
    next_back,
    next_forward,
)

MARKS = {".": "pending", ">": "doing", "+": "done", "s": "skipped", "x": "failed", "<": "undoing", "-": "undone",
         "k": "kept", "?": "failed"}  # fmt: skip


def steps(text: str) -> list[Step]:
    """Give steps by marks; a capital P after one is the point of no return, `?` failed with an unknown outcome."""
    found: list[Step] = []
    for mark in text:
        if mark == "P":
            last = found.pop()
            found.append(Step(last.state, True, True, last.is_unsure))
        else:
            found.append(Step(MARKS[mark], is_unsure=mark == "?"))
    return found


@pytest.mark.parametrize(
    ("text", "forward", "back"),
    [
        ("...", 0, None), ("+..", 1, 0), ("+>.", 1, 1), ("+++", None, 2), ("+s+", None, 2), ("++x", 2, 1),
        ("++?", 2, 2), ("+-x", 1, 0), ("--x", 0, None), ("k-x", 0, None), ("s-x", 1, None), ("+<x", 1, 1),
    ],
)  # fmt: skip
def test_the_next_step_each_way(text, forward, back):
    assert (next_forward(steps(text)), next_back(steps(text))) == (forward, back)


@pytest.mark.parametrize(
    ("text", "is_past"), [("+P..", True), ("+>P.", False), ("sP.", True), ("+xP.", False), ("++", False)]
)
def test_the_point_of_no_return_is_behind_once_it_is_done(text, is_past):
    assert is_past_return(steps(text)) is is_past


@pytest.mark.parametrize(
    ("text", "place", "asks"), [("+x.", 1, False), ("+?.", 1, False), ("+?P.", 1, True), ("+xP.", 1, False),
                                ("+Px", 1, True)],
)  # fmt: skip
def test_a_failure_is_for_a_person_where_there_may_be_no_way_back(text, place, asks):
    assert is_failure_askable(steps(text), place) is asks


@pytest.mark.parametrize(
    ("state", "is_backward", "text"),
    [
        ("waiting", False, "..."), ("running", False, "+>."), ("running", False, "+++"), ("running", False, "+.."),
        ("running", False, "+Ps>"), ("compensating", True, "+<x"), ("compensating", True, "++?"),
        ("done", False, "+s+P"), ("undone", True, "-kx"), ("undone", True, "..."), ("undone", True, "--."),
        ("needs_person", False, "+?P."), ("needs_person", False, "+P>."), ("needs_person", True, "+<x"),
        ("accepted", False, "+>."), ("accepted", True, "+<x"),
    ],
)  # fmt: skip
def test_what_adds_up(state, is_backward, text):
    assert contradiction(state, is_backward, steps(text)) is None


@pytest.mark.parametrize(
    ("state", "is_backward", "text"),
    [
        ("waiting", False, ">.."), ("running", False, ".>."), ("running", False, ">>."), ("running", True, "+>."),
        ("running", False, "+x."), ("running", False, "+.+"), ("compensating", True, "+>."),
        ("compensating", False, "+<x"), ("done", False, "++."), ("done", False, "+x+"), ("undone", True, "+-x"),
        ("undone", True, "-?."), ("undone", False, "--."), ("needs_person", False, "+..>"), ("undone", True, "-P-"),
        ("compensating", True, "+P<"), ("needs_person", True, "+>."),
    ],
)  # fmt: skip
def test_what_does_not(state, is_backward, text):
    assert contradiction(state, is_backward, steps(text)) is not None
