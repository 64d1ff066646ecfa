"""What an order takes with it at release: its own copy of BOM and routing, priced and ready to be reported
on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.quantity import round_quantity
from banyan.modules.company.queries import plants
from banyan.modules.engineering import queries as engineering
from banyan.modules.engineering.values import BomFacts, RoutingFacts
from banyan.modules.equipment.queries import rates as rates_of
from banyan.modules.inventory.queries import unit_costs
from banyan.modules.items.queries import PlanningFacts, planning_data
from banyan.modules.production import rules
from banyan.modules.production.errors import NothingToRelease, WrongLinks
from banyan.modules.production.models import Material, Operation, Output, WorkOrder

ZERO, ONE, HUNDRED = Decimal(0), Decimal(1), Decimal(100)


@dataclass(slots=True)
class _Copy:
    """An order with the lines it gets, or has been given by hand."""

    order: WorkOrder
    bom: BomFacts | None = None
    routing: RoutingFacts | None = None
    operations: list[Operation] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    yields: dict[int, Decimal] = field(default_factory=dict)


def copy_recipes(ctx: Context, orders: Sequence[WorkOrder]) -> list[Material]:
    """Give orders their lines: those given by hand stay, for the rest BOM and routing in force today are
    copied.

    Gives:  all materials of the orders, by order and position
    Writes: operations, materials, outputs; on the orders the revisions and the planned unit cost
    """
    copies = {order.pk: _Copy(order) for order in orders}
    own = _own_lines(copies)
    zones = {plant.id: plant for plant in plants({order.plant_id for order in orders})}
    for plant, facts in sorted(zones.items()):
        here = [copy for copy in copies.values() if copy.order.plant_id == plant]
        _copy_plant(here, plant, facts.day(ctx.now))
    _write(copies.values(), own)
    return [m for copy in copies.values() for m in copy.materials]


def _own_lines(copies: dict[UUID, _Copy]) -> set[UUID]:
    """Read the lines that were given by hand, and give their keys. Three statements, none where there are
    none."""
    keys = [key for key, copy in copies.items() if copy.order.has_own_lines]
    own: set[UUID] = set()
    for name, model in (("operations", Operation), ("materials", Material), ("outputs", Output)):
        for row in model.objects.filter(work_order__in=keys).order_by("position", "pk") if keys else ():
            getattr(copies[row.work_order_id], name).append(row)
            own.add(row.pk)
    return own


def _copy_plant(copies: Sequence[_Copy], plant: UUID, on: date) -> None:
    copied = [c for c in copies if c.order.kind in ("standard", "disassembly")]
    items = sorted({c.order.item_id for c in copied})
    making = engineering.making(items, on, plant) if items else engineering.Making({}, {}, {})
    named = {c.order.item_id for c in copies} | {m.item_id for c in copies for m in c.materials}
    unknown = sorted(named - making.planning.keys())
    planning = making.planning | (planning_data(plant, unknown) if unknown else {})
    for copy in copied:
        copy.bom, copy.routing = making.boms.get(copy.order.item_id), making.routings.get(copy.order.item_id)
    for copy in copies:
        _copy_lines(copy, planning, on)
    costs = _unit_costs(plant, copies, on)
    hours = rates_of([o.work_centre_id for c in copies for o in c.operations if o.work_centre_id])
    for copy in copies:
        for operation in copy.operations:
            rate = hours.get(operation.work_centre_id)
            if rate:
                operation.labour_rate, operation.machine_rate = rate.labour, rate.machine
                operation.overhead_rate = rate.overhead
        for material in copy.materials:
            material.unit_cost = costs.get(material.item_id, ZERO)
        _price(copy, costs)


def _copy_lines(copy: _Copy, planning: dict[UUID, PlanningFacts], on: date) -> None:
    order, facts = copy.order, planning[copy.order.item_id]
    if not copy.operations and copy.routing:
        copy.operations = _operations(order, copy.routing)
        copy.yields = {step.sequence: step.yield_percent for step in copy.routing.operations}
        order.routing_id = copy.routing.routing
    if not copy.materials and order.kind == "disassembly":
        copy.materials = [_material(order, 1, order.item_id, order.quantity)]
        copy.outputs = copy.outputs or _parts(order, copy.bom)
    elif not copy.materials and copy.bom:
        copy.materials = [
            _material(
                order,
                n,
                need.component,
                need.for_order(order.quantity),
                is_fixed=need.is_fixed,
                operation=need.operation,
                place=need.place,
                source_line=need.line,
            )
            for n, need in enumerate(copy.bom.needs, start=1)
        ]
        copy.outputs = copy.outputs or _outputs(order, copy.bom)
    order.bom_id = copy.bom.bom if copy.bom else None
    if not copy.operations and not copy.materials:
        raise NothingToRelease(item=facts.code, day=on, order=order.number or order.kind)
    _link(copy, facts)
    for material in copy.materials:
        _complete_material(material, copy, planning)
    _plan_counts(copy, facts)


def _operations(order: WorkOrder, routing: RoutingFacts) -> list[Operation]:
    return [
        Operation(
            id=new_id(),
            work_order_id=order.pk,
            plant_id=order.plant_id,
            position=n,
            sequence=step.sequence,
            name=step.name,
            name_en=step.name_en,
            work_centre_id=step.work_centre,
            setup_minutes=step.setup_minutes,
            run_minutes=step.run_minutes,
            report_ratio=step.report_ratio,
            predecessors=rules.written_links(step.predecessors),
            skill_id=step.skill,
            instructions=step.instructions,
            capture=list(step.data),
            needs_approval=step.needs_approval,
            is_subcontracted=step.is_subcontracted,
            supplier_id=step.supplier,
            subcontract_price=step.subcontract_price if step.is_subcontracted else ZERO,
            source_line=step.operation,
        )
        for n, step in enumerate(routing.operations, start=1)
    ]


def _material(order: WorkOrder, position: int, item: UUID, quantity: Decimal, **more: object) -> Material:
    return Material(
        id=new_id(),
        work_order_id=order.pk,
        position=position,
        item_id=item,
        quantity=quantity,
        is_backflushed=None,
        **more,
    )


def _parts(order: WorkOrder, bom: BomFacts | None) -> list[Output]:
    """Give what comes out when the item is taken apart: what its BOM puts in, without allowances."""
    if bom is None:
        return []
    return [
        Output(
            id=new_id(),
            work_order_id=order.pk,
            position=n,
            item_id=line.component,
            kind="part",
            quantity=line.quantity
            if line.is_fixed
            else round_quantity(line.quantity * order.quantity / bom.base_quantity),
        )
        for n, line in enumerate(bom.lines, start=1)
    ]


def _outputs(order: WorkOrder, bom: BomFacts) -> list[Output]:
    return [
        Output(
            id=new_id(),
            work_order_id=order.pk,
            position=n,
            item_id=output.item,
            kind=output.kind,
            quantity=round_quantity(output.quantity * order.quantity / bom.base_quantity),
        )
        for n, output in enumerate(bom.outputs, start=1)
    ]


def _link(copy: _Copy, facts: PlanningFacts) -> None:
    try:
        links = rules.predecessor_links([(o.sequence, o.predecessors) for o in copy.operations])
    except ValueError as fault:
        raise WrongLinks(order=copy.order.number or facts.code, links=str(fault)) from None
    for operation in copy.operations:
        operation.predecessors = rules.written_links(links[operation.sequence])


def _complete_material(material: Material, copy: _Copy, planning: dict[UUID, PlanningFacts]) -> None:
    """Say which operation uses a material, and whether its reports do so by themselves."""
    facts = planning[material.item_id]
    sequences = sorted(o.sequence for o in copy.operations)
    material.places = facts.places
    if material.operation not in sequences:
        material.operation = sequences[0] if sequences else None
    if material.is_backflushed is None:
        material.is_backflushed = facts.backflush
    material.is_backflushed = material.is_backflushed and bool(sequences)


def _plan_counts(copy: _Copy, facts: PlanningFacts) -> None:
    """Plan how many counts each operation begins, so that the order's quantity comes out at the end."""
    flushed = {m.operation for m in copy.materials if m.is_backflushed}
    ordered = sorted(copy.operations, key=lambda o: o.sequence)
    for n, operation in enumerate(ordered):
        later = [copy.yields.get(one.sequence, HUNDRED) for one in ordered[n:]]
        operation.places = facts.places
        operation.quantity = rules.to_begin(
            copy.order.quantity, operation.report_ratio, [*later, facts.yield_percent], facts.places
        )
        operation.has_backflush = operation.sequence in flushed


