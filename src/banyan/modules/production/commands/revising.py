"""An order at work takes over a newer BOM or routing revision: first the difference is shown, then it is accepted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.schema import Day, Input, Text, field
from banyan.lib.errors import Conflict
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, plain, wording
from banyan.lib.quantity import Rounding, round_quantity
from banyan.modules.company.queries import plants
from banyan.modules.engineering import queries as engineering
from banyan.modules.engineering.values import BomFacts, Need, RoutingFacts
from banyan.modules.engineering.values import Operation as Step
from banyan.modules.equipment.queries import rates as rates_of
from banyan.modules.inventory.queries import unit_costs
from banyan.modules.items.queries import PlanningFacts, items_by_id
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.deviating import Reason, kept_of, only, refuse_overdrawn, relink
from banyan.modules.production.commands.noting import note
from banyan.modules.production.commands.resizing import promise_again
from banyan.modules.production.errors import DifferenceChanged, RevisionDiffers, SameRevision
from banyan.modules.production.models import Material, Operation, WorkOrder
from banyan.modules.production.values import titled

ZERO = Decimal(0)
SHOWN = 12


class ChangeRevision(Input):
    """Which day's revisions; accepted as they were shown."""

    on: Day | None = field(
        "按哪天生效的版本", "Revisions in force on", None, help=L("空为今天", "Empty: today")
    )
    accepted: Annotated[Text, Field(max_length=64)] = field(
        "已确认的差异", "Difference accepted", "", help=L("差异页上的标记；空则先列出差异再确认",
                                                 "The mark of the page of differences; empty: it is shown first"),
    )  # fmt: skip
    reason: Reason = field("原因", "Reason")


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the difference. `held` is what was issued or reported of it already, which stands.

    Takes:  part: material or operation; change: added, removed, changed; line: the order's own
    """

    part: str
    change: str
    name: str | Label
    before: str
    after: str
    held: Decimal = ZERO
    line: UUID | None = None
    need: Need | None = None
    step: Step | None = None

    @property
    def kept(self) -> str:
        """Give it as it is kept and compared, the same for readers of either language."""
        return f"{self.part} {self.change}: {wording(self.name, 'zh')}: {self.before} → {self.after}"


@dataclass(slots=True)
class Difference:
    """What changing an order to other revisions would do to its lines."""

    order: WorkOrder
    bom: BomFacts | None
    routing: RoutingFacts | None
    planning: dict[UUID, PlanningFacts] = dataclass_field(default_factory=dict)
    changes: list[Change] = dataclass_field(default_factory=list)

    @property
    def mark(self) -> str:
        """Give what stands for just this difference, so that nobody accepts another than was shown."""
        said = [
            str(self.order.pk), str(self.bom and self.bom.bom), str(self.routing and self.routing.routing),
            *(f"{c.kept} {c.line} {c.held}" for c in self.changes),
        ]  # fmt: skip
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]

    @property
    def is_new(self) -> bool:
        """Say whether the revisions are others than those of the order."""
        bom, routing = self.bom and self.bom.bom, self.routing and self.routing.routing
        return (bom, routing) != (self.order.bom_id, self.order.routing_id)


def difference(order: WorkOrder, on: date) -> Difference:
    """Give what changes line by line if an order goes over to the revisions in force on a day.

    Gives:  lines that were added by hand are left alone. Nine statements, however many lines
    """
    making = engineering.making([order.item_id], on, order.plant_id)
    found = Difference(order, making.boms.get(order.item_id), making.routings.get(order.item_id), dict(making.planning))
    materials = list(Material.objects.filter(work_order=order).order_by("position", "pk"))
    operations = list(Operation.objects.filter(work_order=order).order_by("sequence"))
    named = items_by_id([m.item_id for m in materials] + [n.component for n in (found.bom.needs if found.bom else ())])
    codes = {key: f"{one.code} {one.name}" for key, one in named.items()}
    if found.bom:
        found.changes += _materials(order, found.bom, materials, codes)
    if found.routing:
        found.changes += _operations(found.routing, operations)
    return found


def _materials(
    order: WorkOrder, bom: BomFacts, materials: Sequence[Material], codes: dict[UUID, str]
) -> list[Change]:
    left = [m for m in materials if m.source_line]
    changes = []
    for need in bom.needs:
        quantity = need.for_order(order.quantity)
        same = sorted(
            (m for m in left if m.item_id == need.component), key=lambda m: (m.operation != need.operation, m.position)
        )
        if not same:
            changes.append(Change("material", "added", codes[need.component], "", plain(quantity), need=need))
            continue
        old = same[0]
        left.remove(old)
        target = max(quantity, kept_of(old))
        is_same = target == old.quantity and (need.operation in (None, old.operation))
        if not is_same:
            changes.append(Change(
                "material", "changed", codes[old.item_id], _need_text(old.quantity, old.operation),
                _need_text(target, need.operation or old.operation), kept_of(old), old.pk, need=need,
            ))  # fmt: skip
    for old in left:
        if old.quantity > kept_of(old):
            changes.append(Change(
                "material", "removed", codes[old.item_id], plain(old.quantity), plain(kept_of(old)), kept_of(old),
                old.pk,
            ))  # fmt: skip
    return changes


def _need_text(quantity: Decimal, operation: int | None) -> str:
    return plain(quantity) + (f" @{operation}" if operation else "")


def _operations(routing: RoutingFacts, operations: Sequence[Operation]) -> list[Change]:
    left = {o.sequence: o for o in operations if o.source_line}
    by_hand = {o.sequence: o.predecessors for o in operations if not o.source_line}
    changes = []
    for step in routing.operations:
        old = left.pop(step.sequence, None)
        title = titled(step.sequence, step.name, step.name_en)
        if old is None:
            changes.append(Change("operation", "added", title, "", _step_text(step), step=step))
        elif old.state != "closed" and _facts(old, by_hand) != _facts(step):
            held = old.good_quantity + old.scrap_quantity
            changes.append(
                Change("operation", "changed", title, _step_text(old), _step_text(step), held, old.pk, step=step)
            )
    for old in left.values():
        if old.state not in ("skipped", "closed"):
            held = old.good_quantity + old.scrap_quantity
            changes.append(Change("operation", "removed", old.title, _step_text(old), "", held, old.pk))
    return changes


def _links_of(one: Any) -> str:
    return one.predecessors if isinstance(one.predecessors, str) else rules.written_links(one.predecessors)


def _facts(one: Any, by_hand: Mapping[int, str] | None = None) -> tuple[Any, ...]:
    """Give what is compared of an operation; it follows those before the ones that were added by hand."""
    centre = one.work_centre_id if hasattr(one, "work_centre_id") else one.work_centre
    before = _before({int(p) for p in _links_of(one).split(";") if p}, by_hand or {})
    return (one.name, centre, one.setup_minutes, one.run_minutes, one.report_ratio, before, one.instructions)


def _before(links: set[int], by_hand: Mapping[int, str]) -> frozenset[int]:
    while own := links & by_hand.keys():
        links = links - own | {int(p) for one in own for p in by_hand[one].split(";") if p}
    return frozenset(links)


def _step_text(one: Any) -> str:
    text = f"{one.name} · {plain(one.setup_minutes)} + {plain(one.run_minutes)} min"
    return text + (f" ← {_links_of(one)}" if _links_of(one) else "")


@command(
    "production.work_order.change_revision", L("换版本", "Change the revision"), input=ChangeRevision,
    icon="git-compare",
    help=L("先逐行列出增、删、改，确认后换；已领料和已报工的不变",
           "Lists line by line what is added, removed and changed; what was issued and reported stands"),
)  # fmt: skip
def change_revision(ctx: Context, orders: Sequence[WorkOrder], data: ChangeRevision) -> None:
    """Take a newer BOM and routing revision over into an order at work.

    Raises: SameRevision where there is nothing to take over; RevisionDiffers to be confirmed, with the lines;
            DifferenceChanged where it is no longer what was accepted; StillNeededLater
    Writes: materials, operations, promises, the order's revisions; locks all operations, materials, then stock
    """
    order = only(orders)
    flow.lock_all_operations([order.pk])
    flow.lock_materials([order.pk])
    on = data.on or plants([order.plant_id])[0].day(ctx.now)
    found = difference(order, on)
    if not found.changes and not found.is_new:
        raise SameRevision(order=order.number, day=on)
    if data.accepted and data.accepted != found.mark:
        raise DifferenceChanged(order=order.number)
    if not data.accepted and RevisionDiffers.code not in ctx.consents:
        raise RevisionDiffers(
            order=order.number, count=len(found.changes), lines=[said(c) for c in found.changes[:SHOWN]]
        )
    before = {"bom_id": order.bom_id, "routing_id": order.routing_id}
    if found.routing:
        _take_operations(order, found, data.reason)
        order.routing_id = found.routing.routing
    if found.bom:
        _take_materials(ctx, order, found, data.reason)
        order.bom_id = found.bom.bom
    refuse_overdrawn(order)
    note(
        ctx, order, "revision", data.reason, before=before,
        after={
            "bom_id": order.bom_id, "routing_id": order.routing_id,
            "lines": [c.kept for c in found.changes],
        },
    )  # fmt: skip


CHANGES = {"added": L("增加", "Added"), "removed": L("删除", "Removed"), "changed": L("修改", "Changed")}


def said(change: Change) -> Label:
    """Give a line of the difference in words."""
    return L("{what} {name}：{before} → {after}", "{what} {name}: {before} → {after}").filled(
        {"what": CHANGES[change.change], "name": change.name, "before": change.before or "—",
         "after": change.after or "—"}
    )  # fmt: skip


def _take_operations(order: WorkOrder, found: Difference, reason: str) -> None:
    """Change operations to a routing; one it lacks is skipped where it stands, with what was reported on it."""
    rows = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    by_key = {o.pk: o for o in rows.values()}
    hours = rates_of([s.work_centre for s in found.routing.operations if s.work_centre])
    facts = found.planning[order.item_id]
    new, changed = [], []
    for change in found.changes:
        if change.part != "operation":
            continue
        if change.change == "removed":
            one = by_key[change.line]
            one.state, one.deviation_reason = "skipped", reason
            changed.append(one)
            continue
        step = change.step
        one = by_key.get(change.line) if change.line else None
        if one is None:
            if step.sequence in rows:
                raise Conflict(
                    "production.sequence_taken",
                    L("{order} 手工加的工序 {sequence} 与新版本重号", "{order} has a {sequence} added by hand"),
                    {"order": order.number, "sequence": step.sequence},
                )
            one = Operation(
                id=new_id(), work_order=order, plant_id=order.plant_id, sequence=step.sequence, places=facts.places,
                source_line=step.operation,
            )  # fmt: skip
            one.quantity = round_quantity(
                round_quantity(order.quantity, facts.places, Rounding.UP) * step.report_ratio
            )
            rows[step.sequence] = one
            new.append(one)
        else:
            changed.append(one)
        _set_step(one, step, hours.get(step.work_centre), reason)
    db.insert_rows(new)
    db.update_rows(changed, (
        "state", "deviation_reason", "name", "name_en", "work_centre_id", "setup_minutes", "run_minutes",
        "report_ratio", "instructions", "labour_rate", "machine_rate", "overhead_rate", "source_line",
    ))  # fmt: skip
    _link_anew(rows, found.routing)


def _set_step(one: Operation, step: Step, rate: Any, reason: str) -> None:
    one.name, one.name_en, one.instructions = step.name, step.name_en, step.instructions
    one.work_centre_id, one.setup_minutes, one.run_minutes = step.work_centre, step.setup_minutes, step.run_minutes
    if not (one.good_quantity or one.scrap_quantity):
        one.report_ratio = step.report_ratio
    one.source_line, one.deviation_reason = step.operation, reason
    one.labour_rate, one.machine_rate, one.overhead_rate = (
        (rate.labour, rate.machine, rate.overhead) if rate else (ZERO, ZERO, ZERO)
    )


def _link_anew(rows: dict[int, Operation], routing: RoutingFacts) -> None:
    """Link as the routing says; operations it does not know stay behind those they waited for."""
    wanted = {step.sequence: set(step.predecessors) for step in routing.operations}
    links = {s: set(before) for s, before in wanted.items() if s in rows}
    for sequence in sorted(set(rows) - set(links)):
        before = {int(p) for p in rows[sequence].predecessors.split(";") if p} & set(links)
        for one, waits in links.items():
            if (waits & before) if before else not waits:
                links[one] = waits - before | {sequence}
        links[sequence] = before
    relink(rows, links)


def _take_materials(ctx: Context, order: WorkOrder, found: Difference, reason: str) -> None:
    """Change open quantities to a BOM; what was issued or used by reports stays."""
    rows = {m.pk: m for m in Material.objects.filter(work_order=order)}
    steps = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    added = [c.need for c in found.changes if c.part == "material" and c.change == "added"]
    costs = unit_costs(order.plant_id, [n.component for n in added]) if added else {}
    touched, new = [], []
    for change in found.changes:
        if change.part != "material":
            continue
        if change.change == "added":
            need, facts = change.need, found.planning[change.need.component]
            sequence = need.operation if need.operation in steps else min(steps, default=None)
            one = Material(
                id=new_id(), work_order=order, position=len(rows) + len(new) + 1, item_id=need.component,
                quantity=need.for_order(order.quantity), is_fixed=need.is_fixed, operation=sequence, place=need.place,
                places=facts.places, is_backflushed=facts.backflush and bool(steps), source_line=need.line,
                unit_cost=costs.get(need.component, ZERO), deviation_reason=reason,
            )  # fmt: skip
            new.append(one)
            continue
        one = rows[change.line]
        one.deviation_reason = reason
        if change.change == "removed":
            one.quantity = kept_of(one)
        else:
            one.quantity = max(change.need.for_order(order.quantity), kept_of(one))
            one.source_line = change.need.line
            if change.need.operation in steps:
                one.operation = change.need.operation
        touched.append(one)
    db.insert_rows(new)
    db.update_rows(touched, ["quantity", "operation", "source_line", "deviation_reason"])
    flushed = [s for s, o in steps.items() if not o.has_backflush
               and any(m.is_backflushed and m.operation == s for m in (*rows.values(), *new))]  # fmt: skip
    Operation.objects.filter(work_order=order, sequence__in=flushed).update(has_backflush=True)
    promise_again(ctx, order, [*touched, *new])
