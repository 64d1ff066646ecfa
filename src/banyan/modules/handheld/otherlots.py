"""Taking another lot than the one that is due, with consent: who says so, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from pydantic import Field

from banyan.kernel import access, locks, registry
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.labels import L
from banyan.modules.company.queries import plants
from banyan.modules.handheld.errors import LotExpired, NotThisLot, StepUnknown
from banyan.modules.handheld.models import OtherLot
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.kinds import FREE
from banyan.modules.inventory.models import Lot
from banyan.modules.inventory.queries import stock_rows
from banyan.modules.inventory.values import Demand
from banyan.modules.production.commands.flow import lock_materials
from banyan.modules.production.models import AT_WORK, Material, WorkOrder
from banyan.modules.production.queries import ORDER
from banyan.modules.sales.commands.shipments import change_lot
from banyan.modules.sales.models import Shipment, ShipmentLine
from banyan.modules.sales.queries import LINE

NOUN = "handheld.other_lot"
ZERO = Decimal(0)


class Take(Input):
    """Which lot goes in place of which; for a material of a work order, or for a line of a prepared shipment."""

    material: UUID | None = field("工单用料", "Material line", None)
    shipment_line: UUID | None = field("发货明细", "Shipment line", None)
    due_lot: UUID = field("应出批次", "Lot due", reference="inventory.lot")
    due_location: UUID = field("应出库位", "Location due", reference="inventory.location")
    lot: UUID = field("实出批次", "Lot taken", reference="inventory.lot")
    location: UUID | None = field(
        "实出库位", "Location", None, reference="inventory.location",
        help=L("空为该批次存量最多的库位", "Empty: where most of the lot lies"),
    )  # fmt: skip
    quantity: Quantity = field("数量", "Quantity", gt=0)
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@dataclass(frozen=True, slots=True)
class _For:
    """What a lot is taken for: the demand line, its plant, and the paper it is on."""

    demand: Demand
    work_order: UUID | None = None
    shipment: Shipment | None = None


@command(
    f"{NOUN}.take", L("换批次", "Take another lot"), input=Take, on="noun", creates=True, icon="exchange",
    tone="orange", help=L("应先出的批次拿不到时", "Where the lot that is due cannot be had"),
)  # fmt: skip
def take_other_lot(ctx: Context, data: Take) -> tuple[OtherLot, ...]:
    """Let another lot go in place of the one that is due.

    Raises: StepUnknown; NotThisLot for another item, or where no lot was due; LotExpired; HeldLot; NotEnoughStock
            where not so much of it is free
    Writes: the consent with person and reason; allocations, the shipment's line; locks the paper, then stock
    """
    lots = Lot.objects.in_bulk([data.due_lot, data.lot])
    due, lot = lots.get(data.due_lot), lots.get(data.lot)
    if due is None or lot is None or due.pk == lot.pk or due.item_id != lot.item_id:
        raise NotThisLot(lot=lot.number if lot else "—", due=due.number if due else "—")
    found = _shipped(ctx, data, lot) if data.shipment_line else _issued(ctx, data, lot)
    plant = found.demand.plant
    _refuse_expired(lot, plants([plant])[0].day(ctx.now))
    place = data.location or _place(plant, lot, data.due_location)
    stock.reallocate(ctx, found.demand, (due.pk, data.due_location), (lot.pk, place))
    if found.shipment is not None:
        change_lot(found.shipment, data.shipment_line, data.quantity, lot.pk, place)
    made = OtherLot(
        plant_id=plant, item_id=lot.item_id, quantity=data.quantity, due_lot=due, lot=lot, location_id=place,
        work_order_id=found.work_order, shipment=found.shipment, reason=data.reason, person=ctx.person, at=ctx.now,
    )  # fmt: skip
    made.save(force_insert=True)
    return (made,)


def _within(ctx: Context, noun: str) -> Q:
    return access.scope(ctx, registry.noun(noun), f"{NOUN}.take") or Q()


def _issued(ctx: Context, data: Take, lot: Lot) -> _For:
    row = Material.objects.filter(pk=data.material, item=lot.item_id).values_list("work_order", flat=True).first()
    order = locks.lock(WorkOrder, [row], where=_within(ctx, ORDER)).get(row) if row else None
    if order is None or order.state not in AT_WORK:
        raise StepUnknown
    lock_materials([order.pk])
    return _For(Demand(ORDER, data.material, lot.item_id, order.plant_id, data.quantity), work_order=order.pk)


def _shipped(ctx: Context, data: Take, lot: Lot) -> _For:
    row = ShipmentLine.objects.filter(pk=data.shipment_line, item=lot.item_id).first()
    shipment = None
    if row is not None:
        shipment = locks.lock(Shipment, [row.shipment_id], where=_within(ctx, "sales.shipment")).get(row.shipment_id)
        row.refresh_from_db()
    if shipment is None or shipment.state != "draft":
        raise StepUnknown
    if (row.lot_id, row.location_id) != (data.due_lot, data.due_location) or row.quantity < data.quantity:
        raise StepUnknown
    demand = Demand(LINE, row.order_line_id, lot.item_id, shipment.plant_id, data.quantity)
    return _For(demand, shipment=shipment)


def _refuse_expired(lot: Lot, today: date) -> None:
    if lot.expires_on is not None and lot.expires_on < today:
        raise LotExpired(lot=lot.number, day=lot.expires_on)


def _place(plant: UUID, lot: Lot, otherwise: UUID) -> UUID:
    """Give where most of a lot is free; the place that was due where it lies nowhere, for posting to refuse."""
    rows: list[Any] = [
        row for row in stock_rows(plant, [lot.item_id]) if row.lot == lot.pk and row.owner is None and row.kind in FREE
    ]
    best = max(rows, key=lambda row: (row.on_hand - row.allocated, str(row.location)), default=None)
    return best.location if best else otherwise
