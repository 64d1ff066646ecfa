"""What people say from the shop floor, and what it does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.models import Outbox
from banyan.lib.errors import NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.production.errors import (
    AlreadyUndone,
    CannotUndo,
    NotAtWork,
    OperationUnknown,
    ReportKeyReused,
    ReportUnknown,
    StillNeededLater,
    TooMuchReported,
    WrongReport,
)
from banyan.modules.production.models import Assignment, Report, ReportFlag
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


def test_good_pieces_flow_from_operation_to_operation(shop, order):
    shop.report(order, 10, "good", 40)
    shop.report(order, 20, "good", 30)
    order.refresh_from_db()
    assert order.state == "running"
    assert [shop.counters(order, s) for s in (10, 20, 30)] == [(40, 0, 0), (30, 0, 0), (0, 0, 0)]
    assert [shop.operation(order, s).state for s in (10, 20, 30)] == ["running", "running", "open"]


def test_more_than_has_arrived_is_refused_and_leaves_no_trace(shop, order):
    shop.report(order, 10, "good", 40)
    with pytest.raises(TooMuchReported) as refusal:
        shop.report(order, 20, "good", 41)
    assert {k: refusal.value.facts[k] for k in ("asked", "room", "arrived", "taken")} == {
        "asked": 41,
        "room": 40,
        "arrived": 40,
        "taken": 0,
    }
    assert list(refusal.value.fields) == ["reports.0.quantity"]
    assert shop.counters(order, 20) == (0, 0, 0)
    assert Report.objects.count() == 1


def test_a_tolerance_lets_more_be_counted(shop):
    shop.stocked()
    order = shop.released(tolerance_percent="5")
    shop.report(order, 10, "good", 105)
    with pytest.raises(TooMuchReported):
        shop.report(order, 10, "good", 1)


def test_what_happened_offline_is_booked_and_flagged(shop, order, ctx):
    shop.report(order, 10, "good", 40)
    answer = shop.report(
        order, 20, "good", 41, offline=True, device_at=(ctx.now - timedelta(hours=2)).isoformat()
    )
    assert answer.flags == ("over",)
    assert shop.counters(order, 20) == (41, 0, 0)
    flag = ReportFlag.objects.get()
    assert (flag.kind, flag.excess_quantity, flag.report_id, flag.state) == ("over", 1, answer.id, "open")
    shop.world.do("production.report_flag.settle", flag, answer="上道漏报一件")
    assert flag.state == "settled"


def test_without_a_device_time_it_counts_as_live(shop, order):
    with pytest.raises(TooMuchReported):
        shop.report(order, 20, "good", 1, offline=True)


def test_the_same_key_again_answers_the_same_and_writes_nothing(shop, order, ctx):
    said = shop.say(order, 10, "good", 5)
    first = shop.send(said)
    told = Outbox.objects.count()
    again = shop.send(said, ctx=ctx.with_(now=ctx.now + timedelta(minutes=3)))
    assert again == first
    assert (shop.counters(order, 10), Report.objects.count(), Outbox.objects.count()) == ((5, 0, 0), 1, told)


def test_sent_once_live_and_once_from_the_queue_it_is_the_same_report(shop, order):
    said = shop.say(order, 10, "good", 5)
    first = shop.send(said)
    assert shop.send(said | {"offline": True}) == first


def test_new_and_known_reports_in_one_call(shop, order):
    old, new = shop.say(order, 10, "good", 5), shop.say(order, 10, "good", 6)
    first = shop.send(old)[0]
    answers = shop.send(new, old, new)
    assert (answers[1], answers[0]) == (first, answers[2])
    assert shop.counters(order, 10) == (11, 0, 0)


def test_a_key_used_for_another_report_is_refused(shop, order):
    said = shop.say(order, 10, "good", 5)
    shop.send(said)
    with pytest.raises(ReportKeyReused):
        shop.send(said | {"quantity": "6"})
    with pytest.raises(ReportKeyReused):
        shop.send(said | {"operation": shop.operation(order, 20).pk})
    other = shop.say(order, 10, "good", 1)
    with pytest.raises(ReportKeyReused):
        shop.send(other, other | {"quantity": "2"})
    assert shop.counters(order, 10) == (5, 0, 0)


def test_several_reports_are_booked_in_their_order_or_not_at_all(shop, order):
    shop.send(
        shop.say(order, 10, "good", 10),
        shop.say(order, 20, "good", 10),
        shop.say(order, 20, "scrap", 0) | {"kind": "start"},
    )
    assert (shop.counters(order, 10), shop.counters(order, 20)) == ((10, 0, 0), (10, 0, 0))
    with pytest.raises(TooMuchReported) as refusal:
        shop.send(shop.say(order, 10, "good", 5), shop.say(order, 20, "good", 6))
    assert list(refusal.value.fields) == ["reports.1.quantity"]
    assert shop.counters(order, 10) == (10, 0, 0)


def test_scrap_carries_its_reasons_and_the_order_knows_what_is_lost(shop, order):
    reason = shop.world.make("production.defect_reason", code="D01", name="尺寸超差")
    shop.report(order, 10, "good", 50)
    shop.report(order, 20, "scrap", 3, defects=[{"reason": reason.pk, "quantity": "3"}])
    order.refresh_from_db()
    assert (order.scrapped_quantity, shop.counters(order, 20)) == (3, (0, 3, 0))
    assert Report.objects.get(kind="scrap").defects == [{"reason": str(reason.pk), "quantity": "3"}]
    shop.report(order, 10, "good", 53)
    with pytest.raises(TooMuchReported):
        shop.report(order, 10, "good", 1)


def test_a_reason_switched_off_and_a_colleague_who_left_meanwhile_are_flagged_and_stand(shop, order, ctx):
    world = shop.world
    reasons = [world.make("production.defect_reason", code=f"D{n}", name=f"缺陷{n}") for n in (1, 2)]
    a, b = world.worker, world.second_worker
    shop.report(order, 10, "good", 50)
    world.change(reasons[0], is_active=False)
    world.change(reasons[1], kind="rework")
    world.do("people.employee.leave", b, left_on=ctx.now.date())
    told = dict(
        people=[{"employee": a.pk}, {"employee": b.pk}],
        defects=[{"reason": reason.pk, "quantity": "1"} for reason in reasons],
    )
    with pytest.raises(WrongReport):
        shop.report(order, 10, "scrap", 2, **told)
    told |= dict(offline=True, device_at=(ctx.now - timedelta(hours=2)).isoformat())
    answer = shop.report(order, 10, "scrap", 2, **told)
    assert sorted(answer.flags) == ["left", "reason"]
    assert sorted(ReportFlag.objects.values_list("kind", "state")) == [("left", "open"), ("reason", "open")]
    made = Report.objects.get(pk=answer.id)
    assert [p["employee"] for p in made.people] == [str(a.pk), str(b.pk)]
    assert [d["reason"] for d in made.defects] == [str(reason.pk) for reason in reasons]
    for unknown in ({"people": [{"employee": new_id()}]}, {"defects": [{"reason": new_id(), "quantity": "1"}]}):
        with pytest.raises(WrongReport):
            shop.report(order, 10, "scrap", 2, **(told | unknown))


def test_rework_goes_back_to_an_earlier_operation_and_comes_again(shop, order):
    shop.report(order, 10, "good", 10)
    shop.report(order, 20, "good", 8)
    shop.report(order, 20, "rework", 2, back_to=shop.operation(order, 10).pk)
    with pytest.raises(TooMuchReported):
        shop.report(order, 20, "good", 1)
    shop.report(order, 10, "good", 2)
    shop.report(order, 20, "good", 2)
    assert (shop.counters(order, 10), shop.counters(order, 20)) == ((12, 0, 0), (10, 0, 2))


def test_rework_at_the_same_operation_uses_nothing_up(shop, order):
    shop.report(order, 10, "good", 10)
    shop.report(order, 20, "rework", 4)
    shop.report(order, 20, "good", 10)
    assert shop.counters(order, 20) == (10, 0, 4)


def test_time_that_was_reported_costs_the_work_centres_rate(shop, order):
    shop.report(order, 10, "good", 10, minutes="30")
    made = Report.objects.get()
    assert (made.labour_minutes, made.machine_minutes, made.setup_minutes) == (30, 30, 10)
    assert (made.labour_amount, made.machine_amount, made.overhead_amount, made.setup_amount) == (
        24,
        32,
        8,
        16,
    )
    shop.report(order, 10, "good", 10)
    last = Report.objects.order_by("-reported_at", "-id").first()
    assert (last.labour_minutes, last.setup_minutes) == (20, 0)


def test_people_share_time_count_and_wage(shop, order, ctx):
    a, b = shop.world.worker, shop.world.second_worker
    shop.report(
        order,
        10,
        "good",
        10,
        minutes="31",
        people=[{"employee": a.pk, "share": "2"}, {"employee": b.pk, "share": "1"}],
    )
    made = Report.objects.get()
    assert [(p["employee"], p["minutes"], p["quantity"]) for p in made.people] == [
        (str(a.pk), "20.67", "6.666667"),
        (str(b.pk), "10.33", "3.333333"),
    ]
    assert made.machine_minutes == D("15.5")


def test_a_worker_reports_for_themselves(shop, order, person):
    worker = shop.world.worker
    own = person("production.work_order.report")
    own = own.with_(principal=own.principal.__class__(**{**own.principal.__dict__, "employee": worker.pk}))
    shop.report(order, 10, "good", 4, ctx=own)
    made = Report.objects.get()
    assert ([p["employee"] for p in made.people], made.worker, made.person) == (
        [str(worker.pk)],
        worker.pk,
        own.person,
    )


def test_the_clock_between_start_and_pause_is_the_time(shop, order, ctx):
    def at(minutes):
        return ctx.with_(now=ctx.now + timedelta(minutes=minutes))

    shop.report(order, 10, "start", ctx=at(0))
    assert (shop.operation(order, 10).state, shop.operation(order, 10).started) == ("running", 1)
    shop.report(order, 10, "pause", ctx=at(12))
    assert shop.operation(order, 10).started == 0
    shop.report(order, 10, "start", ctx=at(20))
    shop.report(order, 10, "good", 5, ctx=at(29))
    shop.report(order, 10, "good", 5, ctx=at(33))
    assert [r.minutes for r in Report.objects.filter(kind="good").order_by("reported_at")] == [21, 4]


def test_start_counts_people_once(shop, order, ctx):
    a, b = shop.world.worker, shop.world.second_worker
    shop.send(
        shop.say(order, 10, "start", people=[{"employee": a.pk}]),
        shop.say(order, 10, "start", people=[{"employee": b.pk}]),
    )
    shop.report(
        order, 10, "start", people=[{"employee": a.pk}], ctx=ctx.with_(now=ctx.now + timedelta(minutes=1))
    )
    assert shop.operation(order, 10).started == 2


def test_an_undo_takes_everything_back(shop, order):
    done = shop.report(order, 10, "good", 10, minutes="30")
    back = shop.undo(done)
    assert (back.quantity, shop.counters(order, 10), shop.operation(order, 10).state) == (
        -10,
        (0, 0, 0),
        "open",
    )
    rows = Report.objects.all()
    assert sum(r.labour_amount + r.machine_amount + r.overhead_amount for r in rows) == 0
    shop.report(order, 10, "good", 1)
    assert Report.objects.order_by("-reported_at", "-id").first().setup_minutes == 10


def test_an_undo_waits_for_those_who_built_on_it(shop, order):
    first = shop.report(order, 10, "good", 10)
    shop.report(order, 20, "good", 6)
    with pytest.raises(StillNeededLater):
        shop.undo(first)
    assert shop.counters(order, 10) == (10, 0, 0)


def test_undone_scrap_is_no_longer_lost(shop, order):
    shop.report(order, 10, "good", 10)
    bad = shop.report(order, 20, "scrap", 2)
    shop.undo(bad)
    order.refresh_from_db()
    assert (order.scrapped_quantity, shop.counters(order, 20)) == (0, (0, 0, 0))


def test_undone_rework_is_where_it_was(shop, order):
    shop.report(order, 10, "good", 10)
    back = shop.report(order, 20, "rework", 2, back_to=shop.operation(order, 10).pk)
    shop.undo(back)
    assert shop.operation(order, 10).come_back_quantity == 0
    shop.report(order, 20, "good", 10)


def test_only_a_report_that_stands_is_undone(shop, order):
    done = shop.report(order, 10, "good", 10)
    back = shop.undo(done)
    with pytest.raises(AlreadyUndone):
        shop.undo(done)
    with pytest.raises(CannotUndo):
        shop.undo(back)
    with pytest.raises(ReportUnknown):
        shop.send({"id": new_id(), "kind": "undo", "reverses": new_id()})
    assert Report.objects.count() == 2


def test_a_worker_undoes_only_their_own_reports(shop, order, person):
    grants = ("production.work_order.report", ("production.report.undo", "own"))
    mine, other = person(*grants), person(*grants)
    done = shop.report(order, 10, "good", 3, ctx=mine)
    with pytest.raises(ReportUnknown):
        shop.undo(done, ctx=other)
    execute(
        mine,
        registry.command("production.report.undo"),
        data={"id": new_id(), "report": done.id, "note": "多报"},
    )
    assert shop.counters(order, 10) == (0, 0, 0)


def test_who_may_only_report_cannot_undo(shop, order, person):
    only = person("production.work_order.report")
    done = shop.report(order, 10, "good", 3, ctx=only)
    with pytest.raises(ReportUnknown):
        shop.undo(done, ctx=only)


def test_an_operation_of_another_plant_does_not_exist(shop, order, person):
    elsewhere = person(("production.work_order.report", "plant"), plants=[new_id()])
    with pytest.raises(OperationUnknown):
        shop.report(order, 10, "good", 3, ctx=elsewhere)
    here = person(("production.work_order.report", "plant"), plants=[shop.world.plant.pk])
    shop.report(order, 10, "good", 3, ctx=here)


def test_without_the_right_nothing_is_reported(shop, order, nobody):
    with pytest.raises(NotAllowed):
        shop.report(order, 10, "good", 3, ctx=nobody)
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("kind", "quantity", "more", "path"),
    [
        ("good", 0, {}, "quantity"),
        ("good", "1.5", {}, "quantity"),
        ("start", 3, {}, "quantity"),
        ("good", 1, {"defects": [{"reason": new_id(), "quantity": "1"}]}, "defects"),
        ("scrap", 1, {"defects": [{"reason": new_id(), "quantity": "2"}]}, "defects"),
        ("scrap", 1, {"defects": [{"reason": new_id(), "quantity": "1"}]}, "defects.0.reason"),
        ("good", 1, {"reverses": new_id()}, "reverses"),
        ("good", 1, {"back_to": new_id()}, "back_to"),
        ("rework", 1, {"back_to": new_id()}, "back_to"),
        ("scrap", 1, {"output_lot": "X"}, "output_lot"),
        ("good", 1, {"people": [{"employee": new_id()}]}, "people.0.employee"),
    ],
)
def test_what_cannot_be_right_is_named(shop, order, kind, quantity, more, path):
    with pytest.raises(WrongReport) as refusal:
        shop.report(order, 10, kind, quantity, **more)
    assert list(refusal.value.fields) == [f"reports.0.{path}"]
    assert not Report.objects.exists()


def test_shares_are_given_for_all_or_for_none(shop, order):
    people = [{"employee": shop.world.worker.pk, "share": "1"}, {"employee": shop.world.second_worker.pk}]
    with pytest.raises(WrongReport):
        shop.report(order, 10, "good", 1, people=people)


def test_pieces_do_not_go_back_to_a_later_operation(shop, order):
    shop.report(order, 10, "good", 5)
    with pytest.raises(WrongReport):
        shop.report(order, 10, "rework", 1, back_to=shop.operation(order, 20).pk)


def test_an_unknown_operation_is_refused(shop, order):
    with pytest.raises(OperationUnknown):
        shop.send({"id": new_id(), "kind": "good", "quantity": "1", "operation": new_id()})


def test_nothing_is_reported_live_on_a_closed_order_but_what_happened_is_kept(shop, order, ctx):
    said = shop.say(order, 10, "good", 5)
    shop.world.do("production.work_order.close", order)
    with pytest.raises(NotAtWork):
        shop.send(said)
    answer = shop.send(said | {"offline": True, "device_at": ctx.now.isoformat()})[0]
    made = Report.objects.get()
    assert answer.flags == ("closed",)
    assert (made.labour_amount, shop.counters(order, 10)) == (0, (5, 0, 0))
    order.refresh_from_db()
    assert order.state == "closed"


def test_an_order_that_is_not_released_takes_no_reports(shop):
    order = shop.order(kind="temporary", item=shop.world.item(), operations=[{"sequence": 5, "name": "试制"}])
    with pytest.raises(NotAtWork):
        shop.report(order, 5, "good", 1)


def test_what_was_reported_is_told_with_its_cost(shop, order):
    shop.report(order, 10, "good", 10, minutes="30")
    told = Outbox.objects.get(type="production.reported").payload
    assert {
        k: told[k]
        for k in ("kind", "quantity", "labour_amount", "machine_amount", "overhead_amount", "setup_amount")
    } == {
        "kind": "good",
        "quantity": "10",
        "labour_amount": "24",
        "machine_amount": "32",
        "overhead_amount": "8",
        "setup_amount": "16",
    }
    assert told["record"] == str(order.pk)


# --- statements ---------------------------------------------------------------------------------------------


def statements(act):
    """Give the statements of an act that are production's own: not those of posting and of a command's
    life."""
    with CaptureQueriesContext(connection) as captured:
        act()
    others = (
        "SAVEPOINT",
        "RELEASE",
        "SELECT set_config",
        "WITH audit",
        "SELECT event, debit_id",
        "SELECT EXISTS",
    )
    return [q["sql"] for q in captured if not " ".join(q["sql"].split()).startswith(others)]


def test_a_report_bears_the_machine_its_person_was_put_on(shop, order):
    world, sequence = shop.world, 10
    centre = world.turning
    planned, mine, ours, told = (
        world.make("equipment.machine", code=f"T-{n}", name=f"车床{n}", work_centre=centre) for n in range(4)
    )
    operation = shop.operation(order, sequence)
    type(operation).objects.filter(pk=operation.pk).update(machine=planned)
    me, other = world.worker, world.second_worker
    stranger = world.employee(code="E-FAR", name="孙师傅", department=world.department)
    lines = [
        {"operation": operation.pk, "team": world.team, "machine": ours},
        {"operation": operation.pk, "employee": me, "machine": mine},
    ]
    world.do("production.work_order.assign", order, lines=lines)
    ways = (
        ([me], {}, mine), ([other], {}, ours), ([other, me], {}, ours), ([stranger], {}, planned),
        ([me], {"machine": told.pk}, told),
    )  # fmt: skip
    for people, more, machine in ways:
        shares = [{"employee": one.pk} for one in people]
        answer = shop.report(order, sequence, "good", 1, people=shares, **more)
        assert Report.objects.get(pk=answer.id).machine == machine, people
    again = shop.report(order, 20, "good", 1, people=[{"employee": me.pk}])
    assert Report.objects.get(pk=again.id).machine is None
    world.do("production.work_order.assign", order, lines=[lines[1] | {"machine": ours}])
    undone = shop.undo(Report.objects.get(machine=mine))
    assert Report.objects.get(pk=undone.id).machine == mine


def test_an_operation_sent_elsewhere_takes_its_people_along(shop, order):
    world = shop.world
    one, two, own = (
        world.make("equipment.machine", code=f"T-{n}", name=f"车床{n}", work_centre=world.turning) for n in range(3)
    )
    mill = world.make("equipment.machine", code="F-1", name="铣床", work_centre=world.milling)
    operation = shop.operation(order, 10)
    type(operation).objects.filter(pk=operation.pk).update(machine=one)
    lines = [
        {"operation": operation.pk, "employee": world.worker},
        {"operation": operation.pk, "employee": world.second_worker, "machine": own},
    ]
    world.do("production.work_order.assign", order, lines=lines)

    def machines() -> list:
        pairs = Assignment.objects.filter(operation=operation).values_list("employee", "machine")
        return [dict(pairs)[person.pk] for person in (world.worker, world.second_worker)]

    def reroute(**more) -> None:
        world.do("production.work_order.reroute_operation", order, operation=operation.pk, reason="机床检修", **more)

    assert machines() == [one.pk, own.pk]
    reroute(machine=two)
    assert machines() == [two.pk, own.pk]
    reroute(work_centre=world.milling, machine=mill)
    assert machines() == [mill.pk, mill.pk]
    answer = shop.report(order, 10, "good", 1, people=[{"employee": world.second_worker.pk}])
    assert Report.objects.get(pk=answer.id).machine == mill


def test_a_report_takes_three_statements(shop, order):
    shop.report(order, 10, "good", 1)
    one, many = shop.say(order, 10, "good", 1), [shop.say(order, 10, "good", 1) for _ in range(20)]
    assert len(statements(lambda: shop.send(one))) == 3
    assert len(statements(lambda: shop.send(*many))) == 3
    assert len(statements(lambda: shop.send(*many))) == 3


def test_a_machine_of_another_work_centre_is_refused_as_it_is_told(shop, order):
    mill = shop.world.make("equipment.machine", code="F-1", name="F-1", work_centre=shop.world.milling)
    for wrong in (mill.pk, new_id()):
        with pytest.raises(WrongReport) as refusal:
            shop.report(order, 10, "good", 1, machine=wrong)
        assert list(refusal.value.field_texts()) == ["reports.0.machine"]
    shop.report(order, 10, "good", 1, machine=shop.world.lathe.pk)
    assert Report.objects.get().machine == shop.world.lathe
