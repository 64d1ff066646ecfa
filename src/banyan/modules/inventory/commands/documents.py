"""Stock documents: goods moved by hand, posted and reversed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from banyan.kernel import access, db, registry
from banyan.kernel.commands import command, owe_numbers
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.labels import L
from banyan.modules.inventory import errors, queries, rules
from banyan.modules.inventory.commands.lots import Why, make_lots
from banyan.modules.inventory.commands.moves import Posted, post_moves, refuse_missing, reverse_moves
from banyan.modules.inventory.kinds import OURS
from banyan.modules.inventory.models import Location, Move, StockDocument, StockDocumentLine
from banyan.modules.inventory.values import LotWant, MoveIntent, Standing

NOUN = "inventory.stock_document"
ZERO = Decimal(0)


def prepare_documents(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a quantity below zero where nothing is adjusted. Raises: QuantityNotPositive."""
    for draft in drafts:
        for line in draft.lines.get("lines", ()):
            if line.quantity <= 0 and draft.record.kind != "adjustment" or line.quantity == 0:
                raise errors.QuantityNotPositive(item=line.item_id, quantity=line.quantity)


@command(f"{NOUN}.post", L("过账", "Post"), icon="check", tone="green", is_primary=True)
def post_documents(ctx: Context, documents: Sequence[StockDocument]) -> None:
    """Move what the documents say.

    Raises: NothingToPost; ReasonNeeded for anything but a transfer; WrongLocation where the kind of document
            does not join such ends; what post_moves refuses
    Writes: moves by post_moves, lots named by number that are not known yet
    """
    _post(ctx, documents)


def _post(ctx: Context, documents: Sequence[StockDocument]) -> Posted:
    rows = list(
        StockDocumentLine.objects.filter(document__in=[d.pk for d in documents]).order_by("position", "pk")
    )
    by_document = {d.pk: d for d in documents}
    for document in documents:
        if not any(row.document_id == document.pk for row in rows):
            raise errors.NothingToPost()
        if document.kind != "transfer" and not document.reason:
            raise errors.ReasonNeeded()
    lots = _lots(ctx, rows, by_document)
    standing = {plant: queries.standing(plant) for plant in sorted({d.plant_id for d in documents})}
    ends = {row.pk: _ends(row, by_document[row.document_id], standing) for row in rows}
    places = Location.objects.in_bulk({key for pair in ends.values() for key in pair})
    intents = [
        _intent(ctx, row, by_document[row.document_id], ends[row.pk], lots.get(row.pk), places) for row in rows
    ]
    posted = post_moves(ctx, intents)
    refuse_missing(intents, posted)
    for document in documents:
        document.moved_at = document.moved_at or ctx.now
    return posted


def _lots(
    ctx: Context, rows: Sequence[StockDocumentLine], documents: dict[UUID, StockDocument]
) -> dict[UUID, UUID]:
    """Give the lot of each line: the one chosen, or the one of its number, made where it is new."""
    named = [row for row in rows if row.lot_number and not row.lot_id]
    made = make_lots(
        ctx,
        [LotWant(item=r.item_id, number=r.lot_number, origin_noun=NOUN, origin=r.document_id) for r in named],
    )
    return {r.pk: r.lot_id for r in rows if r.lot_id} | {r.pk: m.pk for r, m in zip(named, made, strict=True)}


def _ends(
    row: StockDocumentLine, document: StockDocument, standing: dict[UUID, Standing]
) -> tuple[UUID, UUID]:
    """Give where a line comes from and goes to: its own places, else the document's, else the plant's."""
    usual = standing[document.plant_id]
    source, target = row.source_id or document.source_id, row.target_id or document.target_id
    if document.kind == "adjustment":
        place = target or source or usual.warehouse
        return (usual.adjustment, place) if row.quantity > 0 else (place, usual.adjustment)
    defaults = {
        "receipt": (usual.adjustment, usual.warehouse), "issue": (usual.warehouse, usual.adjustment),
        "transfer": (usual.warehouse, usual.warehouse), "return": (usual.production, usual.warehouse),
    }  # fmt: skip
    first, second = defaults[document.kind]
    return source or first, target or second


def _intent(
    ctx: Context, row: StockDocumentLine, document: StockDocument, ends: tuple[UUID, UUID], lot: UUID | None,
    places: Mapping[UUID, Location],
) -> MoveIntent:  # fmt: skip
    source, target = places[ends[0]], places[ends[1]]
    own = source if source.kind in OURS else target
    if not rules.may_document(document.kind, source.kind, target.kind) or own.plant_id != document.plant_id:
        raise errors.WrongLocation(location=own.code, kind=own.kind)
    return MoveIntent(
        item=row.item_id, lot=lot, owner=document.owner_id, quantity=abs(row.quantity), source=source.pk,
        target=target.pk, origin_noun=NOUN, origin=document.pk, origin_line=row.pk,
        moved_at=document.moved_at, amount=row.amount if source.kind not in OURS else None,
        reason=document.reason, is_fact=ctx.told_at is not None or target.kind in ("scrap", "adjustment"),
    )  # fmt: skip


@command(
    f"{NOUN}.reverse", L("冲销", "Reverse"), input=Why, icon="arrow-back-up", tone="red",
    confirm=L("确定冲销这些库存移动？", "Take these moves back?"),
)  # fmt: skip
def reverse_documents(ctx: Context, documents: Sequence[StockDocument], data: Why) -> None:
    """Take the moves of posted documents back, each with its exact value.

    Raises: NotEnoughStock when the goods are not where they went any more
    Writes: moves that name the first ones
    """
    moves = Move.objects.filter(origin__in=[d.pk for d in documents], reverses=None).order_by(
        "posted_at", "pk"
    )
    reverse_moves(ctx, list(moves.values_list("pk", flat=True)), data.reason)


class Transfer(Input):
    """One item from one place to another."""

    item: UUID = field("物料", "Item", reference="items.item")
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot")
    quantity: Quantity = field("数量", "Quantity", gt=0)
    source: UUID = field("移出库位", "From", reference="inventory.location")
    target: UUID = field("移入库位", "To", reference="inventory.location")
    reason: Text = field("说明", "Note", "", max_length=255)


@command(
    f"{NOUN}.transfer", L("调拨", "Transfer"), input=Transfer, on="noun", creates=True, icon="transfer",
    help=L("扫两个库位，货物即刻移动", "Scan two places, and the goods have moved"),
)  # fmt: skip
def transfer(ctx: Context, data: Transfer) -> StockDocument:
    """Move one item between two of our locations, on a document that is posted at once.

    Told afterwards it is a fact, dated by when it was done.

    Gives:  the document
    Raises: WrongLocation unless both ends are ours; what post_moves refuses
    Writes: a posted document, its move
    """
    reach = access.scope(ctx, registry.noun("inventory.location"), f"{NOUN}.transfer") or Q()
    plant = Location.objects.filter(reach, pk=data.source).values_list("plant_id", flat=True).first()
    if plant is None:
        raise errors.NoSuchLocation(location=data.source)
    document = StockDocument(
        kind="transfer", plant_id=plant, source_id=data.source, target_id=data.target,
        reason=data.reason, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
        changed_by_id=ctx.person, moved_at=ctx.done_at, state="posted",
    )  # fmt: skip
    document.save(force_insert=True)
    db.insert_rows([
        StockDocumentLine(
            document=document, position=1, item_id=data.item, lot_id=data.lot, quantity=data.quantity
        )
    ])  # fmt: skip
    _post(ctx, [document])
    owe_numbers([document])
    return document
