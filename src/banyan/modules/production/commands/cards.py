"""Temporary process cards: a part is named, operations are tapped together, and people report on it at once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import beside, db, locks, registry
from banyan.kernel.commands import command, execute, owe_numbers, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Day, Input, Instant, Quantity, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.quantity import round_quantity
from banyan.modules.company.models import Unit
from banyan.modules.company.queries import default_plant, plants
from banyan.modules.equipment.queries import work_centres
from banyan.modules.inventory.queries import held_by
from banyan.modules.items.queries import ItemFacts, items_by_code, items_by_id, planning_data
from banyan.modules.people.models import Team
from banyan.modules.people.queries import employees_by_id
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.completions import complete_orders
from banyan.modules.production.commands.copying import copy_recipes
from banyan.modules.production.commands.deviating import only
from banyan.modules.production.commands.materials import IssueLine, by, issue_lines, issue_told
from banyan.modules.production.commands.orders import close_orders
from banyan.modules.production.errors import NotTemporary, PartNeeded, ReportKeyReused, StillKept
from banyan.modules.production.models import Assignment, Material, MaterialDebt, MaterialIssue, Operation, WorkOrder
from banyan.modules.production.queries import released

ZERO = Decimal(0)
ORDER = "production.work_order"
#: The item that cards on parts without an item stand on; it is never in stock.
NAMELESS = "TEMP"
_MAKE_NAMELESS = 0x54454D50


class CardStep(Input):
    """An operation of the card; without a work centre its time costs nothing."""

    name: Annotated[Text, Field(min_length=1, max_length=120)] = field("工序", "Operation")
    work_centre: UUID | None = field("工作中心", "Work centre", None, reference="equipment.work_centre")


class Card(Input):
    """What is made: an item, or only a name; who does it, in which operations."""

    item: UUID | None = field("零件（扫码或查找）", "Part (scan or find)", None, reference="items.item")
    part_name: Annotated[Text, Field(max_length=160)] = field(
        "或只写名称", "Or only a name", "", help=L("还没有物料编码时", "Where there is no item yet")
    )
    photo: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = field("照片", "Photo", None, is_file=True)
    quantity: Annotated[Quantity, Field(gt=0)] = field("数量", "Quantity", Decimal(1))
    operations: Annotated[list[CardStep], Field(max_length=50)] = field(
        "工序", "Operations", default_factory=list, help=L("空为一道“加工”", "Empty: one, “Work”")
    )
    team: UUID | None = field(
        "班组", "Team", None, reference="people.team", help=L("空为自己的班组", "Empty: one's own")
    )
    people: Annotated[list[UUID], Field(max_length=50)] = field(
        "人员", "People", default_factory=list, reference="people.employee"
    )
    due_on: Day | None = field("计划完工", "Due on", None, help=L("空为今天", "Empty: today"))
    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")
    note: Annotated[Text, Field(max_length=500)] = field("备注", "Note", "")


class Use(Input):
    """A quantity of any item."""

    item: UUID = field("物料", "Item", reference="items.item")
    quantity: Annotated[Quantity, Field(gt=0)] = field("数量", "Quantity")
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot")
    location: UUID | None = field("仓位", "Location", None, reference="inventory.location")


class UseMaterial(Input):
    """What a card has used."""

    lines: Annotated[list[Use], Field(min_length=1, max_length=200)] = field("用料", "Material")
    operation: UUID | None = field(
        "工序", "Operation", None, reference="production.operation", help=L("空为第一道", "Empty: the first")
    )
    moved_at: Instant | None = field("时间", "At", None, when="moved_at")
    id: UUID | None = field(
        "标识", "Key", None, when="id",
        help=L("由设备生成的 UUID；重复提交只记一次", "A UUID made by the device; sent twice it counts once"),
    )  # fmt: skip


@command(
    "production.work_order.make_card", L("临时工艺卡", "Temporary process card"), input=Card, on="noun",
    icon="id", creates=True, is_big=True,
    help=L("说出零件，点几道工序，马上可以报工", "Name the part, tap operations, report at once"),
)  # fmt: skip
def make_card(ctx: Context, data: Card) -> tuple[WorkOrder, ...]:
    """Make a released temporary order with the operations tapped, given to the team or the people named.

    Raises: PartNeeded without an item and a name; Invalid for what cannot be made, or is not of the plant
    Writes: an order with its operations and assignments, its photo; the nameless item once; tells WorkReleased
    """
    if data.item is None and not data.part_name:
        raise PartNeeded
    plant = data.plant or ctx.plant or next(iter(ctx.principal.plants), None) or default_plant().id
    _refuse_foreign_plant(ctx, plant)
    place = next(iter(plants([plant])), None)
    if place is None:
        raise Invalid(fields={"plant": L("没有该工厂", "no such plant")})
    item = _item(ctx, data)
    if round_quantity(data.quantity, item.places) != data.quantity:
        raise Invalid(fields={"quantity": L(f"最多 {item.places} 位小数", f"at most {item.places} decimal places")})
    today = place.day(ctx.now)
    order = WorkOrder(
        id=new_id(), item_id=item.id, plant_id=plant, kind="temporary", state="released", quantity=data.quantity,
        starts_on=None, due_on=data.due_on or today, tolerance_percent=100, has_own_lines=True, note=data.note,
        part_name="" if data.item else data.part_name, released_at=ctx.now, **by(ctx),
    )  # fmt: skip
    order.save(force_insert=True)
    owe_numbers([order])
    locks.remember(order)
    steps = data.operations or [CardStep(name="加工")]
    _refuse_foreign_centres(plant, steps)
    operations = [
        Operation(
            id=new_id(), work_order=order, plant_id=plant, position=n, sequence=10 * n, name=step.name,
            name_en="Work" if step.name == "加工" else "", work_centre_id=step.work_centre,
        )
        for n, step in enumerate(steps, start=1)
    ]  # fmt: skip
    db.insert_rows(operations)
    copy_recipes(ctx, [order])
    _assign(ctx, order, operations, data)
    if data.photo:
        name = f"{data.part_name or item.code}.jpg"
        beside.attach(ctx, registry.noun(ORDER), [order], beside.Attach(digest=data.photo, name=name))
    tell(*released([order]))
    return (order,)


def _refuse_foreign_plant(ctx: Context, plant: UUID) -> None:
    reach = ctx.principal.reach(f"{ORDER}.make_card")
    if reach != "all" and plant not in ctx.principal.plants:
        raise Invalid(fields={"plant": L("不是您的工厂", "not a plant of yours")})


def _refuse_foreign_centres(plant: UUID, steps: Sequence[CardStep]) -> None:
    wanted = {step.work_centre for step in steps if step.work_centre}
    found = work_centres(sorted(wanted)) if wanted else {}
    if any(key not in found or found[key].plant != plant for key in wanted):
        raise Invalid(fields={"operations": L("工作中心不属于该工厂", "a work centre is not of this plant")})


def _item(ctx: Context, data: Card) -> ItemFacts:
    """Give the item the card stands on: the one named, else the one of nameless parts."""
    if data.item is None:
        return _nameless(ctx)
    facts = items_by_id([data.item]).get(data.item)
    if facts is None or not facts.is_active or not facts.has_stock:
        raise Invalid(fields={"item": L("没有该物料，或不能制造", "no such item, or not one to make")})
    return facts


def _nameless(ctx: Context) -> ItemFacts:
    found = items_by_code([NAMELESS]).get(NAMELESS)
    if found:
        return found
    db.rows("SELECT pg_advisory_xact_lock(%s)", [_MAKE_NAMELESS])
    if NAMELESS not in items_by_code([NAMELESS]):
        unit = Unit.objects.filter(places=0).order_by("code").values_list("pk", "code")
        if not unit:
            raise Invalid(fields={"part_name": L("先建立计量单位", "there is no unit to count in yet")})
        pieces = next((key for key, code in unit if code == "pcs"), None) or unit[0][0]
        record = {"code": NAMELESS, "name": "临时件", "name_en": "Temporary part", "kind": "service", "unit": pieces}
        execute(ctx, registry.command("items.item.create"), data={"records": [record]})
    return items_by_code([NAMELESS])[NAMELESS]


def _assign(ctx: Context, order: WorkOrder, operations: Sequence[Operation], data: Card) -> None:
    """Give the operations to the people named, else to the team named, else to that of whoever makes the card."""
    people, team = list(dict.fromkeys(data.people)), data.team
    known = employees_by_id(people) if people else {}
    if any(key not in known or not known[key].is_active for key in people):
        raise Invalid(fields={"people": L("没有该在职员工", "no such employee at work")})
    if team and not Team.objects.filter(pk=team).exists():
        raise Invalid(fields={"team": L("没有该班组", "no such team")})
    own = ctx.principal.employee
    if not people and not team and own:
        facts = employees_by_id([own]).get(own)
        team = facts.team if facts else None
        people = [] if team else [own]
    db.insert_rows([
        Assignment(
            id=new_id(), operation=operation, work_order=order, plant_id=order.plant_id, employee_id=employee,
            team_id=None if employee else team, **by(ctx),
        )
        for operation in operations for employee in (people or ([None] if team else []))
    ])  # fmt: skip


@command(
    "production.work_order.use_material", L("用料", "Use material"), input=UseMaterial, icon="package-export",
    is_big=True,
    help=L("临时工艺卡：用了什么领什么", "Temporary cards: whatever was used"),
)  # fmt: skip
def use_material(ctx: Context, orders: Sequence[WorkOrder], data: UseMaterial) -> tuple[MaterialIssue, ...]:
    """Issue any item to a temporary card, as it is used; the same key is the same issue.

    What is kept for others is taken as well, for it is gone.

    Raises: NotTemporary; Invalid for an item that is not kept in stock, or an operation of another order;
            ReportKeyReused; MaterialShort; what posting refuses
    Writes: materials, an issue with its moves; locks materials, then stock
    """
    order = only(orders)
    if known := _issued(order, data.id):
        return known
    materials, lines = _used_lines(order, data)
    return issue_lines(ctx, [order], materials, lines, "issue", "", data.moved_at, data.id, is_used=True)


@command(
    "production.work_order.tell_used", L("补记用料", "Tell material used"), input=UseMaterial, icon="package-export",
    rest=False, screen=False, permission="production.work_order.use_material",
)  # fmt: skip
def tell_used(ctx: Context, orders: Sequence[WorkOrder], data: UseMaterial) -> tuple[MaterialIssue, ...]:
    """Issue to a temporary card what was used on it before it is told here; the same key is the same use.

    It has happened, so that nothing of it is refused for the state of a lot or for want of stock: what is not there is
    owed, and what has come out of the card is held with a stopped lot.

    Raises: NotTemporary; Invalid as `use_material`; ReportKeyReused
    Writes: as `use_material`; debts, held lots
    """
    order = only(orders)
    if (known := _issued(order, data.id)) or _is_owed(order, data.id):
        return known
    materials, lines = _used_lines(order, data)
    return issue_told(ctx, order, materials, lines, data.moved_at, data.id or new_id())


def _issued(order: WorkOrder, key: UUID | None) -> tuple[MaterialIssue, ...]:
    """Give what was issued to a card under a key. Raises: NotTemporary; ReportKeyReused for another order's key"""
    if order.kind != "temporary":
        raise NotTemporary(order=order.number)
    known = MaterialIssue.objects.filter(pk=key).first() if key else None
    if known and known.work_order_id != order.pk:
        raise ReportKeyReused(id=key)
    return (known,) if known else ()


