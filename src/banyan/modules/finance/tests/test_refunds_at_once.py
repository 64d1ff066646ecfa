"""Three on connections of their own credit the same refund: one of them does."""

from __future__ import annotations

from decimal import Decimal as D

from django.db import connection

from banyan.modules.channels.tests.conftest import Stall, nobody_plans  # noqa: F401
from banyan.modules.channels.tests.test_rivals import together
from banyan.modules.finance.errors import NothingToCredit
from banyan.modules.finance.models import CustomerInvoice
from banyan.modules.finance.tests.test_refunds import paid_back
from banyan.modules.finance.tests.test_statements import sold
from tests.plugins.world import World


def test_three_who_credit_the_same_refund_at_once_credit_it_once(live_db, ctx):
    stall = Stall(World(ctx))
    shop = stall.shop("S", tax_code=stall.world.vat13)
    stall.listing(shop, "A-1", stall.world.part)
    stall.run("finance.account.install", chart="cas_small")
    stall.run("finance.period.open_year", year=2026)
    stall.put(stall.world.part, 5)
    (number,) = sold(stall, shop, "100.00")
    order = str(paid_back(stall, number, "20.00").channel_order_id)

    def press():
        try:
            return len(stall.run("finance.customer_invoice.from_refunds", orders=[order]))
        except NothingToCredit:
            return 0

    found, _ = together(3, [press] * 3)
    amounts = CustomerInvoice.objects.filter(kind="credit").values_list("gross_amount", flat=True)
    assert (sorted(found), list(amounts)) == ([0, 0, 1], [D(-20)])
    connection.close()
