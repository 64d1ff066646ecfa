"""People at stations at the same moment: the last pieces, an approval against an undo, a close against the queue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from banyan.kernel import sessions
from banyan.kernel.models import Role, RoleGrant, User, UserRole
from banyan.kernel.proofs import proofs, run
from banyan.lib.ids import new_id
from banyan.modules.production.models import Operation, Report, ReportApproval, ReportFlag, WorkOrder
from banyan.modules.station import badges, together
from banyan.modules.station.badges import Ticket
from banyan.modules.wages.models import Approval, WageLine
from banyan.modules.wages.queries import is_approved
from src.banyan.modules.production.tests.conftest import Shop
from tests.plugins.world import World

#: Stock comes from nowhere in these tests, so that it is not proved where it came from.
KEYS = [
    proof.key
    for proof in proofs()
    if proof.key.startswith(("production.", "inventory.", "wages.", "station.")) and proof.key != "inventory.references"
]
GRANTS = (("production.*", "plant"), ("production.report.undo", "own"))


@dataclass
class Person:
    """Somebody with a badge who has signed in at a station of their own."""

    ticket: str
    device: Any = field(default_factory=new_id)
    sequence: int = 0

    def act(self, kind: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.sequence += 1
        at = timezone.now() - timedelta(minutes=5) + timedelta(seconds=self.sequence)
        told = {"id": parts[0]["id"], "seq": self.sequence, "kind": kind, "at": at.isoformat(), "parts": list(parts)}
        return told | more

    def good(self, operation: Operation, quantity: int) -> dict[str, Any]:
        part = {"id": str(new_id()), "kind": "good", "quantity": str(quantity)}
        return self.act("report", part, operation=str(operation.pk))

    def undo(self, act: dict[str, Any]) -> dict[str, Any]:
        return self.act("undo", {"id": str(new_id()), "kind": "undo", "reverses": act["id"]})

    def sync(self, *acts: dict[str, Any]) -> list[str]:
        body = {"device": str(self.device), "sent_at": timezone.now().isoformat(), "acts": list(acts)}
        answer = Client().post(
            "/station/api/sync", orjson.dumps(body), content_type="application/json",
            headers={"Authorization": f"Station {self.ticket}"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.content
        return [one["state"] for one in answer.json()["acts"]]


@pytest.fixture
def shop(live_db, ctx) -> Shop:
    made = Shop(World(ctx.with_(now=timezone.now() - timedelta(days=1))))
    made.stocked()
    made.ctx = made.world.ctx = ctx.with_(now=timezone.now())
    role = Role.objects.create(code="floor", name_zh="工人", name_en="Worker")
    RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach=r) for p, r in GRANTS)
    return made


def person(shop: Shop, login: str) -> Person:
    """Make somebody who has signed in at a station."""
    user = User.objects.create(login=login, name=login, plants=[shop.world.plant.pk])
    UserRole.objects.create(user=user, role=Role.objects.get(code="floor"))
    employee = shop.world.employee(code=login, name=login, user=user.pk)
    badge = shop.world.make("station.badge", employee=employee)
    device = shop.world.make("station.device", code=login, name=login, plant=shop.world.plant)
    code = shop.world.do("station.device.pair", device).in_("en").split("enter ")[1].split()[0]
    paired = Client().post("/station/api/pair", orjson.dumps({"code": code}), content_type="application/json")
    assert paired.status_code == 200
    session = sessions.begin(user.pk, "badge", device=login, address="", now=timezone.now())
    return Person(badges.sealed(Ticket(user.pk, device.pk, badge.pk, str(badge.serial), session)), device.pk)


def at_once(*acts: Any) -> list[Any]:
    """Do all acts at the same moment, each in a thread with its own connection; give what they gave."""
    gate = Barrier(len(acts))

    def one(act: Any) -> Any:
        try:
            connection.ensure_connection()
            gate.wait(30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def faults() -> list[str]:
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


def test_two_people_on_the_last_pieces_are_both_booked_and_one_is_flagged(shop):
    order = shop.released(quantity="20")
    shop.report(order, 10, "good", 3)
    last = shop.operation(order, 20)
    first, second = person(shop, "zhao"), person(shop, "qian")
    states = at_once(*(partial(one.sync, one.good(last, 3)) for one in (first, second)))
    assert sorted(state for (state,) in states) == ["done", "flagged"]
    last.refresh_from_db()
    assert (last.good_quantity, Report.objects.filter(operation=last).count()) == (6, 2)
    (flag,) = ReportFlag.objects.all()
    assert (flag.kind, flag.excess_quantity) == ("over", 3)
    assert faults() == []


def test_one_report_sent_by_several_devices_at_one_moment_is_booked_once(shop, monkeypatch):
    taken, booked = [], together._booked

    def seen(seats):
        taken.extend(letter.keys for letter in seats)
        return booked(seats)

    monkeypatch.setattr(together, "_booked", seen)
    order = shop.released(quantity="100")
    shop.report(order, 10, "good", 1)  # an order that is begun goes with others
    first, one, other = shop.operation(order, 10), person(shop, "zhao"), person(shop, "qian")
    for count in range(1, 6):
        act, beside = one.good(first, 3), other.good(first, 1)
        copies = [partial(replace(one, device=new_id()).sync, act) for _ in range(3)]
        assert at_once(*copies, partial(other.sync, beside)) == [["done"]] * 4
        assert any(UUID(act["id"]) in keys for keys in taken)
        first.refresh_from_db()
        assert (first.good_quantity, Report.objects.count()) == (1 + 4 * count, 1 + 2 * count)
    assert faults() == []


def test_what_the_leader_approves_while_it_is_undone_pays_nothing(shop):
    shop.world.make("wages.rate", piece_price="2", valid_from="2020-01-01")
    order = shop.released(quantity="100")
    first = shop.operation(order, 10)
    worker = person(shop, "zhao")
    for _ in range(5):
        act = worker.good(first, 2)
        assert worker.sync(act) == ["done"]
        told, _ = at_once(partial(worker.sync, worker.undo(act)), lambda: shop.world.do("wages.line.approve"))
        assert told == ["done"]
    first.refresh_from_db()
    assert first.good_quantity == 0
    assert (WageLine.objects.count(), sum(line.amount for line in WageLine.objects.all())) == (10, 0)
    approved = Approval.objects.values_list("line_id", flat=True)
    assert len(approved) == len(set(approved))
    assert faults() == []


@pytest.mark.parametrize("reach", ["plant", "own"])
def test_a_report_approved_while_it_is_undone_is_one_of_both_everywhere(shop, reach):
    if reach == "own":  # what is approved is the leader's to take back
        RoleGrant.objects.filter(permission="production.*").update(permission="production.work_order.*")
    shop.world.make("wages.rate", piece_price="2", valid_from="2020-01-01")
    order = shop.released(quantity="100")
    first = shop.operation(order, 10)
    worker, stands = person(shop, "zhao"), 0
    for _ in range(8):
        act = worker.good(first, 2)
        assert worker.sync(act) == ["done"]
        (told,), _ = at_once(
            partial(worker.sync, worker.undo(act)),
            partial(shop.world.do, "production.report.approve", reports=[act["id"]]),
        )  # fmt: skip
        is_back = Report.objects.filter(reverses=act["id"]).exists()
        state = ReportApproval.objects.get(pk=act["id"]).state
        assert (told, state, is_back) in {
            ("done", "undone", True), *([("kept", "approved", False)] if reach == "own" else [])
        }  # fmt: skip
        stands += 0 if is_back else 2
    first.refresh_from_db()
    assert (first.good_quantity, first.approved_quantity) == (stands, stands)
    assert sum(line.amount for line in WageLine.objects.all()) == 2 * stands
    assert sum(line.amount for line in WageLine.objects.filter(is_approved())) == 2 * stands
    assert faults() == []


def test_reports_that_wait_while_the_order_is_closed_are_all_booked(shop):
    order = shop.released(quantity="100")
    first = shop.operation(order, 10)
    people = [person(shop, f"w{n}") for n in range(4)]
    waiting = [[one.good(first, 1) for _ in range(5)] for one in people]
    acts = [partial(one.sync, *mine) for one, mine in zip(people, waiting, strict=True)]
    told = at_once(*acts, lambda: shop.world.do("production.work_order.close", order.pk))[:-1]
    states = [state for answer in told for state in answer]
    assert (len(states), set(states) <= {"done", "flagged"}) == (20, True)
    first.refresh_from_db()
    assert (first.good_quantity, Report.objects.filter(operation=first).count()) == (20, 20)
    assert WorkOrder.objects.get(pk=order.pk).state == "closed"
    assert ReportFlag.objects.filter(kind="closed").count() == states.count("flagged")
    assert faults() == []
    again = [one.sync(*mine) for one, mine in zip(people, waiting, strict=True)]
    assert [state for answer in again for state in answer] == states
