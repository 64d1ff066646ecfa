"""What waits of somebody signed out is sent by their leader: in their name, once, flagged, and by nobody else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from banyan.kernel.models import Audit, Role, RoleGrant, Session, User, UserRole
from banyan.modules.production.models import Report, ReportFlag
from banyan.modules.station import badges
from banyan.modules.station.models import Badge, KeptAct

pytestmark = pytest.mark.django_db
LEADS = (("production.*", "plant"), ("station.kept_act.*", "plant"))


@pytest.fixture
def signed(shop, station):
    """Sign somebody else in at the same device; give the ticket."""

    def enter(login, *grants, team=None, plants=None):
        user = User.objects.create(login=login, name=f"{login}班长", plants=plants or [shop.world.plant.pk])
        role = Role.objects.create(code=login, name_zh=login, name_en=login)
        RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach=r) for p, r in grants)
        UserRole.objects.create(user=user, role=role)
        employee = shop.world.employee(code=login, name=f"{login}班长", user=user.pk, team=team)
        badge = shop.world.make("station.badge", employee=employee)
        mine = station.ticket
        assert station.enter(badge=badges.badge_code(badge.pk, badge.serial)).status_code == 200
        station.ticket, ticket = mine, station.ticket
        return ticket

    return enter


def gone():
    """End the session of who works here: their ticket counts no more."""
    Session.objects.filter(user=author().pk).update(state="ended", ended_at=timezone.now(), digest=None)


def author():
    return User.objects.get(login="zhao")


def send(station, acts, ticket, **more):
    body = {"device": str(station.key), "sent_at": timezone.now().isoformat(), "acts": acts, "person": str(author().pk)}
    return station.send("sync", body | more, Authorization=f"Station {ticket}")


def test_a_leader_sends_what_waits_of_somebody_signed_out(station, first, signed):
    acts = [station.act("start", first.pk, ("start", 0)), station.good(first.pk, 5), station.good(first.pk, 7)]
    gone()
    assert station.sync(*acts).status_code == 401
    ticket = signed("li", *LEADS)
    answer = send(station, acts, ticket)
    assert [one["state"] for one in answer.json()["acts"]] == ["done", "flagged", "flagged"]
    assert set(Report.objects.values_list("person", flat=True)) == {author().pk}
    assert list(Report.objects.filter(kind="good").values_list("note", flat=True)) == ["代发：li班长"] * 2
    assert list(ReportFlag.objects.values_list("kind", "state")) == [("sender", "open")] * 2
    audit = Audit.objects.filter(command="production.work_order.report").order_by("seq").last()
    assert (audit.person, audit.program.endswith("/ li班长")) == (author().pk, True)
    again = send(station, acts, ticket)
    assert [one["state"] for one in again.json()["acts"]] == ["done", "flagged", "flagged"]
    badge = Badge.objects.get(employee__user=author().pk)
    assert station.enter(badge=badges.badge_code(badge.pk, badge.serial)).status_code == 200
    assert station.states(*acts) == ["done", "flagged", "flagged"]
    assert (Report.objects.count(), ReportFlag.objects.count()) == (3, 2)


@pytest.mark.parametrize("grants", [
    (("production.*", "plant"),), (("station.kept_act.*", "own"), ("production.*", "plant")),
    (*LEADS, ("teamboard.*", "team")),
])  # fmt: skip
def test_who_leads_nobody_here_sends_nothing_for_others(station, first, signed, grants):
    acts = [station.good(first.pk, 5)]
    answer = send(station, acts, signed("sun", *grants))
    assert (answer.status_code, answer.json()["code"]) == (403, "station.not_for_others")
    assert "赵师傅" in answer.json()["detail"]
    assert not Report.objects.exists()
    photo = f"/station/api/photo?act={acts[0]['id']}&kind=report&digest={'a' * 64}&person={author().pk}"
    ticket = signed("zhou", *grants)
    refused = station.client.post(photo, b"x", content_type="image/jpeg",
                                  headers={"Authorization": f"Station {ticket}"})  # fmt: skip
    assert refused.status_code == 403


def test_nobody_sends_for_people_of_another_plant(station, shop, first, signed):
    other = shop.world.second_plant
    ticket = signed("wu", *LEADS, plants=[other.pk])
    assert send(station, [station.good(first.pk, 5)], ticket).status_code == 403
    assert not Report.objects.exists()


def test_what_somebody_did_whose_account_is_shut_is_kept_for_the_leader(station, first, signed):
    ticket = signed("li", *LEADS)
    User.objects.filter(login="zhao").update(is_active=False)
    answer = send(station, [station.good(first.pk, 5)], ticket)
    assert [one["state"] for one in answer.json()["acts"]] == ["kept"]
    kept = KeptAct.objects.get()
    assert (kept.person_id, kept.employee.name) == (author().pk, "赵师傅")


def test_the_device_knows_who_may(station, signed):
    def leads(ticket):
        told = station.client.get("/station/api/me", headers={"Authorization": f"Station {ticket}"}).json()
        return told["person"]["leads"]

    assert [leads(station.ticket), leads(signed("li", *LEADS)), leads(signed("sun", ("production.*", "plant")))] == [
        False, True, False]  # fmt: skip
