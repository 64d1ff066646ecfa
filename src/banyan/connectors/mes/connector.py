"""An MES or WMS that is called by SOAP, with mappings for the pair: work orders out, reports in by a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from banyan.connectors.platform import FOLDER, mapping_of
from banyan.connectors.reading import json_or_text
from banyan.connectors.soap.connector import Soap
from banyan.connectors.soap.settings import SoapOperation, SoapSettings
from banyan.integration.connecting import Connection, Operation, PresetFlow, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L

#: Operations that the pair's mappings are made for, each with what it gets.
SAMPLES = {
    name: f"{name}.json" for name in ("add_work_order", "change_work_order", "cancel_work_order", "close_work_order")
}


def _told(name: str, zh: str, en: str, event: str, target: str, sample: str, needs: str = "") -> PresetFlow:
    return PresetFlow(name, L(zh, en), "event", f"production.{event}", target, _payload(sample), needs)


def _payload(name: str) -> Any:
    return json_or_text((FOLDER / "mes" / "payloads" / name).read_bytes())[1]


class MesSettings(SoapSettings):
    """The MES's WSDL and who we are; the argument `message` of its operations takes our message's id.

    Takes:  operations: where its operations are named otherwise
    """

    id_field: str = field("消息编号字段", "Field of the message's id", "message")
    operations: list[SoapOperation] = field("操作", "Operations", [
        SoapOperation(key=key) for key in SAMPLES])


@connector
class Mes(Soap):
    """A manufacturing execution or warehouse system: SOAP one way, a queue the other."""

    key = "mes"
    label = L("MES/WMS（SOAP 下达，队列回报）", "MES/WMS (SOAP out, queue back)")
    help = L("工单经 SOAP 下达，报工经队列返回", "Work orders go by SOAP, reports come back by a queue")
    settings = MesSettings

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the WSDL's operations, ours with what they get."""
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

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give what stands in NAME.mapping.json beside the connector. Raises: NotFound."""
        return mapping_of(self.key, name) or super().mapping(name)


def _samples(key: str) -> tuple[Mapping[str, Any], ...]:
    name = SAMPLES.get(key)
    return (_payload(name),) if name else ()
