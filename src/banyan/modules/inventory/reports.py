"""What people ask of stock: what is free of it, what was made of a lot, and where that has gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from banyan.kernel import db, registry
from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.records import titles
from banyan.kernel.schema import Input, field
from banyan.kernel.spec import Choice
from banyan.lib.labels import L
from banyan.modules.inventory import queries
from banyan.modules.inventory.kinds import FREE, STOPPED


class OfLot(Input):
    """Which lot."""

    lot: UUID = field("批次", "Lot", reference="inventory.lot")


class TraceOf(OfLot):
    """Which lot, and which way."""

    direction: Literal["down", "up"] = field(
        "方向", "Direction", "down",
        choices=(
            Choice("down", L("向下：用到哪里", "Down: where it went")),
            Choice("up", L("向上：由什么做成", "Up: what it is made of")),
        ),
    )  # fmt: skip


class AtPlant(Input):
    """Which plant; all of them when empty."""

    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")


class Within(AtPlant):
    """How many days ahead."""

    days: int = field("天数", "Days", 30, ge=0, le=3650)


@query(
    "inventory.trace", L("批次追溯", "Trace of a lot"), input=TraceOf, icon="binary-tree",
    columns=(
        column("lot", "批次", "Lot"), column("depth", "层", "Level", "integer"),
        column("item", "物料", "Item"),
        column("state", "状态", "State"), column("quantity", "数量", "Quantity", "quantity"),
        column("through", "经由批次", "Through lot"), column("document", "单据", "Document"),
    ),
)  # fmt: skip
def trace(ctx: Context, data: TraceOf) -> Iterator[dict[str, Any]]:
    """Give all lots that were made of a lot, or that it was made of; a row opens the lot."""
    steps = queries.trace([data.lot], data.direction).steps
    items = titles("items.item", [step.item for step in steps])
    lots = _numbers([step.through for step in steps])
    documents = _documents(ctx, ((step.origin_noun, step.origin) for step in steps))
    states = {one.key: one.label for one in registry.noun("inventory.lot").spec.life.states}
    for step in steps:
        yield {
            "depth": step.depth, "lot": step.number, "item": items.get(step.item, ""),
            "state": states[step.state].in_(ctx.language),
            "quantity": step.quantity, "through": lots.get(step.through, ""),
            "document": documents.get(step.origin, ""), "_noun": "inventory.lot", "_id": step.lot,
        }  # fmt: skip


@query(
    "inventory.stock_summary", L("库存总览", "Stock by item"), input=AtPlant, icon="stack-2",
    columns=(
        column("item", "物料", "Item"), column("on_hand", "现存量", "On hand", "quantity"),
        column("in_stores", "其中在库", "Of it in stores", "quantity"),
        column("stopped", "其中冻结", "Of it held", "quantity"),
        column("allocated", "已分配", "Allocated", "quantity"),
        column("promised", "已占用", "Promised", "quantity"), column("free", "可用", "Free", "quantity"),
        column("amount", "金额", "Amount", "money", summed=True),
    ),
)  # fmt: skip
def stock_summary(ctx: Context, data: AtPlant) -> Iterator[dict[str, Any]]:
    """Give our own stock by item with what is free of it; the amount for those who may see values."""
    rows = db.rows(
        """
        SELECT b.item_id, sum(b.on_hand), sum(b.on_hand) FILTER (WHERE b.kind = ANY(%(free)s)),
               sum(b.on_hand) FILTER (WHERE l.state = ANY(%(stopped)s)), sum(b.allocated),
               min(s.promised), min(s.available - s.promised), min(v.amount)
        FROM inventory_balance b
        LEFT JOIN inventory_lot l ON l.id = b.lot_id
        LEFT JOIN (
            SELECT item_id, sum(available) AS available, sum(promised) AS promised FROM inventory_supply
            WHERE %(plant)s::uuid IS NULL OR plant_id = %(plant)s GROUP BY item_id
        ) s ON s.item_id = b.item_id
        LEFT JOIN (
            SELECT item_id, sum(amount) AS amount FROM inventory_stockvalue
            WHERE %(plant)s::uuid IS NULL OR plant_id = %(plant)s GROUP BY item_id
        ) v ON v.item_id = b.item_id
        JOIN items_item i ON i.id = b.item_id
        WHERE b.owner_id IS NULL AND b.on_hand > 0 AND (%(plant)s::uuid IS NULL OR b.plant_id = %(plant)s)
        GROUP BY b.item_id, i.code ORDER BY i.code
        """,
        {"plant": data.plant, "free": list(FREE), "stopped": list(STOPPED)},
    )
    items = titles("items.item", [row[0] for row in rows])
    sees_value = ctx.may("inventory.stock_value.read")
    for item, on_hand, in_stores, stopped, allocated, promised, free, amount in rows:
        yield {
            "item": items.get(item, ""), "on_hand": on_hand, "in_stores": in_stores or 0,
            "stopped": stopped or 0, "allocated": allocated, "promised": promised, "free": free,
            "amount": amount if sees_value else None, "_noun": "items.item", "_id": item,
        }  # fmt: skip


@query(
    "inventory.expiring", L("临期批次", "Lots about to expire"), input=Within, icon="hourglass",
    columns=(
        column("expires_on", "有效期至", "Expires on", "date"), column("lot", "批次", "Lot"),
        column("item", "物料", "Item"), column("place", "库位", "Location"),
        column("quantity", "数量", "Quantity", "quantity"),
    ),
)  # fmt: skip
def expiring(ctx: Context, data: Within) -> Iterator[dict[str, Any]]:
    """Give what lies of lots that have expired or soon will, the most urgent first; a row opens the lot."""
    rows = db.rows(
        "SELECT l.expires_on, l.number, l.item_id, p.code, b.on_hand, l.id FROM inventory_balance b "
        "JOIN inventory_lot l ON l.id = b.lot_id JOIN inventory_location p ON p.id = b.location_id "
        "WHERE b.on_hand > 0 AND l.expires_on <= %(last)s "
        "AND (%(plant)s::uuid IS NULL OR b.plant_id = %(plant)s) ORDER BY l.expires_on, l.number, p.code",
        {"last": ctx.now.date() + timedelta(days=data.days), "plant": data.plant},
    )
    items = titles("items.item", [row[2] for row in rows])
    for expires_on, number, item, place, quantity, key in rows:
        yield {
            "expires_on": expires_on, "lot": number, "item": items.get(item, ""), "place": place,
            "quantity": quantity, "_noun": "inventory.lot", "_id": key,
        }  # fmt: skip


def _numbers(lots: Iterable[UUID]) -> dict[UUID, str]:
    return dict(db.rows("SELECT id, number FROM inventory_lot WHERE id = ANY(%s)", [list(set(lots))]))


def _documents(ctx: Context, origins: Iterable[tuple[str, UUID]]) -> dict[UUID, str]:
    """Give the names of the documents that stock moved for; one statement per noun."""
    wanted: dict[str, set[UUID]] = {}
    for noun, key in origins:
        wanted.setdefault(noun, set()).add(key)
    named: dict[UUID, str] = {}
    for noun, keys in wanted.items():
        if registry.has_noun(noun):
            label = registry.noun(noun).spec.label.in_(ctx.language)
            named |= {key: f"{label} {title}".strip() for key, title in titles(noun, list(keys)).items()}
    return named
