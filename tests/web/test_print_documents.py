"""Every declared document: what stands on it, what does not, and how many statements it takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cached_property
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import files, prints, registry
from banyan.kernel.commands import Command, execute
from banyan.lib.labels import speaking
from banyan.modules.inventory import commands as stock
from banyan.modules.items.models import Item
from banyan.modules.production.models import Material
from banyan.web.printing import layouts
from banyan.web.printing.documents import Paper, natural
from banyan.web.printing.press import Order, document_html, print_order
from banyan.web.printing.reach import Reach
from tests.plugins.levels import later

pytestmark = pytest.mark.django_db

LONG = "高精度双级行星齿轮减速机（带法兰输出，IP65，含接线盒与温度传感器）Two-stage planetary reducer 😀" * 2


class Mill:
    """A factory with every paper, each with as many lines as asked for."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def items(self, count: int, **more: Any) -> tuple[Any, ...]:
        rows = [
            {
                "code": self.world.next_code("N"),
                "name": f"零件{n}",
                "specification": f"M{n}×20",
                "unit": self.world.pieces,
                "kind": "bought",
            }
            | more
            for n in range(count)
        ]
        return self.world.make_many("items.item", rows)

    @cached_property
    def places(self) -> Any:
        noun = "inventory.stock_document"
        command = Command(
            key=f"{noun}.test", label="test", on="noun", permission=f"{noun}.post",
            function=lambda ctx: stock.ensure_standing(ctx, self.world.plant),
        )  # fmt: skip
        return execute(self.world.ctx, command).value

    def bins(self, *codes: str) -> list[Any]:
        return [
            self.world.make("inventory.location", code=c, name=f"{c}位", kind="bin", plant=self.world.plant)
            for c in codes
        ]

    def put(self, *lines: dict[str, Any], **more: Any) -> Any:
        assert self.places
        document = self.world.make(
            "inventory.stock_document",
            kind="receipt",
            plant=self.world.plant,
            reason="期初",
            lines=list(lines),
            **more,
        )
        self.world.do("inventory.stock_document.post", document)
        return document

    def stock_document(self, count: int) -> Any:
        return self.put(*[{"item": item, "quantity": "3", "amount": "1"} for item in self.items(count)])

    def quotation(self, count: int) -> Any:
        lines = [{"item": item, "quantity": "2", "price": "12.5"} for item in self.items(count, is_sold=True)]
        return self.world.make(
            "sales.quotation", party=self.world.customer, plant=self.world.plant, lines=lines
        )

    def order(self, count: int, **more: Any) -> Any:
        lines = [{"item": item, "quantity": "2", "price": "12.5"} for item in self.items(count, is_sold=True)]
        return self.world.make(
            "sales.order", party=self.world.customer, plant=self.world.plant, lines=lines, **more
        )

    def shipment(self, count: int) -> Any:
        order = self.order(count, customer_reference="客单-7")
        self.put(*[{"item": row.item_id, "quantity": "2", "amount": "1"} for row in order.lines.all()])
        self.world.do("sales.order.confirm", order)
        return self.world.do("sales.order.pick", order)[0]

    def purchase(self, count: int) -> Any:
        lines = [{"item": item, "quantity": "2", "price": "12.5"} for item in self.items(count)]
        return self.world.make(
            "purchasing.order", party=self.world.supplier, plant=self.world.plant, lines=lines
        )

    def receipt(self, count: int) -> Any:
        order = self.purchase(count)
        self.world.do("purchasing.order.order", order)
        return self.world.make(
            "purchasing.receipt", party=self.world.supplier, plant=self.world.plant,
            lines=[{"order_line": row, "quantity": "2"} for row in order.lines.all()],
        )  # fmt: skip

    def invoice(self, count: int, quantity: str = "2", **more: Any) -> Any:
        lines = [
            {"item": item, "quantity": quantity, "price": "12.5", "tax_code": self.world.vat13}
            for item in self.items(count)
        ]
        return self.world.make(
            "finance.customer_invoice", party=self.world.customer, plant=self.world.plant,
            invoiced_on="2026-03-02", currency=self.world.currency, lines=lines, **more,
        )  # fmt: skip

    def count(self, count: int) -> Any:
        self.put(*[{"item": item, "quantity": "777", "amount": "1"} for item in self.items(count)])
        made = self.world.make(
            "inventory.count", plant=self.world.plant, location=self.places.warehouse, is_blind=True
        )
        self.world.do("inventory.count.start", made)
        return made

    def work_order(self, count: int, **more: Any) -> Any:
        world = self.world
        product = world.item(
            code=world.next_code("FG"), name="减速机", drawing_number="RX-1", drawing_revision="B"
        )
        components = self.items(count)
        bom = world.make(
            "engineering.bom", item=product, revision="A",
            lines=[{"component": item, "quantity": "2", "operation": 10} for item in components],
        )  # fmt: skip
        routing = world.make(
            "engineering.routing", item=product, revision="A",
            operations=[
                {"sequence": 10 * n, "name": f"工序{n}", "work_centre": world.turning, "setup_minutes": "10",
                 "run_minutes": "2.5", "instructions": "看图"}
                for n in range(1, count + 1)
            ],
        )  # fmt: skip
        world.do("engineering.bom.release", bom)
        world.do("engineering.routing.release", routing)
        made = world.make(
            "production.work_order",
            item=product,
            quantity="4",
            plant=world.plant,
            due_on="2026-03-20",
            **more,
        )
        world.do("production.work_order.release", made, check_kit=False)
        return made


