"""Quantities: six places, a unit, exact conversion, lot sizes; and the one reading of typed numbers."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Any

from banyan.lib.errors import Invalid
from banyan.lib.money import EXACT, exact, rounded

PLACES = 6
INTEGER_DIGITS = 14
MOST_LOTS = 10_000
# A conversion there and back can be off in the sixth place; that far a count is still the whole number.
PIECE_TOLERANCE = Decimal("0.00001")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_LONGEST = 60


class NotANumber(Invalid):
    code = "number.not_a_number"
    zh = "“{given}”不是数字"
    en = "“{given}” is not a number"


class NumberTooLarge(Invalid):
    code = "number.too_large"
    zh = "{given} 超出范围：整数部分最多 {digits} 位"
    en = "{given} is out of range: at most {digits} digits before the point"


class NumberTooFine(Invalid):
    code = "number.too_fine"
    zh = "{given} 的小数位过多：最多 {places} 位"
    en = "{given} has too many decimal places: at most {places}"


class MixedUnits(Invalid):
    code = "quantity.mixed_units"
    zh = "不能把 {one} 与 {other} 直接相加或比较"
    en = "{one} and {other} cannot be added or compared"
    way_out_zh = "先换算成同一单位"
    way_out_en = "Convert them into one unit first"


class TooManyLots(Invalid):
    code = "quantity.too_many_lots"
    zh = "{net} 按每批 {lot} 会拆成 {count} 批，超过 {most} 批"
    en = "{net} in lots of {lot} makes {count} lots, more than {most}"
    way_out_zh = "检查物料的批量设置"
    way_out_en = "Check the lot sizes of the item"


class Rounding(StrEnum):
    """Which way a quantity goes to its unit: needs go up, what can be promised goes down."""

    NEAREST = "nearest"
    UP = "up"
    DOWN = "down"


_MODES = {Rounding.NEAREST: ROUND_HALF_UP, Rounding.UP: ROUND_CEILING, Rounding.DOWN: ROUND_FLOOR}


class LotRule(StrEnum):
    """How a net requirement becomes lots."""

    LOT_FOR_LOT = "lot_for_lot"
    FIXED = "fixed"


def parse_decimal(
    given: Any, *, places: int = PLACES, integer_digits: int = INTEGER_DIGITS, grouped: bool = False
) -> Decimal:
    """Read a number that a person typed or a program sent; nothing is rounded or guessed.

    Takes:  given: text (full-width digits are read too), int or Decimal; grouped: also "1,234.50", as
            pasted from a spreadsheet
    Gives:  a finite decimal without exponent
    Raises: NotANumber, NumberTooLarge, NumberTooFine; a float is not a number here, it is sent as text
    """
    text = _typed(given)
    if grouped and _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        raise NotANumber(given=str(given)[:_LONGEST])
    number = Decimal(text)
    if not number:
        return Decimal(0)
    # the size is judged by the exponent, so that 1e999 is refused before it is ever written out
    if number.adjusted() >= integer_digits:
        raise NumberTooLarge(given=text, digits=integer_digits)
    if _decimal_places(number) > places:
        raise NumberTooFine(given=text, places=places)
    return Decimal(format(number, "f"))


def _typed(given: Any) -> str:
    if isinstance(given, str):
        return unicodedata.normalize("NFKC", given[: _LONGEST * 2]).strip().replace("−", "-")
    if isinstance(given, (int, Decimal)) and not isinstance(given, bool):
        return str(given) if isinstance(given, Decimal) or abs(given) < 10**_LONGEST else "too long"
    return ""


def _decimal_places(number: Decimal) -> int:
    """Give how many places the number needs, idle zeros not counted."""
    _, digits, exponent = number.as_tuple()
    idle = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(0, -(int(exponent) + idle))


def round_quantity(
    value: Decimal | int, places: int = PLACES, rounding: Rounding = Rounding.NEAREST
) -> Decimal:
    """Give the quantity to so many places; a half goes away from zero, up and down mean more and less.

    Takes:  places: what the unit allows, 0 for a unit counted in pieces
    Gives:  a value within PIECE_TOLERANCE of the grid is taken to be on it, so that 9.999999 pieces, left
            over from a conversion, are ten whichever way one rounds
    """
    nearest = rounded(value, places)
    if places < PLACES and abs(nearest - value) <= PIECE_TOLERANCE:
        return nearest
    return rounded(value, places, _MODES[rounding])


def whole_pieces(value: Decimal | int, rounding: Rounding = Rounding.UP) -> Decimal:
    """Give the number of whole pieces; up unless told, because a part of a piece needs the piece."""
    return round_quantity(value, 0, rounding)


@dataclass(frozen=True, slots=True)
class Conversion:
    """One unit in terms of another, as an exact fraction: a dozen to pieces is 12/1, back is 1/12."""

    factor_num: int
    factor_den: int = 1

    def __post_init__(self) -> None:
        if self.factor_num <= 0 or self.factor_den <= 0:
            raise ValueError(f"{self.factor_num}/{self.factor_den} is not a conversion factor")
        reduced = Fraction(self.factor_num, self.factor_den)
        object.__setattr__(self, "factor_num", reduced.numerator)
        object.__setattr__(self, "factor_den", reduced.denominator)

    @classmethod
    def by(cls, factor: Decimal | int) -> "Conversion":
        """Give the conversion that multiplies by a decimal: `Conversion.by(Decimal("0.45359237"))`."""
        return cls(*exact(factor).as_integer_ratio())

    def convert(
        self, value: Decimal | int, places: int = PLACES, rounding: Rounding = Rounding.NEAREST
    ) -> Decimal:
        """Give the value in the other unit, rounded once at the end."""
        product = EXACT.multiply(exact(value), Decimal(self.factor_num))
        return round_quantity(EXACT.divide(product, Decimal(self.factor_den)), places, rounding)

    def back(self) -> "Conversion":
        """Give the way back."""
        return Conversion(self.factor_den, self.factor_num)

    def then(self, other: "Conversion") -> "Conversion":
        """Give both steps in one, without rounding between."""
        return Conversion(self.factor_num * other.factor_num, self.factor_den * other.factor_den)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a unit, to six places. Different units are unequal, and never added or ordered."""

    number: Decimal
    unit: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", rounded(self.number, PLACES))

    @classmethod
    def total(cls, parts: Iterable["Quantity"], unit: str) -> "Quantity":
        """Give the sum of the parts; zero in the unit when there are none."""
        return sum(parts, cls(Decimal(0), unit))

    def converted(
        self, conversion: Conversion, unit: str, places: int = PLACES, rounding: Rounding = Rounding.NEAREST
    ) -> "Quantity":
        return Quantity(conversion.convert(self.number, places, rounding), unit)

    def _same(self, other: "Quantity") -> Decimal:
        if other.unit != self.unit:
            raise MixedUnits(one=self.unit, other=other.unit)
        return other.number

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.number + self._same(other), self.unit)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.number - self._same(other), self.unit)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.number, self.unit)

    def __lt__(self, other: "Quantity") -> bool:
        return self.number < self._same(other)

    def __le__(self, other: "Quantity") -> bool:
        return self.number <= self._same(other)

    def __gt__(self, other: "Quantity") -> bool:
        return self.number > self._same(other)

    def __ge__(self, other: "Quantity") -> bool:
        return self.number >= self._same(other)

    def __bool__(self) -> bool:
        return bool(self.number)

    def __str__(self) -> str:
        whole, _, part = f"{self.number:,f}".partition(".")
        part = part.rstrip("0")
        return f"{whole}.{part} {self.unit}" if part else f"{whole} {self.unit}"


