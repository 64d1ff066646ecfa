"""Who may report, approve, correct and see wages: the refused ones too, on the page, over REST and at the station."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from functools import cached_property
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from banyan.kernel import exchange, registry, sessions
from banyan.kernel.commands import execute
from banyan.kernel.models import Audit, Role, User
from banyan.lib.ids import new_id
from banyan.modules.production.models import Report, ReportApproval
from banyan.modules.station import badges
from banyan.modules.station.badges import Ticket
from banyan.modules.station.models import KeptAct
from banyan.modules.wages.models import Approval, Statement, WageLine
from banyan.ops.roles import write_defaults
from banyan.web import codes
from src.banyan.modules.production.tests.conftest import Shop
from tests.plugins.standing import stands
from tests.plugins.world import World

pytestmark = pytest.mark.django_db
PEOPLE = {"zhao": "worker", "qian": "worker", "lead": "leader", "sun": "sales", "acct": "accountant", "li": "warehouse"}


class Floor(Shop):
    """A shop with a rate, two workers who have reported, and people with the default roles."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stocked()
        write_defaults(world.ctx)
        world.make("wages.rate", piece_price="2", valid_from="2020-01-01")
        self.users, self.employees = {}, {}
        for login, role in PEOPLE.items():
            key = Role.objects.get(code=role).pk
            user = world.make("kernel.user", login=login, name=login, roles=[{"role": key}])
            User.objects.filter(pk=user.pk).update(plants=[world.plant.pk])
            self.users[login] = user
            self.employees[login] = world.employee(code=login, name=login, user=user, team=world.team)
        world.change(world.team, leader=self.employees["lead"])
        self.order = self.released(quantity="100")
        self.first = self.operation(self.order, 10)
        self.mine, self.other = (self.told(login, n) for login, n in (("zhao", 3), ("qian", 5)))

    def told(self, login: str, quantity: int) -> Report:
        answer = self.rest(login).post("production/work_orders/report", self.one("good", quantity))
        assert answer.status_code == 200, answer.content
        return Report.objects.get(quantity=quantity)

    def one(self, kind: str, quantity: int = 0, **more: Any) -> dict[str, Any]:
        report = {"id": str(new_id()), "kind": kind, "operation": str(self.first.pk), "quantity": str(quantity)}
        return {"reports": [report | more]}

    def rest(self, login: str) -> Rest:
        issue = registry.command("kernel.token.issue")
        token = execute(self.ctx, issue, data={"name": login, "user": str(self.users[login].pk)}).value.token
        return Rest(token.get_secret_value())

    def page(self, login: str) -> Client:
        client = Client(HTTP_HOST="localhost")
        client.force_login(self.users[login], backend="django.contrib.auth.backends.ModelBackend")
        return client

    @cached_property
    def lines(self) -> dict[str, str]:
        return {line.employee.code: str(line.pk) for line in WageLine.objects.select_related("employee")}


class Rest:
    """Calls with somebody's token."""

    def __init__(self, token: str) -> None:
        self.client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {token}")

    def post(self, path: str, data: Any = None) -> Any:
        headers = {"Idempotency-Key": str(new_id())}
        return self.client.post(f"/api/v1/{path}", data or {}, content_type="application/json", headers=headers)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")


@pytest.fixture
@stands
def floor(world, ctx) -> Floor:
    world.ctx = ctx.with_(now=timezone.now() - timedelta(minutes=5))
    return Floor(world)


@pytest.mark.parametrize("login", ["sun", "acct", "li"])
def test_who_is_not_of_the_shop_reports_nothing(floor, login):
    answer = floor.rest(login).post("production/work_orders/report", floor.one("good", 1))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert (Report.objects.count(), Audit.objects.filter(outcome="refused").count()) == (2, 1)


def test_at_a_station_what_somebody_may_not_report_is_kept_for_the_leader(floor):
    badge = floor.world.make("station.badge", employee=floor.employees["sun"])
    device = floor.world.make("station.device", code="S1", name="S1", plant=floor.world.plant)
    code = floor.world.do("station.device.pair", device).in_("en").split("enter ")[1].split()[0]
    Client().post("/station/api/pair", orjson.dumps({"code": code}), content_type="application/json")
    session = sessions.begin(floor.users["sun"].pk, "badge", device="S1", address="", now=timezone.now())
    ticket = badges.sealed(Ticket(floor.users["sun"].pk, device.pk, badge.pk, str(badge.serial), session))
    part = {"id": str(new_id()), "kind": "good", "quantity": "1"}
    now = timezone.now().isoformat()
    act = {"id": part["id"], "seq": 1, "kind": "report", "at": now, "operation": str(floor.first.pk), "parts": [part]}
    body = {"device": str(device.pk), "sent_at": now, "acts": [act]}
    answer = Client().post("/station/api/sync", orjson.dumps(body), content_type="application/json",
                           headers={"Authorization": f"Station {ticket}"})  # fmt: skip
    assert [one["state"] for one in answer.json()["acts"]] == ["kept"]
    assert (KeptAct.objects.get().code, Report.objects.count()) == ("not_allowed", 2)


