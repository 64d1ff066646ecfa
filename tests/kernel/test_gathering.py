"""Who waits for whom when calls are done together, without a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest

from banyan.kernel import gathering as waiting
from banyan.kernel.gathering import Gathering, Letter


@dataclass(eq=False, slots=True, kw_only=True)
class Told(Letter):
    """A letter that only says whose it is."""

    answer: int | None = None


def letter(sender: int) -> Told:
    return Told(sender=sender, keys=frozenset({UUID(int=sender)}))


def settled(gathering: Gathering, letters: Sequence[Told]) -> list[threading.Thread]:
    threads = [threading.Thread(target=gathering.settle, args=(one,), daemon=True) for one in letters]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    return threads


def test_who_comes_while_others_are_booked_goes_with_the_next_one_of_a_device():
    groups, gate = [], threading.Event()

    def book(group: Sequence[Told]) -> None:
        groups.append([one.sender for one in group])
        gate.wait(10)
        for one in group:
            one.answer = one.sender

    letters = [letter(one) for one in (1, 2, 3, 2, 4)]
    threads = settled(Gathering(book), letters)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert groups == [[1], [2, 3, 4], [2]]
    assert [one.answer for one in letters] == [1, 2, 3, 2, 4]


def test_a_fault_in_booking_lets_nobody_wait_and_nobody_out():
    gate = threading.Event()

    def book(group: Sequence[Told]) -> None:
        gate.wait(10)
        if len(group) == 1:
            raise RuntimeError("out of order")
        for one in group:
            one.answer = 0

    gathering, found = Gathering(book), []
    first = threading.Thread(target=lambda: found.append(pytest.raises(RuntimeError, gathering.settle, letter(1))))
    first.start()
    time.sleep(0.02)
    letters = [letter(2), letter(3)]
    threads = settled(gathering, letters)
    gate.set()
    for thread in (first, *threads):
        thread.join(10)
    assert (len(found), [one.answer for one in letters]) == (1, [0, 0])
    assert (gathering.is_busy, gathering.waiting) == (False, [])


def test_who_waits_too_long_goes_their_own_way(monkeypatch):
    monkeypatch.setattr(waiting, "PATIENCE", 0.1)
    gate = threading.Event()
    gathering = Gathering(lambda group: gate.wait(10))
    leader = settled(gathering, [letter(1)])[0]
    late = letter(2)
    gathering.settle(late)
    assert late.answer is None
    assert gathering.waiting == []
    gate.set()
    leader.join(10)
    assert not gathering.is_busy


def test_a_group_holds_no_more_parts_than_go_together(monkeypatch):
    monkeypatch.setattr(waiting, "MOST", 2)
    groups, gate = [], threading.Event()

    def work(group: Sequence[Told]) -> None:
        groups.append([one.sender for one in group])
        gate.wait(10)

    threads = settled(Gathering(work), [letter(one) for one in (1, 2, 3, 4)])
    gate.set()
    for thread in threads:
        thread.join(10)
    assert groups == [[1], [2, 3], [4]]