def _is_owed(order: WorkOrder, key: UUID | None) -> bool:
    """Say whether all that was told under a key is owed. Raises: ReportKeyReused for another order's key"""
    owing = MaterialDebt.objects.filter(pk=key).values_list("work_order_id", flat=True).first() if key else None
    if owing and owing != order.pk:
        raise ReportKeyReused(id=key)
    return owing is not None


def _used_lines(
    order: WorkOrder, data: UseMaterial
) -> tuple[dict[UUID, Material], list[tuple[Material, IssueLine]]]:
    """Give the locked materials of a card, with lines for what it has used as well, and what goes to each.

    Raises: Invalid for an item that is not kept in stock, or an operation of another order
    """
    facts = planning_data(order.plant_id, [line.item for line in data.lines])
    for place, line in enumerate(data.lines):
        one = facts.get(line.item)
        if one is None or one.kind in ("service", "phantom"):
            said = L("没有该物料，或不能领用", "no such item, or not one to issue")
            raise Invalid(fields={f"lines.{place}.item": said})
        if round_quantity(line.quantity, one.places) != line.quantity:
            said = L(f"最多 {one.places} 位小数", f"at most {one.places} decimal places")
            raise Invalid(fields={f"lines.{place}.quantity": said})
    rows = flow.lock_materials([order.pk])
    at = _used_at(order, data.operation)
    by_item = {m.item_id: m for m in rows.values()}
    new: list[Material] = []
    for line in data.lines:
        material = by_item.get(line.item)
        if material is None:
            material = Material(
                id=new_id(), work_order=order, position=len(rows) + len(new) + 1, item_id=line.item, quantity=ZERO,
                operation=at, places=facts[line.item].places,
            )  # fmt: skip
            new.append(material)
            by_item[line.item] = material
        material.quantity += line.quantity
    db.insert_rows(new)
    db.update_rows([by_item[key] for key in {line.item for line in data.lines}], ["quantity"])
    materials = flow.lock_materials([order.pk])
    mine = {m.item_id: m for m in materials.values()}
    lines = [
        (mine[line.item], IssueLine(
            material=mine[line.item].pk, quantity=line.quantity, lot=line.lot, location=line.location
        ))
        for line in data.lines
    ]  # fmt: skip
    return materials, lines


