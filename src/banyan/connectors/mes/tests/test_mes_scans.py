"""Reports and what was taken back of them against the MES's own list: what one side lacks is named by its own key."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from banyan.connectors.mes.connector import Mes, MesSettings
from banyan.integration.watch import defaults
from banyan.integration.watch.models import Discrepancy, Scan, Seed
from banyan.integration.watch.scanning import run_scan
from banyan.modules.production.models import Report
from banyan.modules.production.tests.conftest import Shop
from tests.integration.partner import connection as connected
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.partners.shops import CONNECTORS
from tests.plugins.world import World

WSDL = (CONNECTORS / "mes" / "payloads" / "mes.wsdl").read_text(encoding="utf-8")
LISTS = {"list_reports": "Report", "list_undone": "Undone"}
#: What the queue is here: a partner that is polled; the MES's list is its own.
QUEUE = [
    {"key": key, "ways": ["poll"], "method": "GET", "path": f"/{key}", "body": None, "id_path": "id",
     "version_path": "id"} for key in ("reports", "undone")
]  # fmt: skip


def element(name: str, content: object) -> str:
    return f"<t:{name}>{content}</t:{name}>"


class Floor:
    """An MES as its WSDL says: `lists` is what it lists by time, `queued` what its queue brings."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict]] = {"list_reports": [], "list_undone": []}
        self.queued: dict[str, list[dict]] = {"reports": [], "undone": []}

    def tell(self, queue: str, *, queued: bool = True, **facts) -> dict:
        said = {"id": str(uuid4()), **facts}
        self.lists[f"list_{queue}"].append(said)
        if queued:
            self.queued[queue].append(said)
        return said

    def answer(self, asked):
        if asked.method == "GET":
            return self.queued[asked.path.strip("/")]
        body = asked.body.decode()
        name = re.search(r"Body>\s*<(?:\w+:)?(\w+)", body)[1]
        if name not in LISTS:
            said = element(f"{name}Result", "MES-1")
        else:
            since, limit = (re.search(rf"{tag}>([^<]+)<", body)[1] for tag in ("since", "limit"))
            rows = sorted((one for one in self.lists[name] if one["at"] >= since.replace("Z", "+00:00")),
                          key=lambda one: one["at"])[: int(limit)]  # fmt: skip
            said = "".join(element(LISTS[name], "".join(element(*pair) for pair in one.items())) for one in rows)
            said = element(f"{name}Result", said)
        envelope = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<t:{name}Response xmlns:t="urn:mes">{said}</t:{name}Response></s:Body></s:Envelope>'
        )
        return 200, envelope.encode(), "Content-Type: text/xml"


def test_the_list_is_walked_by_time_and_its_entries_read_as_the_queue_brings_them():
    floor, begin = Floor(), datetime(2026, 3, 2, 8, tzinfo=UTC)
    told = [floor.tell("reports", order="WO-1", operation="o", kind="GOOD", quantity="2.5",
                       at=(begin + timedelta(seconds=n)).isoformat()) for n in range(5)]  # fmt: skip
    with partner(floor.answer) as there:
        link, found, position = connected(MesSettings(wsdl=WSDL, address=there.url)), {}, None
        position = Mes().position_at(link, "list_reports", begin)
        for _ in range(10):
            page = Mes().poll(link, "list_reports", position, 3)
            found |= {one.body["id"]: one for one in page.messages}
            if not page.has_more:
                break
            position = page.position
        assert list(found) == [one["id"] for one in told]
        body = found[told[0]["id"]].body
        assert {name: body[name] for name in told[0]} == told[0]
        later = Mes().position_at(link, "list_reports", begin + timedelta(hours=1))
        assert Mes().poll(link, "list_reports", later, 3).messages == ()
        assert Mes().poll(link, "list_undone", later, 3).messages == ()


