"""Reports of several people in one transaction: each is booked as its own, and what does not fit goes its own way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from banyan.kernel.models import Audit, Outbox
from banyan.kernel.schema import parse
from banyan.lib.ids import new_id
from banyan.modules.people.models import Employee
from banyan.modules.production.models import Report, ReportApproval, ReportFlag
from banyan.modules.station import badges, together
from banyan.modules.station.acts import Batch
from banyan.modules.station.models import Badge, Device
from banyan.modules.station.tests.test_people_at_once import Person, faults, person, shop  # noqa: F401
from banyan.modules.station.together import Posted, letter_of
from banyan.modules.wages.models import WageLine

#: Sign-in 2, turns, what is known, stamps, locks, operations, reports, wages, whether there are books, trail, the last
#: moments, the plants' calendars for those without a shift, the day's sums 2; begin and commit are not counted. What is
#: news of a device is one more.
STATEMENTS = 15


def letter(who: Person, *acts: dict[str, Any], language: str = "zh") -> Posted | None:
    sent = {"device": str(who.device), "sent_at": timezone.now().isoformat(), "acts": list(acts)}
    return letter_of(badges.opened(who.ticket), parse(Batch, sent), language)


@pytest.fixture
def floor(shop):  # noqa: F811
    """An order that is begun, and people whose devices have just been heard of."""
    shop.world.make("wages.rate", piece_price="2", valid_from="2020-01-01")
    order = shop.released(quantity="100")
    people = [person(shop, f"p{n}") for n in range(5)]
    first = shop.operation(order, 10)
    for one in people:
        assert one.sync(one.good(first, 1)) == ["done"]
    return shop, first, people


def states(letters: Sequence[Posted]) -> list[list[str] | None]:
    return [one.answer and [act["state"] for act in one.answer["acts"]] for one in letters]


def test_people_booked_together_each_have_their_own_report_wage_line_audit_line_and_sums(floor):
    _, first, people = floor
    audits, told = Audit.objects.count(), Outbox.objects.count()
    acts = [one.good(first, n) for n, one in enumerate(people, start=2)]
    letters = [letter(one, act) for one, act in zip(people, acts, strict=True)]
    together.book(letters)
    assert states(letters) == [["done"]] * 5
    users = [one.ticket.user for one in letters]
    rows = Report.objects.in_bulk([act["id"] for act in acts])
    booked = [rows[one] for act in acts for one in rows if str(one) == act["id"]]
    assert [(row.person, int(row.quantity)) for row in booked] == list(zip(users, range(2, 7), strict=True))
    assert len({row.worker for row in booked}) == 5
    assert ReportApproval.objects.filter(report__in=rows, state="waiting").count() == 5
    assert sorted(WageLine.objects.filter(report__in=rows).values_list("amount", flat=True)) == [4, 6, 8, 10, 12]
    lines = Audit.objects.order_by("seq")[audits:]
    assert [(line.person, line.outcome) for line in lines] == [(user, "done") for user in users]
    assert [line.input["reports"][0]["id"] for line in lines] == [act["id"] for act in acts]
    assert {line.program for line in lines} == {f"station p{n}" for n in range(5)}
    assert [row.person for row in Outbox.objects.order_by("seq")[told:]] == users
    assert [one.answer["today"]["good"] for one in letters] == ["3", "4", "5", "6", "7"]
    assert [one.answer["today"]["wage"] for one in letters] == ["6.00", "8.00", "10.00", "12.00", "14.00"]
    first.refresh_from_db()
    assert first.good_quantity == 5 + 20
    assert faults() == []
    again = [one.sync(act) for one, act in zip(people, acts, strict=True)]
    assert again == [["done"]] * 5
    assert Report.objects.count() == 10


def test_many_are_booked_by_as_many_statements_as_two(floor):
    _, first, people = floor
    counted = []
    for size in (2, 5, 5):
        letters = [letter(one, one.good(first, 1)) for one in people[:size]]
        with CaptureQueriesContext(connection) as queries:
            together.book(letters)
        assert states(letters) == [["done"]] * size
        counted.append(len([one for one in queries if one["sql"] not in ("BEGIN", "COMMIT")]))
    assert counted == [STATEMENTS] * 3


def test_what_does_not_go_with_others_leaves_nothing_and_is_booked_by_itself(floor):
    shop, first, people = floor  # noqa: F811
    known, over, unknown, unbegun, plain = people
    sent_before, other = known.good(first, 1), shop.operation(shop.released(quantity="50"), 10)
    assert known.sync(sent_before) == ["done"]
    acts = [sent_before, plain.good(first, 1), over.good(first, 500), unbegun.good(other, 1)]
    letters = [letter(one, act) for one, act in zip((known, plain, over, unbegun), acts, strict=True)]
    together.book(letters)
    assert states(letters) == [None, ["done"], None, None]
    assert {str(key) for key in Report.objects.values_list("pk", flat=True)} & {act["id"] for act in acts} == {
        sent_before["id"], acts[1]["id"],
    }  # fmt: skip
    assert ReportFlag.objects.count() == 0
    assert [one.sync(act) for one, act in zip((known, over, unbegun), (acts[0], acts[2], acts[3]), strict=True)] == [
        ["done"], ["flagged"], ["done"],
    ]  # fmt: skip
    wrong = unknown.act("report", {"id": str(new_id()), "kind": "good", "quantity": "1"}, operation=str(new_id()))
    letters = [letter(unknown, wrong), letter(plain, plain.good(first, 1))]
    count = Report.objects.count()
    together.book(letters)
    assert (states(letters), Report.objects.count()) == ([None, None], count)
    assert unknown.sync(wrong) == ["kept"]
    assert faults() == []


def test_who_does_not_report_there_goes_apart_and_is_flagged_and_the_others_take_one_statement_more(floor):
    shop, first, people = floor  # noqa: F811
    world, (mine, other) = shop.world, people[:2]
    world.change(world.turning, reporters="given")
    lines = [{"operation": first.pk, "employee": Employee.objects.get(name="p0")}]
    world.do("production.work_order.assign", first.work_order, lines=lines)
    acts = [one.good(first, 1) for one in (mine, other)]
    letters = [letter(one, act) for one, act in zip((mine, other), acts, strict=True)]
    together.book(letters)
    assert (states(letters), ReportFlag.objects.count()) == ([["done"], None], 0)
    assert other.sync(acts[1]) == ["flagged"]
    flag = ReportFlag.objects.get()
    assert (flag.kind, str(flag.report_id)) == ("reporter", acts[1]["id"])
    alone = letter(mine, mine.good(first, 1))
    with CaptureQueriesContext(connection) as queries:
        together.book([alone])
    assert states([alone]) == [["done"]]
    assert len([one for one in queries if one["sql"] not in ("BEGIN", "COMMIT")]) == STATEMENTS + 1
    assert faults() == []


def test_an_undo_lots_and_many_acts_are_not_taken_along(floor):
    _, first, people = floor
    one = people[0]
    act = one.good(first, 1)
    assert letter(one, one.undo(act)) is None
    assert letter(one, act | {"output_lot": "L-1"}) is None
    assert letter(one, {"id": str(new_id()), "seq": 1, "kind": "help", "at": timezone.now().isoformat()}) is None
    assert letter(one, act | {"quantity": "?"}) is None
    assert letter(one, *(one.good(first, 1) for _ in range(together.MOST_ACTS + 1))) is None
    assert letter(one, *(one.good(first, 1) for _ in range(together.MOST_ACTS))) is not None


def test_a_lost_badge_or_a_device_shut_out_is_not_booked_along(floor):
    shop, first, people = floor  # noqa: F811
    lost, shut, fine = people[:3]
    shop.world.do("station.badge.replace", Badge.objects.get(pk=badges.opened(lost.ticket).badge))
    Device.objects.filter(pk=shut.device).update(digest=None)
    letters = [letter(one, one.good(first, 1)) for one in (lost, shut, fine)]
    together.book(letters)
    assert states(letters) == [None, None, ["done"]]


def test_a_device_whose_clock_is_wrong_keeps_the_order_of_what_it_told(floor):
    _, first, people = floor
    acts, late = [], timedelta(hours=3)
    for _ in range(3):
        pair = [one.good(first, 1) for one in people[:2]]
        pair[0]["at"] = (timezone.now() - late).isoformat()
        acts.append(pair[0]["id"])
        letters = [letter(one, act) for one, act in zip(people, pair, strict=False)]
        letters[0].batch.sent_at -= late
        together.book(letters)
        assert states(letters) == [["done"]] * 2
        assert letters[0].answer["offset"] == pytest.approx(late.total_seconds(), abs=2)
    rows = Report.objects.filter(pk__in=acts)
    for column in ("device_at", "reported_at"):
        assert [str(key) for key in rows.order_by(column).values_list("id", flat=True)] == acts
    assert all(abs(row.device_at - row.reported_at) < timedelta(seconds=30) for row in rows)
