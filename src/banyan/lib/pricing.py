"""What a document's line is worth, and what a part of it is worth, for sales, purchases and invoices."""

from collections.abc import Iterable
from decimal import Decimal

from banyan.lib.money import EXACT, PLACES, TaxSplit, exact, round_money, vat


def line_amounts(
    *,
    quantity: Decimal,
    price: Decimal,
    rate_percent: Decimal = Decimal(0),
    included: bool = False,
    discount_percent: Decimal = Decimal(0),
    places: int = PLACES,
) -> TaxSplit:
    """Give a line's net amount, tax and gross amount, rounded once.

    Takes:  price per unit of quantity, with tax inside when included; rate and discount in percent
    Source: 3 × 9.99 less 10 % = 26.973, at 13 % on top: 26.97 + 3.51 = 30.48; the same with 13 % inside:
            26.97 = 23.87 + 3.10
    """
    full = EXACT.multiply(exact(quantity), exact(price))
    paid = EXACT.divide(EXACT.multiply(full, 100 - exact(discount_percent)), Decimal(100))
    return vat(round_money(paid, places), exact(rate_percent) / 100, included, places)


def summed(parts: Iterable[TaxSplit]) -> TaxSplit:
    """Give the amounts of a document: the sums of its lines, so that tax is rounded by line."""
    net = tax = Decimal(0)
    for part in parts:
        net, tax = net + part.net, tax + part.tax
    return TaxSplit(net, tax, net + tax)


def part_amount(
    amount: Decimal, *, whole: Decimal, before: Decimal, part: Decimal, places: int = PLACES
) -> Decimal:
    """Give the amount of a part of a line that is delivered, received or invoiced piece by piece.

    Takes:  whole: the quantity that the amount is for; before: what has gone already; part: may be negative,
            to take back, and may go beyond the whole
    Gives:  what the running total grows by, so that the parts of a line always add up to its amount
    Source: 10.00 for 3 pieces, one by one: 3.33, 3.34, 3.33; taking one back gives -3.33
    """
    if not whole:
        raise ValueError("an amount for no quantity has no parts")

    def running(quantity: Decimal) -> Decimal:
        return round_money(EXACT.divide(EXACT.multiply(exact(amount), exact(quantity)), exact(whole)), places)

    return running(exact(before) + exact(part)) - running(before)
