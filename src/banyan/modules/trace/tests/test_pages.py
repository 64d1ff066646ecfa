"""The pages of the trace: found by number or scan, both sides shown, bounded, and only what a person may read."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.kernel.models import User
from banyan.lib.ids import new_id
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.starts import STOP_REASONS
from banyan.modules.inventory.values import Edge
from banyan.modules.sales.models import Order
from banyan.modules.trace import queries
from banyan.modules.trace.models import Recall
from banyan.web import codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(line):
    """Give a way to sign in as somebody with a default role."""

    def enter(role: str) -> Client:
        line.acting(role)
        client = Client(HTTP_HOST="localhost")
        client.force_login(User.objects.get(login=role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


def test_a_lot_is_found_by_number_by_its_code_and_by_a_part_of_it(line, made, browser):
    client = browser("quality")
    path = f"/trace/lots/{line.gear.pk}"
    code = codes.make("inventory.lot", line.gear.pk)
    for text in ("GB-1", code, f"http://x{code}"):
        assert client.get("/trace", {"text": text}).headers["Location"] == path
    line.lot(line.world.product, "GB-10")
    line.lot(line.world.product, "GB-11")
    assert client.get("/trace", {"text": "GB-1"}).headers["Location"] == path
    several = client.get("/trace", {"text": "GB-"}).content.decode()
    assert several.count("trace-hit") == 3
    assert "没有这个批次" in client.get("/trace", {"text": "nothing"}).content.decode()
    assert client.get("/trace").status_code == 200


def test_the_page_shows_both_sides(line, shipped, browser):
    assert line.shipped
    client = browser("quality")
    text = client.get(f"/trace/lots/{line.gear.pk}").content.decode()
    for wanted in ("HEAT-1", "远山机械有限公司", "13800000000", "海港装备", "车削", "直径", "20.01",
                   line.world.worker.name, line.world.lathe.name, line.made.number, "全部冻结并召回"):  # fmt: skip
        assert wanted in text, wanted
    up = client.get(f"/trace/lots/{line.steel_lot.pk}").content.decode()
    for wanted in ("GB-1", "远山机械有限公司"):
        assert wanted in up
    english = client.get(f"/trace/lots/{line.gear.pk}", headers={"Accept-Language": "en"})
    assert english.status_code == 200
    assert f"/trace/lots/{line.gear.pk}" in client.get(f"/inventory/lots/{line.gear.pk}").content.decode()


def test_who_may_only_read_lots_sees_no_customer_and_no_hold(line, shipped, browser):
    assert line.shipped
    text = browser("worker").get(f"/trace/lots/{line.gear.pk}").content.decode()
    assert "HEAT-1" in text
    for hidden in ("远山机械有限公司", "13800000000", "全部冻结并召回"):
        assert hidden not in text
    assert browser("accountant").get(f"/trace/lots/{line.gear.pk}").status_code == 200
    assert Client(HTTP_HOST="localhost").get(f"/trace/lots/{line.gear.pk}").status_code == 302


def test_an_unknown_lot_is_not_found(line, browser):
    assert browser("quality").get("/trace/lots/00000000-0000-4000-8000-000000000001").status_code == 404


def test_the_page_takes_as_many_statements_for_many_lots_as_for_one(line, shipped, browser):
    assert line.shipped
    client = browser("quality")

    def count() -> int:
        client.get(f"/trace/lots/{line.steel_lot.pk}")
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"/trace/lots/{line.steel_lot.pk}").status_code == 200
        return len(seen)

    few = count()
    order = line.made
    lots = [line.lot(line.world.product, f"GB-M{n}") for n in range(60)]
    line.inside(lambda ctx: stock.link_lots(
        ctx, [Edge(line.steel_lot.pk, one.pk, 1, "production.work_order", order.pk) for one in lots]
    ))  # fmt: skip
    assert count() == few
    assert few <= 24


def test_the_recall_list_as_pdf_and_xlsx(line, shipped, browser):
    assert line.shipped
    client = browser("quality")
    pdf = client.get(f"/print/inventory/lots/{line.steel_lot.pk}.pdf?layout=recall_list")
    assert pdf.content[:5] == b"%PDF-"
    recall = line.begin()
    assert client.get(f"/print/trace/recalls/{recall.pk}.pdf?layout=recall_list").content[:5] == b"%PDF-"
    answer = client.get(f"/queries/trace.recall_list/export.xlsx?lot={line.steel_lot.pk}")
    sheet = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    text = "".join(sheet.read(name).decode() for name in sheet.namelist() if name.endswith(".xml"))
    for wanted in ("远山机械有限公司", "王经理", "13800000000", "GB-1", "已发给客户", "在库"):
        assert wanted in text, wanted


def test_the_list_tells_what_is_where(line, shipped):
    from banyan.modules.trace.lists import rows_of

    assert line.shipped
    found = queries.picture(line.ctx, line.steel_lot.pk)
    told = {(row.section, row.lot.number, int(row.quantity)) for row in rows_of(found)}
    assert ("stock", "GB-1", 5) in told
    assert sum(quantity for section, _, quantity in told if section == "customer") == 5 or len(
        [1 for section, *_ in told if section == "customer"]
    ) >= 2
    assert any(section == "order" and lot == "HEAT-1" for section, lot, _ in told)


def sent_back(line, party, order, quantity, **more):
    row = {"order_line": order.lines.get().pk, "quantity": str(quantity), "lot": line.gear.pk} | more
    made = line.world.make(
        "sales.return_order", party=party, plant=line.world.plant, reason="defective", lines=[row]
    )
    line.world.do("sales.return_order.receive", made)
    return made


def gone(line) -> dict[str, int]:
    found = queries.picture(line.ctx, line.gear.pk)
    return {found.papers[one.origin].party_name: int(one.quantity) for one in found.gone if one.kind == "customer"}


def test_what_customers_sent_back_is_taken_off_what_was_shipped(line, shipped, browser):
    first, second = line.shipped
    orders = {order.party_id: order for order in Order.objects.order_by("created_at")}
    assert set(gone(line)) == {"远山机械有限公司", "海港装备"}
    shipped = {one.party: one.quantity for one in queries.shipped_to([line.gear.pk])}
    assert shipped == {first.pk: 3, second.pk: 2}
    sent_back(line, first, orders[first.pk], 1)
    back = sent_back(line, second, orders[second.pk], 2)
    assert {one.party: one.quantity for one in queries.shipped_to([line.gear.pk])} == {first.pk: 2}
    assert set(gone(line)) == {"远山机械有限公司"}
    page = browser("quality").get(f"/trace/lots/{line.gear.pk}").content.decode()
    assert "远山机械" in page
    assert "海港装备" not in page.split('id="customer"')[-1].split("</section>")[0]
    recall = line.begin()
    assert [one.party_id for one in recall.customers.all()] == [first.pk]
    assert back.state == "received"


@pytest.mark.parametrize(("path", "language", "reason"), [
    ("/inventory/lots/do/hold?ids={lot}", "zh", "供应商通知"),
    ("/inventory/lots/do/reject?ids={lot}", "en", "Failed insp"),
    ("/trace/recalls/do/begin?_on=inventory.lot:{lot}&lot={lot}", "zh", "客户投诉"),
])  # fmt: skip
def test_on_a_lots_own_page_the_usual_reasons_are_tapped(line, made, browser, path, language, reason):
    client = browser("quality")
    User.objects.update(language=language)
    dialog = client.get(path.format(lot=line.gear.pk), headers={"HX-Request": "true"})
    field = dialog.content.decode().split('data-path="reason"')[1].split("data-fault")[0]
    assert field.count('class="chip" data-usual="') == len(STOP_REASONS)
    assert f'data-usual="{reason}' in field


def test_a_tap_on_a_reason_holds_all_and_opens_the_recall(line, shipped, browser):
    assert line.shipped
    client, path = browser("quality"), f"/trace/lots/{line.steel_lot.pk}/hold"
    form = client.get(f"/trace/lots/{line.steel_lot.pk}").content.decode().split(f'hx-post="{path}"')[1]
    assert form.split("</form>")[0].count('<button class="btn trace-hold" name="reason"') == len(STOP_REASONS)
    assert 'name="reason"' in client.get(path, headers={"HX-Request": "true"}).content.decode()
    assert client.post(path, {"_key": str(new_id()), "reason": " "}).status_code == 422
    assert line.state(line.steel_lot) == "released"
    told = {"_key": str(new_id()), "reason": "供应商通知"}
    done = client.post(path, told, headers={"HX-Request": "true"})
    recall = Recall.objects.get()
    assert f"/trace/recalls/{recall.pk}" in done.headers["HX-Location"]
    assert (recall.reason, line.state(line.steel_lot), line.state(line.gear)) == ("供应商通知", "held", "held")
    again = client.post(path, {"_key": str(new_id()), "reason": "再来一次"})
    assert again.status_code == 409


def test_who_may_not_hold_gets_neither_the_dialog_nor_the_hold(line, browser):
    client, path = browser("worker"), f"/trace/lots/{line.steel_lot.pk}/hold"
    assert client.get(path).status_code == 403
    assert client.post(path, {"reason": "客户投诉"}).status_code == 403
    assert line.state(line.steel_lot) == "released"
