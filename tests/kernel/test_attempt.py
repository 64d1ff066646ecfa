"""A part of a command that may be refused: it leaves nothing behind, and the command goes on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from banyan.kernel import events
from banyan.kernel.commands import Command, attempt, execute, tell
from banyan.kernel.events import Event
from banyan.kernel.models import Audit, Outbox, Role
from banyan.lib.errors import Conflict, DomainError
from banyan.lib.ids import new_id
from banyan.lib.labels import L

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class RoleTried(Event):
    """A role was tried."""

    type = "test.role_tried"
    noun = "kernel.role"

    code: str


class Unwanted(Conflict):
    """Nobody wants it."""

    code = "test.unwanted"
    text = L("不要", "Unwanted")

    def __init__(self) -> None:
        super().__init__(self.code, self.text)


def write(code):
    role = Role(id=new_id(), code=code, name_zh=code, name_en=code)
    role.save(force_insert=True)
    tell(RoleTried(record=role.pk, code=code))


def run(ctx, function):
    cmd = Command(key="kernel.role.try", label="try", on="noun", permission="kernel.role.try", function=function)
    return execute(ctx, cmd).value


def attempted(ctx, codes, *, fault=None):
    """Try each code apart; give those that were refused with why."""
    refused = {}
    for code in codes:
        try:
            with attempt(ctx):
                write(code)
                if fault and code in fault:
                    raise fault[code]
        except DomainError as refusal:
            refused[code] = refusal.code
    return refused


def stored():
    return sorted(Role.objects.filter(code__startswith="t-").values_list("code", flat=True))


def told():
    rows = Outbox.objects.filter(type=RoleTried.type).order_by("seq")
    return [payload["code"] for payload in rows.values_list("payload", flat=True)]


def test_what_is_refused_leaves_neither_rows_nor_events_and_the_others_stay(ctx):
    refused = run(ctx, lambda ctx: attempted(ctx, ["t-1", "t-2", "t-3"], fault={"t-2": Unwanted()}))
    assert refused == {"t-2": "test.unwanted"}
    assert (stored(), told()) == (["t-1", "t-3"], ["t-1", "t-3"])
    assert Audit.objects.get().outcome == "done"


def test_what_a_constraint_refuses_is_a_refusal_of_ours_and_the_transaction_lives(ctx):
    refused = run(ctx, lambda ctx: attempted(ctx, ["t-1", "t-1", "t-2"]))
    assert list(refused) == ["t-1"]
    assert (stored(), told()) == (["t-1", "t-2"], ["t-1", "t-2"])


def test_listeners_before_commit_hear_it_inside_and_may_refuse_it(ctx, monkeypatch):
    heard = []

    def listen(_, rows):
        heard.extend(one.code for one in rows)
        if any(one.code == "t-2" for one in rows):
            raise Unwanted

    monkeypatch.setitem(events._before, RoleTried, [listen])
    refused = run(ctx, lambda ctx: attempted(ctx, ["t-1", "t-2", "t-3"]))
    assert (refused, heard) == ({"t-2": "test.unwanted"}, ["t-1", "t-2", "t-3"])
    assert (stored(), told()) == (["t-1", "t-3"], ["t-1", "t-3"])


def test_what_was_told_before_is_heard_before_and_outlives_the_refusal(ctx):
    def act(ctx):
        write("t-0")
        return attempted(ctx, ["t-1"], fault={"t-1": Unwanted()})

    assert run(ctx, act) == {"t-1": "test.unwanted"}
    assert (stored(), told()) == (["t-0"], ["t-0"])


def test_a_fault_that_is_no_refusal_ends_the_whole_command(ctx):
    with pytest.raises(ZeroDivisionError):
        run(ctx, lambda ctx: attempted(ctx, ["t-1", "t-2"], fault={"t-2": ZeroDivisionError()}))
    assert (stored(), told()) == ([], [])


def test_an_attempt_is_a_part_of_a_command(ctx):
    with pytest.raises(RuntimeError, match="part of a command"), attempt(ctx):
        pass
