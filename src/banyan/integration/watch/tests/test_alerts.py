"""Alerts: raised and cleared once, told in the house and outside; a rule that says too little is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from banyan.integration.models import Flow, Gauge, Message
from banyan.integration.tests.conftest import do
from banyan.integration.watch import alerts, telling
from banyan.integration.watch.jobs import look_after_alerts
from banyan.integration.watch.models import Alert, AlertRule
from banyan.kernel.commands import execute
from banyan.kernel.models import Audit, InboxItem, Role, User, UserRole
from banyan.lib.errors import Invalid, NotAllowed
from banyan.lib.ids import new_id

NOW = datetime.now(UTC)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
def boss(live_db) -> User:
    user = User.objects.create(login=f"boss-{new_id().hex[-8:]}", name="主管", email="boss@example.com")
    role = Role.objects.create(code=new_id().hex[-12:], name_zh="运维", name_en="Operations")
    UserRole.objects.create(user=user, role=role)
    user.held = role
    return user


@pytest.fixture
def rule(ctx, boss):
    def make(measure: str, **given) -> AlertRule:
        facts = dict(name=f"看住 {measure}", measure=measure, role=str(boss.held.pk), threshold="1") | given
        return AlertRule.objects.get(pk=do(ctx, "watch.alert_rule.create", records=[facts]).ids[0])

    return make


def states() -> list[str]:
    return list(Alert.objects.order_by("since", "pk").values_list("state", flat=True))


def test_a_dead_message_raises_an_alert_once_and_its_end_clears_it_once(ctx, flow, message, rule, boss):
    rule("dead", minutes=0)
    one = message(flow(), NOW, state="dead")
    look_after_alerts(later(0))
    look_after_alerts(later(1))
    assert states() == ["raised"]
    item = InboxItem.objects.get(person=boss)
    assert "看住 dead" in item.text_zh
    assert "Dead messages 1" in item.text_en
    Message.objects.filter(pk=one.pk).update(state="given_up")
    look_after_alerts(later(2))
    look_after_alerts(later(3))
    assert states() == ["cleared"]
    assert InboxItem.objects.get(person=boss).done_at is not None
    assert Audit.objects.filter(command="watch.alert.evaluate").count() == 2  # quiet minutes leave no trace


def test_a_rule_waits_out_its_duration_and_forgets_what_passes(flow, message, rule):
    rule("dead", minutes=10)
    one = message(flow(), NOW, state="dead")
    look_after_alerts(later(0))
    assert states() == ["pending"]
    Message.objects.filter(pk=one.pk).update(state="given_up")
    look_after_alerts(later(5))
    assert states() == []
    Message.objects.filter(pk=one.pk).update(state="dead")
    look_after_alerts(later(6))
    look_after_alerts(later(15))
    assert states() == ["pending"]
    look_after_alerts(later(16))
    assert states() == ["raised"]


def test_it_is_told_again_until_somebody_acknowledges(ctx, flow, message, rule, boss):
    rule("dead", repeat_minutes=30)
    message(flow(), NOW, state="dead")
    for at in (0, 29, 30, 61):
        look_after_alerts(later(at))
    alert = Alert.objects.get()
    assert alert.told == 3
    assert InboxItem.objects.filter(person=boss, done_at=None).count() == 1
    do(ctx, "watch.alert.acknowledge", alert.pk)
    look_after_alerts(later(600))
    alert.refresh_from_db()
    assert (alert.told, alert.state, alert.acknowledged_by_id) == (3, "acknowledged", ctx.person)
    assert not InboxItem.objects.filter(person=boss, done_at=None).exists()


@pytest.mark.parametrize("measure", ["dead", "blocked", "waiting", "breaker", "errors", "silence"])
def test_each_measure_finds_its_planted_fault_and_nothing_else(measure, flow, message, rule, system):
    bad, good = flow(), flow()
    message(good, NOW - timedelta(minutes=1), (1, "done"))
    rule(measure, threshold={"waiting": "20", "errors": "50", "silence": "30"}.get(measure, "1"))
    Flow.objects.filter(pk=bad.pk).update(order="strict")
    if measure in ("dead", "blocked"):
        message(bad, NOW, state="dead", key="A")
        Flow.objects.filter(pk=good.pk).update(order="free")
    elif measure == "waiting":
        message(bad, NOW - timedelta(minutes=25))
        message(good, NOW - timedelta(minutes=5))
    elif measure == "breaker":
        Gauge.objects.create(id=system.pk, system=system, breaker="open")
    elif measure == "errors":
        for n in range(10):
            message(bad, NOW - timedelta(minutes=n + 1), (1, "failed" if n < 6 else "done"))
            message(good, NOW - timedelta(minutes=n + 1), (1, "failed" if n < 4 else "done"))
    else:
        message(good, later(100), (1, "done"))
    look_after_alerts(later(120 if measure == "silence" else 0))
    expected = (system.pk, None) if measure == "breaker" else (system.pk, bad.pk)
    assert list(Alert.objects.values_list("system_id", "flow_id")) == [expected]


def test_a_scope_narrows_who_is_looked_at(flow, message, rule):
    one, other = flow(), flow()
    rule("dead", scope="flow", flow=str(one.pk))
    message(other, NOW, state="dead")
    look_after_alerts(later(0))
    assert states() == []
    message(one, NOW, state="dead")
    look_after_alerts(later(1))
    assert list(Alert.objects.values_list("flow_id", flat=True)) == [one.pk]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("wecom", lambda b: b["msgtype"] == "text" and b["text"]["content"]),
        ("dingtalk", lambda b: b["msgtype"] == "text" and b["text"]["content"]),
        ("feishu", lambda b: b["msg_type"] == "text" and b["content"]["text"]),
        ("webhook", lambda b: b["kind"] and b["text"]),
        ("mail", lambda b: b["to"] == ["boss@example.com"] and b["subject"]),
    ],
)
def test_the_outside_hears_it_once_raised_and_once_cleared(way, said, flow, message, rule, system, partner):
    rule("dead", way=way, via=str(system.pk), operation="robot")
    one = message(flow(), NOW, state="dead")
    look_after_alerts(later(0))
    look_after_alerts(later(1))
    Message.objects.filter(pk=one.pk).update(state="given_up")
    look_after_alerts(later(2))
    look_after_alerts(later(3))
    texts = [said(body) for body in partner.bodies]
    assert [text.split("：")[0] for text in texts] == ["告警", "告警已解除"]


def test_what_the_outside_does_not_take_is_told_again_and_stays_to_be_seen(flow, message, rule, system, partner):
    rule("dead", way="webhook", via=str(system.pk), operation="robot")
    message(flow(), NOW, state="dead")
    partner.script = [503, 200]
    look_after_alerts(later(0))
    alert = Alert.objects.get()
    assert (alert.news, alert.news_failures) == ("raised", 1)
    assert alert.news_error
    assert telling.tell_due(later(0.5)) == 0
    assert telling.tell_due(later(1)) == 1
    alert.refresh_from_db()
    assert (alert.news, alert.news_error, len(partner.got)) == ("", "", 2)
    assert partner.got[0][0] == partner.got[1][0]  # the partner can know it again


def test_a_rule_that_says_too_little_is_refused(ctx, system, boss):
    for faulty, field in (
        (dict(role=None), "person"), (dict(scope="system"), "system"),
        (dict(scope="all", system=str(system.pk)), "system"), (dict(way="feishu"), "via"),
        (dict(measure="breaker", scope="flow"), "scope"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refusal:
            do(ctx, "watch.alert_rule.create",
               records=[dict(name="一", measure="dead", role=str(boss.held.pk)) | faulty])  # fmt: skip
        assert any(field in key for key in refusal.value.fields)
    assert AlertRule.objects.count() == 0


def test_an_evaluation_takes_the_same_statements_for_one_flow_and_for_many(
    flow, message, rule, django_assert_num_queries
):
    rule("dead", threshold="1000")
    message(flow(), NOW, state="dead")
    with django_assert_num_queries(3):
        alerts.outlook(NOW)
    for _ in range(3):
        message(flow(), NOW, state="dead")
    with django_assert_num_queries(3):
        alerts.outlook(NOW)


def test_who_has_no_right_acknowledges_nothing(ctx, flow, message, rule, nobody):
    rule("dead")
    message(flow(), NOW, state="dead")
    look_after_alerts(NOW)
    alert = Alert.objects.get()
    with pytest.raises(NotAllowed):
        execute(nobody, alerts.acknowledge, ids=[alert.pk])
    assert Alert.objects.get().state == "raised"
