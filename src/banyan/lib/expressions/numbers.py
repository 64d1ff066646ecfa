"""The numbers of the language: fixed point, so that a browser counts the same with whole numbers alone.

Twelve places after the point, twenty digits before it; every operation rounds a half away from zero.
"""

from decimal import Decimal

from banyan.lib.money import EXACT, rounded

PLACES = 12
LIMIT = Decimal(10) ** 20


class OutOfRange(ArithmeticError):
    """The number has more than twenty digits before the point."""


def fitted(number: Decimal | int) -> Decimal:
    """Give the number on the grid."""
    number = Decimal(number)
    if not number:
        return Decimal(0)
    # by the exponent first, so that 1E+999 is refused before it is ever written out
    if number.adjusted() >= LIMIT.adjusted():
        raise OutOfRange
    if int(number.as_tuple().exponent) < -PLACES:
        number = rounded(number, PLACES)
    if number.copy_abs() >= LIMIT:
        raise OutOfRange
    return number


def calculated(operator: str, left: Decimal, right: Decimal) -> Decimal:
    """Give left operator right; the remainder has the sign of left.

    Raises: ZeroDivisionError, OutOfRange
    """
    if operator in "/%" and not right:
        raise ZeroDivisionError
    return fitted(_OPERATIONS[operator](left, right))


_OPERATIONS = {
    "+": EXACT.add,
    "-": EXACT.subtract,
    "*": EXACT.multiply,
    "/": EXACT.divide,
    "%": EXACT.remainder,
}
