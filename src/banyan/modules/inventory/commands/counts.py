"""Counts: a task, blind figures, a second look where the difference is large, adjustments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, field
from banyan.lib.errors import NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.inventory import errors, queries, rules
from banyan.modules.inventory.commands.moves import post_moves
from banyan.modules.inventory.events import CountPosted
from banyan.modules.inventory.models import Count, CountLine
from banyan.modules.inventory.values import MoveIntent

NOUN = "inventory.count"
ZERO = Decimal(0)


class Found(Input):
    """What was found of one item and lot in one place."""

    item: UUID = field("物料", "Item", reference="items.item")
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot")
    location: UUID = field("库位", "Location", reference="inventory.location")
    owner: UUID | None = field("货主", "Owner", None, reference="parties.party")
    quantity: Quantity = field("数量", "Quantity", ge=0)


class Enter(Input):
    """What was found."""

    found: list[Found] = field("实盘", "Found", min_length=1, max_length=2000)


@command(f"{NOUN}.start", L("开始盘点", "Start"), icon="player-play", is_primary=True)
def start_counts(ctx: Context, counts: Sequence[Count]) -> None:
    """Lay out a line for everything the books know in the count's location and below. Writes: lines."""
    rows = []
    for count in counts:
        places = queries.locations_below(count.location_id)
        for n, row in enumerate(queries.stock_rows(count.plant_id, locations=places), start=1):
            rows.append(
                CountLine(
                    count=count, position=n, item_id=row.item, lot_id=row.lot, location_id=row.location,
                    owner_id=row.owner, expected=row.on_hand,
                )
            )  # fmt: skip
    CountLine.objects.filter(count__in=[c.pk for c in counts]).delete()
    CountLine.objects.bulk_create(rows, batch_size=2000)


@command(
    f"{NOUN}.enter", L("录入实盘", "Enter"), input=Enter, icon="clipboard-check", is_primary=True, is_big=True
)
def enter_counts(ctx: Context, counts: Sequence[Count], data: Enter) -> None:
    """Note what was found, against the books of the moment it was; a second figure for a line is its recount.

    A device that tells it later says when it was (`ctx.device_at`): what has moved since is left out of the books.

    Takes:  found: also what the books do not know there
    Raises: NotFound for a place outside the count's location
    Writes: lines
    """
    for count in counts:
        _enter(ctx, count, data.found)


def _enter(ctx: Context, count: Count, found: Sequence[Found]) -> None:
    places = set(queries.locations_below(count.location_id))
    lines = {
        (line.item_id, line.lot_id, line.location_id, line.owner_id): line
        for line in CountLine.objects.filter(count=count)
    }
    moment = min(ctx.device_at or ctx.now, ctx.now)
    keys = [(one.item, one.lot, one.location, one.owner) for one in found]
    books = _books([(*key, moment) for key in keys])
    changed, new = [], []
    for n, one in enumerate(found):
        key = keys[n]
        if one.location not in places:
            raise NotFound(
                "inventory.not_in_count",
                L("库位不在本次盘点范围内", "The location is not part of this count"),
                {"location": one.location},
            )
        line = lines.get(key)
        if line is None:
            line = CountLine(
                id=new_id(), count=count, position=len(lines) + 1, item_id=one.item, lot_id=one.lot,
                location_id=one.location, owner_id=one.owner,
            )  # fmt: skip
            lines[key] = line
            new.append(line)
        elif line not in new:
            changed.append(line)
        line.expected, line.counted_at = books[n], moment
        if line.counted is None:
            line.counted = one.quantity
        else:
            line.recounted = one.quantity
    CountLine.objects.bulk_create(new)
    CountLine.objects.bulk_update(changed, ["expected", "counted", "recounted", "counted_at"])


