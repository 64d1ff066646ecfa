"""What is said of an alert, and how it reaches the outside: in the form each way wants, through a system of the bus.

A connector that tells people by itself takes the text and gives it its partner's form; one that tells single persons
takes their accounts there as well, and each reads it in their own language. Through any other a robot's
message is sent as its maker documents it, mail as `to`, `subject` and `text`, a webhook as the facts. The system's
connector knows address, signature and limits.

What could not be sent is tried again for some hours, and stays to be seen at the alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction

from banyan.integration.connecting import Connector, Failed, Outgoing
from banyan.integration.mapping.queries import codes_of
from banyan.integration.plans import link_of, refused
from banyan.integration.watch.models import Alert, AlertRule
from banyan.integration.watch.rules import pause_after
from banyan.kernel import registry
from banyan.kernel.models import User, UserRole
from banyan.lib.labels import L, Label, plain
from banyan.web.acting import HOME_ZONE

MOST = 200
_KINDS = {
    "raised": L("告警", "Alert"), "repeated": L("告警仍未处理", "Alert still open"),
    "cleared": L("告警已解除", "Alert cleared"),
}  # fmt: skip


def said(alert: Alert, kind: str) -> Label:
    """Give the one sentence that is said of an alert: what, where, how much."""
    measures = {one.key: one.label for one in registry.noun("watch.alert_rule").spec.field("measure").choices}
    where = alert.flow or alert.system
    place = f"{where.code} {where.name}" if where else "Banyan"
    value = f"{alert.value:.0f}" if alert.value == int(alert.value) else f"{alert.value:.1f}"
    return L("{kind}：{name}（{place}，{measure} {value}）", "{kind}: {name} ({place}, {measure} {value})").filled(
        {"kind": _KINDS[kind], "name": alert.rule.name, "place": place, "measure": measures[alert.rule.measure],
         "value": value}
    )  # fmt: skip


def message_of(
    connector: Connector, alert: Alert, kind: str, *, language: str, mails: Sequence[str] = (),
    accounts: Sequence[str] = (),
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """Give the operation and the body by which an alert goes through a system of that connector."""
    if connector.tells:
        to = {"to": list(accounts)} if connector.tells_each else {}
        return connector.tells, to | {"text": said(alert, kind).in_(language)}
    return alert.rule.operation, body_of(alert.rule.way, alert, kind, language=language, mails=mails)


def body_of(way: str, alert: Alert, kind: str, *, language: str, mails: Sequence[str] = ()) -> dict[str, Any]:
    """Give the body of a message as its way wants it, where the system sends on what it is given.

    Source: the robots' text messages, as their makers document them: WeCom and DingTalk `msgtype`, Feishu `msg_type`
    """
    text = said(alert, kind).in_(language)
    match way:
        case "wecom" | "dingtalk":
            return {"msgtype": "text", "text": {"content": text}}
        case "feishu":
            return {"msg_type": "text", "content": {"text": text}}
        case "mail":
            return {"to": list(mails), "subject": text, "text": f"{text}\n\n{_facts_in_words(alert).in_(language)}\n"}
        case _:
            return {
                "kind": kind, "text": text, "alert": str(alert.pk), "rule": alert.rule.name,
                "measure": alert.rule.measure, "value": alert.value, "threshold": float(alert.rule.threshold),
                "system": alert.system.code if alert.system else None, "flow": alert.flow.code if alert.flow else None,
                "since": alert.since.isoformat(),
                "cleared_at": alert.cleared_at.isoformat() if alert.cleared_at else None,
            }  # fmt: skip


def _facts_in_words(alert: Alert) -> Label:
    """Give since when and from which value on, by the company's clock; how long it took where it is over."""
    zone = ZoneInfo(HOME_ZONE)

    def at(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"

    said = L("始于 {since}；规则的阈值：{threshold}", "Since {since}; the rule's threshold: {threshold}")
    facts = {"since": at(alert.since), "threshold": plain(alert.rule.threshold)}
    if alert.cleared_at:
        said = L("始于 {since}，解除于 {until}；规则的阈值：{threshold}",
                 "Since {since}, cleared at {until}; the rule's threshold: {threshold}")  # fmt: skip
        facts["until"] = at(alert.cleared_at)
    return said.filled(facts)


def people_of(rules: Sequence[AlertRule]) -> dict[UUID, tuple[UUID, ...]]:
    """Give the active people whom rules tell, by rule. Two statements."""
    roles = {rule.role_id for rule in rules if rule.role_id}
    holders: dict[UUID, set[UUID]] = {}
    for role, user in UserRole.objects.filter(role__in=roles).values_list("role_id", "user_id"):
        holders.setdefault(role, set()).add(user)
    wanted = {
        rule.pk: holders.get(rule.role_id, set()) | ({rule.person_id} if rule.person_id else set()) for rule in rules
    }
    everyone = set().union(*wanted.values())
    active = set(User.objects.filter(pk__in=everyone, is_active=True, is_program=False).values_list("pk", flat=True))
    return {rule: tuple(sorted(people & active)) for rule, people in wanted.items()}


def tell_due(now: datetime) -> int:
    """Send what the outside is to be told of alerts; give how many were sent.

    Writes: alerts, one by one, outside of any long transaction; a fault is kept and tried again
    """
    found = list(
        Alert.objects.exclude(news="").filter(news_at__lte=now).select_related("rule__via", "system", "flow")
        .order_by("news_at", "pk")[:MOST]
    )  # fmt: skip
    people = people_of([alert.rule for alert in found]) if found else {}
    users = {user.pk: user for user in User.objects.filter(pk__in={one for all_ in people.values() for one in all_})}
    sent = 0
    for alert in found:
        told = [users[one] for one in people[alert.rule_id]]
        fault = _send(alert, told)
        sent += fault is None
        _note(alert, fault, now)
    return sent


def _send(alert: Alert, told: Sequence[User]) -> Failed | None:
    rule = alert.rule
    language = told[0].language if told else "zh"
    mails = [user.email for user in told if user.email]
    try:
        if rule.via is None or rule.via.state != "active":
            raise Failed("refused", L("通知用的系统没有启用", "the system to tell through is not switched on"))
        if rule.way == "mail" and not mails:
            raise Failed("refused", L("通知对象没有填写邮箱", "nobody who is told has a mail address"))
        link = link_of(rule.via_id)
        if link is None:
            raise Failed("gone", L("通知用的系统已不存在", "the system to tell through is gone"))
        connector, connect = link
        readers = _accounts(rule.via.code, told) if connector.tells_each else {language: ()}
        for each, accounts in readers.items():
            operation, body = message_of(
                connector, alert, alert.news, language=each, mails=mails, accounts=accounts
            )
            connector.send(connect(), Outgoing(
                id=name_of(alert.pk, alert.news, alert.told, each if accounts else ""), operation=operation,
                key=str(alert.pk), body=body, type=f"watch.alert_{alert.news}",
            ))  # fmt: skip
    except Exception as fault:  # whatever a connector raises is a try that failed
        return refused(fault)
    return None


def _accounts(system: str, told: Sequence[User]) -> dict[str, tuple[str, ...]]:
    """Give the accounts that people have in a system, by their language, as key links of users say.

    Raises: Failed where nobody has one
    """
    codes = codes_of(system, "kernel.user", [user.pk for user in told])
    found: dict[str, list[str]] = {}
    for user in told:
        if user.pk in codes:
            found.setdefault(user.language, []).append(codes[user.pk])
    if not found:
        raise Failed("refused", L(
            f"通知对象在 {system} 都没有账号，请在主键对照中登记",
            f"nobody who is told has an account in {system}: enter it as a key link of the user",
        ))  # fmt: skip
    return {language: tuple(found[language]) for language in sorted(found)}


def name_of(alert: UUID, news: str, told: int, language: str = "") -> UUID:
    """Give what the partner may know a message again by: the same at every try."""
    return uuid5(alert, f"{news} {told} {language}".strip())


def _note(alert: Alert, fault: Failed | None, now: datetime) -> None:
    facts: Mapping[str, Any] = {"news": "", "news_error": ""}
    if fault is not None:
        failures = alert.news_failures + 1
        pause = pause_after(failures) if fault.is_passing else None
        facts = {"news_failures": failures, "news_error": fault.text[:2000]}
        facts |= {"news_at": now + pause} if pause else {"news": ""}
    with transaction.atomic():  # unless there are newer news by now
        Alert.objects.filter(pk=alert.pk, news=alert.news, told=alert.told).update(**facts)
