"""Calculating a plan and keeping it as a run."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from uuid import UUID

from banyan.kernel import db, locks
from banyan.kernel.commands import command, owe_numbers, save, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, field
from banyan.lib.calendar import WorkingCalendar
from banyan.lib.graph import CircleFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.company import queries as company
from banyan.modules.items import queries as items
from banyan.modules.planning import queries, rules
from banyan.modules.planning.commands import writing
from banyan.modules.planning.errors import LinesUnknown, StructureBroken
from banyan.modules.planning.events import Planned
from banyan.modules.planning.models import PlannedOrder, Run
from banyan.modules.planning.values import Plan, World

_RUNS = 0x4D525000  # "MRP": one run of a plant at a time


class PlanPlant(Input):
    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")
    is_trial: bool = field(
        "试算", "Trial", False, help=L("只看结果，不改计划订单", "To look at; changes no planned order")
    )
    rush: list[UUID] = field(
        "当作急单的订单行", "Order lines taken as urgent", default_factory=list,
        help=L("试算急单插入的影响", "To see what a rush order does to the others"),
    )  # fmt: skip


@command(
    "planning.run.plan", L("运行计划", "Plan"), input=PlanPlant, on="noun", creates=True, is_primary=True,
    icon="calculator",
    help=L("算出要做什么、买什么", "Works out what to make and what to buy"),
)  # fmt: skip
def plan_plant(ctx: Context, data: PlanPlant) -> Run:
    """Calculate a plant's plan, keep it as a run, and let the open planned orders follow it.

    Gives:  the run; the same circumstances give the same planned orders under the same keys, and confirm the
            run that stands instead of writing another
    Raises: StructureBroken with the circle; LinesUnknown for rush lines with nothing open
    Writes: the run with pegs and messages, and planned orders unless it is a trial; locks the open ones.
            Tells Planned
    """
    plant = data.plant or ctx.plant or company.default_plant().id
    calendar = company.plant_calendar(plant)
    today = calendar.day_of(ctx.now)
    db.rows("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_RUNS, str(plant)])
    with _uncollected():
        run = _run(ctx, plant, today, calendar, data)
    if not data.is_trial:
        tell(Planned(
            run.pk, plant, today, run.order_count, run.new_count, run.changed_count, run.gone_count,
            run.late_count,
        ))  # fmt: skip
    return run


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles among the hundred thousands of objects of a run, which has none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _run(ctx: Context, plant: UUID, today: date, calendar: WorkingCalendar, data: PlanPlant) -> Run:
    standing = None if data.is_trial else _standing(plant)
    known = queries.lock_open_orders(plant)
    locks.claim(PlannedOrder.lock_rank, [one.key for one in known])
    world = queries.load_world(plant, today, calendar, data.rush)
    _refuse_unknown(world, data.rush)
    plan = _calculate(world)
    changes = rules.keep_keys(known, plan.orders)
    for order in changes.new:
        order.key = new_id()
    told = rules.most_urgent(plan.messages)
    if standing and not any(changes) and standing.fingerprint == writing.fingerprint(plan, told):
        return _confirm(ctx, standing, today)
    run = _counted(ctx, plant, today, data, plan, changes)
    run.message_count, run.untold_count = len(told), len(plan.messages) - len(told)
    if not data.is_trial:
        writing.write_orders(ctx, run, changes)
        writing.supersede(plant)
    run.fingerprint = writing.write_found(run, plan, told)
    run.save(force_insert=True)
    writing.forget_old_runs(plant)
    owe_numbers([run])
    return run


def _standing(plant: UUID) -> Run | None:
    """Lock the current run of a plant, and give it. Two statements."""
    key = queries.current_run(plant)
    return locks.lock(Run, [key])[key] if key else None


def _refuse_unknown(world: World, rush: Sequence[UUID]) -> None:
    unknown = set(rush) - {demand.ref.line for demand in world.demands}
    if unknown:
        raise LinesUnknown(count=len(unknown))


def _calculate(world: World) -> Plan:
    try:
        return rules.make_plan(world)
    except CircleFound as found:
        codes = {key: one.code for key, one in items.items_by_id(found.path).items()}
        raise StructureBroken(path=" → ".join(codes[one] for one in found.path)) from found


def _counted(
    ctx: Context, plant: UUID, today: date, data: PlanPlant, plan: Plan, changes: rules.Changes
) -> Run:
    """Give the run of a plan with its figures; in a trial no order of the keys given to new ones is made."""
    return Run(
        plant_id=plant, planned_at=ctx.now, planned_on=today, is_trial=data.is_trial,
        is_current=not data.is_trial, rush=data.rush, order_count=len(plan.orders),
        new_count=len(changes.new), changed_count=len(changes.changed), gone_count=len(changes.gone),
        late_count=sum(m.kind in ("late", "past") for m in plan.messages),
        created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip


def _confirm(ctx: Context, run: Run, today: date) -> Run:
    """Note that the run that stands has been found again: nothing is new, nothing else is written."""
    run.planned_at, run.planned_on = ctx.now, today
    run.new_count = run.changed_count = run.gone_count = 0
    save(ctx, [run])
    return run