def test_a_label_leads_each_to_where_they_belong(floor):
    operation, order = floor.first, floor.order
    by_id = codes.make("production.operation", operation.pk)
    by_number = codes.make("production.work_order", order.number)
    for label in (by_id, by_number, codes.make("production.work_order", order.pk)):
        assert Client(HTTP_HOST="localhost").get(label).headers["Location"] == f"/station/#{label}"
    worker, leader = floor.page("zhao"), floor.page("lead")
    assert worker.get(by_id).headers["Location"] == f"/station/#/go/o/{operation.pk}"
    assert worker.get(by_number).headers["Location"] == f"/station/#/go/w/{order.pk}"
    assert leader.get(by_id).headers["Location"] == f"/production/operations/{operation.pk}"
    assert leader.get(by_number).headers["Location"] == f"/production/work_orders/{order.pk}"
    other = codes.make("items.item", floor.world.part.pk)
    assert Client(HTTP_HOST="localhost").get(other).headers["Location"].startswith("/login?next=")
    assert Client(HTTP_HOST="localhost").get("/go/nothing/x").headers["Location"].startswith("/login?next=")


def test_a_worker_corrects_only_what_is_their_own_and_a_leader_any_of_the_team(floor):
    undo = "production/reports/undo"
    worker = floor.rest("zhao")
    refused = worker.post(undo, {"id": str(new_id()), "report": str(floor.other.pk)})
    assert (refused.status_code, refused.json()["code"]) == (404, "production.report_unknown")
    assert Report.objects.count() == 2
    assert worker.post(undo, {"id": str(new_id()), "report": str(floor.mine.pk)}).status_code == 200
    assert floor.rest("lead").post(undo, {"id": str(new_id()), "report": str(floor.other.pk)}).status_code == 200
    assert floor.rest("sun").post(undo, {"id": str(new_id()), "report": str(floor.mine.pk)}).status_code == 403


@pytest.mark.parametrize(("login", "status"), [("zhao", 404), ("sun", 403), ("acct", 403), ("li", 403)])
def test_the_page_undoes_no_report_of_another(floor, login, status):
    page, undo = floor.page(login), "/production/reports/do/undo"
    told = {"_key": str(new_id()), "id": str(new_id()), "note": "数错"}
    assert page.post(undo, told | {"report": str(floor.other.pk)}).status_code == status
    assert Report.objects.count() == 2


def test_the_page_undoes_ones_own_report(floor):
    told = {"_key": str(new_id()), "id": str(new_id()), "note": "数错", "report": str(floor.mine.pk)}
    assert floor.page("zhao").post("/production/reports/do/undo", told).status_code == 200
    assert Report.objects.get(kind="undo").reverses_id == floor.mine.pk


@pytest.mark.parametrize(("login", "status"), [
    ("zhao", 403), ("sun", 403), ("li", 403), ("lead", 200), ("acct", 200),
])  # fmt: skip
def test_leader_and_accountant_approve_wages_and_nobody_else(floor, login, status):
    assert floor.rest(login).post("wages/lines/approve").status_code == status
    assert Approval.objects.count() == (2 if status == 200 else 0)


@pytest.mark.parametrize("login", ["zhao", "sun"])
def test_the_page_refuses_an_approval_as_well(floor, login):
    page = floor.page(login)
    assert page.get("/wages/lines/do/approve").status_code == 403
    assert page.post("/wages/lines/do/approve", {"_key": str(new_id())}).status_code == 403
    assert Approval.objects.count() == 0


def test_a_worker_sees_their_own_wages_and_a_leader_those_of_the_plant(floor):
    def seen(login: str) -> set[str]:
        return {row["id"] for row in floor.rest(login).get("wages/lines").json()["items"]}

    assert seen("zhao") == {floor.lines["zhao"]}
    assert seen("lead") == seen("acct") == set(floor.lines.values())
    assert floor.rest("zhao").get(f"wages/lines/{floor.lines['qian']}").status_code == 404
    assert floor.rest("sun").get("wages/lines").status_code == 403


def test_the_pages_show_no_more(floor):
    own, other = (f"/wages/lines/{floor.lines[login]}" for login in ("zhao", "qian"))
    page = floor.page("zhao")
    assert page.get(own).status_code == 200
    assert page.get(other).status_code == 404
    text = page.get("/wages/lines").content.decode()
    assert own in text
    assert other not in text
    for path in ("/wages/lines", own, "/wages/rates", "/wages/statements"):
        assert floor.page("sun").get(path).status_code == 403
    assert page.get("/wages/rates").status_code == 403