@pytest.fixture
def mill(world) -> Mill:
    """Give a factory with every paper."""
    return Mill(world)


def html(ctx: Any, noun_key: str, layout: str, *records: Any, language: str = "zh") -> str:
    """Give documents as the press lays them out."""
    noun = registry.noun(noun_key)
    paper = Paper(language, ZoneInfo("Asia/Shanghai"), "https://erp.example.com")
    with speaking(language):
        found = layouts.find(ctx, noun, layout)
        return "\n".join(document_html(ctx, noun, found, paper, [one.pk for one in records]))


def text(ctx: Any, *what: Any, **more: Any) -> str:
    """Give what a person reads on documents."""
    body = re.sub(r"<style>.*?</style>", "", html(ctx, *what, **more), flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


#: Layout → how a record is made, most statements.
DOCUMENTS = {
    "sales.quotation.quotation": (Mill.quotation, 14),
    "sales.order.confirmation": (Mill.order, 16),
    "sales.shipment.delivery_note": (Mill.shipment, 17),
    "sales.shipment.picking_list": (Mill.shipment, 14),
    "purchasing.order.order": (Mill.purchase, 14),
    "purchasing.receipt.inspection": (Mill.receipt, 13),
    "finance.customer_invoice.invoice": (Mill.invoice, 14),
    "inventory.count.count_sheet": (Mill.count, 12),
    "inventory.stock_document.slip": (Mill.stock_document, 12),
    "production.work_order.traveller": (Mill.work_order, 18),
    "production.work_order.picking_list": (Mill.work_order, 14),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_takes_as_many_statements_for_eighty_lines_as_for_one(ctx, mill, name):
    make, most = DOCUMENTS[name]
    noun, _, layout = name.rpartition(".")
    few, many = make(mill, 1), make(mill, 80)
    html(ctx, noun, layout, few)
    taken = []
    for record in (few, many):
        with CaptureQueriesContext(connection) as seen:
            html(ctx, noun, layout, record)
        taken.append(len(seen))
    with CaptureQueriesContext(connection) as seen:
        html(ctx, noun, layout, few, many)
    taken.append(len(seen))
    assert taken[0] == taken[1] == taken[2] <= most


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("language", ["zh", later("en")])
def test_a_document_prints_in_both_languages(ctx, mill, name, language):
    make, _ = DOCUMENTS[name]
    noun, _, layout = name.rpartition(".")
    record = make(mill, 2)
    order = Order(noun, (str(record.pk),), layout, language, site="https://erp.example.com")
    assert print_order(ctx, order).content.startswith(b"%PDF")
    said = text(ctx, noun, layout, record, language=language)
    declared = next(one for one in prints.layouts(noun) if one.key == layout)
    assert "{" not in said
    if not getattr(declared, "headings", ()):
        assert declared.label.in_(language) in said
    for table in declared.tables:
        for column in table.columns:
            if column.label and (column.stays or column.is_open):
                assert column.label.in_(language) in said


def all_layouts() -> list[Any]:
    return [one for noun in registry.nouns() for one in prints.layouts(noun.spec.key)]


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda one: one.name)
def test_every_path_of_a_layout_leads_somewhere(ctx, layout):
    from banyan.web.printing.documents import Composer, Filler

    noun = registry.noun(layout.noun)
    paper = Paper("zh", ZoneInfo("Asia/Shanghai"), "")
    filler = (Filler if layout.is_label else Composer)(ctx, noun, layout, paper)
    reach = Reach(ctx, "zh")
    if layout.is_label:
        own = filler.row_fields(layout.source, layout.given) if layout.source else filler.fields
        paths = [layout.title, *(c.path for c in layout.lines)]
        lost = [
            p for p in paths if not reach.field(filler.fields if p[:2] == "^." else own, p.removeprefix("^."))
        ]
        assert lost == []
        assert not layout.source or layout.given or any(line.key == layout.source for line in noun.spec.lines)
        return
    blocks = [c for b in layout.blocks for c in b.lines]
    columns = [*layout.facts, *layout.totals, *layout.notes, *blocks]
    signs = [s.path for s in layout.signs if s.path]
    lost = [
        p
        for p in (*(c.path for c in columns), *signs, *(layout.in_words or ()))
        if not reach.field(filler.fields, p)
    ]
    for table in layout.tables:
        fields = filler.row_fields(table.source, table.given)
        inner = [c.path for c in table.columns if c.path] + [u.path for c in table.columns for u in c.under]
        inner += [*table.order, *table.sums, *([table.sums_within] if table.sums_within else [])]
        lost += [f"{table.source}: {p}" for p in inner if not reach.field(fields, p)]
    states = {s.key for s in noun.spec.life.states} if noun.spec.life else set()
    assert lost == []
    assert set(layout.valid_in) <= states


@pytest.mark.parametrize(
    "noun", [n for n in registry.nouns() if "create" in n.spec.verbs], ids=lambda noun: noun.spec.key
)
def test_any_record_prints_as_it_is(ctx, samples, noun):
    record = noun.model._base_manager.get(pk=samples.make(noun))
    said = text(ctx, noun.spec.key, "record", record, language="en")
    assert noun.spec.label.en in said


# --- what stands on them ------------------------------------------------------------------------------------


def test_a_delivery_note_says_what_goes_where(ctx, mill, world):
    world.change(
        world.customer,
        addresses=[{"kind": "delivery", "line": "学府路62号", "city": "清源市", "region": "示例省"}],
    )
    shipment = mill.shipment(2)
    said = text(ctx, "sales.shipment", "delivery_note", shipment)
    for part in (
        "测试公司",
        "91000000TEST000001",
        "送货单",
        "远山机械",
        "示例省清源市学府路62号",
        "客单-7",
        "M0×20",
        "合计 4",
    ):
        assert part in said
    english = text(ctx, "sales.shipment", "delivery_note", shipment, language="en")
    for part in ("Delivery note", "学府路62号, 清源市, 示例省", "piece", "Total", "Received by"):
        assert part in english
    assert "12.5" not in said


def test_a_picking_list_goes_along_the_bins(ctx, mill, world):
    tenth, second, ninth = mill.bins("A-10", "A-2", "A-9")
    (item,) = mill.items(1, is_sold=True)
    mill.put(*[{"item": item, "quantity": "1", "amount": "1", "target": p} for p in (tenth, second, ninth)])
    order = world.make(
        "sales.order",
        party=world.customer,
        plant=world.plant,
        lines=[{"item": item, "quantity": "3", "price": "1"}],
    )
    world.do("sales.order.confirm", order)
    (shipment,) = world.do("sales.order.pick", order)
    said = text(ctx, "sales.shipment", "picking_list", shipment)
    assert said.index("A-2 ") < said.index("A-9 ") < said.index("A-10 ")


def test_numbers_within_texts_sort_by_their_value():
    texts = ["A-10", "A-2", "", "B", "A-2-1", "10", "9", None]
    assert sorted(texts, key=natural)[:6] == ["9", "10", "A-2", "A-2-1", "A-10", "B"]


def test_orders_never_get_the_same_pieces_to_pick(ctx, mill, world):
    first = mill.work_order(1)
    component = first.materials.get().item
    second = world.make(
        "production.work_order", item=first.item, quantity="4", plant=world.plant, due_on="2026-03-21"
    )
    world.do("production.work_order.release", second, check_kit=False)
    (place,) = mill.bins("A-1")
    mill.put({"item": component, "quantity": "11", "amount": "1"}, target=place)
    both = html(ctx, "production.work_order", "picking_list", first, second)
    assert re.findall(r'<td class="num strong">([^<]*)</td>', both) == ["8", "3", ""]
    alone = html(ctx, "production.work_order", "picking_list", second)
    assert re.findall(r'<td class="num strong">([^<]*)</td>', alone) == ["8"]
    assert re.search(r">缺料<.*A-1.*>5<", both, re.S)


def test_a_count_sheet_is_blind(ctx, mill):
    said = text(ctx, "inventory.count", "count_sheet", mill.count(2))
    assert "777" not in said
    assert "账面" not in said
    assert "实盘" in said


def test_a_credit_note_says_so_and_counts_backwards(ctx, mill):
    invoice = mill.invoice(2)
    credit = mill.invoice(2, "-2", kind="credit")
    assert "销售账单" in text(ctx, "finance.customer_invoice", "invoice", invoice)
    said = text(ctx, "finance.customer_invoice", "invoice", credit)
    for part in ("红字账单", "-50.00", "-56.50", "负伍拾陆元伍角", "不是税务发票", "草稿"):
        assert part in said
    english = text(ctx, "finance.customer_invoice", "invoice", credit, language="en")
    assert "Credit note" in english
    assert "负伍" not in english


def test_a_traveller_leads_each_operation_to_its_report(ctx, mill):
    order = mill.work_order(3)
    (steel,) = (order.materials.order_by("position").first(),)
    made = html(ctx, "production.work_order", "traveller", order)
    said = re.sub(r"<[^>]+>", " ", made)
    for part in ("RX-1", "图纸版本", "减速机", "工序3", "看图", "车削", "返工与报废", steel.item.code):
        assert part in said
    assert re.search(r"20\s+准备：10 min\s+单件：2.5 min", said), "10 + 2.5 × 4"
    assert made.count('<td class="code"><img src="data:image/png') == 3


def test_a_traveller_names_the_lots_its_materials_come_from(ctx, mill, world):
    order = mill.work_order(1)
    material = order.materials.get()
    Item.objects.filter(pk=material.item_id).update(tracking="lot")
    mill.put({"item": material.item_id, "quantity": "5", "amount": "1", "lot_number": "HEAT-7"})
    lines = [{"material": material.pk, "quantity": "3"}]
    world.do("production.work_order.issue", order, lines=lines)
    assert "HEAT-7 × 3" in text(ctx, "production.work_order", "traveller", order)


def test_a_draft_bears_its_state_across_the_page(ctx, mill, world):
    order = mill.purchase(1)
    assert '<div class="stamp">草稿</div>' in html(ctx, "purchasing.order", "order", order)
    world.do("purchasing.order.order", order)
    assert "stamp" not in html(ctx, "purchasing.order", "order", order).split("</style>")[1]


def test_a_logo_attached_to_the_company_stands_at_the_head(ctx, mill, world):
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (900, 300), "navy").save(out, "PNG")
    stored = files.store("Logo.png", [out.getvalue()])
    order = mill.order(1)
    assert 'class="logo"' not in html(ctx, "sales.order", "confirmation", order)
    world.do("company.company.attach", world.company, digest=stored.digest, name="公司LOGO.png")
    assert 'class="logo" src="data:image/png;base64,' in html(ctx, "sales.order", "confirmation", order)