_BOOKS = """
    SELECT k.n, coalesce(b.on_hand, 0) - coalesce((
        SELECT sum(CASE WHEN m.target_id = k.location THEN m.quantity ELSE -m.quantity END)
        FROM inventory_move m
        WHERE m.item_id = k.item AND m.posted_at > k.moment AND m.moved_at > k.moment
          AND m.lot_id IS NOT DISTINCT FROM k.lot AND m.owner_id IS NOT DISTINCT FROM k.owner
          AND k.location IN (m.source_id, m.target_id)
    ), 0)
    FROM unnest(%s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[])
         AS k(n, item, lot, location, owner, moment)
    LEFT JOIN inventory_balance b ON b.item_id = k.item AND b.location_id = k.location
         AND b.lot_id IS NOT DISTINCT FROM k.lot AND b.owner_id IS NOT DISTINCT FROM k.owner
"""
#: Of those only where something was told after the moment that had moved before it.
_TOLD_SINCE = """
    WHERE EXISTS (
        SELECT FROM inventory_move m
        WHERE m.item_id = k.item AND m.posted_at > k.moment AND m.moved_at < k.moment
          AND m.lot_id IS NOT DISTINCT FROM k.lot AND m.owner_id IS NOT DISTINCT FROM k.owner
          AND k.location IN (m.source_id, m.target_id))
"""


def _books(
    asked: Sequence[tuple[UUID, UUID | None, UUID, UUID | None, datetime]], where: str = ""
) -> dict[int, Decimal]:
    """Give what was there of item, lot, location and owner at a moment, by all that is told by now.

    Gives:  by place in what is asked; one statement, so that nothing moves in between
    """
    columns = zip(*((n, *one) for n, one in enumerate(asked)), strict=True)
    return dict(db.rows(_BOOKS + where, [*map(list, columns)]))


@command(
    f"{NOUN}.post", L("过账", "Post"), icon="check", tone="green",
    confirm=L("按盘点差异调整库存？", "Adjust stock by the differences?"),
)  # fmt: skip
def post_counts(ctx: Context, counts: Sequence[Count]) -> None:
    """Adjust stock by what was found beyond or below the books of the moment at which it was counted.

    What a device has told only since of before that moment counts among them.

    Raises: NotCounted, RecountNeeded with the lines
    Writes: what the books say now of that moment; adjustment moves by post_moves, that take what was promised
            and is not there from the newest demands; tells CountPosted
    """
    lines = list(CountLine.objects.filter(count__in=[c.pk for c in counts]).order_by("position", "pk"))
    by_count = {count.pk: count for count in counts}
    _check_counted(lines)
    _read_books_again(lines)
    _check_recounted(lines, by_count)
    standing = {plant: queries.standing(plant) for plant in sorted({c.plant_id for c in counts})}
    intents, differences = [], {count.pk: [] for count in counts}
    for line in lines:
        count = by_count[line.count_id]
        difference = rules.found(line.counted, line.recounted) - line.expected
        if difference:
            far = standing[count.plant_id].adjustment
            intents.append(
                MoveIntent(
                    item=line.item_id, lot=line.lot_id, owner=line.owner_id, quantity=abs(difference),
                    source=far if difference > 0 else line.location_id,
                    target=line.location_id if difference > 0 else far, origin_noun=NOUN, origin=count.pk,
                    origin_line=line.pk, is_fact=True, reason=count.note,
                )
            )  # fmt: skip
            differences[count.pk].append((line.item_id, line.lot_id, line.location_id, difference))
    post_moves(ctx, intents)
    tell(*(CountPosted(record=c.pk, plant=c.plant_id, differences=tuple(differences[c.pk])) for c in counts))


def _check_counted(lines: Sequence[CountLine]) -> None:
    waiting = [line.pk for line in lines if line.counted is None]
    if waiting:
        raise errors.NotCounted(count=len(waiting), lines=waiting)


def _read_books_again(lines: Sequence[CountLine]) -> None:
    """Note what the books say by now of the moment at which a line was counted, where they have been told more."""
    if not lines:
        return
    asked = [(ln.item_id, ln.lot_id, ln.location_id, ln.owner_id, ln.counted_at) for ln in lines]
    books = _books(asked, _TOLD_SINCE)
    for n, expected in books.items():
        lines[n].expected = expected
    CountLine.objects.bulk_update([lines[n] for n in books], ["expected"], batch_size=1000)


def _check_recounted(lines: Sequence[CountLine], counts: dict[UUID, Count]) -> None:
    again = [
        line.pk for line in lines
        if line.recounted is None
        and rules.is_over_tolerance(line.expected, line.counted, counts[line.count_id].tolerance_percent)
    ]  # fmt: skip
    if again:
        raise errors.RecountNeeded(count=len(again), lines=again)


@command(f"{NOUN}.cancel", L("取消", "Cancel"), icon="x", tone="red")
def cancel_counts(ctx: Context, counts: Sequence[Count]) -> None:
    """Give up counts that are not posted; nothing was moved."""
