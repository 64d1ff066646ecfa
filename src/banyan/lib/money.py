"""Sums of money: rounded half up, spread without losing a cent, never mixed between currencies."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

from banyan.lib.errors import Invalid

PLACES = 2
# Wide enough that the product of two numeric(20,6) is exact and a quotient cannot be rounded twice.
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_CURRENCY = re.compile(r"[A-Z]{3}")


class MixedCurrencies(Invalid):
    code = "money.mixed_currencies"
    zh = "不能把 {one} 与 {other} 直接相加或比较"
    en = "{one} and {other} cannot be added or compared"
    way_out_zh = "先按汇率折算成同一币种"
    way_out_en = "Convert them into one currency first"


class TaxSplit(NamedTuple):
    """An amount without tax, its tax, and both together; net + tax = gross to the cent."""

    net: Decimal
    tax: Decimal
    gross: Decimal


def exact(value: Decimal | int) -> Decimal:
    """Give the value as a decimal; floats are refused because they have lost their cents already."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        raise TypeError(f"{value!r} is not an exact number")
    return Decimal(value)


def rounded(value: Decimal | int, places: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Give the value with exactly so many decimal places, at any size a column can hold."""
    return exact(value).quantize(Decimal(1).scaleb(-places), rounding=rounding, context=EXACT)


def round_money(value: Decimal | int, places: int = PLACES) -> Decimal:
    """Give the amount to so many places, a half going away from zero, so that a reversal is exact."""
    return rounded(value, places)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency (ISO 4217). Different currencies are unequal, and never added or ordered."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", exact(self.amount))
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"{self.currency!r} is not a currency code")

    @classmethod
    def total(cls, parts: Iterable["Money"], currency: str) -> "Money":
        """Give the sum of the parts; zero in the currency when there are none."""
        return sum(parts, cls(Decimal(0), currency))

    def rounded(self, places: int = PLACES) -> "Money":
        return Money(round_money(self.amount, places), self.currency)

    def times(self, factor: Decimal | int, places: int = PLACES) -> "Money":
        """Give price times quantity, rounded once at the end."""
        return Money(round_money(EXACT.multiply(self.amount, exact(factor)), places), self.currency)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise MixedCurrencies(one=self.currency, other=other.currency)
        return other.amount

    def __add__(self, other: "Money") -> "Money":
        return Money(EXACT.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(EXACT.subtract(self.amount, self._same(other)), self.currency)

    def __neg__(self) -> "Money":
        return Money(self.amount.copy_negate(), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"


def allocate(
    amount: Decimal | int, weights: Sequence[Decimal | int], places: int = PLACES
) -> tuple[Decimal, ...]:
    """Spread an amount by weights so that the parts add up to it exactly.

    Takes:  amount on the grid of places; weights not negative, not all zero unless the amount is zero
    Gives:  one part per weight, in order, each within one cent of its exact share
    Raises: ValueError for an amount off the grid, a negative weight, or nothing to spread over
    Source: largest remainder (Hamilton); of equal remainders the earlier gets the cent
    """
    units = exact(amount).scaleb(places, context=EXACT)
    if units != units.to_integral_value():
        raise ValueError(f"{amount} has more than {places} decimal places")
    shares = _whole_weights(weights)
    whole = sum(shares)
    if not whole:
        if units:
            raise ValueError("an amount cannot be spread over weights that are all zero")
        return tuple(rounded(0, places) for _ in shares)
    parts = [divmod(abs(int(units)) * share, whole) for share in shares]
    missing = abs(int(units)) - sum(part for part, _ in parts)
    by_remainder = sorted(range(len(parts)), key=lambda at: -parts[at][1])
    lucky = frozenset(by_remainder[:missing])
    sign = -1 if units < 0 else 1
    return tuple(
        Decimal(sign * (part + (at in lucky))).scaleb(-places, context=EXACT)
        for at, (part, _) in enumerate(parts)
    )


def _whole_weights(weights: Sequence[Decimal | int]) -> list[int]:
    """Give the weights as whole numbers in the same proportion."""
    decimals = [exact(weight) for weight in weights]
    if any(weight < 0 for weight in decimals):
        raise ValueError("a weight cannot be negative")
    finest = min((int(weight.as_tuple().exponent) for weight in decimals), default=0)
    return [int(weight.scaleb(-finest, context=EXACT)) for weight in decimals]


def take_value(
    quantity_on_hand: Decimal | int, value_on_hand: Decimal | int, quantity_taken: Decimal | int
) -> Decimal:
    """Give the value that leaves with a quantity: its share, and all that is left with the last piece.

    Takes:  quantities in one unit, 0 < taken ≤ on hand; value on the cent
    Raises: ValueError when more is taken than is there, or nothing
    Source: 3 pieces worth 10.00 leave as 3.33, then 3.34 (6.67 / 2, half up), then 3.33
    """
    on_hand, value, taken = exact(quantity_on_hand), exact(value_on_hand), exact(quantity_taken)
    if not 0 < taken <= on_hand:
        raise ValueError(f"cannot take {taken} of {on_hand}")
    if taken == on_hand:
        return round_money(value)
    return round_money(EXACT.divide(EXACT.multiply(value, taken), on_hand))


def vat(amount: Decimal | int, rate: Decimal, included: bool, places: int = PLACES) -> TaxSplit:
    """Split an amount into net, tax and gross.

    Takes:  rate as a fraction, 0.13 for 13 %; included: the amount contains the tax already
    Raises: ValueError for a rate outside 0 ≤ rate < 1 (most likely a percentage)
    Source: 113.00 with 13 % inside is 100.00 + 13.00; the side that was given is kept to the cent and
            the tax is what lies between
    """
    if not 0 <= exact(rate) < 1:
        raise ValueError(f"{rate} is not a tax rate as a fraction")
    given = round_money(amount, places)
    if included:
        net = round_money(EXACT.divide(given, 1 + rate), places)
        return TaxSplit(net, given - net, given)
    tax = round_money(EXACT.multiply(given, rate), places)
    return TaxSplit(given, tax, given + tax)
