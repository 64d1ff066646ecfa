"""Recalling a lot: held with what was made of it, customers told one by one, released again, closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import OfferedOn, command, take_numbers, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.models import Lot
from banyan.modules.inventory.values import Trace
from banyan.modules.parties.queries import parties_by_id
from banyan.modules.trace import queries
from banyan.modules.trace.errors import CustomersNotTold, NotACustomerOfIt, NothingHeld, NotReached, RecalledAlready
from banyan.modules.trace.events import CustomerTold, RecallBegun, RecallClosed
from banyan.modules.trace.models import MOST_LEVELS, Recall, RecallCustomer, RecallLot

NOUN = "trace.recall"
NAMED = 3


class Begin(Input):
    """Which lot, why, and how far down."""

    lot: UUID = field("批次", "Lot", reference="inventory.lot")
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")
    levels: Annotated[int, Field(ge=0, le=MOST_LEVELS)] = field(
        "向下层数", "Levels down", MOST_LEVELS,
        help=L("0 只冻结本批，1 连同直接用它做出的，20 为全部", "0: this lot only; 1: what was made of it; 20: all"),
    )  # fmt: skip


@command(
    "trace.recall.begin", L("全部冻结并召回", "Hold all and recall"), input=Begin, on="noun", creates=True, icon="lock",
    tone="red", is_at_hand=True, offered_on=(OfferedOn("inventory.lot", "lot"),),
    help=L("冻结这个批次和用它做出的批次，并列出要通知的客户",
           "Holds the lot with what was made of it, and lists the customers to be told"),
)  # fmt: skip
def begin_recall(ctx: Context, data: Begin) -> tuple[Recall, ...]:
    """Hold a lot with what was made of it, from this moment on, and note whom to tell.

    Raises: RecalledAlready, NotFound for a lot that does not exist or lies beyond the person's plants
    Writes: recall, lots as a hold does; locks lots, then balances and supply; tells RecallBegun, LotHeld
    """
    lot = Lot.objects.filter(pk=data.lot).first()
    if lot is None:
        raise Invalid(fields={"lot": L("没有此批次", "no such lot")})
    plant = queries.plant_of(lot.pk) or ctx.plant or next(iter(ctx.principal.plants), None)
    if ctx.principal.reach(f"{NOUN}.begin") in ("team", "plant") and plant not in ctx.principal.plants:
        raise NotFound
    if Recall.objects.filter(lot=lot, state="open").exists():
        raise RecalledAlready
    stopped, found = stock.hold_all(ctx, [lot.pk], data.reason, data.levels)
    period = ctx.now.strftime("%y%m")
    recall = Recall(
        id=new_id(), number=f"RC{period}-{take_numbers(NOUN, period, 1):04}", lot=lot, item_id=lot.item_id,
        plant_id=plant, reason=data.reason, levels=data.levels, is_cut=found.is_cut and data.levels == MOST_LEVELS,
        created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip
    db.insert_rows([recall])
    _note_lots(recall, lot.pk, stopped, found)
    told = _note_customers(recall)
    tell(RecallBegun(
        record=recall.pk, lot=lot.pk, reason=data.reason, held=tuple(one.pk for one in stopped), customers=told,
    ))  # fmt: skip
    return (recall,)


def _note_lots(recall: Recall, first: UUID, stopped: Sequence[Lot], found: Trace) -> int:
    """Note the lots that a recall has reached and has not noted yet; give how many."""
    depths = {first: 0} | {step.lot: step.depth for step in found.steps}
    known = set(recall.lots.values_list("lot_id", flat=True))
    fresh, by_it = [key for key in depths if key not in known], {lot.pk for lot in stopped}
    db.insert_rows([
        RecallLot(recall=recall, position=n, lot_id=key, depth=depths[key], was_stopped=key not in by_it)
        for n, key in enumerate(fresh, start=len(known))
    ])  # fmt: skip
    held_again = [key for key in by_it if key in known]
    if held_again:
        recall.lots.filter(lot__in=held_again).update(released_at=None, was_stopped=False)
    return len(fresh)


def _note_customers(recall: Recall) -> tuple[UUID, ...]:
    """Note who has got pieces of the lots; who got more since is to be told again. Give the new ones."""
    lots = list(recall.lots.values_list("lot_id", flat=True))
    known = {row.party_id: row for row in recall.customers.all()}
    fresh, changed = [], []
    for place, one in enumerate(queries.shipped_to(lots)):
        facts = dict(shipments=one.shipments, last_shipped_on=one.last_on, quantity=one.quantity)
        row = known.get(one.party)
        if row is None:
            fresh.append(RecallCustomer(recall=recall, position=place, party_id=one.party, **facts))
        elif (row.shipments, row.quantity) != (one.shipments, one.quantity):
            for name, value in facts.items():
                setattr(row, name, value)
            row.told_at = row.told_by_id = None
            changed.append(row)
    db.insert_rows(fresh)
    db.update_rows(changed, ["shipments", "last_shipped_on", "quantity", "told_at", "told_by_id"])
    return tuple(row.party_id for row in fresh)


def _one(recalls: Sequence[Recall]) -> Recall:
    if len(recalls) != 1:
        raise Invalid("trace.one_recall", L("一次只能处理一张召回单", "Take one recall at a time"))
    return recalls[0]


@command("trace.recall.again", L("重新追溯", "Trace again"), icon="refresh")
def trace_again(ctx: Context, recalls: Sequence[Recall]) -> Label:
    """Hold what has been made of the lots since, and note customers that have come to light.

    Writes: as `begin_recall`
    """
    recall = _one(recalls)
    stopped, found = stock.hold_all(ctx, [recall.lot_id], recall.reason, recall.levels)
    recall.is_cut = found.is_cut and recall.levels == MOST_LEVELS
    lots, customers = _note_lots(recall, recall.lot_id, stopped, found), len(_note_customers(recall))
    return L("新增 {lots} 个批次、{customers} 个客户", "{lots} more lots, {customers} more customers").filled(
        {"lots": lots, "customers": customers}
    )


class Tell(Input):
    """Who was told, and how."""

    party: UUID = field("客户", "Customer", reference="parties.party", only="is_customer")
    note: Annotated[Text, Field(max_length=255)] = field(
        "说明", "Note", "", help=L("例如：电话告知，约定退回", "For instance: by telephone, goods come back")
    )
    told_at: Instant | None = field("通知时间", "Told at", None, help=L("空为现在", "Empty: now"))


@command("trace.recall.tell", L("登记已通知", "Tick off as told"), input=Tell, icon="phone-call", tone="green",
         is_primary=True, is_at_hand=True)  # fmt: skip
def tell_customer(ctx: Context, recalls: Sequence[Recall], data: Tell) -> None:
    """Note that a customer has been told, by whom, when and how. Raises: NotACustomerOfIt. Tells CustomerTold"""
    recall = _one(recalls)
    told_at = min(data.told_at or ctx.now, ctx.now)
    done = recall.customers.filter(party=data.party).update(
        told_at=told_at, told_by_id=ctx.person, note=data.note
    )  # fmt: skip
    if not done:
        raise NotACustomerOfIt(fields={"party": L("不在这张召回单上", "not on this recall")})
    tell(CustomerTold(record=recall.pk, party=data.party))


class Release(Input):
    """Which lots are let go, and why."""

    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")
    lots: Annotated[list[UUID], Field(max_length=2_000)] = field(
        "批次", "Lots", default_factory=list, reference="inventory.lot",
        help=L("空为这张召回单冻结的全部批次", "Empty: all that this recall has held"),
    )  # fmt: skip


@command("trace.recall.release", L("解冻", "Release"), input=Release, icon="lock-open", tone="orange")
def release_recalled(ctx: Context, recalls: Sequence[Recall], data: Release) -> Label:
    """Let lots that the recall has held be used again; what was held before it, or is rejected, stays as it is.

    Raises: NothingHeld, NotReached
    Writes: lots as a release does; tells LotReleased
    """
    recall = _one(recalls)
    rows = recall.lots.filter(was_stopped=False, released_at=None)
    mine = set(rows.values_list("lot_id", flat=True))
    if set(data.lots) - mine:
        raise NotReached(fields={"lots": L("不是由这张召回单冻结的", "not held by this recall")})
    held = list(Lot.objects.filter(pk__in=data.lots or mine, state="held").values_list("pk", flat=True))
    if not held:
        raise NothingHeld(recall=recall.number)
    stock.release_lots(ctx, held, {"reason": data.reason})
    rows.filter(lot__in=held).update(released_at=ctx.now)
    return L("已解冻 {count} 个批次", "{count} lots released").filled({"count": len(held)})


class Close(Input):
    """What came of it."""

    conclusion: Annotated[Text, Field(min_length=1, max_length=500)] = field("结论", "Conclusion")


@command("trace.recall.close", L("关闭", "Close"), input=Close, icon="check", tone="green")
def close_recalls(ctx: Context, recalls: Sequence[Recall], data: Close) -> None:
    """Close recalls whose customers have all been told; what is held stays so. Raises: CustomersNotTold"""
    for recall in recalls:
        left = list(recall.customers.filter(told_at=None).values_list("party_id", flat=True))
        if left:
            names = [one.name for one in parties_by_id(left[:NAMED]).values()]
            raise CustomersNotTold(recall=recall.number, count=len(left), names=names)
        recall.conclusion, recall.closed_at = data.conclusion, ctx.now
        tell(RecallClosed(record=recall.pk, conclusion=data.conclusion))
