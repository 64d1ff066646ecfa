"""What has happened in finance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class InvoicedLine:
    """A line of an invoice as others need it: codes, and amounts that add up to the invoice's.

    Takes:  order_number: of the order that it bills, ours; order_reference: the same as the other side calls it;
            unit: code of the item's stock unit
    """

    order_line: UUID | None
    item: str
    text: str
    quantity: Decimal
    price: Decimal
    tax_code: str
    net_amount: Decimal
    tax_amount: Decimal
    unit: str
    order_number: str
    order_reference: str


@dataclass(frozen=True)
class _Invoiced(Event):
    """An invoice was posted, or a posted one taken back whole: then quantities and amounts are the opposite ones.

    Takes:  kind: invoice or credit (red); party: its code; what others keep books of stands here in whole
    """

    event_version = 3

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
    """An invoice to a customer was posted."""

    type = "finance.customer_invoiced"
    noun = "finance.customer_invoice"
    label = L("销售发票已记账", "Customer invoice posted")
    help = L(
        "`kind` 为 `invoice`（发票）或 `credit`（红字）；内容完整，其他账套无须再查",
        "`kind` is `invoice` or `credit` (red); all that other books need is in it",
    )


@dataclass(frozen=True)
class CustomerInvoiceReversed(_Invoiced):
    """A posted invoice to a customer was taken back."""

    type = "finance.customer_invoice_reversed"
    noun = "finance.customer_invoice"
    label = L("销售发票已冲销", "Customer invoice reversed")
    help = L(
        "已记账的发票整张冲销；数量和金额取相反数",
        "A posted invoice was taken back whole; quantities and amounts are the opposite ones",
    )


@dataclass(frozen=True)
class SupplierInvoiced(_Invoiced):
    """A supplier's invoice was posted."""

    type = "finance.supplier_invoiced"
    noun = "finance.supplier_invoice"
    label = L("采购发票已记账", "Supplier invoice posted")
    help = L(
        "`kind` 为 `invoice`（发票）或 `credit`（红字）；内容完整，其他账套无须再查",
        "`kind` is `invoice` or `credit` (red); all that other books need is in it",
    )


@dataclass(frozen=True)
class SupplierInvoiceReversed(_Invoiced):
    """A supplier's posted invoice was taken back."""

    type = "finance.supplier_invoice_reversed"
    noun = "finance.supplier_invoice"
    label = L("采购发票已冲销", "Supplier invoice reversed")
    help = L(
        "已记账的发票整张冲销；数量和金额取相反数",
        "A posted invoice was taken back whole; quantities and amounts are the opposite ones",
    )


@dataclass(frozen=True)
class Paid(Event):
    """A payment was posted."""

    type = "finance.paid"
    noun = "finance.payment"
    label = L("收付款已记账", "Payment posted")
    help = L(
        "`direction` 为 `in`（收款）、`out`（付款）或 `back`（退款）",
        "`direction` is `in` (received), `out` (paid) or `back` (paid back)",
    )
    party: UUID
    direction: str
    amount: Decimal


@dataclass(frozen=True)
class VoucherLine:
    """What a voucher puts on one side of an account, apart by the dimensions that the account keeps.

    Takes:  debit or credit: the amount, red ones negative; the other one is None;
            customer, supplier, department, employee: codes, empty where the account keeps none
    """

    account: str
    account_name: str
    debit: Decimal | None
    credit: Decimal | None
    customer: str
    supplier: str
    department: str
    employee: str


@dataclass(frozen=True)
class VoucherChecked(Event):
    """A summary voucher was checked and is final.

    Takes:  no: its number within word and period (2026-03); text: what it sums up, as the books say it;
            amount: of its debits; lines: debits first, by account; what cancels out has none
    """

    type = "finance.voucher_checked"
    noun = "finance.voucher"
    label = L("凭证已审核", "Voucher checked")
    help = L(
        "汇总凭证从此不变；`lines` 按科目、方向和辅助核算汇总，`debit` 与 `credit` 只有一个，红字为负",
        "The summary voucher is final; `lines` are sums by account, side and dimensions, with either `debit` or "
        "`credit`, red ones negative",
    )

    word: str
    no: int
    period: str
    on: date
    event: str
    text: str
    entries: int
    amount: Decimal
    lines: tuple[VoucherLine, ...]


@dataclass(frozen=True)
class PeriodClosedEvent(Event):
    """A period of the books was closed."""

    type = "finance.period_closed"
    noun = "finance.period"
    label = L("会计期间已结账", "Period closed")
    help = L("`ends_on` 为期间最后一天", "`ends_on` is the last day of the period")
    code: str
    ends_on: date
