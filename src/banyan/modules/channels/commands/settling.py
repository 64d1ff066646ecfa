"""What shops pay out, order by order: against what we expect, and what they keep."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.channels import queries, rules
from banyan.modules.channels.errors import NoSuchShop, NotAllMatched, SettledAlready, SumsDiffer
from banyan.modules.channels.events import StatementSettled
from banyan.modules.channels.inputs import ReceiveSettlement
from banyan.modules.channels.models import ChannelOrder, Settlement, SettlementLine, Shop
from banyan.modules.channels.rules import SettledLine

ZERO = Decimal(0)


@command("channels.settlement.receive", L("导入结算单", "Import a statement"), input=ReceiveSettlement, on="noun",
         icon="file-import", creates=True)  # fmt: skip
def receive_settlement(ctx: Context, data: ReceiveSettlement) -> Settlement:
    """Take a shop's statement in and match its lines by outside number; the same one again changes nothing.

    Raises: NoSuchShop; SumsDiffer when its lines do not add up to it; SettledAlready when it came otherwise before
    Writes: the statement and its lines
    """
    shop = queries.shops_by_code([data.shop]).get(data.shop)
    if shop is None:
        raise NoSuchShop(shop=data.shop)
    total = sum((line.amount for line in data.lines), ZERO)
    if data.total_amount is not None and data.total_amount != total:
        raise SumsDiffer(total=data.total_amount, lines=total)
    one = Settlement(
        id=new_id(), shop_id=shop.pk, outside_number=data.number, settled_on=data.settled_on, total_amount=total,
        note=data.note, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip
    rows = [
        SettlementLine(settlement_id=one.pk, position=n, kind=line.kind, outside_number=line.order, fee=line.fee,
                       amount=line.amount)
        for n, line in enumerate(data.lines, start=1)
    ]  # fmt: skip
    db.insert_rows([one], ignore_conflicts=True)
    stored = Settlement.objects.get(shop=shop.pk, outside_number=data.number)
    if stored.pk != one.pk:
        return _same(stored, rows)
    _match(one, rows)
    db.insert_rows(rows)
    db.update_rows([one], ["unmatched", "difference_amount"])
    return one


def _same(stored: Settlement, rows: Sequence[SettlementLine]) -> Settlement:
    """Give the statement that came before when it says the same. Raises: SettledAlready."""
    names = ("kind", "outside_number", "fee", "amount")
    known = list(SettlementLine.objects.filter(settlement=stored.pk).order_by("position").values_list(*names))
    if known != [tuple(getattr(row, name) for name in names) for row in rows]:
        raise SettledAlready(number=stored.outside_number)
    return stored


@command("channels.settlement.match", L("重新匹配", "Match again"), icon="refresh")
def match_settlements(ctx: Context, settlements: Sequence[Settlement]) -> None:
    """Match the lines of statements again, after orders have come or changed. Writes: the lines."""
    for one in settlements:
        rows = list(SettlementLine.objects.filter(settlement=one.pk).order_by("position"))
        _match(one, rows)
        db.update_rows(rows, ["channel_order_id", "difference"])


@command("channels.settlement.settle", L("核对完成", "Settle"), icon="check", tone="green", is_primary=True)
def settle_statements(ctx: Context, settlements: Sequence[Settlement]) -> None:
    """Close statements that have been looked at.

    Raises: NotAllMatched, to be consented to, where lines have no order or amounts differ
    Writes: the statements; tells StatementSettled
    """
    shops = Shop.objects.in_bulk({one.shop_id for one in settlements})
    for one in settlements:
        if (one.unmatched or one.difference_amount) and NotAllMatched.code not in ctx.consents:
            raise NotAllMatched(unmatched=one.unmatched, difference=one.difference_amount)
        sums: dict[str, Decimal] = {}
        for kind, amount in SettlementLine.objects.filter(settlement=one.pk).values_list("kind", "amount"):
            sums[kind] = sums.get(kind, ZERO) + amount
        shop = shops[one.shop_id]
        tell(
            StatementSettled(
                record=one.pk, shop=shop.code, system=shop.system, platform=shop.platform,
                outside_number=one.outside_number, currency=shop.currency_id, party=shop.party_id,
                total_amount=one.total_amount, difference_amount=one.difference_amount,
                amounts=tuple(sorted(sums.items())),
            )
        )  # fmt: skip


def _match(one: Settlement, rows: Sequence[SettlementLine]) -> None:
    """Set on lines their orders and differences, and on the statement what is left over."""
    numbers = {row.outside_number for row in rows if row.outside_number}
    parts = queries.parts_of((one.shop_id, number) for number in numbers)
    orders = ChannelOrder.objects.in_bulk([key for keys in parts.values() for key in keys])
    whole: dict[str, UUID] = {}
    expected: dict[UUID, tuple[Decimal, Decimal]] = {}
    for (_, number), keys in parts.items():
        mine = [orders[key] for key in keys]
        whole[number] = keys[0]
        expected[keys[0]] = (
            sum((part.total_amount for part in mine), ZERO), sum((part.refunded_amount for part in mine), ZERO)
        )  # fmt: skip
    for row in rows:
        row.channel_order_id = whole.get(row.outside_number)
    differences = rules.settled_differences(
        [SettledLine(row.kind, row.channel_order_id, row.amount) for row in rows], expected
    )
    for row, difference in zip(rows, differences, strict=True):
        row.difference = difference
    one.difference_amount = sum(differences, ZERO)
    one.unmatched = sum(row.channel_order_id is None and row.kind in ("order", "refund") for row in rows)
