"""A move is all or nothing: what breaks in the middle of it has neither sent nor noted anything."""

from __future__ import annotations

import pytest

from banyan.integration.models import Message
from banyan.integration.saga import asking, moving, working
from banyan.integration.saga.models import Run
from banyan.integration.saga.tests.conftest import carry, later, red, states


@pytest.mark.parametrize("place", ["keep", "_begin"])
def test_a_fault_in_the_middle_leaves_nothing_and_is_looked_at_again(saga, start, partner, monkeypatch, place):
    run, other = start(saga()), None
    real, left = getattr(moving.Move, place), [2]

    def breaks(self, *given):
        real(self, *given)
        left[0] -= 1
        if left[0] in (0, -1):  # together with others, and by itself
            raise RuntimeError("the worker dies here")

    monkeypatch.setattr(moving.Move, place, breaks)
    carry()
    kept = Run.objects.get()
    assert "the worker dies here" in kept.error
    assert states(run) == ["running", "doing", "pending", "pending"]
    assert Message.objects.filter(type="saga.waybill.do").count() == 0
    other = start(kept.saga, "A-2")  # the others go on meanwhile
    carry()
    assert states(other)[0] == "done"
    carry(2)
    assert states(run) == ["done", "done", "done", "done"]
    assert partner.done.count("reserve") == 2
    assert partner.done.count("book") == 2
    assert red() == []


def test_two_who_move_the_same_run_move_it_once(saga, start, partner):
    """Both found it due; the second finds that what it came for is done."""
    run = start(saga())
    carry()
    found = start(Run.objects.get().saga, "A-2")
    working.advance(found.pk, later(0))
    working.advance(found.pk, later(0))
    working.advance(found.pk, later(0))
    assert states(found) == ["running", "doing", "pending", "pending"]
    assert Message.objects.filter(source=str(found.pk)).count() == 1
    carry()
    working.advance(found.pk, later(0))
    assert states(found) == states(run) == ["done", "done", "done", "done"]
    assert red() == []


def test_who_is_asked_are_the_roles_people_and_the_person(ctx, saga, boss, account):
    program = account("*")
    made = saga(person=str(program.pk))
    assert asking.people_of(made) == (boss.pk,)  # a program decides nothing
