"""What tests of channels need: a plant with stock, a shop that lists its items, and outside orders in a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import Any

import pytest

from banyan.kernel import dispatcher, events, registry
from banyan.kernel.commands import Command, execute
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import Outbox
from banyan.modules.channels.models import ChannelOrder, Listing, Offer, Shop
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.models import Promise, Supply
from tests.plugins.standing import stands

_numbers = count(1)


class Stall:
    """A plant that sells through shops: short words for what the tests do."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.ctx = world.ctx
        self.plant = world.plant

    @cached_property
    def standing(self) -> Any:
        return self.stand(self.plant)

    def stand(self, plant: Any) -> Any:
        cmd = Command(
            key="channels.order.test", label="test", on="noun", permission="channels.order.test",
            function=lambda ctx: stock.ensure_standing(ctx, plant),
        )  # fmt: skip
        return execute(self.ctx, cmd).value

    @cached_property
    def freight(self) -> Any:
        return self.world.item(kind="service", code="FREIGHT")

    def shop(self, code: str = "", **more: Any) -> Shop:
        values = {
            "code": code or f"S{next(_numbers)}", "name": "旗舰店", "platform": "taobao", "plant": self.plant,
            "party": self.world.customer, "freight_item": self.freight,
        }  # fmt: skip
        return self.world.make("channels.shop", **(values | more))

    def listing(self, shop: Shop, sku: str, item: Any = None, **more: Any) -> Listing:
        return self.world.make("channels.listing", shop=shop, sku=sku, item=item, **more)

    def put(self, item: Any, quantity: Any, plant: Any = None) -> None:
        """Bring stock into a plant."""
        assert self.standing
        document = self.world.make(
            "inventory.stock_document", kind="receipt", plant=plant or self.plant, reason="期初",
            lines=[{"item": item, "quantity": str(quantity)}],
        )  # fmt: skip
        self.world.do("inventory.stock_document.post", document)

    def outside(self, shop: Shop, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An outside order whose total agrees with its lines."""
        rows = [{"sku": "A-1", "quantity": "1", "price": "10.00"} | line for line in (lines or ({},))]
        goods = sum(
            Decimal(r["quantity"]) * Decimal(r["price"]) - Decimal(r.get("discount_amount", "0")) for r in rows
        )
        total = goods - Decimal(more.get("discount_amount", "0")) + Decimal(more.get("freight_amount", "0"))
        values = {
            "shop": shop.code, "number": f"T{next(_numbers)}", "buyer": "buyer-1", "buyer_name": "王小明",
            "phone": "13800000000", "region": "浙江", "city": "杭州", "address": "文一路 1 号",
            "ordered_at": "2026-03-02T08:00:00Z", "total_amount": f"{total:.2f}", "lines": rows,
        }  # fmt: skip
        return values | more

    def receive(self, *orders: dict[str, Any]) -> list[Any]:
        """Receive outside orders; give what became of them."""
        return list(self.run("channels.order.receive", orders=list(orders)))

    def run(self, key: str, **data: Any) -> Any:
        return execute(self.ctx, registry.command(key), data=data).value

    def do(self, key: str, record: Any, **data: Any) -> Any:
        records = record if isinstance(record, (list, tuple)) else [record]
        return execute(self.ctx, registry.command(key), ids=[r.pk for r in records], data=data or None).value

    def order(self, shop: Shop, number: str, part: int = 0) -> ChannelOrder:
        return ChannelOrder.objects.get(shop=shop, outside_number=number, part=part)

    def offer(self, listing: Listing) -> Offer:
        return Offer.objects.get(listing=listing)

    def supply(self, item: Any, plant: Any = None) -> tuple[Decimal, Decimal]:
        """Give what is available and what of it is promised."""
        row = Supply.objects.get(item=item, plant=plant or self.plant)
        return row.available, row.promised

    def promises(self) -> int:
        return Promise.objects.count()

    def deliver(self) -> None:
        """Let those who hear of events after commit hear of all that are new, as the dispatcher would."""
        by = Context(SYSTEM, now=self.ctx.now, through="job", program="dispatcher")
        while waiting := list(Outbox.objects.filter(dispatched_at__isnull=True).order_by("seq")):
            for event in waiting:
                for _, function in events.listeners_after(event.type):
                    function(by, dispatcher._delivered(event))
            Outbox.objects.filter(pk__in=[event.pk for event in waiting]).update(dispatched_at=self.ctx.now)

    def told(self, type_: str) -> list[dict[str, Any]]:
        """Give the payloads of events of a type, first to last."""
        return list(Outbox.objects.filter(type=f"channels.{type_}").order_by("seq").values_list("payload", flat=True))


@contextmanager
def unplanned() -> Iterator[None]:
    """Let the port's stated default answer, whichever modules above are installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(registry._ports, "sales.earliest_date", raising=False)
        yield


@pytest.fixture(autouse=True)
def nobody_plans() -> Iterator[None]:
    with unplanned():
        yield


@pytest.fixture
@stands
def stall(world) -> Stall:
    """Give a plant that sells through shops."""
    return Stall(world)


@pytest.fixture
@stands
def shop(stall) -> Shop:
    """Give a shop that lists a part as A-1, and takes orders by itself."""
    shop = stall.shop("S")
    stall.listing(shop, "A-1", stall.world.part)
    return shop
