"""What a command does when the database breaks it off for the sake of another: it is done again, and done once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import OperationalError

from banyan.kernel import commands, db
from banyan.kernel.commands import RETRIES, Command, Contended, execute, take_numbers, tell
from banyan.kernel.events import Event
from banyan.kernel.models import Audit, Counter, Outbox, Request, Role
from banyan.lib.ids import new_id

pytestmark = pytest.mark.django_db
SERIES = ("test.retried", "2026")


@dataclass(frozen=True)
class RoleRetried(Event):
    """A role was made at some try."""

    type = "test.role_retried"
    noun = "kernel.role"


class Broken:
    """A command that writes, tells and takes a number, and is broken off by the database at its first tries."""

    def __init__(self, ctx, faults: int, state: str) -> None:
        self.ctx, self.faults, self.state, self.tries = ctx, faults, state, 0
        self.command = Command(
            key="kernel.role.retried", label="retried", on="noun", permission="kernel.role.create", function=self.act
        )

    def act(self, ctx):
        self.tries += 1
        role = Role(id=new_id(), code=f"try-{self.tries}", name_zh="某", name_en="Some")
        role.save(force_insert=True)
        tell(RoleRetried(record=role.pk))
        last = take_numbers(*SERIES, 1)
        if self.tries <= self.faults:
            db.run(f"DO $$ BEGIN RAISE EXCEPTION 'broken off' USING ERRCODE = '{self.state}'; END $$")
        return last

    def run(self):
        return execute(self.ctx.with_(key="once"), self.command, render=lambda outcome: {"last": outcome.value})


@pytest.fixture
def pauses(monkeypatch):
    """Give the pauses between tries, which are not waited for."""
    found: list[float] = []
    monkeypatch.setattr(commands.time, "sleep", found.append)
    return found


def stored():
    codes = sorted(Role.objects.filter(code__startswith="try-").values_list("code", flat=True))
    return codes, Outbox.objects.filter(type=RoleRetried.type).count()


@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.parametrize("faults", [1, RETRIES - 1])
def test_what_is_broken_off_is_done_again_and_once(ctx, pauses, state, faults):
    broken = Broken(ctx, faults, state)
    assert broken.run().answer == {"last": 1}, "a number of a try that was broken off is not used up"
    assert broken.tries == faults + 1
    assert stored() == ([f"try-{faults + 1}"], 1)
    assert Counter.objects.get(series=SERIES[0]).last == 1
    line = Audit.objects.get()
    assert (line.command, line.outcome) == ("kernel.role.retried", "done")
    again = broken.run()
    assert (again.is_replay, again.answer, broken.tries) == (True, {"last": 1}, faults + 1)
    assert pauses == [0.01 * 2**n for n in range(faults)]


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_what_is_broken_off_at_every_try_is_refused_and_leaves_nothing(ctx, pauses, state):
    broken = Broken(ctx, RETRIES, state)
    with pytest.raises(Contended) as refusal:
        broken.run()
    assert (broken.tries, len(pauses)) == (RETRIES, RETRIES - 1)
    assert (refusal.value.code, refusal.value.status) == ("contended", 503)
    assert "retried" in refusal.value.text("zh")
    assert refusal.value.way_out.zh
    assert refusal.value.way_out.en
    assert stored() == ([], 0)
    assert not Counter.objects.filter(series=SERIES[0]).exists()
    line = Audit.objects.get()
    assert (line.outcome, line.code) == ("refused", "contended")
    assert not Request.objects.exists()
    assert broken.run().answer == {"last": 1}, "the key is free, and the same call may come again"


def test_what_another_fault_breaks_off_is_not_done_again(ctx, pauses):
    broken = Broken(ctx, 1, "55P03")
    with pytest.raises(OperationalError):
        broken.run()
    assert (broken.tries, pauses, stored()) == (1, [], ([], 0))
