"""Flows of files: a shop's statements that a person saved there, and all of a partner who exchanges EDI.

Each flow goes by an operation of its own name (README): what is read by two flows from one folder, the first would take
from the second. `settings.customer` or `settings.supplier` names the partner by our code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from banyan.integration.connecting import PresetFlow
from banyan.lib.labels import L

PAYLOADS = Path(__file__).parent / "payloads"


def sample_of(name: str) -> Any:
    """Give a payload that comes with the connector."""
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


def _read(name: str, zh: str, en: str, target: str, needs: str) -> PresetFlow:
    return PresetFlow(name, L(zh, en), "poll", name, target, sample_of(name), needs)


def _told(name: str, zh: str, en: str, event: str, *needs: str) -> PresetFlow:
    return PresetFlow(name, L(zh, en), "event", event, name, sample_of(name), " and ".join(needs))


def statement_flows() -> Sequence[PresetFlow]:
    """Give the flow by which a shop's statements come as CSV with the heads of the sample; `settings.shop` is ours."""
    return (PresetFlow(
        "statements", L("结算单文件", "Statements as files"), "poll", "statements", "channels.settlement.receive",
        sample_of("statements"), every=300, is_asked_for=True,
    ),)  # fmt: skip


def edi_flows() -> Sequence[PresetFlow]:
    """Give the flows; what a partner does not exchange is left out by naming the others."""
    return (
        _read("edi_orders", "EDI 客户订单", "EDI: customers' orders", "sales.order.create", 'kind = "order"'),
        _told("edi_answers", "EDI 订单答复", "EDI: answers to orders", "sales.order_confirmed",
              "data.party_code = settings.customer", 'data.customer_reference != ""'),
        _told("edi_despatches", "EDI 发货通知", "EDI: despatch advices", "sales.goods_shipped",
              "data.party_code = settings.customer", '"" not in data.lines.customer_reference'),
        _told("edi_invoices", "EDI 销售发票", "EDI: invoices", "finance.customer_invoiced",
              "data.party = settings.customer", 'data.kind = "invoice"'),
        _told("edi_purchases", "EDI 采购订单", "EDI: our orders", "purchasing.order_placed",
              "data.party_code = settings.supplier"),
        _read("edi_bills", "EDI 采购发票", "EDI: suppliers' invoices", "finance.supplier_invoice.create",
              'kind = "invoice"'),
    )  # fmt: skip