def test_long_names_missing_data_and_marks_do_no_harm(ctx, mill, world):
    world.change(world.customer, name="远山" * 60, addresses=[], tax_number="")
    lines = [
        {"item": item, "quantity": "123456.789", "price": "99999.99", "note": "<b>&'\"</b>" + LONG[:200]}
        for item in mill.items(
            60, name=LONG[:150], specification=LONG[:250], unit=world.kilogram, is_sold=True
        )
    ]
    order = world.make("sales.order", party=world.customer, plant=world.plant, lines=lines, terms=LONG)
    made = html(ctx, "sales.order", "confirmation", order)
    assert "<b>&'" not in made
    assert "&lt;b&gt;" in made
    assert print_order(ctx, Order("sales.order", (str(order.pk),), "confirmation")).content.startswith(
        b"%PDF"
    )


def test_sixty_lines_go_over_pages_that_repeat_the_heads(ctx, mill, needs):
    program = shutil.which("pdftotext")
    needs(program, "pdftotext of poppler-utils")
    order = mill.purchase(60)
    printed = print_order(ctx, Order("purchasing.order", (str(order.pk),), "order"))
    done = subprocess.run(
        [program, "-layout", "-", "-"], input=printed.content, capture_output=True, check=True
    )
    pages = done.stdout.decode().rstrip("\f").split("\f")
    assert len(pages) >= 2
    for number, page in enumerate(pages, start=1):
        assert re.search(rf"{number} ?/ ?{len(pages)}\s*$", page)
        assert re.search(r"物料编码\s+名称及规格\s+数量", page)
        assert "采购订单" in page
    assert "大写金额" in pages[-1]
    assert "纳税人识别号" in pages[0]
    assert "纳税人识别号" not in pages[-1]


