"""Who does what: dispatched, moved, split, put in order; two leaders at once."""

from __future__ import annotations

from functools import partial

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.lib.errors import DomainError, Invalid, NotAllowed, NotFound
from banyan.lib.ids import new_id
from banyan.modules.production import queries
from banyan.modules.production.errors import DispatchStale, NotSkilled, OperationUnknown
from banyan.modules.production.models import Assignment, Operation
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


def dispatch(shop, *lines, ctx=None):
    command = registry.command("production.work_order.dispatch")
    return execute(ctx or shop.ctx, command, data={"lines": list(lines)}).value


def line(operation, *people, seen=None, **more):
    hands = [one if isinstance(one, dict) else {"employee": one.pk} for one in people]
    told = {"operation": operation.pk, "hands": hands, **more}
    return told if seen is None else told | {"seen": [getattr(row, "pk", row) for row in seen]}


def standing(operation):
    rows = Assignment.objects.filter(operation=operation, is_active=True).order_by("created_at", "id")
    return [(row.employee_id, row.quantity and int(row.quantity)) for row in rows]


@pytest.fixture
@stands
def first(shop):
    shop.stocked()
    return shop.operation(shop.released(), 10)


def test_an_operation_is_given_moved_split_and_taken_off(shop, first):
    zhao, qian = shop.world.worker, shop.world.second_worker
    made = dispatch(shop, line(first, zhao, seen=[]))
    assert standing(first) == [(zhao.pk, None)]
    made = dispatch(shop, line(first, qian, seen=made))
    assert standing(first) == [(qian.pk, None)]
    kept = made[0].pk
    halves = [{"employee": qian.pk, "quantity": "60"}, {"employee": zhao.pk, "quantity": "40"}]
    made = dispatch(shop, line(first, *halves, seen=made))
    assert sorted(standing(first)) == sorted([(qian.pk, 60), (zhao.pk, 40)])
    assert kept in {row.pk for row in made}
    dispatch(shop, line(first, seen=made))
    assert standing(first) == []
    assert Assignment.objects.count() == 3


def test_an_assignment_that_stays_keeps_its_place(shop, first):
    zhao, qian = shop.world.worker, shop.world.second_worker
    (row,) = dispatch(shop, line(first, zhao))
    shop.world.do("production.assignment.arrange", employee=zhao, assignments=[row.pk])
    dispatch(shop, line(first, zhao, qian, seen=[row]))
    row.refresh_from_db()
    assert (row.place, row.is_active) == (1, True)


def test_what_somebody_else_has_changed_is_refused(shop, first):
    zhao, qian = shop.world.worker, shop.world.second_worker
    dispatch(shop, line(first, zhao, seen=[]))
    for seen in ([], [new_id()]):
        with pytest.raises(DispatchStale):
            dispatch(shop, line(first, qian, seen=seen))
    assert standing(first) == [(zhao.pk, None)]


def test_skill_is_asked_for_and_may_be_overruled(shop, first):
    Operation.objects.filter(pk=first.pk).update(skill=shop.world.skill)
    dispatch(shop, line(first, shop.world.worker))
    with pytest.raises(NotSkilled) as refusal:
        dispatch(shop, line(first, shop.world.second_worker))
    assert "钱师傅" in refusal.value.text("zh")
    consent = shop.ctx.with_(consents=frozenset({"production.not_skilled"}))
    dispatch(shop, line(first, shop.world.second_worker), ctx=consent)
    assert standing(first) == [(shop.world.second_worker.pk, None)]


def test_what_cannot_be_is_refused_and_writes_nothing(shop, first, nobody, person):
    zhao = shop.world.worker
    away = person(("production.*", "plant"), plants=[new_id()])
    skipped = shop.operation(first.work_order, 30)
    shop.world.do("production.work_order.skip_operation", first.work_order, operation=skipped.pk, reason="免检")
    planned = shop.order()
    for act, refusal in (
        (partial(dispatch, shop, line(first, zhao), ctx=nobody), NotAllowed),
        (partial(dispatch, shop, line(first, zhao), ctx=away), OperationUnknown),
        (partial(dispatch, shop, {"operation": new_id(), "hands": []}), OperationUnknown),
        (partial(dispatch, shop, line(first, zhao, zhao)), Invalid),
        (partial(dispatch, shop, line(first, zhao), line(first, zhao)), Invalid),
        (partial(dispatch, shop, line(first, {})), Invalid),
        (partial(dispatch, shop, line(first, {"employee": new_id()})), Invalid),
        (partial(dispatch, shop, line(first, {"employee": zhao.pk, "quantity": "101"})), Invalid),
        (partial(dispatch, shop, line(first, {"employee": zhao.pk, "quantity": "-1"})), Invalid),
        (partial(dispatch, shop, line(first, {"employee": zhao.pk, "quantity": "很多🙂"})), Invalid),
        (partial(dispatch, shop, line(skipped, zhao)), Invalid),
        (partial(dispatch, shop), Invalid),
        (partial(shop.world.do, "production.assignment.arrange", employee=zhao, assignments=[new_id()]), NotFound),
        (partial(shop.world.do, "production.assignment.arrange", assignments=[]), NotFound),
        (partial(shop.world.do, "production.work_order.prioritise", planned, priority="urgent"), DomainError),
    ):
        with pytest.raises(refusal):
            act()
    assert Assignment.objects.count() == 0


def test_the_order_of_tasks_is_the_leaders_then_urgency_then_dates(shop):
    shop.stocked()
    zhao = shop.world.worker
    orders = [shop.released(due_on=f"2026-03-{day}") for day in (20, 21, 22)]
    rows = [dispatch(shop, line(shop.operation(order, 10), zhao))[0] for order in orders]

    def told():
        return [rows[0:3].index(next(r for r in rows if r.pk == t.assignment)) for t in queries.my_tasks(zhao.pk)]

    assert told() == [0, 1, 2]
    shop.world.do("production.assignment.arrange", employee=zhao, assignments=[rows[2].pk, rows[0].pk])
    assert told() == [2, 0, 1]
    shop.world.do("production.work_order.prioritise", orders[1], priority="urgent")
    assert told() == [1, 2, 0]
    shop.world.do("production.work_order.prioritise", orders[1], priority="normal")
    shop.world.do("production.assignment.arrange", employee=zhao, assignments=[])
    assert told() == [0, 1, 2]


def test_statements_are_the_same_for_one_and_for_eighty(shop, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    shop.stocked()
    operations = [shop.operation(shop.released(), 10) for _ in range(10)]
    dispatch(shop, line(operations.pop(), shop.world.worker))
    with CaptureQueriesContext(connection) as seen:
        dispatch(shop, line(operations[0], shop.world.worker))
    with django_assert_num_queries(len(seen)):
        dispatch(shop, *(line(one, shop.world.worker) for one in operations[1:]))
