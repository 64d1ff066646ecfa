"""Where a scanned label leads somebody who works at it, and material that is told as used on a temporary card."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from pydantic import Field

from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.kernel.schema import Input, Quantity, Text, field, parse
from banyan.lib.labels import L
from banyan.modules.company.queries import plants
from banyan.modules.equipment.queries import work_centres
from banyan.modules.inventory.kinds import STOPPED
from banyan.modules.inventory.queries import stock_rows
from banyan.modules.production.commands import tell_used
from banyan.modules.production.errors import OperationUnknown
from banyan.modules.production.models import MaterialDebt, Operation
from banyan.modules.station import finding


@answers("production.operation.go")
def operation(ctx: Context, key: UUID) -> str:
    """Give the report page of an operation to a worker; others see its record."""
    return _at_station(ctx, "o", key)


@answers("production.work_order.go")
def work_order(ctx: Context, key: UUID) -> str:
    """Give the report page of an order's next operation to a worker; others see its record."""
    return _at_station(ctx, "w", key)


def _at_station(ctx: Context, short: str, key: UUID) -> str:
    who = ctx.principal
    is_worker = who.employee and who.may("production.work_order.report") and not who.may("production.work_order.change")
    return f"/station/#/go/{short}/{key}" if is_worker else ""


@answers("production.operation.door")
@answers("production.work_order.door")
def station_door(short: str, ref: str) -> str:
    """Give the report page of a label to whoever has not signed in to the product: the station asks who it is."""
    return f"/station/#/go/{short}/{quote(ref)}"


class Used(Input):
    """So much of a scanned lot or item, used at an operation of a temporary card."""

    operation: UUID = field("工序", "Operation")
    code: Annotated[Text, Field(min_length=1, max_length=200)] = field("编码", "Code")
    quantity: Annotated[Quantity, Field(gt=0)] = field("数量", "Quantity")


@answers("station.act.use")
def used(ctx: Context, told: Mapping[str, Any]) -> dict[str, Any]:
    """Issue what was used on a temporary card, maybe without a network a while ago; the same key is the same use.

    Gives:  {text, flags}: a lot on hold, or expired when it was used; more than there was
    Raises: OperationUnknown; MaterialUnknown; what `tell_used` refuses
    """
    said = parse(Used, {name: told["body"].get(name) for name in Used.model_fields})
    row = Operation.objects.filter(pk=said.operation).values_list("work_order", "plant", "work_centre").first()
    if row is None:
        raise OperationUnknown
    order, plant, centre = row
    found = finding.material(ctx, said.code, ())
    line = {"item": found["item_id"], "quantity": said.quantity, "lot": found.get("lot")}
    line["location"] = _line_side(plant, centre, **line)
    more = {"id": told["id"], "operation": said.operation, "moved_at": told["happened_at"]}
    tell_used(ctx, [order], {"lines": [line], **more})
    what = found.get("number") or found["item"]
    text = L("{what} 已记用料", "{what} is booked as used").filled({"what": what})
    return {"text": text, "flags": _flags(found, plant, told)}


def _flags(found: Mapping[str, Any], plant: UUID, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what a leader is to look at in what was used, once it is booked."""
    (place,) = plants([plant])
    flags = {
        "held": found.get("state") in STOPPED,
        "expired": "expires" in found and found["expires"] < place.day(told["happened_at"]),
        "short": MaterialDebt.objects.filter(pk=told["id"]).exists(),
    }
    return tuple(flag for flag, is_so in flags.items() if is_so)


def _line_side(plant: UUID, centre: UUID | None, item: UUID, quantity: Decimal, lot: UUID | None) -> UUID | None:
    """Give the line side of a work centre where all of it lies there; else it comes from the stores."""
    side = work_centres([centre])[centre].line_side if centre else None
    if side is None:
        return None
    rows = stock_rows(plant, [item], locations=[side], lots=[lot] if lot else None)
    there = sum(row.on_hand - row.allocated for row in rows if row.owner is None)
    return side if there >= quantity else None
