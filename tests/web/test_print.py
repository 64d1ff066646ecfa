"""Print from pages: the dialog, one PDF of many records, labels, and where codes lead."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.kernel import access, prints, reading, registry
from banyan.web import codes
from banyan.web.printing import labels, layouts, measure, press
from banyan.web.printing.documents import Paper
from banyan.web.printing.pdf import pages_of
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db

DIALOG = PART | {"HX-Target": "dialog-body"}


def options(page: str, name: str) -> list[str]:
    """Give the choices of a select of a dialog."""
    found = re.search(rf'<select[^>]*name="{name}".*?</select>', page, re.S)
    return re.findall(r'<option value="([^"]*)"', found[0]) if found else []


# --- the dialog ---------------------------------------------------------------------------------------------


def test_a_record_offers_its_documents_then_the_whole_then_labels(everyone, world):
    order = world.make("sales.order", party=world.customer, plant=world.plant, lines=[line(world)])
    assert (
        f'hx-get="/print/sales/orders?ids={order.pk}"'
        in everyone.get(f"/sales/orders/{order.pk}").content.decode()
    )
    page = everyone.get(f"/print/sales/orders?ids={order.pk}", headers=DIALOG).content.decode()
    assert options(page, "layout") == ["confirmation", "record", "label"]
    assert options(page, "language") == ["zh", "en"]
    assert options(page, "size") == []
    assert 'action="/print/sales/orders.pdf"' in page
    assert 'target="_blank"' in page


def test_a_master_record_offers_its_label_first_with_paper_copies_and_used_places(everyone, world):
    page = everyone.get(f"/print/items/items?ids={world.part.pk}", headers=DIALOG).content.decode()
    assert options(page, "layout") == ["label", "record"]
    assert options(page, "size") == [size.key for size in labels.SIZES]
    assert 'name="copies"' in page
    assert 'name="skip"' in page
    badge = everyone.get(f"/print/people/employees?ids={world.worker.pk}", headers=DIALOG).content.decode()
    assert re.search(r'<option value="card" selected', badge)


def test_a_list_prints_what_is_selected_in_it_for_whoever_may_read(signed_in, world):
    world.part  # noqa: B018  makes it
    page = signed_in("items.item.read").get("/items/items").content.decode()
    assert 'hx-get="/print/items/items"' in page
    assert 'name="ids"' in page


def test_nothing_selected_is_said(everyone):
    page = everyone.get("/print/items/items", headers=DIALOG)
    assert page.status_code == 422
    assert "请先选择记录" in page.content.decode()


def test_many_copies_are_work_for_a_worker_too(everyone, world):
    path = f"ids={world.part.pk}&layout=label&copies"
    assert (
        'action="/print/items/items.pdf"'
        in everyone.get(f"/print/items/items?{path}=300", headers=DIALOG).text
    )
    assert (
        'hx-post="/print/items/items"' in everyone.get(f"/print/items/items?{path}=301", headers=DIALOG).text
    )
    refused = everyone.get(f"/print/items/items.pdf?{path}=301")
    assert (refused.status_code, refused.headers["X-Refusal"]) == (422, "print_too_long")


def test_unknown_layouts_ids_and_sizes_are_refused_or_replaced(everyone, world):
    key = world.part.pk
    assert everyone.get(f"/print/items/items/{key}.pdf?layout=none").status_code == 404
    assert everyone.get("/print/items/items.pdf?ids=x").status_code == 404
    assert everyone.get("/print/nothing/here.pdf?ids=x").status_code == 404
    assert everyone.get(f"/print/items/items.pdf?ids={codes.UUID(int=7)}").status_code == 404
    assert (
        everyone.get(
            f"/print/items/items.pdf?ids={key}&size=none&copies=-1&skip=9999&language=xx"
        ).status_code
        == 200
    )
    assert everyone.get(f"/print/items/items.pdf?ids={key}&copies=²").status_code == 200


# --- PDFs ---------------------------------------------------------------------------------------------------


def line(world) -> dict[str, object]:
    return {"item": world.product, "quantity": "1", "price": "10"}


def test_many_records_become_one_pdf_in_the_order_of_selection(everyone, world, monkeypatch):
    rows = [{"party": world.customer, "plant": world.plant, "lines": [line(world)]} for _ in range(3)]
    made = [str(one.pk) for one in world.make_many("sales.order", rows)][::-1]
    laid: list[str] = []
    whole = press.pdf_of
    monkeypatch.setattr(
        press, "pdf_of", lambda sheets, done: whole((laid.append(s) or s for s in sheets), done)
    )
    paper = everyone.get(f"/print/sales/orders.pdf?ids={','.join(made)}&layout=confirmation&language=en")
    assert paper.content.startswith(b"%PDF")
    assert len(laid) == 3
    assert all("Order confirmation" in sheet for sheet in laid)
    name = unquote(paper.headers["Content-Disposition"])
    assert re.search(r"Order confirmation \d{4}-\d\d-\d\d\.pdf", name)


def test_one_record_names_its_file(everyone, world):
    paper = everyone.get(f"/print/items/items/{world.part.pk}.pdf")
    assert unquote(paper.headers["Content-Disposition"]).endswith("物料标签 MP-1 齿轮.pdf")
    assert paper.headers["Cache-Control"] == "no-store"


def test_a_link_that_the_page_would_swap_in_opens_instead(everyone, world):
    path = f"/print/items/items.pdf?ids={world.part.pk}&size=80x50"
    assert everyone.get(path, headers=PART).headers["HX-Redirect"] == path


def test_printing_needs_reading_within_ones_scope(signed_in, world):
    item, key = world.part, world.part.pk
    for path in (
        f"/print/items/items/{key}.pdf",
        f"/print/items/items.pdf?ids={key}",
        f"/print/items/items?ids={key}",
    ):
        assert signed_in("sales.*", login=f"x{abs(hash(path))}").get(path).status_code == 403
    centre = world.turning
    own = signed_in(("equipment.*.read", "plant"), login="here", plants=[world.second_plant.pk])
    assert own.get(f"/print/equipment/work_centres/{centre.pk}.pdf").status_code == 404
    assert own.get(f"/print/equipment/work_centres.pdf?ids={centre.pk}").status_code == 404
    assert item.code == "MP-1"


def test_whoever_has_not_signed_in_is_sent_to_sign_in(world):
    for path in (f"/print/items/items/{world.part.pk}.pdf", f"/go/i/{world.part.pk}"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert "/login?next=" in answer.headers["Location"]


def test_a_print_order_waits_as_plain_data():
    order = press.Order("items.item", ("1", "2"), "label", "en", size="60x40", copies=3, skip=1)
    assert press.Order.from_data(json.loads(json.dumps(order.as_data()))) == order


# --- labels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", labels.SIZES, ids=lambda size: size.key)
def test_labels_lie_on_their_sheet_beside_each_other(size):
    said = [labels.Text(f"CODE-{n}", ("名称", "规格"), "https://x/go/i/1") for n in range(size.per_page + 1)]
    first, second = labels.pages(said, size)
    assert (len(first), len(second)) == (size.per_page, 1)
    places = [(one.left, one.top) for one in first]
    assert len(set(places)) == size.per_page
    assert all(x >= 0 and x + size.width <= size.page_width + 0.01 for x, _ in places)
    assert all(y >= 0 and y + size.height <= size.page_height + 0.01 for _, y in places)
    assert labels.code_edge(size) / 41 >= 0.45, "a module of a code of 33 and its quiet zone, in millimetres"


def test_copies_follow_each_other_and_used_places_stay_free():
    size = labels.size_of("a4-3x8")
    said = [labels.Text(code, (), "c") for code in ("A", "B")]
    pages = list(labels.pages(said, size, copies=2, skip=23))
    assert [[one.title.text for one in p] for p in pages] == [["A"], ["A", "B", "B"]]
    assert (pages[0][0].left, pages[0][0].top) == size.place(23)


@pytest.mark.parametrize("size", labels.SIZES, ids=lambda size: size.key)
@pytest.mark.parametrize(
    "code", ["A", "FG-NMRV063", "L2026-03-0001", "中文编码-一号-甲", "W" * 40, "LOT-" + "0123456789-" * 5]
)
def test_a_title_is_never_cut_and_what_is_said_fits(size, code):
    said = labels.Text(
        code, ("蜗轮减速机" * 20, "NMRV063-40-YE3-0.75kW-B3", "炉号：H-1", "有效期至：2027-03-01"), "c"
    )
    ((sticker,),) = labels.pages([said], size)
    assert sticker.title.text.replace("\n", "") == code
    free = size.height - 2 * size.margin
    taken = sticker.title.height + sum(one.height for one in sticker.lines)
    assert taken <= free
    room = size.width - 2 * size.margin - labels.code_edge(size)
    for one in (sticker.title, *sticker.lines):
        assert all(measure.width(row, one.points) <= room for row in one.text.split("\n"))


def test_a_label_per_row_leads_to_the_row(ctx, world):
    from tests.web.test_print_documents import Mill

    order = Mill(world).work_order(2)
    noun = registry.noun("production.work_order")
    layout = layouts.find(ctx, noun, "operations")
    records = reading.read_records(ctx, noun, [order.pk], expand=False)
    said = labels.Labeller(ctx, noun, layout, Paper("zh", ZoneInfo("UTC"), "https://erp.example.com")).texts(
        records
    )
    assert [one.title for one in said] == ["工序1", "工序2"]
    assert order.number in said[0].lines
    keys = [row["id"] for row in records[0]["operations"]]
    assert [codes.parse(one.code) for one in said] == [
        codes.Scanned("production.operation", id=codes.UUID(key)) for key in keys
    ]


def test_labels_take_as_many_statements_for_eighty_records_as_for_one(ctx, world):
    items = world.make_many("items.item", [
        {"code": f"X-{n}", "name": f"件{n}", "unit": world.pieces, "kind": "bought"} for n in range(80)
    ])  # fmt: skip
    taken = []
    for some in (items[:1], items):
        order = press.Order("items.item", tuple(str(one.pk) for one in some), "label", size="a4-3x8")
        with CaptureQueriesContext(connection) as seen:
            press.print_order(ctx, order)
        taken.append(len(seen))
    assert taken[1] - taken[0] <= 4, "eighty are read in two parts"
    assert taken[0] <= 6


def test_a_sheet_of_labels_is_one_page():
    from django.template.loader import render_to_string

    size = labels.size_of("a4-2x7")
    said = [labels.Text(f"C-{n}", ("一", "二"), "https://x/go/i/1") for n in range(14)]
    page = [(one, "data:image/svg+xml;charset=utf-8,%3Csvg/%3E") for one in next(labels.pages(said, size))]
    laid = pages_of(
        render_to_string(press.LABELS, {"pages": [page], "size": size, "edge": labels.code_edge(size)})
    )
    assert [(round(p.width / 96 * 25.4), round(p.height / 96 * 25.4)) for p in laid.pages] == [(210, 297)]


def test_every_noun_has_a_label_even_where_none_is_declared(ctx):
    for noun in registry.nouns():
        offered = layouts.offered(ctx, noun)
        assert any(one.is_label for one in offered), noun.spec.key
        assert any(one.key == layouts.RECORD for one in offered), noun.spec.key
        assert len({one.key for one in offered}) == len(offered), noun.spec.key


def test_the_words_of_layouts_are_in_both_languages():
    chinese = re.compile(r"[一-鿿]")
    for noun in registry.nouns():
        for one in prints.layouts(noun.spec.key):
            assert not chinese.search(one.label.en), one.name
            assert chinese.search(one.label.zh), one.name


# --- where codes lead ---------------------------------------------------------------------------------------


def test_a_code_leads_to_its_record_by_id_and_by_name(everyone, world):
    item = world.item(code="A/B #1?50%")
    page = f"/items/items/{item.pk}"
    for path in (codes.make("items.item", item.pk), codes.make("items.item", item.code), f"/go/i/{item.pk}"):
        answer = everyone.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, page), path
        assert everyone.get("/go", {"text": f"https://erp.example.com{path}\r"}).headers["Location"] == page
    assert everyone.get("/go", {"text": " A/B #1?50% "}).headers["Location"] == page
    for path in ("/go/i/none", "/go/zz/1", "/go?text=none", "/go?text="):
        assert everyone.get(path).status_code == 404, path


def test_a_name_that_several_bear_leads_to_their_list(everyone, world):
    steel = world.make("inventory.lot", item=world.steel, number="L-1")
    grease = world.make("inventory.lot", item=world.grease, number="L-1")
    assert everyone.get("/go/l/L-1").headers["Location"] == "/inventory/lots?number%3Aeq=L-1"
    assert everyone.get("/inventory/lots?number%3Aeq=L-1").status_code == 200
    found = everyone.get("/go?text=L-1", headers={"Accept": "application/json"}).json()["hits"]
    assert {one["id"] for one in found} == {str(steel.pk), str(grease.pk)}
    assert {one["noun"] for one in found} == {"inventory.lot"}


def test_a_location_is_found_by_its_own_barcode(everyone, world):
    place = world.make(
        "inventory.location", code="B-1", name="一位", kind="bin", plant=world.plant, barcode="9780201379624"
    )
    assert everyone.get("/go?text=9780201379624").headers["Location"] == f"/inventory/locations/{place.pk}"


def test_a_name_outside_ones_rights_is_not_known(signed_in, world):
    world.part  # noqa: B018  makes it
    browser = signed_in("sales.*")
    assert browser.get("/go/i/MP-1").status_code == 404
    assert browser.get("/go?text=MP-1", headers={"Accept": "application/json"}).json() == {"hits": []}
    assert browser.get(f"/go/i/{world.part.pk}").headers["Location"] == f"/items/items/{world.part.pk}"


def test_an_operation_leads_where_production_says(signed_in, everyone, world, monkeypatch):
    from tests.web.test_print_documents import Mill

    order = Mill(world).work_order(1)
    operation = order.operations.get()
    path = codes.make("production.operation", operation.pk)
    assert everyone.get(path).headers["Location"] == f"/production/operations/{operation.pk}"
    worker = signed_in("production.work_order.read", login="worker")
    assert worker.get(path).headers["Location"] == f"/production/work_orders/{order.pk}"
    monkeypatch.setitem(registry._ports, "production.operation.go", lambda _ctx, key: f"/station/{key}")
    assert worker.get(path).headers["Location"] == f"/station/{operation.pk}"


def test_a_worker_prints_what_the_asker_may_see(ctx, person_named, world):
    who = access.principal_of(person_named("seer", "items.item.read").pk)
    order = press.Order("items.item", (str(world.part.pk),), "record")
    assert press.print_order(ctx.with_(principal=who), order).content.startswith(b"%PDF")
