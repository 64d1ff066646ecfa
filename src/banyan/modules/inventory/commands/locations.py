"""Locations: what is refused before they are written, and those every plant needs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Input, field
from banyan.lib.labels import L
from banyan.modules.company.models import Plant
from banyan.modules.inventory import errors, queries
from banyan.modules.inventory.kinds import OURS, STANDING
from banyan.modules.inventory.models import ItemLocation, Location
from banyan.modules.inventory.values import Standing

NAMES = {
    "supplier": L("供应商", "Suppliers"), "customer": L("客户", "Customers"),
    "production": L("生产", "Production"), "adjustment": L("库存调整", "Adjustments"),
    "scrap": L("报废", "Scrap"), "warehouse": L("仓库", "Warehouse"),
    "inspection": L("待检区", "Inspection"), "rejected": L("不良品区", "Rejected goods"),
}  # fmt: skip


class ForPlant(Input):
    """Which plant."""

    plant: UUID = field("工厂", "Plant", reference="company.plant")


def ensure_standing(ctx: Context, plant: Plant | UUID) -> Standing:
    """Give a plant's standing locations, made where a kind is missing. Writes: locations."""
    if not isinstance(plant, Plant):
        plant = Plant.objects.get(pk=plant)
    known = set(
        Location.objects.filter(plant=plant, kind__in=STANDING, is_active=True).values_list("kind", flat=True)
    )
    Location.objects.bulk_create(
        [
            Location(
                plant=plant, code=f"{plant.code}-{kind.upper()}", name=NAMES[kind].zh, name_en=NAMES[kind].en,
                kind=kind, is_default=True, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
                changed_by_id=ctx.person,
            )
            for kind in STANDING if kind not in known
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return queries.standing(plant.pk)


@command(
    "inventory.location.make_standing", L("建立基本库位", "Make standing locations"), input=ForPlant,
    on="noun", icon="building-warehouse", help=L(
        "为工厂建立供应商、客户、生产、调整、报废、仓库、待检、不良品各一个库位，已有的保留",
        "Makes one location of each kind that documents need; what exists stays",
    ),
)  # fmt: skip
def make_standing(ctx: Context, data: ForPlant) -> None:
    """Make the locations that documents of a plant use. Writes: locations."""
    if not Plant.objects.filter(pk=data.plant).exists():
        raise errors.NoStanding(plant=data.plant)
    ensure_standing(ctx, data.plant)


def prepare_locations(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse loops and parents in other plants, and another plant or kind where stock has moved.

    Raises: LocationLoop, LocationInUse, WrongLocation for a party where none belongs
    """
    for draft in drafts:
        record: Location = draft.record
        stored = getattr(record, "_stored", {})
        if record.party_id and record.kind not in ("subcontractor", "supplier", "customer"):
            raise errors.WrongLocation(location=record.code, kind=record.kind)
        if stored and (stored["plant_id"] != record.plant_id or stored["kind"] != record.kind):
            _refuse_if_used(record)
        if record.parent_id and stored.get("parent_id") != record.parent_id:
            _check_parent(record)


def _refuse_if_used(record: Location) -> None:
    used = db.one(
        "SELECT EXISTS (SELECT FROM inventory_move WHERE source_id = %(l)s OR target_id = %(l)s)",
        {"l": record.pk},
    )
    if used and used[0]:
        raise errors.LocationInUse(location=record.code)


def _check_parent(record: Location) -> None:
    below = set(queries.locations_below(record.pk)) | {record.pk}
    plant = Location.objects.filter(pk=record.parent_id).values_list("plant_id", flat=True).first()
    if record.parent_id in below or (plant is not None and plant != record.plant_id):
        raise errors.LocationLoop(location=record.code)


def prepare_item_locations(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse to put an item away at a far end, or in another plant. Raises: WrongLocation."""
    records: list[ItemLocation] = [draft.record for draft in drafts]
    places = Location.objects.in_bulk([record.location_id for record in records])
    for record in records:
        place = places[record.location_id]
        if place.kind not in OURS or place.plant_id != record.plant_id:
            raise errors.WrongLocation(location=place.code, kind=place.kind)
