"""The mapping bench: a sample is pasted, fields are tapped together, the output is there as one types, and is kept."""

from __future__ import annotations

import json
import time

import pytest

from banyan.integration.mapping.models import Duplicate, KeyLink, Sample, Table
from tests.browser.conftest import SCREENS, settle
from tests.browser.looks import check, picture
from tests.browser.sizes import desk_and_phone, every_look
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ORDER = {
    "order": {"id": "T-1001", "total_fen": 19900, "buyer": {"code": "9", "name": "远山机械"}, "rows": [
        {"sku": "FG-001", "qty": "2", "price": "49.75"}, {"sku": "FG-002", "qty": "一", "price": "99.50"},
    ]},
}  # fmt: skip
LINES = [
    {"target": "records[0].customer_reference", "source": "order.id", "converter": "trim", "is_required": True},
    {"target": "records[0].party", "source": "order.buyer.code", "converter": "ours(parties.party)"},
    {"target": "records[0].lines[].item", "source": "order.rows[].sku", "converter": "record(items.item)"},
    {"target": "records[0].lines[].quantity", "source": "order.rows[].qty", "converter": "quantity"},
    {"target": "records[0].lines[].price", "source": "order.rows[].price", "converter": "money"},
]


def faults_of(page) -> list[str]:
    """Give what the console complains of, but not that a newer request has taken an older one's place."""
    return [f for f in page.faults if not any(word in f for word in ("404", "htmx:afterRequest", "htmx:sendAbort"))]


@pytest.fixture
def table(factory):
    """Give a mapping of orders of a shop, with the customer linked."""
    party = type(factory.orders[0]).objects.first().party
    factory.do("mapping.key_link.link", system="shop", entity="parties.party", code="9", record=party.pk)
    return factory.make(
        "mapping.table", code="shop-orders", name="商城订单", system="shop", target="sales.order.create", lines=LINES
    )


@every_look
def test_the_bench_looks_right(table, signed_in, device, size, language, theme):
    page = signed_in(**size, language=language, color_scheme=theme)
    folder = SCREENS / "mapping"
    page.goto(f"/integration/mapping/{table.pk}/bench")
    body = json.dumps(ORDER, ensure_ascii=False, indent=2)
    page.fill("#bench-body", body if language == "zh" else body.replace("一", "one").replace("远山机械", "Hill Ltd"))
    expect(page.locator(".bench-json")).to_contain_text("T-1001")
    settle(page)
    picture(page, folder / f"bench-{device}-{language}-{theme}.png", full_page=True)
    check(page, "bench", is_phone=device == "phone", language=language)
    assert faults_of(page) == []


