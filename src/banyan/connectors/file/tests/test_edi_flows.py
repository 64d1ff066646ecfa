"""EDI by its preset flows: an order comes as a file, our answer, despatch and invoice go as the partner reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from django.db import connection

from banyan.connectors.file.edi import edifact, x12
from banyan.connectors.file.edi.envelopes import opened
from banyan.integration.models import Flow, Message
from banyan.kernel import proofs
from banyan.modules.finance.models import CustomerInvoice, SupplierInvoice
from banyan.modules.purchasing.tests.conftest import Yard
from banyan.modules.sales.models import Order, OrderLine, Shipment
from banyan.modules.sales.tests.conftest import Shop
from tests.integration.shop import Integrator, carry
from tests.plugins.world import World

PAYLOADS = Path(__file__).parent / "payloads"
NAMES = {
    "x12": {"order": "850", "order_answer": "855", "despatch": "856", "invoice": "810"},
    "edifact": {"order": "ORDERS", "order_answer": "ORDRSP", "despatch": "DESADV", "invoice": "INVOIC"},
}
IN = {"edi_orders": "orders", "edi_bills": "bills"}
OUT = ("edi_answers", "edi_despatches", "edi_invoices", "edi_purchases")
#: What differs from day to day.
CHANGES = ("number", "date", "dates", "envelope")


def documents(path: Path):
    """Give the documents of a file, as the partner's own reader would see them."""
    taken = opened(path.read_text(encoding="utf-8"))
    for each in taken.messages:
        yield (
            x12.read(each.type, each.segments) if taken.standard == "x12"
            else edifact.read(each.type, each.segments, taken.marks.decimal)
        )  # fmt: skip


def settled(doc):
    """Give a document without what differs from day to day, in its lines too."""
    made = {name: value for name, value in doc.items() if name not in CHANGES}
    made["references"] = {n: v for n, v in doc.get("references", {}).items() if n != "supplier_order"}
    made["lines"] = [{name: value for name, value in line.items() if name != "dates"} for line in doc["lines"]]
    return made


class Partner:
    """A partner who exchanges files with us: what lies in its folders, and our side of it."""

    def __init__(self, standard, ctx, exchange: Path) -> None:
        self.standard, self.now = standard, ctx.now
        self.folder = exchange / "acme"
        for name in IN.values():
            (self.folder / name).mkdir(parents=True)
        self.world, self.hand = World(ctx), Integrator(ctx)
        assert self.world.plant
        assert self.world.customer
        assert self.world.supplier
        assert self.world.currency
        operations = [
            {"key": key, "format": "edi", "edi": standard, "ready": "at_once", "folder": folder}
            for key, folder in IN.items()
        ] + [{"key": key, "format": "edi", "edi": standard, "ways": ["send"], "folder": "out"} for key in OUT]
        sides = {"us": {"id": "BANYAN", "qualifier": "ZZ"}, "them": {"id": "ACME", "qualifier": "ZZ"}}
        self.system = self.hand.system(
            "ACME", "file", {"folder": "acme", "operations": operations} | sides, {},
            account=self.hand.account("sales.order.create", "finance.supplier_invoice.create"),
        )  # fmt: skip
        given = {"standard": standard, "customer": "CU-1", "supplier": "SU-1", "plant": "P1", "tax_code": "VAT13"}
        self.hand.do("integration.flow.add_presets", system=str(self.system), settings=given)
        flows = list(Flow.objects.values_list("pk", flat=True))
        self.hand.do("integration.flow.test", *flows)
        self.hand.do("integration.flow.activate", *flows)

    def brings(self, folder: str, name: str, *changes: tuple[str, str]) -> None:
        text = (PAYLOADS / self.standard / f"{name}.edi").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.folder / folder / f"{name}-{len(changes)}.edi").write_text(text, encoding="utf-8")
        self.pass_a_minute()

    def pass_a_minute(self) -> None:
        self.now += timedelta(seconds=61)
        carry(self.now)

    def got(self, kind: str):
        """Give the documents of a kind that lie in its folder."""
        files = sorted((self.folder / "out").iterdir()) if (self.folder / "out").exists() else []
        return [doc for path in files for doc in documents(path) if doc["kind"] == kind]

    def agreed(self, kind: str, name: str = ""):
        """Give the document as it was agreed on with the partner: the committed one."""
        (doc,) = documents(PAYLOADS / self.standard / f"{name or NAMES[self.standard][kind]}.edi")
        return doc


