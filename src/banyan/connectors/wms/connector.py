"""A WMS that is spoken to by REST, with mappings for the pair: what is to go and to come out, what happened in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from banyan.connectors.platform import FOLDER, mapping_of
from banyan.connectors.reading import json_or_text
from banyan.connectors.rest.connector import Rest
from banyan.connectors.rest.settings import RestOperation, RestSettings, Since
from banyan.integration.connecting import Connection, Operation, PresetFlow, PresetScan, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L, Label

#: Operations that the pair's mappings are made for, each with what it gets or gives.
SAMPLES = {
    "deliveries": "delivery.json", "expected": "expected.json", "deliveries_cancelled": "delivery_cancelled.json",
    "expected_cancelled": "expected_cancelled.json", "shipped": "shipped.json", "received": "received.json",
    "moved": "moved.json",
    "adjusted": "adjusted.json",
}  # fmt: skip


def _told(key: str, zh: str, en: str) -> RestOperation:
    return RestOperation(key=key, zh=zh, en=en, path=f"/{key}")


def _read(key: str, zh: str, en: str, key_path: str) -> RestOperation:
    """Give an operation that is polled. Its id is all that tells messages apart: what comes again is known by it."""
    return RestOperation(
        key=key, zh=zh, en=en, ways=["poll"], method="GET", path=f"/{key}", body=None, id_path="id", version_path="id",
        key_path=key_path, since=Since(parameter="since", path="at"),
    )  # fmt: skip


def _compared(
    name: str, label: Label, tells: tuple[str, str], noun: str, states: str, key: tuple[str, str], at: str
) -> PresetScan:
    """Give a scan of what they say happened. What bears no number on either side cannot be compared."""
    ours, theirs = key
    return PresetScan(
        name, label, *tells, noun, f"plant:in={{place}}&state:in={states}&{ours}:empty=no", key, (at, "at"),
        holds=f'coalesce({theirs}, "") != ""', within=("plant", "company.plant"), operation=name, is_sent_again=False,
    )  # fmt: skip


def _booked(name: str, label: Label, command: str, where: str, quantity: str) -> PresetScan:
    """Give a scan of the stock documents that their messages made, by id and quantity.

    Of the plant that the flow is set to, also what people booked here; else what the WMS's account did.
    """
    return PresetScan(
        name, label, name, f"inventory.stock_document.{command}", "inventory.stock_document",
        f"plant:in={{place}}&{where}", ("message", "id"), ("moved_at", "at"), ("lines.quantity", quantity),
        within=("plant", "company.plant"), made_by="created_by", is_sent_again=False,
    )  # fmt: skip


def _ordered(name: str, label: Label, told: tuple[str, str], cancelled: tuple[str, str]) -> PresetFlow:
    """Give a flow of what becomes binding and what is cancelled of it: the WMS hears both in their order.

    Takes:  told, cancelled: the event, and the operation that has the mapping's name; their samples name the plant,
            party and items of the place, so none is brought
    """
    first, later = (
        PresetFlow(name, label, "event", event, operation, None, mapping=operation)
        for event, operation in (told, cancelled)
    )
    return replace(first, routes=(later,))


class WmsSettings(RestSettings):
    """The WMS's address and who we are. Takes: operations: where its addresses are otherwise"""

    operations: list[RestOperation] = field("操作", "Operations", [
        _told("deliveries", "待出库", "To be shipped"),
        _told("expected", "待入库", "Expected"),
        _told("deliveries_cancelled", "取消出库", "No longer to be shipped"),
        _told("expected_cancelled", "取消入库", "No longer expected"),
        _read("shipped", "已出库", "Shipped", "order"),
        _read("received", "已入库", "Received", "order"),
        _read("moved", "已移库", "Moved", "item"),
        _read("adjusted", "盘点差异", "Adjusted", "plant"),
    ])  # fmt: skip


@connector
class Wms(Rest):
    """A warehouse system by REST; its mappings serve flows of any other transport too."""

    key = "wms"
    label = L("WMS（REST）", "WMS (REST)")
    help = L(
        "待出库与待入库下达，出入库、移库和盘点差异返回",
        "What is to go and to come is told; what happened comes back",
    )
    settings = WmsSettings

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the operations, ours with what they get or give."""
        return tuple(replace(each, samples=each.samples or _samples(each.key)) for each in super().describe(connection))

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flows by which the WMS hears what is to go out and to come in, and what no longer is."""
        return (
            _ordered("outbound", L("待出库及其取消", "To be shipped, and cancelled"),
                     ("sales.order_confirmed", "deliveries"), ("sales.order_cancelled", "deliveries_cancelled")),
            _ordered("inbound", L("待入库及其取消", "Expected, and cancelled"),
                     ("purchasing.order_placed", "expected"), ("purchasing.order_cancelled", "expected_cancelled")),
        )  # fmt: skip

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give what stands in NAME.mapping.json beside the connector. Raises: NotFound."""
        return mapping_of(self.key, name) or super().mapping(name)

    def scans(self) -> Sequence[PresetScan]:
        """Give what went and came against theirs, by waybill and delivery note, in the plant the flow is set to; what
        moved and was counted by the id of its message."""
        return (
            _compared("shipped", L("出库核对", "shipments compared"), ("sales.order_confirmed", "deliveries"),
                      "sales.shipment", "shipped", ("tracking_number", "tracking"), "shipped_at"),
            _compared("received", L("入库核对", "receipts compared"), ("purchasing.order_placed", "expected"),
                      "purchasing.receipt", "arrived,partly_booked,booked", ("delivery_note", "delivery_note"),
                      "arrived_at"),
            _booked("moved", L("移库核对", "moves compared"), "transfer", "kind=transfer&state=posted", "quantity"),
            _booked("adjusted", L("盘点核对", "counts compared"), "create", "kind=adjustment&state:in=draft,posted",
                    "lines[].quantity"),
        )  # fmt: skip


def _samples(key: str) -> tuple[Mapping[str, Any], ...]:
    name = SAMPLES.get(key)
    return (json_or_text((FOLDER / "wms" / "payloads" / name).read_bytes())[1],) if name else ()
