"""Figures: what a list or a question comes to in one number, for the cards of a home page. Each opens its rows.

    figure("sales.late", L("逾期订单", "Late orders"), noun="sales.order", tone="red",
           where="state:in=confirmed,partly_shipped&wanted_on:lt={today}")          # a number of records

    figure("inventory.value", L("库存金额", "Stock value"), noun="inventory.stock_value", sums=("amount",))

    @measured("finance.cash", L("现金", "Cash"), permission="finance.account.read")
    def cash(ctx, days): return Measure(Decimal(12), "money", path="/finance/accounts")

Those of lists are declared data alone, and take one statement together; a measured one takes those of its
function. Which figures a person sees first is said by the roles (`Role.cards`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from django.db.models import Count, DecimalField, F, Sum, Value
from django.db.models.fields import CharField

from banyan.kernel import reading, registry
from banyan.kernel.access import may_see
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.reading import Query
from banyan.kernel.spec import FieldType, Tone
from banyan.lib.labels import Label

_DECIMAL = DecimalField(max_digits=30, decimal_places=6)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a figure comes to: the number, what kind it is, more in words, and the page that shows its rows."""

    value: Decimal | int
    type: FieldType = "integer"
    path: str = ""
    note: Label | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """The days that figures speak of, as the person's plant has them."""

    today: date
    zone: ZoneInfo

    @property
    def week(self) -> date:
        return self.today + timedelta(days=7)

    @property
    def days30(self) -> date:
        return self.today + timedelta(days=30)

    @property
    def month(self) -> date:
        return self.today.replace(day=1)

    @property
    def midnight(self) -> datetime:
        """Give the instant at which today began."""
        return datetime.combine(self.today, time(), self.zone)

    def fill(self, text: str) -> str:
        """Give a condition with its days: `{today}`, `{week}` and so on."""
        names = ("today", "week", "days30", "month", "midnight")
        return text.format(**{name: getattr(self, name).isoformat() for name in names}).replace("+", "%2B")


@dataclass(frozen=True)
class Figure:
    """A declared figure.

    Takes:  where: filters of the noun's list; `{today}` and the like are filled in (`Days`); sums: fields that
            are added up, with a minus before those taken off, the number of records when empty; tone: the colour
            of a number above zero
    """

    key: str
    label: Label
    noun: str = ""
    where: str = ""
    sums: tuple[str, ...] = ()
    tone: Tone = "grey"
    icon: str = ""
    permission: str = ""
    function: Callable[[Context, Days], Measure | None] | None = None


_figures: dict[str, Figure] = {}


def figure(key: str, label: Label, **words: Any) -> None:
    """Declare the figure of a list; the words are the attributes of `Figure`."""
    _figures[key] = Figure(key, label, **words)


def measured(key: str, label: Label, **words: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a figure that a function (ctx, days) measures, None where there is nothing to say."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _figures[key] = Figure(key, label, function=function, **words)
        return function

    return register


def figures() -> Mapping[str, Figure]:
    """Give all figures by key."""
    return _figures


def may_measure(ctx: Context, one: Figure) -> bool:
    """Say whether a figure exists for a person: the right to its rows, and to the fields it adds up."""
    if not one.noun:
        return ctx.may(one.permission)
    if not registry.has_noun(one.noun):
        return False
    spec = registry.noun(one.noun).spec
    fields = [spec.field(key.lstrip("-")) for key in one.sums]
    return ctx.may(one.permission or spec.permission("read")) and all(may_see(ctx, f) for f in fields)


def measure(ctx: Context, keys: Iterable[str], days: Days) -> dict[str, Measure]:
    """Give what figures come to for a person, by key; those that do not exist for the person are left out.

    Gives:  one statement for all that are of lists, and those of the measured ones
    """
    wanted = [one for key in keys if (one := _figures.get(key)) and may_measure(ctx, one)]
    found = _measure_lists(ctx, [one for one in wanted if one.noun], days)
    for one in wanted:
        if one.function and (measure := one.function(ctx, days)):
            found[one.key] = measure
    return {one.key: found[one.key] for one in wanted if one.key in found}


def _measure_lists(ctx: Context, wanted: list[Figure], days: Days) -> dict[str, Measure]:
    if not wanted:
        return {}
    parts = [_part(ctx, registry.noun(one.noun), one, days) for one in wanted]
    rows = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    numbers = {key: (count, total) for key, count, total in rows}
    return {one.key: _measure(one, *numbers.get(one.key, (0, None)), days) for one in wanted}


def _part(ctx: Context, noun: Noun, one: Figure, days: Days) -> Any:
    filters = tuple((*name.split(":", 1), value) for name, value in parse_qsl(days.fill(one.where)))
    rows = reading.matching(ctx, noun, Query(filters=filters)).order_by()
    total: Any = Value(Decimal(0), output_field=_DECIMAL)
    if one.sums:
        total = reduce(operator.add, (_signed(noun, key) for key in one.sums))
        total = Sum(total, output_field=_DECIMAL)
    key = Value(one.key, output_field=CharField())
    return rows.values(figure=key).annotate(n=Count("pk"), total=total).values_list("figure", "n", "total")


def _signed(noun: Noun, key: str) -> Any:
    column = F(noun.spec.field(key.lstrip("-")).column)
    return -column if key.startswith("-") else column


def _measure(one: Figure, count: int, total: Decimal | None, days: Days) -> Measure:
    where = days.fill(one.where)
    path = f"/{registry.noun(one.noun).spec.path}?{where or 'all=1'}"
    if not one.sums:
        return Measure(count, path=path)
    kind = registry.noun(one.noun).spec.field(one.sums[0].lstrip("-")).type
    return Measure(total or Decimal(0), kind, path)
