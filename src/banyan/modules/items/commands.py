"""What people do with items besides writing them down, and what is refused before they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.nouns import Draft
from banyan.kernel.registry import port
from banyan.lib.graph import find_cycle
from banyan.lib.labels import L
from banyan.modules.items.errors import CategoryLoop, InUse
from banyan.modules.items.events import ItemActivated, ItemDeactivated
from banyan.modules.items.models import Category, Item, ItemPlant

#: Which of the items have stock moves: answered by the module that keeps them, none when nobody does.
moved_items = port("items.moved", lambda ids: frozenset[UUID]())
_FIXED_ONCE_MOVED = {"unit": L("库存单位", "stock unit"), "tracking": L("追溯方式", "tracking")}


@command("items.item.deactivate", L("停用", "Deactivate"), icon="archive", tone="orange")
def deactivate_items(ctx: Context, items: Sequence[Item]) -> None:
    """Take items out of use; their records and stock stay. Writes: the items; tells ItemDeactivated."""
    for item in items:
        item.is_active = False
    tell(*(ItemDeactivated(record=item.pk) for item in items))


@command("items.item.activate", L("启用", "Activate"), icon="archive-off", tone="green")
def activate_items(ctx: Context, items: Sequence[Item]) -> None:
    """Bring items back into use. Writes: the items; tells ItemActivated."""
    for item in items:
        item.is_active = True
    tell(*(ItemActivated(record=item.pk) for item in items))


def set_standard_costs(ctx: Context, plant_id: UUID, costs: Mapping[UUID, Decimal]) -> tuple[ItemPlant, ...]:
    """Set what a stock unit of items costs by standard; inside the command that has worked it out.

    Gives:  the planning data that changed or was made
    Writes: planning data of the items at the plant, made where there is none; locks it by key
    """
    keys = ItemPlant.objects.filter(plant=plant_id, item__in=list(costs)).values_list("pk", flat=True)
    known = lock(ItemPlant, keys).values()
    changed = [one for one in known if one.standard_cost != costs[one.item_id]]
    for one in changed:
        one.standard_cost = costs[one.item_id]
    save(ctx, changed)
    new = sorted(set(costs) - {one.item_id for one in known})
    made = [ItemPlant(item_id=item, plant_id=plant_id, standard_cost=costs[item]) for item in new]
    ItemPlant.objects.bulk_create(made)
    return (*changed, *made)


def prepare_items(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Keep unit and tracking of items that have moved, because their ledgers are counted in them.

    Raises: InUse
    """
    changed = [
        (draft.record, key)
        for draft in drafts
        for key in _FIXED_ONCE_MOVED
        if key in draft.given and _differs(draft.record, key)
    ]
    moved = moved_items([record.pk for record, _ in changed]) if changed else ()
    for record, key in changed:
        if record.pk in moved:
            raise InUse(item=record.code, field=_FIXED_ONCE_MOVED[key])


def _differs(record: Item, key: str) -> bool:
    stored, column = getattr(record, "_stored", None), Item._meta.get_field(key).attname
    return stored is not None and stored[column] != getattr(record, column)


def prepare_categories(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a circle of parents. Raises: CategoryLoop with the codes along it."""
    if not any("parent" in draft.given for draft in drafts):
        return
    rows = {
        key: (code, parent) for key, code, parent in Category.objects.values_list("id", "code", "parent_id")
    }
    rows |= {d.record.pk: (d.record.code, d.record.parent_id) for d in drafts}
    circle = find_cycle((parent, key) for key, (_, parent) in rows.items() if parent)
    if circle:
        raise CategoryLoop(path=" → ".join(rows[key][0] for key in circle))
