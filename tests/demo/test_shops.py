"""The shops of the demo factory: an order in every state that a newcomer should see, and a flow that brought one."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from banyan.demo import rongxi, shops
from banyan.demo.acting import Cast, Silent
from banyan.demo.story import first_day
from banyan.integration.models import Flow, Message, Sample
from banyan.kernel import db, dispatcher, proofs
from banyan.kernel.context import SYSTEM, Context
from banyan.modules.channels.models import ChannelOrder, Listing, Offer, Refund, Shop


def test_each_state_has_an_order_and_a_flow_has_brought_one(live_db, settings, tmp_path):
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    begins = first_day(datetime.now(UTC))
    _, people = rongxi.set_up(Context(SYSTEM, now=begins, through="story", program="story"), Silent())
    cast = Cast(people, begins=begins)
    (plant,) = db.one("SELECT id FROM company_plant ORDER BY code LIMIT 1")
    began = time.perf_counter()
    shops.tell(cast, plant)
    print(f"{time.perf_counter() - began:.2f} s for the shops")
    found = ChannelOrder.objects.values_list("state", "hold", "outside_state", "has_difference")
    assert sorted(found) == sorted([
        ("shipped", "", "paid", False), ("shipped", "", "paid", False), ("shipped", "", "paid", False),
        ("cancelled", "", "paid", False), ("accepted", "", "paid", False), ("accepted", "", "paid", False),
        ("accepted", "", "paid", False), ("accepted", "", "paid", True), ("held", "rule", "paid", False),
        ("held", "remark", "paid", False), ("held", "unmatched", "paid", False), ("held", "price", "paid", False),
        ("held", "no_stock", "paid", False), ("received", "", "placed", False),
    ])  # fmt: skip
    assert (Shop.objects.count(), Listing.objects.filter(item=None).count()) == (3, 1)
    assert Refund.objects.get().state == "asked"
    assert Offer.objects.filter(quantity__gt=0).count() >= 12
    flow, message = Flow.objects.get(), Message.objects.get()
    assert (flow.state, message.state, message.attempts) == ("active", "done", 1)
    assert Sample.objects.get().output["orders"][0]["number"] == "W-1001"
    assert ChannelOrder.objects.get(outside_number="W-1001").state == "accepted"
    dispatcher.wait_until_quiet()
    assert [v.proof.key for v in proofs.run() if not v.is_green] == []