def test_a_table_is_filled_by_taps_and_typed_and_kept(table, signed_in):
    page = signed_in()
    page.goto(f"/mapping/tables/{table.pk}")
    page.get_by_role("link", name="映射台").click()
    page.wait_for_url("**/bench")
    page.fill("#bench-body", json.dumps(ORDER, ensure_ascii=False))
    expect(page.locator(".bench-faults").first).to_contain_text("“一”不是数字")
    # a fault names its place; the sample is corrected as one types
    expect(page.locator(".bench-faults").first).to_contain_text("records[0].lines[1].quantity")
    page.fill("#bench-body", json.dumps(ORDER, ensure_ascii=False).replace("一", "1"))
    expect(page.locator(".bench-ok")).to_contain_text("没有错误")
    # a target, then its source, by taps
    page.locator(".bench-targets summary").click()
    page.locator('[data-target="records[].terms"]').first.click()
    row = page.locator("[data-bench] [data-row]").nth(len(LINES))
    row.locator('[name$=".target"]').fill("records[0].notes")
    expect(row.locator('[data-path$=".target"] .cell-fault')).to_contain_text("目标没有这个字段")
    row.locator('[name$=".target"]').fill("records[0].terms")
    page.locator('[data-source="order.buyer.name"]').click()
    expect(row.locator('[name$=".source"]')).to_have_value("order.buyer.name")
    expect(page.locator(".bench-json")).to_contain_text("远山机械")
    page.get_by_role("button", name="表达式、条件、说明等列").click()
    expect(row.locator('[name$=".when"]')).to_be_visible()
    # what is wrong with the table is shown in its cell
    row.locator('[name$=".converter"]').fill("trimm")
    expect(row.locator('[data-path$=".converter"] .cell-fault')).to_contain_text("trim")
    row.locator('[name$=".converter"]').fill("upper")
    expect(page.locator(".bench-ok")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator("#notes")).to_contain_text("已保存")
    assert table.lines.count() == len(LINES) + 1
    expect(page.locator(".bench-ok")).to_be_visible()
    # the sample is still there; the table goes on being changed, and is kept with it
    row.locator('[name$=".note"]').fill("买方名称")
    page.fill("#bench-name", "第一单")
    page.get_by_role("button", name="保存并固定样例和结果").click()
    expect(page.locator(".bench-samples")).to_contain_text("第一单")
    expect(page.locator(".bench-ok")).to_contain_text("与固定的结果一致")
    sample = Sample.objects.get(table=table.pk)
    assert sample.expected["records"][0]["lines"][1]["quantity"] == "1"
    assert Table.objects.get().version == table.version + 2
    assert table.lines.filter(note="买方名称").count() == 1
    assert faults_of(page) == []


def test_the_output_is_there_at_once(table, signed_in):
    page = signed_in()
    page.goto(f"/integration/mapping/{table.pk}/bench")
    page.fill("#bench-body", json.dumps(ORDER))
    settle(page)
    took = []
    page.on("response", lambda r: took.append(r.request.timing["responseEnd"]) if r.url.endswith("/try") else None)
    for word in ("a", "b", "c", "d", "e"):
        page.fill("#bench-body", json.dumps(ORDER).replace("T-1001", word * 5))
        expect(page.locator(".bench-json")).to_contain_text(word * 5)
        settle(page)
    time.sleep(0.1)
    assert len(took) >= 5
    assert sorted(took)[len(took) // 2] < 150


@desk_and_phone
def test_a_doubt_is_decided_in_its_queue(factory, signed_in, size, language):
    for code in ("CU-91", "CU-92"):
        factory.party(code=code, name="Twin", tax_code=factory.vat13)
    factory.make("mapping.match_rule", entity="parties.party", fact="name", field="name", compare="folded")
    factory.do("mapping.key_link.match", system="shop", entity="parties.party", things=[
        {"code": "T-7", "name": "twin", "facts": {"phone": "010-1"}}
    ])  # fmt: skip
    page = signed_in(**size, language=language)
    folder = SCREENS / "mapping"
    page.goto("/mapping/duplicates")
    picture(page, folder / f"duplicates-{language}.png")
    paper = Duplicate.objects.get()
    page.goto(f"/mapping/duplicates/{paper.pk}")
    picture(page, folder / f"duplicate-{language}.png", full_page=True)
    check(page, "duplicate", is_phone="phone" in size, language=language)
    page.get_by_role("button", name="确定是哪条" if language == "zh" else "Decide").first.click()
    page.wait_for_selector("dialog[open] form")
    settle(page)
    picture(page, folder / f"decide-{language}.png")
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=record]").first.select_option(index=1)
    dialog.locator("form button.btn-primary").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    settle(page)
    paper.refresh_from_db()
    assert paper.state == "linked"
    assert KeyLink.objects.get(code="T-7").record == paper.record
    pages = {"table": "/mapping/tables/new", "links": "/mapping/key_links", "area": "/areas/integration"}
    for name, path in pages.items():
        page.goto(path)
        picture(page, folder / f"{name}-{language}.png", full_page=True)
        check(page, name, is_phone="phone" in size, language=language)