def lot_sizes(
    net: Decimal | int,
    rule: LotRule = LotRule.LOT_FOR_LOT,
    minimum: Decimal | int = 0,
    multiple: Decimal | int = 0,
    fixed: Decimal | int = 0,
    maximum: Decimal | int = 0,
) -> tuple[Decimal, ...]:
    """Give the lots that together cover a net requirement.

    Takes:  all in one unit; zero for a limit that does not apply.
            lot for lot: one lot, raised to the minimum, then up to the multiple; above the maximum it is
            split into full lots and a last one by the same rule. fixed: lots of just that size
    Gives:  lots in the order to make them; none when nothing is missing
    Raises: ValueError for limits that contradict each other; TooManyLots beyond MOST_LOTS
    """
    net, minimum, multiple, fixed, maximum = map(exact, (net, minimum, multiple, fixed, maximum))
    if net <= 0:
        return ()
    if rule is LotRule.FIXED:
        if fixed <= 0:
            raise ValueError("the fixed lot rule needs a lot size above zero")
        return _equal_lots(net, fixed)
    if not maximum:
        return (_raised(net, minimum, multiple),)
    largest = _multiples(maximum, multiple, ROUND_FLOOR)
    if largest < _raised(minimum, minimum, multiple) or largest <= 0:
        raise ValueError(f"no lot is at least {minimum}, at most {maximum} and a multiple of {multiple}")
    full = _equal_lots(net, largest)
    last = _raised(net - largest * (len(full) - 1), minimum, multiple)
    return (*full[:-1], last)


def _equal_lots(net: Decimal, lot: Decimal) -> tuple[Decimal, ...]:
    count = ceil(EXACT.divide(net, lot))
    if count > MOST_LOTS:
        raise TooManyLots(net=net, lot=lot, count=count, most=MOST_LOTS)
    return (lot,) * count


def _raised(need: Decimal, minimum: Decimal, multiple: Decimal) -> Decimal:
    return _multiples(max(need, minimum), multiple, ROUND_CEILING)


def _multiples(value: Decimal, multiple: Decimal, rounding: str) -> Decimal:
    if not multiple:
        return value
    return EXACT.divide(value, multiple).to_integral_value(rounding) * multiple
