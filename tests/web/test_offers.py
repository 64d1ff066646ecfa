"""What a record's page offers: its own next step, and commands of other nouns that take it as input."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.web import offers
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db
DIALOG = PART | {"HX-Target": "dialog-body"}


def primary(page) -> str:
    """Give the words of a page's one primary button, empty where it has none."""
    text = page.content.decode().split('class="record"')[0]
    found = re.search(r'<button[^>]*class="btn btn-primary"[^>]*>.*?</svg>([^<]+)</button>', text, re.S)
    return found[1] if found else ""


def dialog_of(browser, page, label: str) -> str:
    """Give the address of the dialog that a page's button of that name opens."""
    pattern = rf'hx-get="([^"]+)"[^>]*>(?:(?!</button>).)*?{label}</button>'
    return re.search(pattern, page.content.decode(), re.S)[1].replace("&amp;", "&")


@pytest.fixture
def work(world):
    """Give a released work order of two operations."""
    world.do("inventory.location.make_standing", plant=world.plant)
    routing = world.make("engineering.routing", item=world.part, revision="A", operations=[
        {"sequence": n, "name": name, "work_centre": world.turning, "run_minutes": "1"}
        for n, name in ((10, "车削"), (20, "检验"))
    ])  # fmt: skip
    world.do("engineering.routing.release", routing)
    return world.make(
        "production.work_order", item=world.part, plant=world.plant, quantity="20", due_on="2026-05-04"
    )


@pytest.fixture
def worker(signed_in):
    return signed_in(
        "production.work_order.read", "production.work_order.report", "production.operation.read",
        "production.defect_reason.read", login="worker",
    )  # fmt: skip


def released(world, work):
    world.do("production.work_order.release", work)
    return work


def test_a_worker_reports_on_a_released_order_in_one_dialog(worker, world, work):
    reason = world.make("production.defect_reason", code="D1", name="尺寸超差", kind="both")
    here = f"/production/work_orders/{work.pk}"
    assert primary(worker.get(here)) == ""
    released(world, work)
    page = worker.get(here)
    assert primary(page) == "报工"
    dialog = worker.get(dialog_of(worker, page, "报工"), headers=DIALOG).content.decode()
    assert "10 车削 · 可报 20" in dialog
    assert "20 检验" not in dialog
    assert "尺寸超差" in dialog
    assert 'data-fill="20"' in dialog
    assert 'data-when="bad"' in dialog
    operation = re.search(r'name="operation" value="([^"]+)" checked', dialog)[1]
    told = {"operation": operation, "good": "18", "bad": "2", "bad_is": "scrap", "_from": "record"}
    refused = worker.post("/production/operations/do/tally", told, headers=PART)
    assert refused.status_code == 422
    assert '"reason":' in refused.content.decode().replace("&quot;", '"')
    done = worker.post("/production/operations/do/tally", told | {"reason": str(reason.pk)}, headers=PART)
    assert json.loads(done.headers["HX-Trigger"])["banyan:note"]["text"] == "已报：合格 18，不良 2"
    row = registry.noun("production.operation").model.objects.get(pk=operation)
    assert (row.good_quantity, row.scrap_quantity) == (18, 2)
    again = worker.get(dialog_of(worker, worker.get(here), "报工"), headers=DIALOG).content.decode()
    assert "20 检验 · 可报 18" in again


def test_too_many_are_refused_at_the_number_that_is_too_large(worker, world, work):
    released(world, work)
    operation = registry.noun("production.operation").model.objects.get(work_order=work, sequence=10)
    told = {"operation": str(operation.pk), "good": "21"}
    refused = worker.post("/production/operations/do/tally", told, headers=PART)
    assert refused.status_code == 409
    assert '"good":' in refused.content.decode().replace("&quot;", '"')


def test_an_operation_offers_its_report(worker, world, work):
    released(world, work)
    operation = registry.noun("production.operation").model.objects.get(work_order=work, sequence=10)
    assert primary(worker.get(f"/production/operations/{operation.pk}")) == "报工"


