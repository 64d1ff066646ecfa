"""An undo that comes after the report was approved, used or closed: accepted, taken back with a reason, or booked
again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from banyan.kernel.models import User
from banyan.lib.ids import new_id
from banyan.modules.production.models import Report, ReportApproval, ReportFlag
from banyan.modules.station.models import KeptAct
from banyan.modules.teamboard.tests.test_board import offline, settled, the_board, the_flags

pytestmark = pytest.mark.django_db


def mine(leader):
    return [{"employee": leader.world.worker.pk}]


@pytest.fixture
def order(leader):
    return leader.released()


@pytest.fixture
def late(leader, order):
    """Forty turned, thirty of them milled, then the forty are undone from a device that was offline."""
    first = leader.report(order, 10, "good", 40, people=mine(leader), minutes="80", note="夹具二")
    leader.report(order, 20, "good", 30, people=mine(leader))
    back = leader.say(order, None, "undo", reverses=first.id, **offline(leader))
    leader.send(back, ctx=leader.ctx.with_(now=leader.ctx.now + timedelta(seconds=9)))
    return Report.objects.get(pk=first.id)


def test_what_was_undone_too_late_is_booked_again_in_one_tap(leader, order, late):
    assert leader.counters(order, 10) == (0, 0, 0)
    assert settled(leader, "确实做了").status_code == 204
    assert leader.counters(order, 10) == (40, 0, 0)
    again = Report.objects.get(note="确实做了")
    assert (again.kind, again.quantity, again.minutes, again.worker, again.day, again.note) == (
        "good", 40, 80, leader.world.worker.pk, late.day, "确实做了",
    )  # fmt: skip
    assert ReportApproval.objects.get(pk=again.pk).state == "waiting"
    assert set(ReportFlag.objects.values_list("state", "answer")) == {("settled", "确实做了")}
    assert the_board(leader).flags == 0


def test_it_is_booked_again_once_and_not_beside_what_was_reported_since(leader, order, late):
    (row,) = the_flags(leader)
    leader.report(order, 10, "good", 80, people=mine(leader))
    refused = leader.post("restore", report=row.report, answer="误点撤销")
    assert refused.status_code == 409
    assert "更正后来的报工" in refused.content.decode()
    assert leader.counters(order, 10) == (80, 0, 0)
    assert ReportFlag.objects.get().state == "open"
    leader.send(leader.say(order, None, "undo", reverses=leader_last(order).pk, **offline(leader)))
    assert leader.post("restore", report=row.report, answer="误点撤销").status_code == 204
    again = leader.post("restore", report=row.report, answer="确实做了")
    assert again.status_code == 409
    assert "已恢复过" in again.content.decode()
    assert leader.counters(order, 10) == (40, 0, 0)


def leader_last(order):
    return Report.objects.filter(work_order=order, kind="good").order_by("-reported_at").first()


def test_only_an_undo_of_ones_own_team_is_booked_again_and_with_a_reason(leader, order, late):
    (row,) = the_flags(leader)
    assert leader.post("restore", report=row.report, answer=" ").status_code == 422
    assert leader.post("restore", report=late.pk, answer="确实做了").status_code == 404
    assert leader.post("restore", report=new_id(), answer="确实做了").status_code == 404
    worker = leader.signed_in("worker", leader.world.second_worker)
    assert leader.post("restore", client=worker, report=row.report, answer="确实做了").status_code == 403
    ReportApproval.objects.filter(pk=late.pk).update(team=leader.other_team)
    assert leader.post("restore", report=row.report, answer="确实做了").status_code == 404
    assert leader.counters(order, 10) == (0, 0, 0)


def kept_undo(leader, report, code="production.approved_already"):
    now = timezone.now()
    key = str(new_id())
    body = {
        "id": key, "seq": 1, "kind": "undo", "at": now.isoformat(),
        "parts": [{"id": key, "kind": "undo", "reverses": str(report)}],
    }  # fmt: skip
    return KeptAct.objects.create(
        id=key, plant=leader.world.plant, person=User.objects.get(login="leader-1"), employee=leader.world.worker,
        kind="undo", said="撤销 合格 40", code=code, fault_zh="该报工已审核，不能自行撤销", fault_en="Approved already",
        body=body, happened_at=now, clock_at=now,
    )  # fmt: skip


def test_an_undo_of_what_was_approved_meanwhile_is_taken_back_with_a_reason_in_one_tap(leader, order):
    told = leader.report(order, 10, "good", 40, people=mine(leader))
    leader.world.do("production.report.approve", reports=[told.id])
    act = kept_undo(leader, told.id)
    assert f"{order.number} · 10 车削" in leader.get("flags").content.decode()
    assert leader.post("reverse", acts=act.pk, answer="").status_code == 422
    assert leader.counters(order, 10) == (40, 0, 0)
    assert settled(leader, "工人报错").status_code == 204
    assert leader.counters(order, 10) == (0, 0, 0)
    undo = Report.objects.get(kind="undo")
    assert (undo.note, str(undo.pk)) == ("工人报错", str(act.pk))
    act.refresh_from_db()
    assert act.state == "booked"
    assert the_board(leader).flags == 0


def test_an_undo_of_what_is_undone_already_says_so_and_offers_no_button(leader, order):
    told = leader.report(order, 10, "good", 40, people=mine(leader))
    leader.undo(told)
    act = kept_undo(leader, told.id, "production.already_undone")
    page = leader.get("flags").content.decode()
    assert "不能冲销" in page
    assert "工人报错" not in page
    refused = leader.post("reverse", acts=act.pk, answer="工人报错")
    assert refused.status_code == 409
    assert "选“不入账”即可" in refused.content.decode()
    assert settled(leader, "误操作").status_code == 204


def test_an_unreadable_undo_breaks_no_page(leader):
    act = kept_undo(leader, "not-a-key")
    assert str(act.pk) in leader.get("flags").content.decode()
