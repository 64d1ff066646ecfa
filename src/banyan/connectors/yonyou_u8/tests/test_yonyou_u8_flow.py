"""By the bus: what became binding here is one sales order in U8, each voucher checked here one voucher there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

from django.db import connection

from banyan.connectors.yonyou_u8.tests.test_yonyou_u8 import ORDERS, SECRET, U8
from banyan.integration.models import Flow, Message
from banyan.kernel import proofs
from banyan.lib.ids import new_id
from banyan.modules.finance.models import Voucher
from banyan.modules.sales.models import Order
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry
from tests.plugins.world import World


def invoice(world, price):
    """Post an invoice to a customer of ours: three pieces of a part."""
    made = world.make(
        "finance.customer_invoice", party=world.customer, plant=world.plant, currency=world.currency, kind="invoice",
        invoiced_on=world.ctx.now.date(), reference=world.next_code("R"),
        lines=[{"item": world.part, "quantity": 3, "price": price, "tax_code": world.vat13}],
    )  # fmt: skip
    world.do("finance.customer_invoice.post", made)


def test_orders_and_vouchers_are_there_once_and_what_cannot_be_is_dead(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    u8, now = U8("refused", lost=2), datetime.now(UTC)
    ctx = ctx.with_(now=now)
    world, hand = World(ctx), Integrator(ctx)
    assert world.plant
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=now.year)
    with partner(u8.answer) as there:
        account = {"address": there.url, "from_account": "dev", "to_account": "factory", "app_key": "opa1"}
        system = hand.system("U8", "yonyou_u8", account, {"app_secret": SECRET})
        hand.do("integration.flow.add_presets", system=str(system), settings=ORDERS | {"prefix": "B1"})
        flows = list(Flow.objects.values_list("pk", flat=True))
        hand.do("integration.flow.test", *flows)
        hand.do("integration.flow.activate", *flows)
        lines = [
            {"item": world.product, "quantity": "10", "price": "100"},
            {"item": world.part, "quantity": "3", "price": "33.333333"},
        ]
        ours = world.make("sales.order", party=world.customer, plant=world.plant, lines=lines)
        abroad = world.make("sales.order", party=world.customer, plant=world.plant, lines=lines,
                            currency=world.dollar)  # fmt: skip
        world.do("sales.order.confirm", [ours, abroad])
        for price in ("88.90", "4.20"):
            invoice(world, price)
        world.do("finance.voucher.number")
        made = list(Voucher.objects.all())
        world.ctx = ctx.with_(principal=ctx.principal.__class__(new_id(), "审核", grants=(("*", "all"),)))
        world.do("finance.voucher.check", made)
        for _ in range(3):
            now += timedelta(minutes=6)
            carry(now)
    [theirs] = u8.orders.values()
    ours = Order.objects.get(pk=ours.pk)
    assert (theirs["code"], theirs["custcode"], theirs["date"]) == (ours.number, "CU-1", str(ours.ordered_on))
    assert sum(D(str(row["sum"])) for row in theirs["entry"]) == ours.gross_amount
    assert [(row["inventorycode"], row["rowno"]) for row in theirs["entry"]] == [("FG-1", 1), ("MP-1", 2)]
    assert made
    assert {number: sum(D(str(row["natural_debit_currency"])) for row in voucher["debit"]["entry"])
            for number, voucher in u8.vouchers.items()} == {
        f"B1-{one.period.code}-记-{one.no}": one.amount for one in made
    }  # fmt: skip
    dead = Message.objects.get(state="dead")
    assert (dead.record, dead.reason) == (abroad.pk, "mapping")
    assert set(Message.objects.exclude(pk=dead.pk).values_list("state", flat=True)) == {"done"}
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith("integration.")] == []
    connection.close()
