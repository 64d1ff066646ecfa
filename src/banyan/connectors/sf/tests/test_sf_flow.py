"""A parcel by the bus: a shipment without a waybill, SF's waybill, its routes beside the shipment; each once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test import Client

from banyan.integration.models import Message
from banyan.kernel import proofs
from banyan.kernel.models import Comment
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.sales.models import Shipment
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.partners.shops import form_of
from tests.plugins.world import World

SENDER = {"sender_contact": "发货员", "sender_phone": "13900000000", "sender_address": "江苏省苏州市工业园区 1 号"}
TOKEN = "a-token-that-only-sf-knows"


class Gateway:
    """SF as it keeps orders: one waybill for an order's number; the first answer is lost after its effect."""

    def __init__(self) -> None:
        self.orders: dict[str, dict] = {}
        self.calls, self.is_weak = 0, True

    def answer(self, asked):
        self.calls += 1
        form = form_of(asked)
        body = json.loads(form["msgData"])
        known = body["orderId"] in self.orders
        data = {"success": True, "errorCode": "S0000", "msgData": self.ordered(body["orderId"])}
        if form["serviceCode"] == "EXP_RECE_CREATE_ORDER":
            if known:
                data = {"success": False, "errorCode": "8016", "errorMsg": "重复下单", "msgData": None}
            self.orders.setdefault(body["orderId"], body)
        if self.is_weak:
            self.is_weak = False
            return 503, {}
        return {"apiErrorMsg": "", "apiResponseID": "1", "apiResultCode": "A1000",
                "apiResultData": json.dumps(data)}  # fmt: skip

    def ordered(self, name):
        return samples("sf", "ordered.json") | {
            "orderId": name, "waybillNoInfoList": [{"waybillType": 1, "waybillNo": f"SF{name[-12:]}"}],
        }  # fmt: skip


def waybill(shipment):
    return f"SF{str(shipment.pk)[-12:]}"


def join(hand, address):
    system = hand.system(
        "SF", "sf", {"address": address, "partner_id": "Y7h"}, {"check_word": "w", "push_token": TOKEN},
        account=hand.account("sales.shipment.track", "sales.shipment.read"),
    )  # fmt: skip
    hand.flow(
        system, "WAYBILLS", samples("sf", "shipment_told.json"), direction="out", trigger="event", target="order",
        detail={"events": ["channels.shipment_told"]},
        filter='data.carrier_code = "SF" and data.tracking_number = "" and not data.is_reversed',
        mapping={"preset": "sf.parcels", "settings": SENDER},
        reply={"command": {"target": "sales.shipment.track", "mapping": {"preset": "sf.waybills"}}},
    )  # fmt: skip
    hand.flow(
        system, "ROUTES", samples("sf", "route.json"), direction="in", trigger="webhook", order="free",
        detail={"operation": "pushed"}, target="sales.shipment.comment", mapping={"preset": "sf.routes"},
    )  # fmt: skip


def pushed(shipment, *steps, token=TOKEN):
    """Let SF push steps of a shipment; give our answer's status and words."""
    made = [{"mailno": waybill(shipment), "acceptAddress": where, "reasonName": "", "orderid": str(shipment.pk),
             "acceptTime": "2026-03-05 10:00:00", "remark": remark, "opCode": "50", "id": name, "reasonCode": ""}
            for name, where, remark in steps]  # fmt: skip
    answer = Client().post(f"/hooks/SF/pushed?token={token}", json.dumps({"Body": {"WaybillRoute": made}}),
                           content_type="application/json")  # fmt: skip
    return answer.status_code, answer.json()["return_code"]


def test_a_parcel_gets_its_waybill_and_its_routes_once(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    gateway, now = Gateway(), datetime.now(UTC)
    ctx = ctx.with_(now=now)
    stall, hand = Stall(World(ctx)), Integrator(ctx)
    carriers = [stall.world.party(code=code, is_customer=False, is_carrier=True) for code in ("SF", "ZTO")]
    shop = stall.shop("S1")
    stall.listing(shop, "A-1", stall.world.part)
    stall.put(stall.world.part, 50)
    with partner(gateway.answer) as there:
        join(hand, f"{there.url}/std/service")
        for carrier in carriers:
            bought = stall.outside(shop, {"quantity": "2"})
            stall.receive(bought)
            stall.do("channels.order.ship", stall.order(shop, bought["number"]), carrier=carrier.pk)
        for _ in range(3):
            now += timedelta(seconds=61)
            carry(now)
        ours, other = (Shipment.objects.get(carrier=carrier) for carrier in carriers)
        [(name, ordered)] = gateway.orders.items()
        assert name == str(ours.pk)
        assert (ours.tracking_number, other.tracking_number) == (waybill(ours), "")
        assert ordered["contactInfoList"][1]["mobile"] == "13800000000"
        assert [one["tracking_number"] for one in stall.told("shipment_told")] == ["", "", waybill(ours)]

        first = ("1", "苏州市", "顺丰速运 已收取快件")
        assert pushed(ours, first) == (200, "0000")
        assert pushed(ours, first, ("2", "杭州市", "快件到达")) == (200, "0000")
        assert pushed(ours, ("3", "", "伪造"), token="guessed") == (401, "1000")
        carry(now)
    said = Comment.objects.filter(record=ours.pk).order_by("text").values_list("text", flat=True)
    assert list(said) == [
        "顺丰 2026-03-05 10:00:00 杭州市 快件到达",
        "顺丰 2026-03-05 10:00:00 苏州市 顺丰速运 已收取快件",
    ]
    assert set(Message.objects.values_list("flow__code", "state")) == {
        ("WAYBILLS", "done"), ("WAYBILLS", "filtered"), ("ROUTES", "done"),
    }  # fmt: skip
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith("integration.")] == []
    connection.close()