@pytest.fixture
def statements(floor) -> dict[str, Statement]:
    """Give the statements of the month by whose they are: three pieces and five, at two each."""
    floor.world.do("wages.line.approve")
    floor.world.do("wages.statement.prepare", month=WageLine.objects.first().day)
    return {one.employee.code: one for one in Statement.objects.select_related("employee")}


def exported(floor: Floor, login: str, of: str = "") -> list[dict[str, D]]:
    """Give what wages somebody takes away as XLSX by whose they are, all or one's, from the page and over REST."""
    found, key = [], floor.employees[of].pk if of else ""
    for answer in (
        floor.page(login).get(f"/wages/statements/export.xlsx?{f'employee:eq={key}' if of else ''}"),
        floor.rest(login).get(f"wages/statements/export?format=xlsx&expand=employee{f'&employee={key}' if of else ''}"),
    ):
        assert answer.status_code == 200
        table = exchange.read_table("wages.xlsx", b"".join(answer.streaming_content))
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        found.append({str(row["员工"]).split()[0]: D(str(row["应付工资"])) for row in rows})
    return found


def test_the_accountant_takes_all_wages_to_payroll_and_a_worker_their_own(floor, statements):
    both, own = {"zhao": D(6), "qian": D(10)}, {"zhao": D(6)}
    assert exported(floor, "acct") == [both, both]
    assert exported(floor, "zhao") == [own, own]
    assert exported(floor, "acct", of="qian") == [{"qian": D(10)}] * 2
    assert exported(floor, "zhao", of="qian") == [{}, {}]
    assert floor.page("sun").get("/wages/statements/export.xlsx").status_code == 403
    assert floor.rest("sun").get("wages/statements/export?format=xlsx").status_code == 403


def test_a_statement_is_shown_to_whom_it_pays_and_not_to_others(floor, statements):
    own, other = statements["zhao"].pk, statements["qian"].pk
    page, rest = floor.page("zhao"), floor.rest("zhao")
    assert [row["id"] for row in rest.get("wages/statements").json()["items"]] == [str(own)]
    assert D(rest.get(f"wages/statements/{own}").json()["amount"]) == 6
    assert page.get(f"/wages/statements/{own}").status_code == 200
    text = page.get("/wages/statements").content.decode()
    assert str(own) in text
    assert str(other) not in text
    assert rest.get(f"wages/statements/{other}").status_code == 404
    assert page.get(f"/wages/statements/{other}").status_code == 404
    for path in ("wages/statements", f"wages/statements/{own}"):
        assert (floor.rest("sun").get(path).status_code, floor.page("sun").get(f"/{path}").status_code) == (403, 403)


def approved() -> int:
    return ReportApproval.objects.filter(state="approved").count()


@pytest.mark.parametrize(("login", "status"), [("zhao", 403), ("sun", 403), ("li", 403), ("lead", 200)])
def test_only_a_leader_approves_reports(floor, login, status):
    asked = {"reports": [str(floor.mine.pk)]}
    assert floor.rest(login).post("production/reports/approve", asked).status_code == status
    assert approved() == (1 if status == 200 else 0)


@pytest.mark.parametrize("login", ["zhao", "sun", "li"])
def test_the_page_of_approvals_and_its_sweep_are_refused_as_well(floor, login):
    page = floor.page(login)
    assert page.get("/teamboard/approval").status_code == 403
    sweep = page.post("/teamboard/approve", {"_key": str(new_id()), "reports": str(floor.mine.pk)})
    assert sweep.status_code in (403, 404)
    assert page.get("/teamboard/").status_code == 403
    assert approved() == 0


@pytest.mark.parametrize("login", ["zhao", "sun", "li"])
def test_who_may_not_correct_is_refused_on_the_page_and_over_rest(floor, login):
    asked = {"report": str(floor.mine.pk), "quantity": "1", "reason": "数错"}
    assert floor.rest(login).post("production/reports/correct", asked).status_code == 403
    page = floor.page(login)
    assert page.post("/production/reports/do/correct", {"_key": str(new_id()), **asked}).status_code == 403
    assert page.get("/production/reports/do/correct").status_code == 403
    assert set(Report.objects.values_list("pk", flat=True)) == {floor.mine.pk, floor.other.pk}


@pytest.mark.parametrize("login", ["sun", "acct", "li"])
def test_the_page_takes_no_report_of_whom_it_is_not_for(floor, login):
    page, path = floor.page(login), f"/production/operations/do/tally?ids={floor.first.pk}"
    assert page.get(path).status_code in (403, 404)
    assert page.post(path, {"_key": str(new_id()), "good": "1"}).status_code in (403, 404)
    assert Report.objects.count() == 2