def _used_at(order: WorkOrder, operation: UUID | None) -> int | None:
    """Give the sequence of the operation named, else of the first. Raises: Invalid for one of another order"""
    steps = dict(Operation.objects.filter(work_order=order).order_by("sequence").values_list("pk", "sequence"))
    if operation and operation not in steps:
        raise Invalid(fields={"operation": L("不是这张工艺卡的工序", "no operation of this card")})
    return steps[operation] if operation else next(iter(steps.values()), None)


@command(
    "production.work_order.finish_card", L("结束工艺卡", "Finish the card"), icon="flag", tone="green",
    bumps=False,
    confirm=L(
        "合格品按实际成本入库，关闭工艺卡，并向工程提出建议。确定？",
        "Good pieces go to store at what they have cost, the card is closed, and engineering gets a proposal. Sure?",
    ),
)  # fmt: skip
def finish_card(ctx: Context, orders: Sequence[WorkOrder]) -> None:
    """Receive what a temporary card has made at actual cost, and close it.

    Raises: NotTemporary; StillKept where stock is kept for it; what `complete_orders` and `close_orders` refuse
    Writes: as those do
    """
    for order in orders:
        if order.kind != "temporary":
            raise NotTemporary(order=order.number)
        flow.lock_all_operations([order.pk])
        if held_by(list(flow.lock_materials([order.pk]))):
            raise StillKept(order=order.number)
        good = flow.read_shop(orders=[order.pk]).finished(order.pk) or ZERO
        if not order.part_name and good > order.made_quantity:
            complete_orders(ctx, [order.pk], {"is_last": True})
        close_orders(ctx, [order.pk])
