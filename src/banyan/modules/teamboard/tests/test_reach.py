"""A leader of one team reads the plant, and decides for people of that team only: board, pages and REST alike."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from banyan.kernel.models import User
from banyan.kernel.tokens import issue_token
from banyan.lib.ids import new_id
from banyan.modules.production.models import Report, ReportApproval, ReportFlag
from banyan.modules.station.models import KeptAct

pytestmark = pytest.mark.django_db


class Rest:
    """Calls with a leader's token."""

    def __init__(self, leader, login="leader-1", **limits):
        user = User.objects.get(login=login)
        self.token = issue_token(leader.ctx, name=f"t{new_id()}", user=user.pk, **limits).token.get_secret_value()

    def send(self, method, path, data=None, **more):
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(new_id()), **more}
        send = getattr(Client(HTTP_HOST="localhost"), method)
        return send(f"/api/v1/{path}", data or {}, content_type="application/json", headers=headers)

    def refused(self, method, path, data=None, **more):
        answer = self.send(method, path, data, **more)
        return answer.status_code, answer.json().get("code")


THEIRS = (403, "production.not_your_team")


@pytest.fixture
def first(leader):
    return leader.operation(leader.released(), 10)


@pytest.fixture
def rest(leader):
    return Rest(leader)


@pytest.fixture
def foreign(leader, first):
    """Give a flagged report of somebody of another team, and its flag."""
    told = late(leader, first.work_order, leader.stranger)
    return Report.objects.get(pk=told.id), ReportFlag.objects.get()


def late(leader, order, employee):
    """Tell of pieces that nobody had handed on: booked and flagged."""
    people, at = [{"employee": employee.pk}], leader.ctx.now.isoformat()
    return leader.report(order, 20, "good", 5, people=people, offline=True, device_at=at)


def test_other_teams_reports_are_read_and_not_decided_on(leader, rest, foreign):
    report, flag = foreign
    assert rest.send("get", f"production/reports/{report.pk}").status_code == 200
    assert rest.refused("post", "production/reports/approve", {"reports": [str(report.pk)]})[0] == 404
    put_right = {"report": str(report.pk), "quantity": "1", "reason": "数错"}
    assert rest.refused("post", "production/reports/correct", put_right)[0] == 404
    undo = {"id": str(new_id()), "report": str(report.pk), "note": "数错"}
    assert rest.refused("post", "production/reports/undo", undo) == THEIRS
    assert rest.refused("post", f"production/report_flags/{flag.pk}/settle", {"answer": "核对"}) == THEIRS
    rest.send("post", "production/reports/approve")
    assert ReportApproval.objects.get().state == "waiting"
    assert ReportFlag.objects.get().state == "open"
    assert Report.objects.count() == 1
    own, again = (late(leader, report.work_order, leader.world.worker) for _ in range(2))
    assert rest.send("post", "production/reports/approve", {"reports": [str(own.id)]}).status_code == 200
    undo["report"] = str(again.id)
    assert rest.send("post", "production/reports/undo", undo).status_code == 200


def test_the_pages_of_reports_and_flags_refuse_as_well(leader, foreign):
    report, flag = foreign
    key = {"_key": str(new_id())}
    asked = {
        "reports/do/approve": {"reports": str(report.pk)},
        "reports/do/correct": {"report": str(report.pk), "quantity": "1", "reason": "数错"},
        "reports/do/undo": {"id": str(new_id()), "report": str(report.pk), "note": "数错"},
        "report_flags/do/settle": {"ids": str(flag.pk), "answer": "核对"},
    }
    answers = {path: leader.client.post(f"/production/{path}", key | data).status_code for path, data in asked.items()}
    assert set(answers.values()) <= {403, 404}, answers
    assert (Report.objects.count(), ReportFlag.objects.get().state) == (1, "open")


def test_nobody_of_another_team_is_given_work_or_loses_it(leader, rest, first):
    stranger, mine = str(leader.stranger.pk), str(leader.world.worker.pk)
    hands = [{"employee": stranger}]
    line = {"operation": str(first.pk), "hands": hands}
    order = f"production/work_orders/{first.work_order_id}/assign"
    assert rest.refused("post", "production/work_orders/dispatch", {"lines": [line]}) == THEIRS
    assert rest.refused("post", order, {"lines": [{"operation": str(first.pk), "employee": stranger}]}) == THEIRS
    team = {"lines": [{"operation": str(first.pk), "hands": [{"team": str(leader.other_team.pk)}]}]}
    assert rest.refused("post", "production/work_orders/dispatch", team) == THEIRS
    leader.world.do("production.work_order.dispatch", lines=[line])
    (row,) = leader.hands(first)
    assert rest.refused("post", "production/work_orders/dispatch", {"lines": [line | {"hands": []}]}) == THEIRS
    first_of_all = {"employee": stranger, "assignments": [str(row.pk)]}
    assert rest.refused("post", "production/assignments/arrange", first_of_all) == THEIRS
    off, seen = {"is_active": False}, {"If-Match": '"v1"'}
    assert rest.refused("patch", f"production/assignments/{row.pk}", off, **seen) == THEIRS
    page = leader.client.post(f"/production/assignments/{row.pk}/edit", {"_key": str(new_id()), "note": "改"})
    assert page.status_code in (403, 404)
    both = {"lines": [line | {"hands": [*hands, {"employee": mine}]}]}
    assert rest.send("post", "production/work_orders/dispatch", both).status_code == 200
    assert {one.employee_id for one in leader.hands(first)} == {leader.stranger.pk, leader.world.worker.pk}


def test_split_at_the_board_leaves_others_what_they_have(leader, first):
    line = {"operation": first.pk, "hands": [{"employee": leader.stranger.pk, "quantity": "40"}]}
    leader.world.do("production.work_order.dispatch", lines=[line])
    seen = ",".join(str(one.pk) for one in leader.hands(first))
    people = [leader.world.worker.pk, leader.world.second_worker.pk]
    assert leader.post("split", operation=first.pk, seen=seen, employee=people).status_code == 204
    assert sorted(int(one.quantity) for one in leader.hands(first)) == [30, 30, 40]


def test_acts_of_other_teams_people_are_not_booked_or_dismissed(leader, rest):
    now, user = timezone.now(), User.objects.create(login="sun", name="孙")
    one = KeptAct.objects.create(
        id=new_id(), plant=leader.world.plant, person=user, employee=leader.stranger, kind="report", said="合格 4",
        code="x", fault_zh="找不到该工序", fault_en="No such operation", happened_at=now, clock_at=now,
    )  # fmt: skip
    for what in ("dismiss", "book"):
        said = {"answer": "重复"} if what == "dismiss" else {}
        assert rest.refused("post", f"station/kept_acts/{one.pk}/{what}", said) == THEIRS
    assert KeptAct.objects.get().state == "open"


def test_a_narrow_token_reaches_no_further(leader, first):
    narrow = Rest(leader, scopes=["production.*"])
    line = {"operation": str(first.pk), "hands": [{"employee": str(leader.stranger.pk)}]}
    assert narrow.refused("post", "production/work_orders/dispatch", {"lines": [line]}) == THEIRS


def test_who_looks_after_the_plant_dispatches_everybody(leader, first):
    leader.signed_in("planner")
    line = {"operation": str(first.pk), "hands": [{"employee": str(leader.stranger.pk)}]}
    answer = Rest(leader, "planner-1").send("post", "production/work_orders/dispatch", {"lines": [line]})
    assert answer.status_code == 200
    assert [one.employee_id for one in leader.hands(first)] == [leader.stranger.pk]