@pytest.fixture
def shipped(ctx, world):
    world.do("inventory.location.make_standing", plant=world.plant)
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=ctx.now.year)
    item = world.item(is_sold=True)
    paper = world.make(
        "inventory.stock_document", kind="receipt", plant=world.plant, reason="opening",
        lines=[{"item": item, "quantity": "5", "amount": "30"}],
    )  # fmt: skip
    world.do("inventory.stock_document.post", paper)
    order = world.make(
        "sales.order", party=world.customer, plant=world.plant,
        lines=[{"item": item, "quantity": "5", "price": "10", "tax_code": world.vat13}],
    )  # fmt: skip
    world.do("sales.order.confirm", order)
    return order, world.do("sales.order.ship", order)[0]


def test_from_shipment_to_payment_the_next_step_is_one_tap_away(signed_in, shipped):
    order, shipment = shipped
    browser = signed_in("finance.*", "sales.*.read", "parties.*.read", login="accountant")
    for here in (f"/sales/orders/{order.pk}", f"/sales/shipments/{shipment.pk}"):
        page = browser.get(here)
        assert primary(page) == "按订单开票"
        dialog = browser.get(dialog_of(browser, page, "按订单开票"), headers=DIALOG).content.decode()
        assert f'name="orders" value="{order.pk}"' in dialog
    told = {"orders": [str(order.pk)]}
    made = browser.post("/finance/customer_invoices/do/from_orders", told, headers=PART)
    invoice = json.loads(made.headers["HX-Location"])["path"]
    assert primary(browser.get(f"/sales/orders/{order.pk}")) != "按订单开票"
    page = browser.get(invoice)
    assert primary(page) == "收款"
    dialog = browser.get(dialog_of(browser, page, "收款"), headers=DIALOG).content.decode()
    key = re.search(r'name="invoices" value="([^"]+)"', dialog)[1]
    told = {"invoices": [key], "method": "transfer"}
    paid = browser.post("/finance/payments/do/collect", told, headers=PART)
    assert "/finance/payments/" in json.loads(paid.headers["HX-Location"])["path"]
    page = browser.get(invoice)
    assert "已结清" in page.content.decode()
    assert primary(page) == ""


def test_a_part_of_an_invoice_is_paid_and_the_rest_stays_open(world, shipped):
    order, _ = shipped
    invoice = world.do("finance.customer_invoice.from_orders", orders=[order])[0]
    (payment,) = world.do("finance.payment.collect", invoices=[invoice], amount="20")
    invoice.refresh_from_db()
    assert (payment.state, payment.matched_amount) == ("posted", 20)
    assert (invoice.state, invoice.settled_amount) == ("posted", 20)


def test_a_record_offers_to_make_what_is_about_it(everyone, world):
    text = everyone.get(f"/items/items/{world.part.pk}").content.decode()
    assert f"/engineering/boms/new?item={world.part.pk}" in text
    form = everyone.get(f"/engineering/boms/new?item={world.part.pk}").content.decode()
    assert 'value="MP-1 齿轮"' in form


def test_who_may_not_run_it_is_not_offered_it(signed_in, shipped):
    order, _ = shipped
    page = signed_in("sales.*.read", login="reader").get(f"/sales/orders/{order.pk}")
    assert "开票" not in page.content.decode().split('class="record"')[0]


def test_every_noun_that_offers_is_one_that_exists():
    for command in registry.commands():
        for on in command.offered_on or ():
            spec = registry.noun(on.noun).spec
            assert on.field in command.input_model().model_fields, command.key
            assert not on.value or spec.has_field(on.value), command.key
            assert set(on.states) <= {s.key for s in spec.life.states} if on.states else True, command.key


def test_offers_are_looked_up_without_a_statement(ctx, world):
    record = {"id": str(world.part.pk)}
    offers.taking("items.item")
    with CaptureQueriesContext(connection) as seen:
        offers.of_record(ctx, registry.noun("items.item"), None, record)
    assert len(seen) == 0