# --- prices -------------------------------------------------------------------------------------------------


def _unit_costs(plant: UUID, copies: Sequence[_Copy], on: date) -> dict[UUID, Decimal]:
    """Give what a piece of every material costs: what stock is worth, else what it should cost by its
    structure."""
    items = {m.item_id for c in copies for m in c.materials} | {
        o.item_id for c in copies for o in c.outputs if o.kind == "part"
    }
    costs = unit_costs(plant, sorted(items)) if items else {}
    unknown = sorted(items - costs.keys())
    if unknown:
        standard = engineering.standard_costs(plant, unknown, on)
        costs |= {item: round_quantity(standard[item].total) for item in unknown if item in standard}
    return costs


def _price(copy: _Copy, costs: dict[UUID, Decimal]) -> None:
    """Fix the planned cost of a piece, and of the further outputs, by the order's own lines."""
    order = copy.order
    shares = {o.item: o.cost_share for o in copy.bom.outputs} if copy.bom else {}
    others = sum((shares.get(o.item_id, ZERO) for o in copy.outputs if o.kind == "co"), ZERO)
    whole = rules.planned_unit_cost(
        order.quantity, planned_materials(copy.materials), planned_operations(copy.operations)
    )
    order.unit_cost = (
        ZERO if order.kind == "disassembly" else round_quantity(whole * (HUNDRED - others) / HUNDRED)
    )
    worth = sum((costs.get(o.item_id, ZERO) * o.quantity for o in copy.outputs if o.kind == "part"), ZERO)
    for output in copy.outputs:
        if output.kind == "co":
            output.unit_cost = round_quantity(
                whole * order.quantity * shares.get(output.item_id, ZERO) / HUNDRED / output.quantity
            )
        elif output.kind == "part":
            each = costs.get(output.item_id, ZERO)
            output.unit_cost = round_quantity(whole * order.quantity * each / worth) if worth else ZERO


