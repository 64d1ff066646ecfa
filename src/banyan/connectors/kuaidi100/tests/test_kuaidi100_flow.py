"""Tracks by the bus: goods that leave are subscribed to, what is pushed stands beside the shipment, once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from django.db import connection
from django.test import Client

from banyan.integration.models import Message
from banyan.kernel import proofs
from banyan.kernel.models import Comment
from banyan.modules.sales.models import Shipment
from banyan.modules.sales.tests.conftest import Shop
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.partners.shops import form_of
from tests.plugins.world import World

SALT = "a-salt"
CARRIED = {"events": ["sales.goods_shipped", "sales.shipment_tracked"]}


class Tracker:
    """Kuaidi100 as it keeps subscriptions, by carrier and number; the first answer is lost after its effect."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.is_weak = True

    def answer(self, asked):
        given = json.loads(form_of(asked)["param"])
        if asked.path == "/poll/query.do":
            last = samples("kuaidi100", "pushed.json")["lastResult"]
            return last | {"com": given["com"], "nu": given["num"]}
        known = (given["company"], given["number"]) in self.kept
        self.kept[given["company"], given["number"]] = given["parameters"]["callbackurl"]
        if self.is_weak:
            self.is_weak = False
            return 503, {}
        return {"result": not known, "returnCode": "501" if known else "200", "message": ""}

    def push(self, company, number, time, context, state="0"):
        """Push the newest step of a track to where it was subscribed for; give our answer's status."""
        last = {"message": "ok", "state": state, "status": "200", "ischeck": "0", "com": company, "nu": number,
                "data": [{"time": time, "ftime": time, "context": context, "status": "在途"}]}  # fmt: skip
        param = json.dumps({"status": "polling", "billstatus": "got", "message": "", "lastResult": last})
        sign = hashlib.md5((param + SALT).encode()).hexdigest().upper()
        address = urlsplit(self.kept[company, number])
        return Client().post(f"{address.path}?{address.query}", urlencode({"sign": sign, "param": param}),
                             content_type="application/x-www-form-urlencoded").status_code  # fmt: skip


def join(hand, url, carrier):
    settings = {"address": url, "customer": "C", "push_address": "https://erp.example.com/hooks/K100/pushed"}
    system = hand.system("K100", "kuaidi100", settings, {"key": "k", "salt": SALT},
                         account=hand.account("sales.shipment.read"))  # fmt: skip
    hand.do("mapping.key_link.link", system="K100", entity="parties.party", code="shunfeng", record=str(carrier.pk))
    sample = {"subject": "SH1", "data": {"carrier": str(carrier.pk), "tracking_number": "SF1"}}
    goods = dict(direction="out", trigger="event", detail=CARRIED, filter='data.tracking_number != ""', order="free")
    hand.flow(system, "SUBSCRIBED", sample, target="subscribe",
              mapping={"preset": "kuaidi100.subscriptions", "settings": {"phone": "0000"}}, **goods)  # fmt: skip
    hand.flow(
        system, "ASKED", sample, target="track", mapping={"preset": "kuaidi100.queries"},
        reply={"command": {"target": "sales.shipment.comment", "mapping": {"preset": "kuaidi100.tracks"}}}, **goods,
    )  # fmt: skip
    body = samples("kuaidi100", "pushed.json")
    hand.flow(
        system, "PUSHED", body | {"latest": body["lastResult"]["data"][0], "reference": "SH1"}, direction="in",
        trigger="webhook", order="free", detail={"operation": "pushed"}, target="sales.shipment.comment",
        mapping={"preset": "kuaidi100.pushes"},
    )  # fmt: skip


def test_what_a_carrier_tells_stands_beside_the_shipment_once(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    tracker, now = Tracker(), datetime.now(UTC)
    ctx = ctx.with_(now=now)
    world, hand = World(ctx), Integrator(ctx)
    shop, carrier = Shop(world), world.carrier
    stranger = world.party(code="NEW", is_customer=False, is_carrier=True)
    shop.put(world.part, 50)
    with partner(tracker.answer) as there:
        join(hand, there.url, carrier)
        for given in ({"carrier": carrier.pk, "tracking_number": "SF1"}, {"carrier": carrier.pk},
                      {"carrier": stranger.pk, "tracking_number": "N1"}):  # fmt: skip
            world.do("sales.order.ship", shop.confirmed(shop.line(world.part, 2)), **given)
        for _ in range(2):
            now += timedelta(seconds=61)
            carry(now)
        first, later, unknown = Shipment.objects.order_by("created_at", "number")
        assert list(tracker.kept) == [("shunfeng", "SF1")]
        dead = Message.objects.filter(state="dead").values_list("key", "reason").distinct()
        assert [reason for _, reason in dead] == ["mapping"], "a carrier that Kuaidi100 is not told of"
        world.do("sales.shipment.track", later, tracking_number="SF2")
        carry(now + timedelta(seconds=61))
        assert sorted(tracker.kept) == [("shunfeng", "SF1"), ("shunfeng", "SF2")]
        for _ in range(2):
            assert tracker.push("shunfeng", "SF1", "2026-03-05 10:00:00", "[苏州市]已揽收") == 200
        assert tracker.push("shunfeng", "SF2", "2026-03-05 11:00:00", "[杭州市]到达") == 200
        tracker.kept["shunfeng", "SF2"] = tracker.kept["shunfeng", "SF1"]
        assert tracker.push("shunfeng", "SF2", "2026-03-05 12:00:00", "另一票的地址") == 401
        carry(now + timedelta(seconds=61))
    asked = "快递100 2026-03-02 18:40:11 揽收 [苏州市]已揽收"
    assert {one.number: sorted(Comment.objects.filter(record=one.pk).values_list("text", flat=True))
            for one in (first, later, unknown)} == {
        first.number: [asked, "快递100 2026-03-05 10:00:00 在途 [苏州市]已揽收"],
        later.number: [asked, "快递100 2026-03-05 11:00:00 在途 [杭州市]到达"],
        unknown.number: [],
    }  # fmt: skip
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith("integration.")] == []
    connection.close()
