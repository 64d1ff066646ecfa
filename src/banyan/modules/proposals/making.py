"""Making a proposal of a closed card: what it used, how long it took and what it cost, against what is released."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import take_numbers, tell
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.money import round_money
from banyan.modules.company.queries import plants
from banyan.modules.engineering import queries as engineering
from banyan.modules.engineering.values import Operation
from banyan.modules.items.queries import items_by_id
from banyan.modules.production.events import WorkOrderClosed
from banyan.modules.proposals import rules
from banyan.modules.proposals.events import ProposalMade
from banyan.modules.proposals.models import Proposal, ProposalLine
from banyan.modules.proposals.rules import Learnt, Used

NOUN = "proposals.proposal"
ZERO = Decimal(0)

#: What went into an order by component, net, with its value.
_USED = """
    SELECT m.item_id, sum(CASE WHEN t.kind = 'production' THEN v.quantity ELSE -v.quantity END),
           coalesce(sum((SELECT -sum(e.amount + e.difference) FROM inventory_valueentry e WHERE e.move_id = v.id)), 0)
    FROM inventory_move v JOIN production_material m ON m.id = v.origin_line
    JOIN inventory_location t ON t.id = v.target_id
    WHERE v.origin = %s AND v.origin_noun = 'production.work_order' GROUP BY m.item_id, m.position
    ORDER BY m.position
"""
_SPENT = """
    SELECT o.name, coalesce(sum(r.labour_minutes + r.setup_minutes), 0),
           coalesce(sum(r.labour_amount + r.machine_amount + r.overhead_amount), 0)
           + coalesce((SELECT sum(x.amount) FROM production_outsidework x WHERE x.operation_id = o.id), 0),
           o.work_centre_id
    FROM production_operation o LEFT JOIN production_report r ON r.operation_id = o.id
    WHERE o.work_order_id = %s AND (o.state <> 'skipped' OR r.id IS NOT NULL) GROUP BY o.id ORDER BY o.position
"""
_FINISHED = """
    SELECT coalesce(min(o.good_quantity / o.report_ratio), 0) FROM production_operation o
    WHERE o.work_order_id = %s AND o.state <> 'skipped' AND NOT EXISTS (
        SELECT 1 FROM production_operation n WHERE n.work_order_id = o.work_order_id
        AND o.sequence::text = ANY(string_to_array(n.predecessors, ';')))
"""


def propose(ctx: Context, event: WorkOrderClosed) -> Proposal:
    """Make the proposal of a closed card. Writes: a proposal with its lines; tells ProposalMade."""
    order, item = event.record, None if event.part_name else event.item
    pieces = event.made_quantity or db.one(_FINISHED, [order])[0] or event.quantity
    used = [Used(*row) for row in db.rows(_USED, [order]) if row[1] > 0 or row[2]]
    worked = db.rows(_SPENT, [order])
    on = plants([event.plant])[0].day(ctx.now)
    making = engineering.making([item], on, event.plant) if item else engineering.Making({}, {}, {})
    bom, routing = making.boms.get(item), making.routings.get(item)
    needs: dict[UUID, Decimal] = {}
    for need in bom.needs if bom else ():
        needs[need.component] = needs.get(need.component, ZERO) + need.per_piece(pieces)
    standard = engineering.standard_costs(event.plant, [item], on).get(item) if bom or routing else None
    period = ctx.now.strftime("%y%m")
    steps = {s.sequence: s for s in routing.operations} if routing else {}
    places = rules.placed([row[0] for row in worked], [(s.sequence, s.name) for s in steps.values()])
    spent = [Used(one, *worked[one.done][1:]) for one in places if one.done is not None]
    minutes = {one: steps[one.was].run_minutes for one in places if one.was is not None}
    actual = sum((one.amount for one in (*used, *spent)), ZERO)
    made = Proposal(
        id=new_id(), number=f"EP{period}-{take_numbers(NOUN, period, 1):05}", work_order_id=order,
        plant_id=event.plant, item_id=item, part_name=event.part_name, quantity=pieces, actual_amount=actual,
        standard_amount=round_money(standard.total * pieces) if standard and standard.is_complete else None,
        base_bom_id=bom.bom if bom else None, base_routing_id=routing.routing if routing else None,
        created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip
    lines = _item_line(made) + _bom_lines(rules.learnt(used, needs, pieces)) + _routing_lines(
        rules.learnt(spent, minutes, pieces), [row[0] for row in worked], steps
    )
    for place, line in enumerate(lines, start=1):
        line.proposal, line.position = made, place
        if line.change == "same":
            line.decision = "accepted"
    db.insert_rows([made])
    db.insert_rows(lines)
    tell(ProposalMade(
        record=made.pk, work_order=order, plant=event.plant, item=item, part_name=event.part_name,
        actual_amount=made.actual_amount, standard_amount=made.standard_amount,
    ))  # fmt: skip
    return made


def _item_line(made: Proposal) -> list[ProposalLine]:
    if made.item_id:
        return []
    return [ProposalLine(id=new_id(), part="item", change="new", code=made.number, name=made.part_name)]


def _bom_lines(found: Sequence[Learnt]) -> list[ProposalLine]:
    named = items_by_id([one.key for one in found])
    return [
        ProposalLine(
            id=new_id(), part="bom", change=one.change, component_id=one.key, code=named[one.key].code,
            name=named[one.key].name, released_quantity=one.released, actual_quantity=one.actual,
            quantity=one.proposed, actual_amount=one.amount,
        )
        for one in found
    ]  # fmt: skip


def _routing_lines(
    found: Sequence[Learnt], names: Sequence[str], steps: dict[int, Operation]
) -> list[ProposalLine]:
    """Give the lines of the operations as they are to follow one another; another number than released is a change."""
    lines = []
    for one in found:
        place, step = one.key, steps.get(one.key.was)
        is_moved = one.change == "same" and place.number != place.was
        lines.append(ProposalLine(
            id=new_id(), part="routing", change="changed" if is_moved else one.change,
            sequence=place.was if one.change == "unused" else place.number, code="" if step is None else str(place.was),
            name=step.name if step else names[place.done],
            work_centre_id=one.work_centre or (step.work_centre if step else None), released_quantity=one.released,
            actual_quantity=one.actual, quantity=one.proposed, actual_amount=one.amount,
        ))  # fmt: skip
    return sorted(lines, key=lambda line: line.sequence)
