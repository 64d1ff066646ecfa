"""What has happened in finance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class CustomerInvoiced(Event):
    type = "finance.customer_invoiced"
    noun = "finance.customer_invoice"
    party: UUID
    net_amount: Decimal
    tax_amount: Decimal
    gross_amount: Decimal
    lines: tuple[tuple[UUID, Decimal], ...] = ()


@dataclass(frozen=True)
class SupplierInvoiced(Event):
    type = "finance.supplier_invoiced"
    noun = "finance.supplier_invoice"
    party: UUID
    gross_amount: Decimal
    lines: tuple[tuple[UUID, Decimal], ...] = ()


@dataclass(frozen=True)
class Paid(Event):
    type = "finance.paid"
    noun = "finance.payment"
    party: UUID
    direction: str
    amount: Decimal


@dataclass(frozen=True)
class PeriodClosedEvent(Event):
    type = "finance.period_closed"
    noun = "finance.period"
    code: str
    ends_on: date
