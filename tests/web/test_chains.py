"""The chain of documents: from any of its documents the whole of it, both ways, and what it booked."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.kernel.spec import Link
from banyan.web import chains
from banyan.web.views.chain import ordered
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(ctx, world):
    """Give what a sale leaves behind: order, shipment, invoice and payment, by noun."""
    world.do("inventory.location.make_standing", plant=world.plant)
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=ctx.now.year)
    item = world.item(code="FG-9", name="减速机", is_sold=True)
    order = world.make(
        "sales.order", party=world.customer, plant=world.plant,
        lines=[{"item": item, "quantity": "5", "price": "10", "tax_code": world.vat13}],
    )  # fmt: skip
    world.do("sales.order.confirm", order)
    receive(world, item, "5")
    shipment = world.do("sales.order.ship", order)[0]
    invoice = world.do("finance.customer_invoice.from_orders", orders=[order])[0]
    bank = registry.noun("finance.account").model.objects.get(code="1002")
    payment = world.make(
        "finance.payment", direction="in", party=world.customer, paid_on=invoice.invoiced_on, account=bank,
        currency=world.currency, amount=str(invoice.gross_amount),
    )  # fmt: skip
    world.do("finance.payment.post", payment, invoices=[{"invoice": invoice}])
    return {
        "sales.order": order, "sales.shipment": shipment, "finance.customer_invoice": invoice,
        "finance.payment": payment,
    }  # fmt: skip


def receive(world, item, quantity: str) -> None:
    paper = world.make(
        "inventory.stock_document", kind="receipt", plant=world.plant, reason="opening",
        lines=[{"item": item, "quantity": quantity, "amount": "30"}],
    )  # fmt: skip
    world.do("inventory.stock_document.post", paper)


def test_every_document_of_a_sale_shows_the_whole_chain(ctx, sold):
    for kind, record in sold.items():
        found = chains.chain_of(ctx, (kind, record.pk))
        assert list(ordered(found)) == list(sold), kind
        assert found.nodes == {(noun, one.pk) for noun, one in sold.items()}


def test_the_map_shows_them_with_what_they_booked(everyone, sold):
    invoice = sold["finance.customer_invoice"]
    text = everyone.get(f"/finance/customer_invoices/{invoice.pk}/chain", headers=PART).content.decode()
    for kind, record in sold.items():
        assert f"/{registry.noun(kind).spec.path}/{record.pk}" in text
    assert "库存移动" in text
    assert "/finance/entries?origin:in=" in text


def test_what_a_person_may_not_read_ends_the_chain(signed_in, sold):
    browser = signed_in("sales.*.read", login="seller")
    order = sold["sales.order"]
    text = browser.get(f"/sales/orders/{order.pk}/chain", headers=PART).content.decode()
    assert f"/sales/shipments/{sold['sales.shipment'].pk}" in text
    assert "/finance/" not in text


def test_an_order_leads_through_the_plan_to_what_was_made(ctx, world):
    order = world.make(
        "sales.order", party=world.customer, plant=world.plant,
        lines=[{"item": world.product, "quantity": "5", "price": "10", "tax_code": world.vat13}],
    )  # fmt: skip
    work = world.make(
        "production.work_order", item=world.product, plant=world.plant, quantity="5", due_on="2026-05-04"
    )
    kinds = ["sales.order", "planning.planned_order", "production.work_order"]
    wanted = set(zip(kinds, (order.pk, plan(world, order, work).pk, work.pk), strict=True))
    for start in wanted:
        found = chains.chain_of(ctx, start)
        assert found.nodes == wanted, start
        assert list(ordered(found)) == kinds


def plan(world, order, work):
    """Give a planned order of the current run that serves the order and became the work order."""
    runs, orders, pegs = (registry.noun(f"planning.{n}").model for n in ("run", "planned_order", "peg"))
    marks = {
        "created_at": world.ctx.now,
        "created_by_id": world.ctx.person,
        "changed_by_id": world.ctx.person,
    }
    run = runs.objects.create(
        plant=world.plant, planned_at=world.ctx.now, planned_on="2026-03-02", is_current=True, **marks
    )
    planned = orders.objects.create(
        plant=world.plant, item=world.product, kind="make", quantity=5, starts_on="2026-05-01",
        due_on="2026-05-04", ready_on="2026-05-04", state="converted", result_noun="production.work_order",
        result=work.pk, run=run, **marks,
    )  # fmt: skip
    pegs.objects.create(
        run=run, item=world.product, quantity=5, supply_noun="planning.planned_order", supply=planned.pk,
        supply_on="2026-05-04", demand_noun="sales.order", demand=order.pk, demand_on="2026-05-04",
        priority="normal",
    )  # fmt: skip
    return planned


def test_a_step_takes_the_same_statements_for_one_document_as_for_many(ctx, world):
    def sell(count: int):
        item = world.item(is_sold=True)
        receive(world, item, str(count))
        order = world.make(
            "sales.order",
            party=world.customer,
            plant=world.plant,
            lines=[{"item": item, "quantity": "1", "price": "10", "tax_code": world.vat13}] * count,
        )
        world.do("sales.order.confirm", order)
        for line in order.lines.all():
            world.do("sales.order.ship", order, lines=[{"order_line": line, "quantity": "1"}])
        return order

    world.do("inventory.location.make_standing", plant=world.plant)
    counts = []
    for order in (sell(1), sell(9)):
        with CaptureQueriesContext(connection) as seen:
            found = chains.chain_of(ctx, ("sales.order", order.pk))
            chains.booked(ctx, found.nodes)
        counts.append(len(seen))
    assert len(found.nodes) == 10
    assert counts[0] == counts[1] <= 12


def test_a_noun_that_says_how_it_links_is_taken_at_its_word():
    spec = registry.noun("finance.matching").spec
    assert spec.links == (Link("customer_invoice", "payment"), Link("supplier_invoice", "payment"))
    held = [way for way in chains.ways() if way.model is registry.noun("planning.planned_order").model]
    assert [(way.earlier.noun, way.later.named_by, way.is_own) for way in held] == [
        ("planning.planned_order", "result_noun", True)
    ]
