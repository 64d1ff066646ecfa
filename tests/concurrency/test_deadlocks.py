"""Two commands that lock the same rows crosswise: the database breaks one off, and both are done, each once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.db import connections

from banyan.kernel.commands import Command, execute, take_numbers
from banyan.kernel.models import Audit, Counter, Role
from banyan.lib.ids import new_id

ROUNDS = 2


def test_two_commands_that_lock_crosswise_are_both_done_once(live_db, ctx):
    roles = [Role(id=new_id(), code=f"cross-{n}", name_zh="", name_en="Some") for n in range(2)]
    Role.objects.bulk_create(roles)
    one, other = (role.pk for role in roles)
    tries: list[str] = []

    def crosswise(mark: str, first: UUID, second: UUID, crossing: threading.Barrier) -> Command:
        def act(ctx):
            tries.append(mark)
            Role.objects.select_for_update().get(pk=first)
            if tries.count(mark) == 1:
                crossing.wait(30)  # each holds its first row before it asks for the other's
            Role.objects.select_for_update().get(pk=second)
            for role in Role.objects.filter(pk__in=(first, second)):
                role.name_zh += mark
                role.save()
            return take_numbers("test.crossing", "2026", 1)

        permission = "kernel.role.change"
        return Command(key=f"kernel.role.{mark}", label=mark, on="noun", permission=permission, function=act)

    def run(command: Command) -> int:
        try:
            return execute(ctx, command).value
        finally:
            connections.close_all()

    numbers: list[int] = []
    for n in range(ROUNDS):
        marks, crossing = (f"a{n}", f"b{n}"), threading.Barrier(2)
        pair = [crosswise(marks[0], one, other, crossing), crosswise(marks[1], other, one, crossing)]
        with ThreadPoolExecutor(2) as pool:
            numbers += pool.map(run, pair)
        assert sorted(tries.count(mark) for mark in marks) == [1, 2], "one of them was broken off, and done again"
    assert sorted(numbers) == list(range(1, 2 * ROUNDS + 1))
    assert Counter.objects.get(series="test.crossing").last == 2 * ROUNDS
    for role in Role.objects.filter(pk__in=(one, other)):
        assert len(role.name_zh) == 2 * 2 * ROUNDS, role.name_zh
    lines = Audit.objects.filter(command__startswith="kernel.role.")
    assert sorted(lines.values_list("command", "outcome")) == sorted(
        (f"kernel.role.{letter}{n}", "done") for letter in "ab" for n in range(ROUNDS)
    )