def planned_materials(materials: Sequence[Material]) -> list[rules.PlannedMaterial]:
    """Give material lines as the planned cost sees them."""
    return [rules.PlannedMaterial(m.quantity, m.unit_cost) for m in materials]


def planned_operations(operations: Sequence[Operation]) -> list[rules.PlannedOperation]:
    """Give operations as the planned cost sees them: a skipped one costs nothing."""
    return [
        rules.PlannedOperation(
            o.run_minutes,
            o.setup_minutes,
            rules.Rates(o.labour_rate, o.machine_rate, o.overhead_rate),
            o.subcontract_price,
        )
        for o in operations
        if o.state != "skipped"
    ]


def _write(copies: Sequence[_Copy], own: set[UUID]) -> None:
    for name, columns in (
        (
            "operations",
            (
                "predecessors",
                "quantity",
                "places",
                "labour_rate",
                "machine_rate",
                "overhead_rate",
                "has_backflush",
            ),
        ),
        ("materials", ("operation", "places", "is_backflushed", "unit_cost")),
        ("outputs", ("unit_cost",)),
    ):
        rows = [row for copy in copies for row in getattr(copy, name)]
        db.insert_rows([row for row in rows if row.pk not in own])
        db.update_rows([row for row in rows if row.pk in own], columns)