@pytest.fixture
def partner_of(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    ctx = ctx.with_(now=datetime.now(UTC))
    yield lambda standard: Partner(standard, ctx, tmp_path / "exchange")
    mine = ("integration.", "sales.", "purchasing.", "finance.")
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith(mine)] == []
    connection.close()


@pytest.mark.parametrize("standard", ["x12", "edifact"])
def test_an_order_comes_and_its_answer_despatch_and_invoice_go(partner_of, standard):
    there = partner_of(standard)
    world, do = there.world, there.world.do
    there.hand.do("mapping.key_link.link", system="ACME", entity="items.item", code="A-200", record=str(world.part.pk))
    shop = Shop(world)
    shop.put(world.product, 40, lot="L1")
    shop.put(world.part, 2)
    carrier = world.party(code="SF", is_customer=False, is_carrier=True)
    do("finance.account.install", chart="cas_small")
    do("finance.period.open_year", year=there.now.year)

    there.brings("orders", NAMES[standard]["order"])
    order = Order.objects.get()
    assert (order.state, order.customer_reference, order.party.code) == ("draft", "PO-7781", "CU-1")
    assert order.address.endswith("310012")
    assert list(OrderLine.objects.order_by("position").values_list("item__code", "quantity", "price", "unit__code")) \
        == [("FG-1", D(40), D(125), "pcs"), ("MP-1", D(2), D("20.5"), "pcs")]  # fmt: skip
    do("sales.order.confirm", order)
    do("sales.order.ship", order, carrier=str(carrier.pk), tracking_number="SF1")
    do("finance.customer_invoice.from_orders", orders=[str(order.pk)])
    shop.put(world.product, 1, lot="L2")
    other = shop.shipped(shop.line(world.product, 1), party=world.party(tax_code=world.vat13))
    there.pass_a_minute()
    assert Message.objects.filter(state="dead").count() == 0
    for kind, number in (
        ("order_answer", order.number), ("despatch", Shipment.objects.get(order=order).number),
        ("invoice", CustomerInvoice.objects.get().number),
    ):  # fmt: skip
        (doc,) = there.got(kind)
        assert settled(doc) == settled(there.agreed(kind)), kind
        assert doc["number"] == number
    assert other.state == "shipped", "another customer's order is told to nobody here"

    changed = {"x12": (("BEG*00", "BEG*04"), ("000000071", "000000072")),
               "edifact": (("PO-7781+9", "PO-7781+4"), ("REF71", "REF72"))}  # fmt: skip
    there.brings("orders", NAMES[standard]["order"], *changed[standard])
    dead = Message.objects.get(state="dead")
    assert (dead.reason, Order.objects.count()) == ("mapping", 2), "a change is no new order: a person sees it"


def test_our_order_goes_and_the_suppliers_bill_comes(partner_of):
    there = partner_of("x12")
    world = there.world
    order = Yard(world).placed(Yard(world).line(world.steel, 200, price="5"), wanted_on="2027-01-08")
    there.pass_a_minute()
    (doc,) = there.got("order")
    assert settled(doc) == settled(there.agreed("order", "850-ours"))
    assert doc["number"] == order.number
    assert doc["lines"][0]["dates"] == {"delivery": "2027-01-08"}
    there.brings("bills", "810-theirs")
    bill = SupplierInvoice.objects.get()
    assert (bill.state, bill.reference, bill.party.code) == ("draft", "INV-2088", "SU-1")
    assert bill.gross_amount == D(there.agreed("invoice", "810-theirs")["amount"])


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*/*.edi")), ids=lambda path: path.stem)
def test_a_document_read_and_written_again_says_the_same(path):
    (doc,) = documents(path)
    kind, written = (x12 if path.parent.name == "x12" else edifact).write(doc)
    again = (x12 if path.parent.name == "x12" else edifact).read(kind, written)
    assert again == doc
