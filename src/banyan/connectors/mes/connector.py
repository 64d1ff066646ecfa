"""An MES or WMS that is called by SOAP, with mappings for the pair: work orders out, reports in by a queue.

What the queue brought it lists by time too, for the nightly scan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from banyan.connectors.platform import FOLDER, mapping_of
from banyan.connectors.reading import json_or_text
from banyan.connectors.rest.settings import Paging, Since
from banyan.connectors.soap.connector import Soap
from banyan.connectors.soap.settings import SoapOperation, SoapSettings
from banyan.integration.connecting import Connection, Operation, PresetFlow, PresetScan, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L, Label

#: Operations that the pair's mappings are made for, each with what it gets.
SAMPLES = {
    name: f"{name}.json" for name in ("add_work_order", "change_work_order", "cancel_work_order", "close_work_order")
}
#: Operations that list what the queue brought, each with one of that.
LISTS = {"list_reports": "report.json", "list_undone": "undone.json"}


def _told(name: str, zh: str, en: str, event: str, target: str, sample: str, needs: str = "") -> PresetFlow:
    return PresetFlow(name, L(zh, en), "event", f"production.{event}", target, _payload(sample), needs)


def _payload(name: str) -> Any:
    return json_or_text((FOLDER / "mes" / "payloads" / name).read_bytes())[1]


def _listed(name: str) -> SoapOperation:
    """Give an operation that lists what was told by the queue since a time, the oldest first."""
    return SoapOperation(
        key=name, ways=["poll"], arguments={}, id_path="id", version_path="id", key_path="id",
        since=Since(parameter="since", path="at", is_sorted=True), paging=Paging(size_parameter="limit", size=1000),
    )  # fmt: skip


def _compared(
    name: str, label: Label, where: str, operation: str, at: tuple[str, str], amount: tuple[str, str] = ("", "")
) -> PresetScan:
    """Give a scan of what the account of the queue reported, by the reports' own keys."""
    return PresetScan(
        name, label, "production.work_released", "add_work_order", "production.report", where, ("id", "id"), at, amount,
        made_by="person", operation=operation, brought_by=f"mes-{name}", is_sent_again=False,
    )  # fmt: skip


class MesSettings(SoapSettings):
    """The MES's WSDL and who we are; the argument `message` of its operations takes our message's id.

    Takes:  operations: where its operations are named otherwise
    """

    id_field: str = field("消息编号字段", "Field of the message's id", "message")
    operations: list[SoapOperation] = field("操作", "Operations", [
        *(SoapOperation(key=key) for key in SAMPLES),
        *(_listed(key) for key in LISTS)])


@connector
class Mes(Soap):
    """A manufacturing execution or warehouse system: SOAP one way, a queue the other."""

    key = "mes"
    label = L("MES/WMS（SOAP 下达，队列回报）", "MES/WMS (SOAP out, queue back)")
    help = L("工单经 SOAP 下达，报工经队列返回", "Work orders go by SOAP, reports come back by a queue")
    settings = MesSettings

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the WSDL's operations, ours with what they get or list."""
        return tuple(
            Operation(each.key, each.label, each.ways, each.input, each.output, _samples(each.key))
            for each in super().describe(connection)
        )

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flow by which the MES hears of orders from their release to their end, in their order.

        Gives:  beside it, made by their names only, a flow for each part, whose orders may overtake one another
        """
        parts = (
            _told("work_orders", "下达工单", "Work orders", "work_released", "add_work_order", "work_released.json"),
            _told("changes", "工单更改", "Changed work orders", "work_changed", "change_work_order",
                  "work_changed.json"),
            _told("cancellations", "工单取消", "Cancelled work orders", "work_order_cancelled", "cancel_work_order",
                  "work_cancelled.json", "data.was_released"),
            _told("closings", "工单关闭", "Closed work orders", "work_order_closed", "close_work_order",
                  "work_closed.json"),
        )  # fmt: skip
        first, *later = parts
        whole = replace(first, name="orders", label=L("工单下达、更改、取消、关闭", "Work orders, from release to end"),
                        mapping=first.name, routes=tuple(later))  # fmt: skip
        return (whole, *(replace(one, is_asked_for=True) for one in parts))

    def scans(self) -> Sequence[PresetScan]:
        """Give the comparison of what was reported, and taken back, with what the MES lists, where its WSDL can."""
        return (
            _compared("reports", L("报工核对", "reports compared"), "kind:ne=undo", "list_reports", ("device_at", "at"),
                      ("quantity", "quantity")),
            _compared("undone", L("撤销核对", "reports taken back compared"), "kind=undo", "list_undone",
                      ("device_at", "at")),
        )  # fmt: skip

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give what stands in NAME.mapping.json beside the connector. Raises: NotFound."""
        return mapping_of(self.key, name) or super().mapping(name)


def _samples(key: str) -> tuple[Mapping[str, Any], ...]:
    name = SAMPLES.get(key) or LISTS.get(key)
    return (_payload(name),) if name else ()
