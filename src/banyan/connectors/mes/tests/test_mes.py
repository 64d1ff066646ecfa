"""The pair's mappings over its payloads, and the call as the MES hears it."""

from __future__ import annotations

import json

import pytest

from banyan.connectors.mes.connector import SAMPLES, Mes, MesSettings
from banyan.integration import conditions, mappings
from banyan.integration.connecting import Failed
from banyan.integration.models import Flow, Sample
from banyan.integration.plans import plan_of
from banyan.kernel import registry, schema
from banyan.lib.errors import Invalid, NotFound
from tests.integration.partner import connection, partner
from tests.integration.shop import Integrator
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


@pytest.mark.parametrize(("flow", "event", "operation"), [
    ("changes", "work_changed", "change_work_order"), ("cancellations", "work_cancelled", "cancel_work_order"),
    ("closings", "work_closed", "close_work_order"),
])  # fmt: skip
def test_what_became_of_an_order_is_told_in_the_words_of_the_wsdl(flow, event, operation):
    assert mapped(flow, payload(event)) == payload(operation)
    with partner(lambda asked: (200, ANSWER.replace("add_", f"{operation.partition('_')[0]}_").encode(),
                                "Content-Type: text/xml")) as there:  # fmt: skip
        link = connection(MesSettings(wsdl=WSDL, address=there.url))
        assert Mes().send(link, outgoing(operation, payload(operation))).reply == "MES-1"
        assert payload(operation)["number"] in there.asked[0].body.decode()


@pytest.mark.django_db
def test_the_flows_pass_their_samples_and_a_planned_order_is_none_of_the_mes(ctx):
    hand = Integrator(ctx)
    system = hand.system("MES", "mes", {"wsdl": WSDL, "address": "http://127.0.0.1:1"}, {}, account=hand.account())
    parts = ["work_orders", "changes", "cancellations", "closings"]
    hand.do("integration.flow.add_presets", system=str(system), names=parts)
    flows = Flow.objects.values_list("pk", flat=True)
    assert len(flows) == 4
    hand.do("integration.flow.test", *flows)
    hand.do("integration.flow.activate", *flows)
    told = payload("work_cancelled")
    (cancelled,) = [flow for flow in Mes().presets() if flow.name == "cancellations"]
    assert conditions.is_true(cancelled.filter, told)
    assert not conditions.is_true(cancelled.filter, told | {"data": told["data"] | {"was_released": False}})


@pytest.mark.django_db
def test_one_flow_tells_the_mes_of_all_that_happens_to_an_order_by_its_routes(ctx):
    hand = Integrator(ctx)
    system = hand.system("MES", "mes", {"wsdl": WSDL, "address": "http://127.0.0.1:1"}, {}, account=hand.account())
    (flow,) = hand.do("integration.flow.add_presets", system=str(system)).value
    assert (flow.code, flow.target, flow.order) == ("MES-orders", "add_work_order", "strict")
    assert {route["events"][0]: (route["target"], route.get("filter")) for route in flow.detail["routes"]} == {
        "production.work_changed": ("change_work_order", None),
        "production.work_order_cancelled": ("cancel_work_order", "data.was_released"),
        "production.work_order_closed": ("close_work_order", None),
    }
    outputs = dict(Sample.objects.filter(flow=flow).values_list("name", "output"))
    assert outputs == {name: payload(operation) for name, operation in (
        ("orders", "add_work_order"), ("changes", "change_work_order"), ("cancellations", "cancel_work_order"),
        ("closings", "close_work_order"))}  # fmt: skip
    hand.do("integration.flow.test", flow.pk)
    hand.do("integration.flow.activate", flow.pk)
    assert set(flow.detail["events"]) == set(plan_of(flow.pk).routes) | {"production.work_released"}


def test_a_report_becomes_one_of_ours_that_has_happened():
    data = mapped("reports", payload("report"))
    (report,) = checked(data).reports
    assert (report.kind, int(report.quantity), report.is_offline) == ("good", 12, True)
    assert (str(report.minutes), report.note) == ("26.5", "夜班 3 号机")
    assert report.device_at.isoformat() == "2026-12-18T02:15:00+00:00"
    assert str(report.id) == payload("report")["id"]
    (undo,) = checked(mapped("undone", payload("undone"))).reports
    assert (undo.kind, str(undo.reverses)) == ("undo", payload("report")["id"])
    assert undo.device_at.isoformat() == "2026-12-18T02:40:00+00:00"
    assert mapped("undone", {"id": "1", "report": "2"})["reports"][0].get("device_at") is None


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
        found = {operation.key: operation.samples for operation in Mes().describe(link)}
        listed = {"list_reports": (payload("report"),), "list_undone": (payload("undone"),)}
        assert found == {key: (payload(key),) for key in SAMPLES} | listed
        message = outgoing("add_work_order", payload("add_work_order"))
        assert Mes().send(link, message).reply == "MES-1"
        said = there.asked[0].body.decode()
    assert f"<ns0:message>{message.id}</ns0:message>" in said
    assert said.count("operation>0193a3f0") == 2
    assert "车削" in said


def test_an_unknown_mapping_is_said():
    with pytest.raises(NotFound):
        Mes().mapping("../soap/x")
