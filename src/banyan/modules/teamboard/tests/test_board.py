"""The board: who sees whose, what it shows, what its hands do, and what it costs."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from banyan.kernel import access
from banyan.kernel.models import User
from banyan.lib.ids import new_id
from banyan.lib.labels import speaking
from banyan.modules.exceptions.starts import call
from banyan.modules.production import comparing
from banyan.modules.production import queries as production
from banyan.modules.production.models import Operation, Report, ReportApproval, ReportFlag, WorkOrder
from banyan.modules.station.models import KeptAct
from banyan.modules.teamboard import figures, queries

pytestmark = pytest.mark.django_db


def ctx_of(leader, login="leader-1"):
    return leader.ctx.with_(principal=access.principal_of(User.objects.get(login=login).pk))


def the_board(leader):
    ctx = ctx_of(leader)
    return queries.board(ctx, *queries.chosen_teams(ctx))


def the_flags(leader, login="leader-1"):
    ctx = ctx_of(leader, login)
    return queries.flags(ctx, *queries.chosen_teams(ctx))[0]


def person(board, employee):
    return next(one for one in board.people if one.id == employee.pk)


def test_who_reads_english_sees_the_english_names_of_operations(leader):
    """20 has none, so what it is called stands."""
    order = leader.released()
    first, zhao = leader.operation(order, 10), leader.world.worker
    Operation.objects.filter(pk=first.pk).update(name="粗车", name_en="Turning")
    leader.give(first, zhao)
    told = leader.report(order, 10, "good", 8, people=[{"employee": zhao.pk}])
    with speaking("en"):
        board, shown = the_board(leader), queries.told(told.id)
        assert [card.title for card in (*person(board, zhao).tasks, *board.pool)] == [
            "10 Turning", "20 铣削", "30 检验",
        ]  # fmt: skip
        assert shown.title == "10 Turning"
        assert (first.pk, f"{order.number} 10 Turning") in queries.near(shown)
        assert [row.title for row in queries.waiting(ctx_of(leader), *queries.chosen_teams(ctx_of(leader)))[0]] == [
            "10 Turning",
        ]  # fmt: skip
        assert [done.name for done in production.work_of(zhao.pk, Report.objects.get(pk=told.id).day)] == ["Turning"]
        assert [task.name for task in production.my_tasks(zhao.pk)] == ["Turning"]
        assert [line.name for line in comparing.operations(order.pk)] == ["10 Turning", "20 铣削", "30 检验"]
        choices = call(leader.ctx, [order.pk])["_choices"]["operation"]
        assert {text.rpartition(" ")[2] for _, text in choices} == {"Turning", "铣削", "检验"}
    assert [card.title for card in person(the_board(leader), zhao).tasks] == ["10 粗车"]
    planner = leader.signed_in("planner")
    paths = ("/production/operations", f"/production/work_orders/{order.pk}")
    for language, names in (("en", (True, False)), ("zh", (False, True))):
        User.objects.filter(login="planner-1").update(language=language)
        for path in paths:
            page = planner.get(path).content.decode()
            assert ("Turning" in page, "粗车" in page) == names, (language, path)
            assert "铣削" in page


def test_a_leader_sees_the_own_team_and_a_planner_all_of_the_plant(leader):
    assert [team.name for team in queries.teams_of(ctx_of(leader))] == ["车铣班"]
    planner = leader.signed_in("planner")
    assert [team.name for team in queries.teams_of(ctx_of(leader, "planner-1"))] == ["车铣班", "装配班"]
    assert "孙师傅" in leader.get(team="all", client=planner).content.decode()
    assert "孙师傅" not in leader.get().content.decode()
    assert leader.get(team=str(leader.other_team.pk)).status_code == 404
    worker = leader.signed_in("worker", leader.world.second_worker)
    assert leader.get(client=worker).status_code == 403
    assert leader.get("approval", client=worker).status_code == 403


def test_people_and_tasks_with_what_was_made_and_what_is_due(leader):
    order = leader.released()
    first = leader.operation(order, 10)
    zhao, qian = leader.world.worker, leader.world.second_worker
    assert [card.title for card in the_board(leader).pool] == ["10 车削", "20 铣削", "30 检验"]
    assert leader.give(first, zhao).status_code == 204
    leader.report(order, 10, "start", people=[{"employee": zhao.pk}])
    leader.report(order, 10, "good", 8, people=[{"employee": zhao.pk}])
    undone = leader.report(order, 10, "good", 5, people=[{"employee": zhao.pk}])
    leader.undo(undone)
    board = the_board(leader)
    mine = person(board, zhao)
    assert (mine.status, mine.at, int(mine.good)) == ("working", f"{order.number} 10 车削", 8)
    assert (mine.tasks[0].percent, mine.tasks[0].room, mine.load) == (8, 92, 184)
    assert person(board, qian).status == "none"
    assert (int(board.good), board.waiting, board.flags) == (8, 1, 0)
    assert [card.title for card in board.pool] == ["20 铣削", "30 检验"]
    assert board.pool[0].room == 8
    assert sum(row.planned for row in board.hours) == 100
    leader.report(order, 10, "pause", people=[{"employee": zhao.pk}])
    assert person(the_board(leader), zhao).status == "paused"


def test_the_day_is_that_on_which_it_was_made_not_told(leader):
    order, zhao = leader.released(), leader.world.worker
    mine = [{"employee": zhao.pk}]
    leader.report(order, 10, "good", 3, people=mine)
    told = {"people": mine, "offline": True}
    leader.report(order, 10, "good", 40, device_at=(timezone.now() - timedelta(days=1)).isoformat(), **told)
    board = the_board(leader)
    assert (int(board.good), int(person(board, zhao).good)) == (3, 3)
    assert sum(row.good for row in board.hours) == 3


def test_in_a_night_shift_the_board_shows_the_night(leader):
    order, zhao, qian = leader.released(), leader.world.worker, leader.world.second_worker
    here = leader.ctx.now.astimezone(queries.ZoneInfo("Asia/Shanghai")).replace(hour=2, minute=0) - timedelta(days=1)
    night = leader.world.make("people.shift", code="N", name="夜班", starts_at="20:00", ends_at="08:00")
    leader.world.change(zhao, shift=night)
    leader.give(leader.operation(order, 10), zhao)
    for hours, count in ((4, 7), (1, 5), (20, 11)):
        at = (here - timedelta(hours=hours)).isoformat()
        leader.report(order, 10, "good", count, people=[{"employee": zhao.pk}], offline=True, device_at=at)
    leader.report(order, 10, "good", 9, people=[{"employee": qian.pk}], offline=True,
                  device_at=(here - timedelta(hours=4)).isoformat())  # fmt: skip
    ctx = ctx_of(leader).with_(now=here)
    board = queries.board(ctx, *queries.chosen_teams(ctx))
    assert int(person(board, zhao).good) == 12  # before the shift somebody else's day
    assert int(person(board, qian).good) == 0
    assert {row.hour: int(row.good) for row in board.hours if row.good} == {"22": 7, "01": 5}
    assert [row.hour for row in board.hours][:3] == ["20", "21", "22"]
    assert person(board, zhao).tasks[0].done_today == 12


def test_who_is_absent_and_who_is_stopped(leader):
    order = leader.released()
    zhao, qian = leader.world.worker, leader.world.second_worker
    first = leader.operation(order, 10)
    leader.give(first, zhao)
    day = timezone.now().astimezone(queries.ZoneInfo("Asia/Shanghai")).date().isoformat()
    leader.world.make("people.attendance", employee=zhao, day=day, minutes=480)
    board = the_board(leader)
    assert (person(board, zhao).status, person(board, qian).status) == ("free", "absent")
    leader.report(order, 10, "start", people=[{"employee": zhao.pk}])
    leader.world.do("exceptions.category.add_usual")
    from banyan.modules.exceptions.models import Category

    leader.world.do(
        "exceptions.exception.raise", id=new_id(), category=Category.objects.first().pk, severity="severe",
        operation=first.pk, problem="主轴异响",
    )  # fmt: skip
    mine = person(the_board(leader), zhao)
    assert mine.status == "stopped"
    assert mine.why


def test_given_moved_split_and_taken_off(leader):
    first = leader.operation(leader.released(), 10)
    zhao, qian = leader.world.worker, leader.world.second_worker
    leader.give(first, zhao)
    (row,) = leader.hands(first)
    assert leader.give(first, qian, seen=[row], instead=row.pk).status_code == 204
    (row,) = leader.hands(first)
    assert row.employee_id == qian.pk
    stale = leader.give(first, zhao)
    assert (stale.status_code, stale["X-Refusal"]) == (412, "production.dispatch_stale")
    dialog = leader.get("split", operation=first.pk).content.decode()
    assert "赵师傅" in dialog
    assert "孙师傅" not in dialog
    told = {"operation": first.pk, "seen": row.pk, "employee": [zhao.pk, qian.pk]}
    assert leader.post("split", **told).status_code == 204
    assert sorted(int(one.quantity) for one in leader.hands(first)) == [50, 50]
    seen = ",".join(str(one.pk) for one in leader.hands(first))
    told |= {"seen": seen, f"quantity.{zhao.pk}": "70", f"quantity.{qian.pk}": "30"}
    assert leader.post("split", **told).status_code == 204
    assert sorted(int(one.quantity) for one in leader.hands(first)) == [30, 70]
    for wrong in ("-1", "很多", "1e999", "NaN"):
        assert leader.post("split", **(told | {f"quantity.{zhao.pk}": wrong})).status_code == 422
    rows = leader.hands(first)
    assert leader.give(first, seen=rows, instead=rows[0].pk).status_code == 204
    assert len(leader.hands(first)) == 1


def test_nobody_of_another_team_and_no_other_teams_reports(leader):
    order = leader.released()
    first = leader.operation(order, 10)
    assert leader.give(first, leader.stranger).status_code == 404
    assert leader.post("split", operation=first.pk, employee=[leader.stranger.pk]).status_code == 404
    assert leader.post("accept", pair=f"{first.pk}:{leader.stranger.pk}").status_code == 404
    told = leader.report(order, 10, "good", 5, people=[{"employee": leader.stranger.pk}])
    assert leader.post("approve", reports=told.id).status_code == 404
    assert ReportApproval.objects.get().state == "waiting"
    assert leader.hands(first) == []
    for path in ("give", "split", "accept", "arrange", "approve", "urgent"):
        for wrong in ({}, {"operation": "x", "employee": "'", "reports": "🙂", "pair": "a:b", "order": "-"}):
            assert leader.post(path, **wrong).status_code in (404, 422), (path, wrong)


def test_the_station_follows_the_order_of_the_board(leader):
    orders = [leader.released(due_on=f"2026-03-{day}") for day in (20, 21, 22)]
    zhao = leader.world.worker
    for order in orders:
        leader.give(leader.operation(order, 10), zhao)
    tasks = [leader.hands(leader.operation(order, 10))[0] for order in orders]
    keys = ",".join(str(tasks[n].pk) for n in (2, 0, 1))
    assert leader.post("arrange", employee=zhao.pk, assignments=keys).status_code == 204
    assert [t.assignment for t in production.my_tasks(zhao.pk)] == [tasks[n].pk for n in (2, 0, 1)]
    assert [t.assignment for t in person(the_board(leader), zhao).tasks] == [tasks[n].pk for n in (2, 0, 1)]
    assert leader.post("urgent", order=orders[1].pk, urgent="1").status_code == 204
    assert WorkOrder.objects.get(pk=orders[1].pk).priority == "urgent"


def test_a_proposal_is_shown_and_accepted_once(leader):
    order = leader.released()
    text = leader.get("proposal").content.decode()
    pairs = [part.split('"')[0] for part in text.split('name="pair" value="')[1:]]
    assert len(pairs) == 3
    assert leader.post("accept", pair=pairs).status_code == 204
    assert all(leader.hands(leader.operation(order, n)) for n in (10, 20, 30))
    assert leader.post("accept", pair=pairs).status_code == 412
    assert leader.get("proposal").status_code == 409


def test_the_sweep_and_the_flag_page(leader):
    order = leader.released()
    zhao = [{"employee": leader.world.worker.pk}]
    clear = [leader.report(order, 10, "good", n, people=zhao) for n in (3, 4)]
    over = leader.report(
        order, 20, "good", 20, people=zhao, offline=True, device_at=(timezone.now() - timedelta(hours=1)).isoformat(),
        ctx=leader.ctx.with_(now=leader.ctx.now + timedelta(seconds=9)),
    )  # fmt: skip
    page = leader.get("approval").content.decode()
    assert page.count('name="reports"') == 2
    assert "超报" in page
    assert leader.post("approve", reports=[one.id for one in clear]).status_code == 204
    assert leader.operation(order, 10).approved_quantity == 7
    page = leader.get("flags").content.decode()
    assert "上道到达 7，本道已报 0，可报 7" in page
    (row,) = the_flags(leader)
    assert (row.arrived_then, row.taken_then, row.flags[0][1:]) == (7, 0, ("over", D(13)))
    assert 'value="20"' in leader.get("correct", report=over.id).content.decode()
    for wrong in ({"quantity": ""}, {"quantity": "-1"}, {"quantity": "很多"}, {"quantity": "3", "reason": ""}):
        told = {"report": over.id, "operation": leader.operation(order, 20).pk, "reason": "数错"} | wrong
        assert leader.post("correct", **told).status_code == 422
    stranger = leader.report(order, 10, "good", 1, people=[{"employee": leader.stranger.pk}])
    assert leader.post("correct", report=stranger.id, quantity="0", reason="数错").status_code == 404
    assert leader.post("approve", reports=over.id).status_code == 204
    assert ReportFlag.objects.get().state == "settled"
    assert leader.get("flags").content.decode().count("tb-flag") == 1  # the count in the head
    assert Report.objects.count() == 4


def offline(leader):
    return {"offline": True, "device_at": (timezone.now() - timedelta(hours=1)).isoformat()}


def flag_tile(leader, login="leader-1"):
    return figures.flagged(ctx_of(leader, login), None).value


def settled(leader, button):
    """Press a button of the flags page, found by its words, as the page would send it."""
    text = leader.get("flags").content.decode()
    told = next(one for one in text.split("<button")[1:] if button in one.split("</button>")[0])
    path, values = told.split('hx-post="/teamboard/')[1].split('"')[0], told.split("hx-vals='")[1].split("'")[0]
    return leader.post(path, **json.loads(values))


def test_of_a_report_by_others_than_report_there_the_page_says_who_does(leader):
    order, world = leader.released(), leader.world
    world.change(world.turning, reporters="skilled", skill=world.skill)
    told = leader.report(order, 10, "good", 5, people=[{"employee": world.second_worker.pk}])
    assert told.flags == ("reporter",)
    page = leader.get("flags").content.decode()
    assert "不在可报工的人之内" in page
    assert "这里由有技能的人报工 <b>数控车削</b>" in page
    world.change(world.turning, reporters="given")
    assert "这里由派到的人或班组报工" in leader.get("flags").content.decode()
    assert settled(leader, "认可").status_code == 204
    assert ReportFlag.objects.get().state == "settled"
    assert ReportApproval.objects.get().state == "approved"


def test_of_a_reason_out_of_use_and_a_colleague_who_is_gone_the_page_names_both(leader):
    order, world = leader.released(), leader.world
    reason = world.make("production.defect_reason", code="OLD", name="旧原因", kind="scrap")
    world.change(reason, is_active=False)
    world.do("people.employee.leave", world.second_worker, left_on=leader.ctx.now.date())
    people = [{"employee": one.pk} for one in (world.worker, world.second_worker)]
    defects = [{"reason": reason.pk, "quantity": 2}]
    told = leader.report(order, 10, "scrap", 2, people=people, defects=defects, **offline(leader))
    assert sorted(told.flags) == ["left", "reason"]
    page = leader.get("flags").content.decode()
    assert "不良原因 <b>旧原因</b>" in page
    assert "原因已停用，或不用于这个工作中心或此类报工" in page
    names = ", ".join(one.name for one in sorted((world.worker, world.second_worker), key=lambda one: one.code))
    assert f"一起报工的人 <b>{names}</b>" in page
    assert "其中有人已离职" in page


def test_an_undo_that_comes_too_late_is_seen_counted_and_accepted_in_one_tap(leader):
    order = leader.released()
    zhao = [{"employee": leader.world.worker.pk}]
    first = leader.report(order, 10, "good", 40, people=zhao)
    leader.report(order, 20, "good", 30, people=zhao)
    back = leader.say(order, None, "undo", reverses=first.id, note="报错工单", **offline(leader))
    later = leader.ctx.with_(now=leader.ctx.now + timedelta(seconds=9))
    assert leader.send(back, ctx=later)[0].flags == ("over",)
    assert (the_board(leader).flags, flag_tile(leader)) == (1, 1)
    (row,) = the_flags(leader)
    assert (row.quantity, row.undone_kind, row.who, row.taken_then, row.good_now) == (-40, "good", "赵师傅", 40, 0)
    assert (row.flags[0][1:], row.users) == (("over", D(30)), (("20 铣削", D(30), D(0)),))
    page = leader.get("flags").content.decode()
    for words in ("撤销 合格", "报错工单", "本道已报 40，撤销后 0", "本道合格 0，20 铣削 已报 30，到达 0", "超报 +30"):
        assert words in page
    assert "/teamboard/correct" not in page
    assert "上道漏报" not in page
    assert settled(leader, "认可").status_code == 204
    flag = ReportFlag.objects.get()
    assert (flag.state, flag.answer) == ("settled", "认可")
    assert (the_board(leader).flags, flag_tile(leader)) == (0, 0)
    assert leader.counters(order, 10) == (0, 0, 0)
    assert leader.get("flags").content.decode().count("tb-flag") == 1  # the count in the head


@pytest.mark.parametrize("kind", ["start", "pause"])
def test_a_mark_on_a_closed_order_is_seen_counted_and_settled(leader, kind):
    order = leader.released()
    zhao = [{"employee": leader.world.worker.pk}]
    leader.world.do("production.work_order.close", order)
    assert leader.report(order, 10, kind, people=zhao, **offline(leader)).flags == ("closed",)
    stranger = [{"employee": leader.stranger.pk}]
    foreign = leader.report(order, 10, kind, people=stranger, **offline(leader))
    assert (the_board(leader).flags, flag_tile(leader)) == (1, 1)
    page = leader.get("flags").content.decode()
    assert {"start": "开工", "pause": "暂停"}[kind] in page
    assert "工单已关闭" in page
    assert "孙师傅" not in page
    other = ReportFlag.objects.get(report=foreign.id)
    assert leader.post("settle", flags=other.pk, answer="认可").status_code == 404
    assert leader.post("settle", flags=new_id(), answer="认可").status_code == 404
    assert leader.post("settle", answer="认可").status_code == 422
    mine = ReportFlag.objects.exclude(pk=other.pk).get()
    assert leader.post("settle", flags=mine.pk, answer=" ").status_code == 422
    worker = leader.signed_in("worker", leader.world.second_worker)
    assert leader.post("settle", client=worker, flags=mine.pk, answer="认可").status_code == 403
    assert set(ReportFlag.objects.values_list("state", flat=True)) == {"open"}
    assert settled(leader, "认可").status_code == 204
    assert (the_board(leader).flags, flag_tile(leader)) == (0, 0)
    other.refresh_from_db()
    assert other.state == "open"


@pytest.mark.parametrize(("login", "seen"), [("leader-1", 1), ("planner-1", 4)])
def test_board_tile_and_pages_count_the_same_with_people_of_no_team(leader, login, seen):
    client = leader.client if login == "leader-1" else leader.signed_in("planner")
    freelance = leader.world.employee(code="E-F", name="周师傅", team=None)
    order = leader.released()
    for one in (leader.world.worker, freelance):
        people = [{"employee": one.pk}]
        leader.report(order, 10, "good", 5, people=people)
        leader.report(order, 20, "good", 30, people=people, **offline(leader))
    leader.world.do("production.work_order.close", order)
    leader.report(order, 30, "start", people=[{"employee": freelance.pk}], **offline(leader))
    now = timezone.now()
    KeptAct.objects.create(
        id=new_id(), plant=leader.world.plant, person=User.objects.get(login=login), employee=freelance, kind="report",
        said="合格 4", code="x", fault_zh="找不到该工序", fault_en="No such operation", happened_at=now, clock_at=now,
    )  # fmt: skip
    ctx = ctx_of(leader, login)
    board = queries.board(ctx, *queries.chosen_teams(ctx, "all"))
    waits = 2 if seen == 1 else 4
    assert (board.waiting, board.flags) == (waits, seen)
    assert (figures.to_approve(ctx, None).value, flag_tile(leader, login)) == (waits, seen)
    page = leader.get("flags", team="all", client=client).content.decode()
    assert page.count('class="card tb-flag"') == seen
    assert ("周师傅" in page) == (seen == 4)
    assert leader.get("approval", team="all", client=client).content.decode().count('class="card tb-line"') == waits


def test_what_could_not_be_booked_is_on_the_flag_page(leader):
    user = User.objects.get(login="leader-1")
    now = timezone.now()
    KeptAct.objects.create(
        id=new_id(), plant=leader.world.plant, person=user, employee=leader.world.worker, kind="report", said="合格 4",
        code="x", fault_zh="找不到该工序", fault_en="No such operation", happened_at=now, clock_at=now,
    )  # fmt: skip
    page = leader.get("flags").content.decode()
    assert "合格 4" in page
    assert "找不到该工序" in page
    assert the_board(leader).flags == 1


def test_what_was_kept_is_booked_in_one_tap_and_the_dialog_is_for_elsewhere(leader):
    order, key, now = leader.released(), new_id(), timezone.now()
    first = leader.operation(order, 10)
    act = {
        "id": str(key), "seq": 1, "kind": "report", "at": now.isoformat(), "operation": str(first.pk),
        "parts": [{"id": str(key), "kind": "good", "quantity": "4"}],
    }  # fmt: skip
    facts = dict(
        plant=leader.world.plant, person=User.objects.get(login="leader-1"), employee=leader.world.worker,
        fault_zh="稍后再试", fault_en="Try again", happened_at=now, clock_at=now,
    )  # fmt: skip
    KeptAct.objects.create(id=key, kind="report", code="x", said="合格 4", body=act, operation=first, **facts)
    use = KeptAct.objects.create(id=new_id(), kind="use", code="station.booked_flagged", said="用料 4", **facts)
    page = leader.get("flags").content.decode()
    assert page.count('hx-post="/teamboard/book"') == 2
    assert page.count("/station/kept_acts/do/book?ids=") == 1
    assert f"/station/kept_acts/do/book?ids={key}&amp;" in page
    assert (page.count('<span class="dim">没有用，冲回<'), page.count("要核对什么")) == (1, 1)
    worker = leader.signed_in("worker", leader.world.second_worker)
    assert leader.post("book", client=worker, acts=key).status_code == 403
    assert leader.post("book", acts="").status_code == 422
    assert [leader.post("book", acts=one).status_code for one in (key, use.pk)] == [204, 204]
    assert Report.objects.get(pk=key).quantity == 4
    assert set(KeptAct.objects.values_list("state", "answer")) == {("booked", "已入账"), ("booked", "认可")}


def test_flags_and_acts_are_dismissed_in_one_tap_by_the_usual_reasons(leader):
    order = leader.released()
    told = leader.report(order, 20, "good", 5, people=[{"employee": leader.world.worker.pk}], **offline(leader))
    acts = [
        KeptAct.objects.create(
            id=new_id(), plant=leader.world.plant, person=User.objects.get(login="leader-1"), code="x", said="合格 4",
            employee=one, kind="report", fault_zh="找不到该工序", fault_en="No such operation",
            happened_at=timezone.now(), clock_at=timezone.now(),
        )  # fmt: skip
        for one in (leader.world.worker, leader.stranger)
    ]
    page = leader.get("flags").content.decode()
    assert f"/production/report_flags/do/settle?ids={ReportFlag.objects.get().pk}&amp;_from=list" in page
    assert f"/station/kept_acts/do/dismiss?ids={acts[0].pk}&amp;_from=list" in page
    assert settled(leader, "上道漏报").status_code == 204
    flag = ReportFlag.objects.get()
    assert (flag.state, flag.answer, ReportApproval.objects.get(pk=told.id).state) == ("settled", "上道漏报", "waiting")
    assert leader.post("dismiss", acts=acts[1].pk, answer="重复").status_code == 404
    assert leader.post("dismiss", acts=acts[0].pk, answer="").status_code == 422
    assert leader.post("dismiss", answer="重复").status_code == 422
    worker = leader.signed_in("worker", leader.world.second_worker)
    assert leader.post("dismiss", client=worker, acts=acts[0].pk, answer="重复").status_code == 403
    assert settled(leader, "重复").status_code == 204
    assert sorted(KeptAct.objects.values_list("state", "answer")) == [("dismissed", "重复"), ("open", "")]
    assert the_board(leader).flags == 0


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "最早的 {} 条，另有 {} 条"), ("en", "oldest {} are listed, {} more")]
)
def test_the_pages_say_what_they_do_not_show(leader, monkeypatch, language, words):
    User.objects.filter(login="leader-1").update(language=language)
    order = leader.released()
    zhao = [{"employee": leader.world.worker.pk}]
    for _ in range(3):
        leader.report(order, 20, "good", 5, people=zhao, **offline(leader))
        KeptAct.objects.create(
            id=new_id(), plant=leader.world.plant, person=User.objects.get(login="leader-1"), code="x", said="合格 4",
            employee=leader.world.worker, kind="report", fault_zh="找不到该工序", fault_en="No such operation",
            happened_at=timezone.now(), clock_at=timezone.now(),
        )  # fmt: skip
    for path in ("flags", "approval"):
        assert "notice" not in leader.get(path).content.decode()
    monkeypatch.setattr(queries, "MOST_FLAGS", 2)
    monkeypatch.setattr(queries, "MOST_WAITING", 1)
    page = leader.get("flags").content.decode()
    assert words.format(4, 2) in page
    assert page.count('class="card tb-flag"') == 4
    assert "data-tb-flags>6<" in page
    page = leader.get("approval").content.decode()
    assert words.format(1, 2) in page
    assert "data-tb-waiting>3<" in page
    while ReportFlag.objects.filter(state="open").exists():
        keys = ",".join(str(flag) for row in the_flags(leader) for flag, *_ in row.flags)
        assert leader.post("settle", flags=keys, answer="已核对").status_code == 204
    assert leader.get("flags").content.decode().count("合格 4") == 2


@pytest.mark.parametrize("path", ["", "approval", "flags", "proposal"])
def test_a_page_takes_as_many_statements_for_one_task_as_for_many(leader, path):
    def fill(count):
        for _ in range(count):
            order = leader.released()
            leader.give(leader.operation(order, 10), leader.world.worker)
            told = leader.report(order, 10, "good", 5, people=[{"employee": leader.world.worker.pk}])
            leader.report(
                order, 20, "good", 9, people=[{"employee": leader.world.second_worker.pk}], offline=True,
                device_at=timezone.now().isoformat(),
            )  # fmt: skip
            leader.send(leader.say(order, None, "undo", reverses=told.id, **offline(leader)))

    fill(1)
    leader.get(path)
    with CaptureQueriesContext(connection) as few:
        leader.get(path)
    fill(8)
    with CaptureQueriesContext(connection) as many:
        assert leader.get(path).status_code == 200
    assert len(many) == len(few)
    assert len(few) <= 22


def machines_of(world, *codes):
    return [world.make("equipment.machine", code=one, name=one, work_centre=world.turning) for one in codes]


def test_an_order_is_shown_at_the_machine_it_runs_on(leader):
    order, (planned, other) = leader.released(), machines_of(leader.world, "T-1", "T-2")
    first = leader.operation(order, 10)
    type(first).objects.filter(pk=first.pk).update(machine=planned)
    zhao, qian = ([{"employee": one.pk}] for one in (leader.world.worker, leader.world.second_worker))

    def runs():
        return {one.code: one.at for one in the_board(leader).machines}

    at = f"{order.number} 10"
    assert runs() == {"T-1": "", "T-2": ""}
    leader.report(order, 10, "start", people=zhao, machine=other.pk)
    assert runs() == {"T-1": "", "T-2": at}
    leader.report(order, 10, "start", people=qian)
    assert runs() == {"T-1": at, "T-2": at}
    moved = leader.report(order, 10, "good", 1, people=qian, machine=other.pk)
    assert runs() == {"T-1": "", "T-2": at}
    leader.undo(moved)
    leader.report(order, 10, "pause", people=zhao)
    assert runs() == {"T-1": at, "T-2": ""}
    leader.report(order, 10, "pause", people=qian)
    assert runs() == {"T-1": "", "T-2": ""}


HEAT = {"name": "硬度", "name_en": "Hardness", "kind": "number", "minimum": "58", "maximum": "62", "unit": "HRC"}
LEAK = {"name": "渗漏", "kind": "choice", "choices": ["有", "无"], "is_required": False}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", (
            "硬度 <b class='tb-count'>63.5 HRC</b>", "硬度 应为 58–62 HRC", "渗漏 应为 有 / 无", "必填未填 <b>硬度</b>",
            "设备 <b>F-1</b> · {milling}", "工序在 <b>{turning}</b> · 计划设备 T-1", "T-2 故障，自 ",
        )),
        ("en", (
            "Hardness <b class='tb-count'>63.5 HRC</b>", "Hardness should be 58–62 HRC",
            "Required, not told <b>Hardness</b>", "T-2 Down since ",
            "The operation is done at <b>{turning}</b> · planned machine T-1",
        )),
    ],
)  # fmt: skip
def test_the_leader_sees_what_was_told_against_what_it_should_be(leader, language, words):
    User.objects.filter(login="leader-1").update(language=language)
    world, order = leader.world, leader.released()
    planned, down = machines_of(world, "T-1", "T-2")
    mill = world.make("equipment.machine", code="F-1", name="F-1", work_centre=world.milling)
    first = leader.operation(order, 10)
    type(first).objects.filter(pk=first.pk).update(capture=[HEAT, LEAK], machine=planned)
    zhao, right = [{"employee": world.worker.pk}], {"硬度": "60"}
    leader.report(order, 10, "good", 1, people=zhao, data={"硬度": "63.5", "渗漏": "也许"}, **offline(leader))
    leader.report(order, 10, "good", 2, people=zhao, data={"渗漏": "无"}, **offline(leader))
    leader.report(order, 10, "good", 3, people=zhao, data=right, machine=mill.pk, **offline(leader))
    world.do("equipment.machine.stop", down, reason="主轴")
    type(down).objects.filter(pk=down.pk).update(state_since=timezone.now() - timedelta(hours=2))
    leader.report(order, 10, "good", 4, people=zhao, data=right, machine=down.pk, **offline(leader))
    rows = {int(row.quantity): row for row in the_flags(leader)}
    assert [[kind for _, kind, _ in rows[n].flags] for n in (1, 2, 3, 4)] == [
        ["limits"], ["missing"], ["machine"], ["machine"],
    ]  # fmt: skip
    assert [(one.asked.name, one.told) for one in rows[1].beyond] == [("硬度", "63.5"), ("渗漏", "也许")]
    assert ([one.asked.name for one in rows[2].lacking], rows[1].lacking, rows[2].beyond) == (["硬度"], (), ())
    assert [(rows[n].machine, rows[n].planned_machine) for n in (3, 4)] == [("F-1", "T-1"), ("T-2", "T-1")]
    page = " ".join(leader.get("flags").content.decode().replace('"', "'").split())
    for text in words:
        assert text.format(milling=world.milling.name, turning=world.turning.name) in page


def test_an_idle_look_costs_one_statement_and_gives_nothing(leader):
    order = leader.released()
    stamp = leader.get().content.decode().split('data-stamp="')[1].split('"')[0]
    with CaptureQueriesContext(connection) as seen:
        answer = leader.get("board", seen=stamp)
    assert (answer.status_code, answer.content) == (204, b"")
    assert sum("kernel_audit" in q["sql"] for q in seen) == 1
    assert len(seen) <= 3  # the session, who it is, the mark
    leader.report(order, 10, "good", 1, people=[{"employee": leader.world.worker.pk}])
    assert leader.get("board", seen=stamp).status_code == 200


def test_both_languages(leader):
    User.objects.filter(login="leader-1").update(language="en")
    leader.released()
    text = leader.get().content.decode()
    assert "To dispatch" in text
    assert "待派工" not in text
