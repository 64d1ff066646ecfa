"""An alert goes out by the systems that people have: each group robot gets its own form, a webhook the facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from banyan.connectors.mail.tests.test_mail import smtp
from banyan.connectors.people.tests.test_people import KNOWN, Office
from banyan.connectors.people.tests.test_people import SECRET as APP_SECRET
from banyan.connectors.robots.tests.test_robots import SECRET, TOKEN, stand_in
from banyan.integration.models import Message
from banyan.integration.watch.jobs import look_after_alerts
from banyan.integration.watch.models import Alert, AlertRule
from banyan.kernel.models import InboxItem, Role, User, UserRole
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from tests.integration.partner import partner
from tests.integration.shop import Integrator
from tests.integration.trading import SECRET as HOOK_SECRET

__all__ = ["smtp"]
#: How each program's document has a text message.
TEXT_OF = {
    "wecom": lambda body: body["msgtype"] == "text" and body["text"]["content"],
    "dingtalk": lambda body: body["msgtype"] == "text" and body["text"]["content"],
    "feishu": lambda body: body["msg_type"] == "text" and body["content"]["text"],
}


@pytest.fixture
def hand(live_db, ctx, settings, tmp_path) -> Integrator:
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    return Integrator(ctx)


def rule(hand: Integrator, via: Any, way: str, **given: Any) -> AlertRule:
    """Make a rule about dead messages that tells through a system."""
    if "person" not in given:
        given["person"] = str(User.objects.create(login=f"boss-{new_id().hex[-8:]}", name="主管").pk)
    facts = dict(name="看住死信", measure="dead", threshold="1", minutes=0, way=way, via=str(via))
    return AlertRule.objects.get(pk=hand.do("watch.alert_rule.create", records=[facts | given]).ids[0])


def die_and_be_given_up(hand: Integrator, url: str) -> None:
    """Let a message be dead for a while."""
    now = die(hand, hand.system("CARRIER", "webhook", {"address": f"{url}/told"}, {"signing_secret": HOOK_SECRET}))
    Message.objects.update(state="given_up")
    look_after_alerts(now + timedelta(minutes=2))


def die(hand: Integrator, system: Any) -> datetime:
    """Let a message of a flow to a system be dead, and the alerts be looked after; give when."""
    flow = hand.flow(system, "TELL", {"a": 1}, direction="out", trigger="event",
                     detail={"events": ["sales.order_confirmed"]}, target="event")  # fmt: skip
    now = datetime.now(UTC)
    Message.objects.create(id=new_id(), flow=flow, system=flow.system, used_id=flow.running_id, at=now, next_at=now,
                           direction="out", source="1", body={}, state="dead", reason="refused")  # fmt: skip
    look_after_alerts(now)
    return now


def faults() -> list[tuple[str, str]]:
    return list(Alert.objects.values_list("state", "news_error"))


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_a_group_robot_gets_an_alert_in_its_own_form(hand, kind):
    with partner(stand_in(kind, datetime.now(UTC))) as there:
        secrets = {"token": TOKEN, "signing_secret": SECRET}
        robot = hand.system("ROBOT", "robots", {"kind": kind, "address": f"{there.url}/hook"}, secrets)
        assert rule(hand, robot, kind).operation == "tell"
        die_and_be_given_up(hand, there.url)
    texts = [TEXT_OF[kind](asked.json) for asked in there.asked]
    assert texts == ["告警：看住死信（TELL TELL，死信条数 1）", "告警已解除：看住死信（TELL TELL，死信条数 1）"]
    assert faults() == [("cleared", "")]


@pytest.mark.parametrize("way", ["webhook", "wecom", "feishu"])
def test_a_webhook_gets_the_facts_or_the_form_that_the_rule_names(hand, way):
    with partner(lambda asked: {"ok": True}) as there:
        hook = hand.system("HOOK", "webhook", {"address": f"{there.url}/alerts"}, {"signing_secret": HOOK_SECRET})
        rule(hand, hook, way, operation="event")
        die_and_be_given_up(hand, there.url)
    said = [asked.json["data"] for asked in there.asked]
    texts = [TEXT_OF[way](one) if way in TEXT_OF else one["text"] for one in said]
    assert [text.split("：")[0] for text in texts] == ["告警", "告警已解除"]
    if way == "webhook":
        assert [(one["kind"], one["measure"], one["value"], one["flow"]) for one in said] == [
            ("raised", "dead", 1, "TELL"), ("cleared", "dead", 1, "TELL"),
        ]  # fmt: skip
    assert faults() == [("cleared", "")]


MAILS = {
    # language: (subjects, what stands below the first and the second)
    "zh": (["告警：看住死信（TELL TELL，死信条数 1）", "告警已解除：看住死信（TELL TELL，死信条数 1）"],
           ["始于 {since}；规则的阈值：1", "始于 {since}，解除于 {until}；规则的阈值：1"]),
    "en": (["Alert: 看住死信 (TELL TELL, Dead messages 1)", "Alert cleared: 看住死信 (TELL TELL, Dead messages 1)"],
           ["Since {since}; the rule's threshold: 1", "Since {since}, cleared at {until}; the rule's threshold: 1"]),
}  # fmt: skip


@pytest.mark.parametrize("language", MAILS)
def test_an_alert_goes_out_as_mail_in_the_language_of_who_is_told(hand, smtp, language):
    server, handler = smtp
    settings = {"sender": "erp@example.com", "smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_safety": "none"}
    mail = hand.system("MAIL", "mail", settings, {})
    boss = User.objects.create(login="boss", name="主管", email="boss@example.com", language=language)
    rule(hand, mail, "mail", operation="send", person=str(boss.pk))
    with partner(lambda asked: {}) as there:
        die_and_be_given_up(hand, there.url)
    alert, zone = Alert.objects.get(), ZoneInfo("Asia/Shanghai")
    at = {"since": alert.since, "until": alert.cleared_at}
    words = {name: f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for name, moment in at.items()}
    subjects, below = MAILS[language]
    for one in handler.kept:
        print(f"{one['From']} → {one['To']}\n{one['Subject']}\n{one.get_content()}")
    assert [(one["From"], one["To"], one["Subject"]) for one in handler.kept] == [
        ("erp@example.com", "boss@example.com", subject) for subject in subjects]  # fmt: skip
    assert [one.get_content().replace("\r\n", "\n") for one in handler.kept] == [
        f"{subject}\n\n{line.format(**words)}\n" for subject, line in zip(subjects, below, strict=True)]  # fmt: skip
    assert len({one["Message-ID"] for one in handler.kept}) == 2
    assert faults() == [("cleared", "")]


def test_a_mail_that_is_not_taken_is_told_again_and_one_without_an_address_says_so(hand, smtp):
    server, handler = smtp
    settings = {"sender": "erp@example.com", "smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_safety": "none"}
    mail = hand.system("MAIL", "mail", settings, {})
    boss = User.objects.create(login="boss", name="主管", email="boss@example.com")
    rule(hand, mail, "mail", operation="send", person=str(boss.pk))
    handler.refuses["boss@example.com"] = "451 later"
    with partner(lambda asked: {}) as there:
        system = hand.system("CARRIER", "webhook", {"address": f"{there.url}/told"}, {"signing_secret": HOOK_SECRET})
    now = die(hand, system)
    assert (handler.kept, "boss@example.com" in Alert.objects.get().news_error) == ([], True)
    handler.refuses.clear()
    look_after_alerts(now + timedelta(hours=1))
    assert [one["To"] for one in handler.kept] == ["boss@example.com"]
    User.objects.filter(pk=boss.pk).update(email="")
    look_after_alerts(now + timedelta(hours=9))
    assert len(handler.kept) == 1
    assert "nobody who is told has a mail address" in Alert.objects.get().news_error


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_each_person_is_told_at_their_own_account_and_in_their_own_language(hand, kind):
    office, accounts = Office(kind), sorted(KNOWN)
    agent = {} if kind == "feishu" else {"agent": "17"}
    role = Role.objects.create(code="watch", name_zh="值班", name_en="On duty")
    with partner(office) as there:
        settings = {"kind": kind, "app_key": "app-1", "address": there.url, **agent}
        system = hand.system("OURS", "people", settings, {"app_secret": APP_SECRET})
        people = [User.objects.create(login=f"p{n}", name=f"人{n}", language=language)
                  for n, language in enumerate(("zh", "en", "zh"))]  # fmt: skip
        for user, code in zip(people, accounts, strict=False):  # the third has no account there
            hand.do("mapping.key_link.link", system="OURS", entity="kernel.user", code=code, record=str(user.pk))
        UserRole.objects.bulk_create(UserRole(user=user, role=role) for user in people)
        rule(hand, system, kind, person=None, role=str(role.pk))
        die_and_be_given_up(hand, there.url)
    said = [(to, json.dumps(body, ensure_ascii=False)) for to, body in office.told]
    print(*said, sep="\n")
    own = dict(zip(("zh", "en"), accounts, strict=True))
    assert [(to, "看住死信（TELL" in text, "看住死信 (TELL" in text) for to, text in said] == [
        ((own["en"],), False, True), ((own["zh"],), True, False)] * 2  # fmt: skip
    assert faults() == [("cleared", "")]


def test_who_has_no_account_there_has_the_inbox_and_the_alert_says_why(hand):
    office = Office("feishu")
    with partner(office) as there:
        settings = {"kind": "feishu", "app_key": "app-1", "address": there.url}
        system = hand.system("OURS", "people", settings, {"app_secret": APP_SECRET})
        boss = User.objects.create(login="boss", name="主管")
        rule(hand, system, "feishu", person=str(boss.pk))
        die(hand, hand.system("CARRIER", "webhook", {"address": there.url}, {"signing_secret": HOOK_SECRET}))
    assert office.told == []
    assert "key link of the user" in Alert.objects.get().news_error
    assert InboxItem.objects.filter(person=boss).count() == 1


def test_an_operation_that_a_robot_does_not_have_is_refused_with_its_own(hand):
    robot = hand.system("ROBOT", "robots", {"kind": "wecom"}, {"token": TOKEN})
    with pytest.raises(Invalid) as refusal:
        rule(hand, robot, "wecom", operation="robot")
    ((field, said),) = refusal.value.fields.items()
    assert field.endswith("operation")
    assert "tell" in str(said)
    assert AlertRule.objects.count() == 0
