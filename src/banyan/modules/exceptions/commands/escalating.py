"""Exceptions that nobody answers in time are told to the next level: leader, department, boss."""

from __future__ import annotations

from banyan.kernel import beside, locks
from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label
from banyan.modules.exceptions import queries, rules
from banyan.modules.exceptions.commands.clocks import Calendars, clock_of, told_levels
from banyan.modules.exceptions.events import ExceptionEscalated
from banyan.modules.exceptions.models import Escalation, ShopException

NOUN = queries.NOUN
#: So many exceptions are looked at in one transaction; those left over are looked at a minute later.
MOST = 500
_TEXT = {
    "response": L("异常 {number} 超过响应时限，升级到第 {level} 级",
                  "Exception {number}: nobody has taken it in time, level {level}"),
    "resolution": L("异常 {number} 超过解决时限，升级到第 {level} 级",
                    "Exception {number}: not resolved in time, level {level}"),
}  # fmt: skip


@command(
    f"{NOUN}.escalate", L("检查升级", "Check escalation"), on="noun", icon="trending-up",
    help=L("通知超时异常的下一级；每分钟自动执行",
           "Tells the next level of what is overdue; done each minute by itself"),
)  # fmt: skip
def escalate_overdue(ctx: Context) -> Label:
    """Tell every level that is due and was not told of that clock in this round.

    Gives:  how many levels were told
    Writes: exceptions under their locks, escalations, an inbox item for each person told; tells ExceptionEscalated
    """
    due = queries.to_escalate(ctx.now, MOST)
    cases = [one for one in locks.lock(ShopException, due).values() if _is_due(ctx, one)]
    calendars, told = Calendars(), told_levels(cases)
    made: list[tuple[ShopException, Escalation]] = []
    for case in cases:
        clock = clock_of(case.state)
        found, case.escalates_at = rules.levels_due(
            calendars.levels, calendars.of(case), due_at=case.due_at, now=ctx.now,
            told=told.get((case.pk, case.round, clock), 0),
        )  # fmt: skip
        for level in found:
            case.level = max(case.level, level.sequence)
            made.append((case, Escalation(
                id=new_id(), exception=case, plant_id=case.plant_id, round=case.round, clock=clock,
                level=level.sequence, due_at=case.due_at, at=ctx.now,
            )))  # fmt: skip
    people = queries.told_at([(case.pk, row.level) for case, row in made])
    for case, row in made:
        row.people = list(people.get((case.pk, row.level), ()))
        text = _TEXT[row.clock].filled({"number": case.number, "level": row.level})
        beside.notify(ctx, row.people, "escalation", text, NOUN, case.pk)
        tell(ExceptionEscalated(
            record=case.pk, clock=row.clock, level=row.level, round=row.round, people=tuple(row.people)
        ))  # fmt: skip
    Escalation.objects.bulk_create(row for _, row in made)
    save(ctx, cases)
    return L("通知了 {n} 级", "Levels told: {n}").filled({"n": len(made)})


def _is_due(ctx: Context, case: ShopException) -> bool:
    """Say whether an exception is due still, now that its row is locked."""
    return case.escalates_at is not None and case.escalates_at <= ctx.now
