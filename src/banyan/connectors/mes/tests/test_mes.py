"""The pair's mappings over its payloads, and the call as the MES hears it."""

from __future__ import annotations

import json

import pytest

from banyan.connectors.mes.connector import Mes, MesSettings
from banyan.integration import mappings
from banyan.integration.connecting import Failed
from banyan.kernel import registry, schema
from banyan.lib.errors import Invalid, NotFound
from tests.integration.partner import connection, partner
from tests.partners.shops import CONNECTORS
from tests.partners.standing import outgoing

WSDL = (CONNECTORS / "mes" / "payloads" / "mes.wsdl").read_text(encoding="utf-8")
ANSWER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<t:add_work_orderResponse xmlns:t="urn:mes">'
    "<t:add_work_orderResult>MES-1</t:add_work_orderResult></t:add_work_orderResponse></s:Body></s:Envelope>"
)


def payload(name):
    return json.loads((CONNECTORS / "mes" / "payloads" / f"{name}.json").read_text(encoding="utf-8"))


def mapped(name, body):
    return mappings.apply(mappings.frozen({"preset": f"mes.{name}"}), body)


def checked(data):
    """Give the input of the report command as the command reads it."""
    return schema.parse(registry.command("production.work_order.report").input_model(), data)


def test_a_released_order_becomes_what_the_mes_gets():
    assert mapped("work_orders", payload("work_released")) == payload("add_work_order")


def test_a_report_becomes_one_of_ours_that_has_happened():
    data = mapped("reports", payload("report"))
    (report,) = checked(data).reports
    assert (report.kind, int(report.quantity), report.is_offline) == ("good", 12, True)
    assert (str(report.minutes), report.note) == ("26.5", "夜班 3 号机")
    assert report.device_at.isoformat() == "2026-12-18T02:15:00+00:00"
    assert str(report.id) == payload("report")["id"]
    (undo,) = checked(mapped("undone", payload("undone"))).reports
    assert (undo.kind, str(undo.reverses)) == ("undo", payload("report")["id"])


@pytest.mark.parametrize(
    ("change", "words"),
    [({"kind": "DONE"}, "DONE"), ({"quantity": "two"}, "two"), ({"id": None}, "id"), ({"at": "noon"}, "noon")],
)
def test_a_report_that_cannot_be_read_is_refused_with_its_place(change, words):
    with pytest.raises(Failed, match=words) as fault:
        mapped("reports", payload("report") | change)
    assert fault.value.kind == "mapping"


def test_a_negative_quantity_and_a_key_that_is_none_are_refused_by_the_command():
    for change, path in (({"quantity": -1}, "quantity"), ({"operation": "17"}, "operation")):
        with pytest.raises(Invalid) as refusal:
            checked(mapped("reports", payload("report") | change))
        assert [one.rpartition(".")[2] for one in refusal.value.fields] == [path]


def test_the_call_carries_our_messages_name_and_every_step():
    with partner(lambda asked: (200, ANSWER.encode(), "Content-Type: text/xml")) as there:
        link = connection(MesSettings(wsdl=WSDL, address=there.url))
        (operation,) = Mes().describe(link)
        assert (operation.key, operation.samples) == ("add_work_order", (payload("add_work_order"),))
        message = outgoing("add_work_order", payload("add_work_order"))
        assert Mes().send(link, message).reply == "MES-1"
        said = there.asked[0].body.decode()
    assert f"<ns0:message>{message.id}</ns0:message>" in said
    assert said.count("operation>0193a3f0") == 2
    assert "车削" in said


def test_an_unknown_mapping_is_said():
    with pytest.raises(NotFound):
        Mes().mapping("../soap/x")
