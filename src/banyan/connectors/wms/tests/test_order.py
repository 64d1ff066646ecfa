"""What is cancelled is told behind what it cancels, by one flow with routes, though the WMS was away in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from banyan.integration.commands.flows import definition_of
from banyan.integration.models import Message, System
from banyan.integration.trying import outcome_of
from banyan.integration.watch import defaults
from banyan.integration.watch.models import Scan
from banyan.kernel import proofs
from banyan.modules.purchasing.tests.conftest import Yard
from banyan.modules.sales.tests.conftest import Shop
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.plugins.world import World

#: By preset flow, real events of each of its ways.
EVENTS = {
    "WMS-outbound": ("order_confirmed.json", "order_cancelled.json"),
    "WMS-inbound": ("order_placed.json", "purchase_cancelled.json"),
}


class Away:
    """A WMS that answers each address for the first time with 503: what it was told of is not booked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.booked: list[tuple[str, str]] = []

    def answer(self, asked):
        is_first = asked.path not in self.asked
        self.asked.append(asked.path)
        if is_first:
            return 503, {"error": "restarting"}
        self.booked.append((asked.path, asked.json["number"]))
        return {"ok": True}


@pytest.fixture
def joined(live_db, ctx, settings, tmp_path):
    """Give a plant whose WMS is told by the preset flows, and that WMS."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    wms, world = Away(), World(ctx.with_(now=datetime.now(UTC)))
    hand = Integrator(world.ctx)
    with partner(wms.answer) as there:
        system = hand.system("WMS", "wms", {"address": there.url}, {}, account=hand.account())
        flows = hand.do("integration.flow.add_presets", system=str(system), settings={"plant": "P1"}).value
        for flow in flows:
            for name in EVENTS[flow.code]:
                event = samples("wms", name)
                event["data"] |= {"party": str(world.customer.pk), "plant": str(world.plant.pk)}
                for line in event["data"]["lines"]:
                    line["item"] = str(world.product.pk)
                output = outcome_of(definition_of(flow), event, "WMS").value
                hand.do("integration.sample.create", records=[
                    dict(flow=str(flow.pk), name=name, input=event, output=output)])  # fmt: skip
        hand.do("integration.flow.test", *(flow.pk for flow in flows))
        hand.do("integration.flow.activate", *(flow.pk for flow in flows))
        yield world, wms
    mine = ("integration.", "sales.", "purchasing.")
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith(mine)] == []
    connection.close()


def test_the_wms_books_no_cancellation_before_the_order_that_it_cancels(joined):
    world, wms = joined
    shop, yard = Shop(world), Yard(world)
    sold = shop.confirmed(shop.line(world.product, 40))
    bought = yard.placed(yard.line(world.steel, 200))
    world.do("sales.order.cancel", sold, reason="客户改主意")
    world.do("purchasing.order.cancel", bought, reason="供应商断货")
    now = datetime.now(UTC)
    carry(now + timedelta(seconds=1))
    assert sorted(wms.asked) == ["/deliveries", "/expected"], "nothing is told behind what the WMS does not have yet"
    for minute in (1, 10):
        carry(now + timedelta(minutes=minute))
    assert [told for told in wms.booked if told[1] == sold.number] == [
        ("/deliveries", sold.number), ("/deliveries_cancelled", sold.number)]  # fmt: skip
    assert [told for told in wms.booked if told[1] == bought.number] == [
        ("/expected", bought.number), ("/expected_cancelled", bought.number)]  # fmt: skip
    assert set(Message.objects.values_list("state", flat=True)) == {"done"}


def test_the_nightly_scans_come_with_flows_that_have_routes_too(joined):
    world, _ = joined
    defaults.seed(world.ctx)
    system = System.objects.get(code="WMS")
    found = Scan.objects.filter(system=system).values_list("code", "operation")
    assert sorted(found) == [("SCAN-WMS-inbound", "received"), ("SCAN-WMS-outbound", "shipped")]
