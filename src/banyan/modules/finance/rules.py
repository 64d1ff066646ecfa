"""Decisions and sums of finance: pure, no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from banyan.lib.money import round_money
from banyan.lib.pricing import part_amount
from banyan.modules.finance.values import Billed, Due, Leg, Paid, Posting, Side

ZERO = Decimal(0)

#: Kinds of location whose content is our stock.
OURS = frozenset(
    {"warehouse", "zone", "bin", "line_side", "inspection", "rejected", "transit", "subcontractor"}
)


def stock_event(
    source_kind: str, target_kind: str, *, is_finished: bool = False, is_opening: bool = False
) -> str | None:
    """Give the posting event of a stock move by where it comes from and goes to; None where no value changes.

    Takes:  is_finished: the moved item is what its work order makes, so production → stock is a completion
    """
    if source_kind in OURS and target_kind in OURS:
        return None
    if target_kind in OURS:
        return {
            "supplier": "purchase_receipt",
            "customer": "customer_return",
            "scrap": "stock_gain",
            "adjustment": "stock_opening" if is_opening else "stock_gain",
            "production": "completion" if is_finished else "material_return",
        }.get(source_kind)
    if source_kind in OURS:
        return {
            "supplier": "purchase_return",
            "customer": "shipment",
            "scrap": "stock_scrap",
            "adjustment": "stock_loss",
            "production": "completion_undone" if is_finished else "material_issue",
        }.get(target_kind)
    return None


#: Events that are posted red (negative on the same sides) by the rule of the event they take back.
RED = {
    "purchase_return": "purchase_receipt",
    "customer_return": "shipment",
    "material_return": "material_issue",
    "completion_undone": "completion",
}


def totals(legs: Iterable[Leg]) -> tuple[Decimal, Decimal]:
    """Give the sums of debit and credit."""
    debit = credit = ZERO
    for leg in legs:
        if leg.side == "debit":
            debit += leg.amount
        else:
            credit += leg.amount
    return debit, credit


def is_balanced(legs: Sequence[Leg]) -> bool:
    debit, credit = totals(legs)
    return debit == credit


def without_nothing(posting: Posting) -> Posting | None:
    """Give the posting without legs of no amount, None when nothing is left."""
    legs = tuple(leg for leg in posting.legs if leg.amount)
    if not legs:
        return None
    return posting if len(legs) == len(posting.legs) else replace(posting, legs=legs)


def signed(side: Side, amount: Decimal) -> Decimal:
    """Give debit as positive, credit as negative."""
    return amount if side == "debit" else -amount


def credit_over(*, limit: Decimal | None, owed: Decimal, on_order: Decimal, amount: Decimal) -> Decimal:
    """Give by how much a new order exceeds a credit limit; zero when it does not, or there is none."""
    if limit is None:
        return ZERO
    return max(ZERO, owed + on_order + amount - limit)


def voucher_groups(entries: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], list[str]]:
    """Give entries grouped into summary vouchers: one per day and event.

    Takes:  (entry key, day, event) in order of posting
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for key, day, event in entries:
        groups.setdefault((day, event), []).append(key)
    return groups


def share(whole: Decimal, done: Decimal, part: Decimal, total: Decimal) -> Decimal:
    """Give the amount of a part of a line, so that the parts of a line always sum up to its amount.

    Takes:  done: the quantity of earlier parts; part may be negative; total: the line's quantity
    """
    return round_money(whole * (done + part) / total) - round_money(whole * done / total)


def paid_of(
    lines: Iterable[tuple[UUID, UUID, Decimal]], dues: Mapping[UUID, Sequence[Due]], open_: Mapping[UUID, Decimal]
) -> tuple[Paid, ...]:
    """Give what the lines of a statement settle, each in the order of what is due for its order.

    Takes:  lines: (item, order, amount), below zero what was given back; dues by order, the oldest first; open_: what
            is open of each invoice, below zero of a credit note
    Gives:  never more than is due of the order nor than is open of the invoice; what is received settles invoices,
            what is given back credit notes
    Source: 100 received, 60 and 30 due: 60 and 30, and 10 of the line are left
    """
    left = dict(open_)
    due_left = {id(due): due.amount for known in dues.values() for due in known}
    found = []
    for item, order, amount in lines:
        sign = 1 if amount > 0 else -1
        for due in dues.get(order, ()):
            part = min(sign * amount, sign * due_left[id(due)], sign * left.get(due.invoice, ZERO))
            if part <= 0:
                continue
            amount -= sign * part
            due_left[id(due)] -= sign * part
            left[due.invoice] -= sign * part
            found.append(Paid(item, due, sign * part))
    return tuple(found)


def credited_of(amount: Decimal, billed: Iterable[Billed]) -> tuple[Billed, ...]:
    """Give what is credited of each item when an amount, tax inside, is given back for all of them.

    Takes:  billed: what is invoiced of each and not credited; amount: no more than that in all
    Gives:  parts by what each comes to, which add up to just the amount and have the tax of what they are of; the
            last credit takes what is left of net and tax to the cent
    Source: 10.00 for 100.00 + 13.00 and 100.00 + 9.00: 4.50 + 0.59 and 4.50 + 0.41
    """
    parts = [one for one in billed if one.gross > 0]
    whole, before, found = sum((one.gross for one in parts), ZERO), ZERO, []
    for one in parts:
        gross = part_amount(amount, whole=whole, before=before, part=one.gross)
        before += one.gross
        tax = part_amount(one.tax, whole=one.gross, before=ZERO, part=gross)
        if gross:
            found.append(replace(one, net=gross - tax, tax=tax))
    return tuple(found)


def not_covered(refunds: Iterable[tuple[str, Decimal]], credited: Decimal) -> tuple[str, ...]:
    """Give the refunds, the oldest first, that what was credited before does not cover whole."""
    found = []
    for number, amount in refunds:
        credited -= amount
        if credited < 0:
            found.append(number)
    return tuple(found)


def price_of(amount: Decimal, quantity: Decimal) -> Decimal:
    """Give the displayed price per unit, six places."""
    return round(amount / quantity, 6)


def cost_share(quantity: Decimal, amount: Decimal, part: Decimal) -> Decimal:
    """Give the value of a part of what stands on an account: all of it with the last piece.

    Takes:  (quantity, amount) standing; part to take, of the same sign as quantity, or of the other to add at its cost
    """
    if not quantity:
        return ZERO
    if part == quantity:
        return amount
    return round_money(amount * part / quantity)
