"""Frozen values of finance: what is to be posted, and what a balance is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

Side = Literal["debit", "credit"]


@dataclass(frozen=True, slots=True)
class Leg:
    """A line to be posted; a negative amount is red on the same side."""

    account: UUID
    side: Side
    amount: Decimal
    party: UUID | None = None
    item: UUID | None = None
    work_order: UUID | None = None
    department: UUID | None = None
    employee: UUID | None = None
    plant: UUID | None = None
    quantity: Decimal | None = None
    origin_line: UUID | None = None
    currency: UUID | None = None
    currency_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """An entry to be written; legs of no amount are left out, an entry of none is not written.

    Takes:  person: whose act it is, where that is not who runs the command
    """

    event: str
    on: date
    origin_noun: str
    origin: UUID
    legs: tuple[Leg, ...]
    text: str = ""
    reverses: UUID | None = None
    person: UUID | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What of an order stands open on an invoice, below zero on a credit note; no order for an invoice by reference."""

    invoice: UUID
    order: UUID | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Paid:
    """So much of a statement's line settles what is due."""

    item: UUID
    due: Due
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Billed:
    """What of an item at a tax code is invoiced, or is to be credited of it."""

    item: UUID | None
    tax_code: UUID
    net: Decimal
    tax: Decimal

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a shop's order was given back without goods, in the books: all its parts that ship from one plant.

    Takes:  order: a part of it; due: what is to be credited, never below zero; left: what is invoiced of it and not
            credited, goods that came back taken off; invoices: those that bill it; refunds: those that earlier
            credits do not cover
    """

    order: UUID
    number: str
    party: UUID
    plant: UUID
    currency: UUID
    due: Decimal
    left: Decimal
    billed: tuple[Billed, ...]
    invoices: tuple[UUID, ...]
    refunds: tuple[str, ...]

    @property
    def is_too_much(self) -> bool:
        return self.due > self.left


@dataclass(frozen=True, slots=True)
class TrialRow:
    """An account in a trial balance: opening, turnover and closing; opening and closing are debit minus credit."""

    account: UUID
    code: str
    name: str
    name_en: str
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal
