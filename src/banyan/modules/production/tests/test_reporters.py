"""Who may report at a work centre, and which defect reasons it offers; what goes beyond is flagged for the leader."""

from __future__ import annotations

from datetime import timedelta

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.lib.errors import Conflict
from banyan.modules.equipment.models import WorkCentre
from banyan.modules.production.errors import CentreTwice, WrongReport
from banyan.modules.production.models import Assignment, DefectReasonCentre, Operation, Report, ReportFlag
from banyan.modules.production.tests.test_reports import statements
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


def told(shop, order, *people, kind="good", **more):
    """Give the flags of a report of one piece at the first operation."""
    return shop.report(order, 10, kind, 1, people=[{"employee": one.pk} for one in people], **more).flags


def before(shop, **past):
    return {"offline": True, "device_at": (shop.ctx.now - timedelta(**past)).isoformat()}


def given(shop, order, **whom):
    lines = [{"operation": shop.operation(order, 10).pk, **whom}]
    shop.world.do("production.work_order.assign", order, lines=lines)


@pytest.mark.parametrize(("reporters", "flagged"), [
    ("anyone", [False, False, False]), ("skilled", [False, True, True]), ("given", [True, False, True]),
])  # fmt: skip
def test_a_report_of_others_than_report_there_is_booked_and_flagged(shop, order, reporters, flagged):
    """One can turn, one was given the work, one neither."""
    world = shop.world
    able, chosen, other = world.worker, world.second_worker, world.employee()
    given(shop, order, employee=chosen)
    world.change(world.turning, reporters=reporters, skill=world.skill)
    answers = [told(shop, order, one) for one in (able, chosen, other)]
    assert answers == [("reporter",) if one else () for one in flagged]
    assert shop.counters(order, 10) == (3, 0, 0)
    flags = ReportFlag.objects.values_list("kind", "state", "report__worker")
    people = [one for one, is_flagged in zip((able, chosen, other), flagged, strict=True) if is_flagged]
    assert sorted(flags) == sorted(("reporter", "open", one.pk) for one in people)


def test_of_several_people_one_who_does_not_report_there_is_enough_and_so_is_nobody(shop, order):
    world = shop.world
    world.change(world.turning, reporters="skilled", skill=world.skill)
    assert told(shop, order, world.worker, world.second_worker) == ("reporter",)
    assert told(shop, order) == ("reporter",)
    assert told(shop, order, world.worker) == ()


def test_the_skill_of_the_operation_counts_before_that_of_its_work_centre(shop, order):
    world = shop.world
    world.change(world.turning, reporters="skilled")
    assert told(shop, order, world.second_worker) == ()  # no skill is asked for
    world.change(world.turning, skill=world.skill)
    other = world.make("people.skill", code="GEAR", name="滚齿")
    Operation.objects.filter(work_order=order, sequence=10).update(skill=other)
    assert told(shop, order, world.worker) == ("reporter",)
    world.change(world.second_worker, skills=[{"skill": other, "level": 1}])
    assert told(shop, order, world.second_worker) == ()


def test_a_skill_counts_on_the_day_of_the_work(shop, order):
    world, day = shop.world, shop.ctx.now.date()
    world.change(world.turning, reporters="skilled", skill=world.skill)
    world.change(world.worker, skills=[{"skill": world.skill, "level": 2, "valid_to": str(day)}])
    assert told(shop, order, world.worker) == ("reporter",)
    assert told(shop, order, world.worker, **before(shop, days=1)) == ()
    world.change(world.worker, skills=[{"skill": world.skill, "level": 2, "valid_from": str(day)}])
    assert told(shop, order, world.worker) == ()
    assert told(shop, order, world.worker, **before(shop, days=1)) == ("reporter",)


def test_what_a_team_was_given_its_people_report_also_of_the_time_before_it_was_taken_off(shop, order):
    world = shop.world
    world.change(world.turning, reporters="given")
    given(shop, order, team=world.team)
    outside = world.employee()
    assert [told(shop, order, one) for one in (world.worker, world.second_worker, outside)] == [(), (), ("reporter",)]
    taken = shop.ctx.with_(now=shop.ctx.now + timedelta(hours=2))
    line = {"operation": shop.operation(order, 10).pk, "hands": []}
    execute(taken, registry.command("production.work_order.dispatch"), data={"lines": [line]})
    assert not Assignment.objects.get().is_active
    late = shop.ctx.with_(now=shop.ctx.now + timedelta(hours=4))
    while_theirs = {"offline": True, "device_at": (shop.ctx.now + timedelta(hours=1)).isoformat()}
    after = {"offline": True, "device_at": (shop.ctx.now + timedelta(hours=3)).isoformat()}
    assert told(shop, order, world.worker, ctx=late, **while_theirs) == ()
    assert told(shop, order, world.worker, ctx=late, **after) == ("reporter",)
    assert told(shop, order, world.worker, ctx=late) == ("reporter",)


def test_pieces_are_flagged_but_neither_start_nor_undo_nor_what_a_leader_puts_right(shop, order):
    world = shop.world
    world.change(world.turning, reporters="skilled", skill=world.skill)
    other = [{"employee": world.second_worker.pk}]
    assert shop.report(order, 10, "start", people=other).flags == ()
    assert shop.report(order, 10, "pause", people=other).flags == ()
    assert told(shop, order, world.second_worker, kind="scrap") == ("reporter",)
    first = shop.report(order, 10, "good", 4, people=other)
    assert first.flags == ("reporter",)
    second = shop.report(order, 10, "good", 2, people=other)
    assert shop.undo(second).flags == ()
    fixed = execute(
        shop.ctx, registry.command("production.report.correct"),
        data={"report": first.id, "quantity": "3", "reason": "数错"},
    ).value  # fmt: skip
    assert [one.flags for one in fixed] == [(), ()]
    assert shop.counters(order, 10) == (3, 1, 0)
    assert set(ReportFlag.objects.filter(report=first.id).values_list("state", "answer")) == {("settled", "数错")}


def test_pieces_sent_for_rework_are_nobodys_work(shop, order):
    world = shop.world
    world.change(world.turning, reporters="given")
    world.do("production.work_order.rework", order, operation=shop.operation(order, 10).pk, quantity="2", reason="毛刺")
    assert (Report.objects.get().flags, ReportFlag.objects.exists()) == ([], False)


def test_only_where_not_everybody_reports_one_statement_more_is_asked(shop, order):
    world = shop.world
    given(shop, order, employee=world.worker)
    people = [{"employee": world.worker.pk}]

    def one():
        return shop.say(order, 10, "good", 1, people=people)

    shop.send(one())
    first = one()
    plain = len(statements(lambda: shop.send(first)))
    for reporters in ("skilled", "given"):
        WorkCentre.objects.filter(pk=world.turning.pk).update(reporters=reporters, skill=world.skill)
        some, many = [one()], [one() for _ in range(20)]
        assert len(statements(lambda told=some: shop.send(*told))) == plain + 1
        assert len(statements(lambda told=many: shop.send(*told))) == plain + 1


def test_a_reason_is_for_the_work_centres_it_names_and_stands_where_it_was_told_offline(shop, order):
    world = shop.world
    everywhere = world.make("production.defect_reason", code="D1", name="划伤")
    mill = world.make("production.defect_reason", code="D2", name="刀纹", centres=[{"work_centre": world.milling}])
    both = world.make(
        "production.defect_reason", code="D3", name="尺寸超差",
        centres=[{"work_centre": world.milling}, {"work_centre": world.turning}],
    )  # fmt: skip

    def scrap(reason, **more):
        return shop.report(order, 10, "scrap", 1, defects=[{"reason": reason.pk, "quantity": "1"}], **more)

    assert [scrap(one).flags for one in (everywhere, both)] == [(), ()]
    with pytest.raises(WrongReport) as refusal:
        scrap(mill)
    assert list(refusal.value.field_texts()) == ["reports.0.defects.0.reason"]
    assert scrap(mill, **before(shop, hours=1)).flags == ("reason",)
    assert shop.counters(order, 10) == (0, 3, 0)
    world.change(mill, centres=[])
    assert scrap(mill).flags == ()


def test_a_reason_names_a_work_centre_once(shop):
    world = shop.world
    twice = [{"work_centre": world.milling}] * 2
    with pytest.raises(Conflict) as refusal:
        world.make("production.defect_reason", code="D1", name="划伤", centres=twice)
    assert refusal.value.code == CentreTwice.code
    assert not DefectReasonCentre.objects.exists()