@pytest.fixture
def floor(live_db, ctx, settings, tmp_path):
    """Give a released order with three reports of the MES, one of them taken back, and how its scans run."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    mes = Floor()
    with partner(mes.answer) as there:
        mes.url, mes.ctx = there.url, ctx.with_(now=datetime.now(UTC))
        mes.shop, mes.hand = Shop(World(mes.ctx)), Integrator(mes.ctx)
        mes.shop.stocked()
        yield mes
    connection.close()


def joined(floor: Floor, wsdl: str = WSDL) -> None:
    """Join the pair: the MES by its WSDL, and what brings its reports, as a system of its own."""
    hand = floor.hand
    system = hand.system("MES", "mes", {"wsdl": wsdl, "address": floor.url}, {}, timeout_seconds=5)
    hand.flow(system, "ORDERS", samples("mes", "work_released.json"), direction="out", trigger="event",
              detail={"events": ["production.work_released"]}, target="add_work_order",
              mapping={"preset": "mes.work_orders"})  # fmt: skip
    account = hand.account("production.work_order.report", "production.report.undo")
    back = hand.system("MESQ", "rest", {"address": floor.url, "operations": QUEUE}, {}, account=account)
    for key, sample in (("reports", "report.json"), ("undone", "undone.json")):
        hand.flow(back, key.upper(), samples("mes", sample), direction="in", trigger="poll", order="free",
                  detail={"operation": key, "every": 60}, target="production.work_order.report",
                  mapping={"preset": f"mes.{key}"})  # fmt: skip


def found(floor: Floor, code: str, later: timedelta = timedelta(hours=1)) -> list[tuple[str, str, str]]:
    """Run a scan and give what it found."""
    ctx = floor.ctx.with_(now=datetime.now(UTC) + later)
    scan = Scan.objects.select_related("system", "fetch_flow").get(code=code)
    floor.run = run_scan(ctx, scan)
    listed = Discrepancy.objects.filter(scan=scan).exclude(state="closed")
    return sorted(listed.values_list("kind", "key", "proposed"))


def test_a_report_that_one_side_lacks_is_found_and_fetched_and_one_of_ours_alone_is_not_theirs(floor):
    joined(floor)
    order = floor.shop.released(quantity="20", due_on=(floor.ctx.now + timedelta(days=20)).date())
    step = str(floor.shop.operation(order, 10).pk)
    at = floor.ctx.now - timedelta(minutes=5)

    def good(quantity: int, **more) -> dict:
        return floor.tell("reports", order=order.number, operation=step, kind="GOOD", quantity=quantity,
                          at=at.isoformat(), **more)  # fmt: skip

    kept, wrong = good(4), good(3)
    carry(datetime.now(UTC) + timedelta(seconds=61))
    floor.tell("undone", report=wrong["id"], at=at.isoformat())
    carry(datetime.now(UTC) + timedelta(seconds=130))
    assert sorted(Report.objects.values_list("kind", flat=True)) == ["good", "good", "undo"]
    defaults.seed(floor.ctx)
    codes = set(Scan.objects.filter(kind="theirs").values_list("code", flat=True))
    assert codes == {"SCAN-REPORTS", "SCAN-UNDONE"}
    assert (found(floor, "SCAN-REPORTS"), floor.run.ours, floor.run.windows_differ) == ([], 2, 0)
    assert (found(floor, "SCAN-UNDONE"), floor.run.ours, floor.run.windows_differ) == ([], 1, 0)

    floor.shop.report(order, 10, "good", 1)
    lost, other = good(2, queued=False), good(1)
    carry(datetime.now(UTC) + timedelta(seconds=200))
    floor.lists["list_reports"].remove(kept)
    floor.lists["list_reports"][-1] = other | {"quantity": 5}
    undone = floor.tell("undone", queued=False, report=kept["id"], at=at.isoformat())
    assert found(floor, "SCAN-REPORTS") == sorted([
        ("missing_there", kept["id"], "task"), ("missing_here", lost["id"], "fetch_again"),
        ("different", other["id"], "task"),
    ])  # fmt: skip
    assert (floor.run.sums[0]["our_sum"], floor.run.sums[0]["their_sum"]) == ("8", "10")
    assert found(floor, "SCAN-UNDONE") == [("missing_here", undone["id"], "fetch_again")]
    missing = Discrepancy.objects.filter(kind="missing_here").values_list("pk", flat=True)
    floor.hand.do("watch.discrepancy.fetch_again", *missing)
    carry(datetime.now(UTC) + timedelta(seconds=270))
    assert Report.objects.filter(pk__in=(lost["id"], undone["id"])).count() == 2
    assert [kind for kind, _, _ in found(floor, "SCAN-REPORTS")] == ["different", "missing_there"]
    assert found(floor, "SCAN-UNDONE") == []


def test_an_mes_that_lists_nothing_is_asked_once_a_day_and_has_no_scan(floor):
    joined(floor, WSDL.replace("list_reports", "other_reports").replace("list_undone", "other_undone"))
    for hours in (0, 1, 25):
        defaults.seed(floor.ctx.with_(now=floor.ctx.now + timedelta(hours=hours)))
    assert not Scan.objects.filter(kind="theirs").exists()
    asked = set(Seed.objects.filter(key__startswith="asked ").values_list("at", flat=True))
    assert asked == {floor.ctx.now + timedelta(hours=25)}