# --- who may print what -------------------------------------------------------------------------------------


def test_what_a_person_may_not_see_is_not_printed(ctx, person, mill, world):
    order = mill.work_order(1)
    Material.objects.update(unit_cost="987.65")
    reads = ("production.*.read", "items.*.read", "company.*.read")
    shown, hidden = (
        html(person(*reads, *more), "production.work_order", "record", order)
        for more in (("production.costs",), ())
    )
    for part in ("987.65", "计划单价"):
        assert part in shown
        assert part not in hidden


def test_what_a_person_may_not_read_is_not_reached_through(person, mill, world):
    world.change(
        world.customer, tax_number="TAX-77",
        addresses=[{"kind": "registered", "line": "密道1号", "city": "城"}],
        contacts=[{"name": "周密", "phone": "139"}],
    )  # fmt: skip
    order = mill.order(1)
    seller = person("sales.*.read", "items.*.read", "company.*.read", "parties.*.read")
    other = person("sales.*.read", "company.unit.read")
    for part in ("TAX-77", "密道1号", "周密", "M0×20"):
        assert part in html(seller, "sales.order", "confirmation", order)
        assert part not in html(other, "sales.order", "confirmation", order), part
    said = text(other, "sales.order", "confirmation", order)
    assert "CU-1 远山机械" in said, "a name is known to whoever sees what refers to it"
    assert "零件0" in said
