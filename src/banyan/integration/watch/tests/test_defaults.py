"""Rules and scans that nobody had to make: there once, told to who looks after the links, gone when deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Gauge, System
from banyan.integration.tests.conftest import do
from banyan.integration.tests.telling import sell
from banyan.integration.watch import alerts, defaults, jobs
from banyan.integration.watch.models import AlertRule, Scan, Seed
from banyan.kernel.models import InboxItem, Role, User, UserRole
from banyan.lib.ids import new_id

NOW = datetime.now(UTC)
MEASURES = ["blocked", "breaker", "dead", "differences", "renewal", "waiting"]


@pytest.fixture
def integrator(live_db) -> User:
    """Give a person of the role whose area the links are."""
    person = User.objects.create(login=f"it-{new_id().hex[-8:]}", name="集成员")
    role = Role.objects.create(code="it", name_zh="信息部", name_en="IT", areas=["system", "integration"])
    Role.objects.create(code="boss", name_zh="老板", name_en="Boss", areas=["sales"])
    UserRole.objects.create(user=person, role=role)
    return person


def measures() -> list[str]:
    return sorted(AlertRule.objects.values_list("measure", flat=True))


def test_the_first_system_brings_rules_and_the_scan_of_our_own_states_once(ctx, integrator, system):
    assert defaults.seed(ctx) == 7
    assert measures() == MEASURES
    told = AlertRule.objects.values_list("role__code", "scope", "way", "is_active")
    assert set(told) == {("it", "all", "inbox", True)}
    assert list(Scan.objects.values_list("code", "kind", "is_active")) == [("OWN-STATES", "ours", True)]
    assert defaults.seed(ctx) == 0
    assert (measures(), Scan.objects.count()) == (MEASURES, 1)


def test_our_own_scan_is_seen_to_by_who_set_up_the_first_system_else_by_who_looks_after_the_links(
    ctx, integrator, system
):
    first = User.objects.create(login=f"f-{new_id().hex[-8:]}", name="建系统的人")
    for created_by, is_active, owner in ((None, True, integrator), (first, False, integrator), (first, True, first),
                                         (system.account, True, integrator)):  # fmt: skip
        Scan.objects.all().delete()
        Seed.objects.filter(key="scan own").delete()
        System.objects.update(created_by=created_by)
        User.objects.filter(pk=first.pk).update(is_active=is_active)
        defaults.seed(ctx)
        assert Scan.objects.get().owner_id == owner.pk


def test_while_nobody_looks_after_the_links_our_own_scan_has_no_owner(ctx, live_db, system):
    User.objects.create(login=f"n-{new_id().hex[-8:]}", name="没有角色的人")
    defaults.seed(ctx)
    assert Scan.objects.get().owner_id is None


def test_where_nothing_is_nothing_is_made(ctx, integrator):
    assert not System.objects.exists()
    assert defaults.seed(ctx) == 0
    assert not Seed.objects.exists()


def test_while_nobody_could_be_told_no_rule_is_made_and_it_follows_once_there_is_somebody(ctx, live_db, system):
    assert not Role.objects.filter(areas__contains=["integration"]).exists()
    assert defaults.seed(ctx) == 1  # the scan
    assert measures() == []
    Role.objects.create(code="integrator", name_zh="集成员", name_en="Integrator")
    assert defaults.seed(ctx) == 6
    assert set(AlertRule.objects.values_list("role__code", flat=True)) == {"integrator"}


def test_what_a_person_deletes_or_switches_off_stays_so(ctx, integrator, system):
    defaults.seed(ctx)
    do(ctx, "watch.alert_rule.delete", AlertRule.objects.get(measure="waiting").pk)
    do(ctx, "watch.scan.delete", Scan.objects.get().pk)
    breaker = AlertRule.objects.get(measure="breaker")
    do(ctx, "watch.alert_rule.change", breaker.pk, is_active=False)
    assert defaults.seed(ctx) == 0
    assert measures() == ["blocked", "breaker", "dead", "differences", "renewal"]
    assert not Scan.objects.exists()
    Gauge.objects.update_or_create(system=system, defaults={"id": new_id(), "breaker": "open"})
    alerts.evaluate.function(ctx.with_(now=NOW))
    assert alerts.outlook(NOW + timedelta(hours=1))[1].is_quiet


def test_a_dead_letter_reaches_the_inbox_of_who_looks_after_the_links(ctx, integrator, flow, partner):
    partner.answer = lambda body: 400
    flow()
    jobs.seed_defaults(0)
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    jobs.look_after_alerts(datetime.now(UTC))
    (item,) = InboxItem.objects.filter(person=integrator)
    assert "死信 / Dead letters" in item.text_zh
    assert "Alert: 死信 / Dead letters" in item.text_en


def test_an_open_breaker_is_told_after_five_minutes_and_not_before(ctx, integrator, system):
    defaults.seed(ctx)
    Gauge.objects.update_or_create(system=system, defaults={"id": new_id(), "breaker": "open"})
    now = datetime.now(UTC)
    jobs.look_after_alerts(now)
    assert not InboxItem.objects.filter(person=integrator).exists()
    jobs.look_after_alerts(now + timedelta(minutes=6))
    assert "熔断" in InboxItem.objects.get(person=integrator).text_zh
