"""What has happened in finance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class InvoicedLine:
    """A line of an invoice as others need it: codes, and amounts that add up to the invoice's."""

    order_line: UUID | None
    item: str
    text: str
    quantity: Decimal
    price: Decimal
    tax_code: str
    net_amount: Decimal
    tax_amount: Decimal


@dataclass(frozen=True)
class _Invoiced(Event):
    """An invoice was posted, or a posted one taken back whole: then quantities and amounts are the opposite ones.

    Takes:  kind: invoice or credit (red); party: its code; what others keep books of stands here in whole
    """

    event_version = 2

    kind: str
    party: str
    party_name: str
    invoiced_on: date
    due_on: date | None
    currency: str
    reference: str
    net_amount: Decimal
    tax_amount: Decimal
    gross_amount: Decimal
    lines: tuple[InvoicedLine, ...]


@dataclass(frozen=True)
class CustomerInvoiced(_Invoiced):
    type = "finance.customer_invoiced"
    noun = "finance.customer_invoice"


@dataclass(frozen=True)
class CustomerInvoiceReversed(_Invoiced):
    type = "finance.customer_invoice_reversed"
    noun = "finance.customer_invoice"


@dataclass(frozen=True)
class SupplierInvoiced(_Invoiced):
    type = "finance.supplier_invoiced"
    noun = "finance.supplier_invoice"


@dataclass(frozen=True)
class SupplierInvoiceReversed(_Invoiced):
    type = "finance.supplier_invoice_reversed"
    noun = "finance.supplier_invoice"


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
