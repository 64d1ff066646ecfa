"""Which rules are broken, measured in one statement; what becomes of their alerts; who is told in the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from django.db.models import F

from banyan.integration import limits
from banyan.integration.watch import telling
from banyan.integration.watch.models import Alert, AlertRule
from banyan.integration.watch.rules import Judged, Open, Subject, Terms, judged
from banyan.kernel import beside, db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

NOUN = "watch.alert"
#: With fewer tries an error rate says nothing.
FEWEST_TRIES = 10
#: One row per rule and flow, or system: the value where it is at least the rule's.
_BROKEN = f"""
    WITH r AS MATERIALIZED (SELECT * FROM watch_alertrule WHERE is_active),
    flows AS MATERIALIZED (
        SELECT f.id, f.system_id, f.state, f.trigger, f."order", v.at AS running_since
        FROM integration_flow f LEFT JOIN integration_flowversion v ON v.id = f.running_id
        WHERE f.state IN ('active', 'stopped')
    ), measured AS (
        SELECT 'dead' AS measure, f.system_id, f.id AS flow_id, d.n::float8 AS value FROM flows f CROSS JOIN LATERAL (
            SELECT count(*) AS n FROM integration_message m WHERE m.flow_id = f.id AND m.state = 'dead') d
        WHERE EXISTS (SELECT 1 FROM r WHERE measure = 'dead')
        UNION ALL
        SELECT 'blocked', f.system_id, f.id, d.n FROM flows f CROSS JOIN LATERAL (
            SELECT count(DISTINCT m.key) AS n FROM integration_message m
            WHERE m.flow_id = f.id AND m.state = 'dead') d
        WHERE f."order" = 'strict' AND EXISTS (SELECT 1 FROM r WHERE measure = 'blocked')
        UNION ALL
        SELECT 'waiting', f.system_id, f.id, extract(epoch FROM %(now)s::timestamptz - w.at) / 60
        FROM flows f CROSS JOIN LATERAL (
            SELECT min(x.at) AS at FROM (SELECT m.at FROM integration_message m
                WHERE m.flow_id = f.id AND m.state = 'waiting' ORDER BY m.next_at, m.seq LIMIT 5000) x) w
        WHERE EXISTS (SELECT 1 FROM r WHERE measure = 'waiting')
        UNION ALL
        SELECT DISTINCT 'breaker', g.system_id, NULL::uuid, 1 FROM integration_gauge g
        JOIN integration_system s ON s.id = g.system_id
        WHERE g.breaker <> 'closed' AND (g.operation = '' OR {limits.owns("g.operation")})
        UNION ALL
        SELECT 'renewal', k.system_id, NULL, count(*) FROM integration_secret k
        JOIN integration_system y ON y.id = k.system_id AND y.state = 'active'
        WHERE k.failures > 0 GROUP BY k.system_id
        UNION ALL
        SELECT 'differences', s.system_id, NULL, count(*) FROM watch_discrepancy d
        JOIN watch_scan s ON s.id = d.scan_id
        WHERE d.state IN ('open', 'repairing') AND EXISTS (SELECT 1 FROM r WHERE measure = 'differences')
        GROUP BY s.system_id
    ), found AS (
        SELECT r.id AS rule_id, m.system_id, m.flow_id, m.value FROM measured m JOIN r ON r.measure = m.measure
        UNION ALL
        SELECT r.id, e.system_id, e.flow_id, e.value FROM r CROSS JOIN LATERAL (
            SELECT f.system_id, f.id AS flow_id, 100.0 * s.failed / s.tries AS value
            FROM (
                SELECT flow_id, sum(failed) AS failed, sum(tries) AS tries FROM watch_minute
                WHERE minute >= date_trunc('minute', %(now)s::timestamptz - r.window_minutes * interval '1 minute')
                  AND minute <= %(now)s::timestamptz
                GROUP BY flow_id HAVING sum(tries) >= {FEWEST_TRIES}
            ) s JOIN integration_flow f ON f.id = s.flow_id) e
        WHERE r.measure = 'errors'
        UNION ALL
        SELECT r.id, f.system_id, f.id, r.threshold FROM r JOIN flows f ON f.state = 'active' AND f.trigger <> 'saga'
            AND f.running_since <= %(now)s::timestamptz - r.threshold * interval '1 minute'
        WHERE r.measure = 'silence' AND NOT EXISTS (
            SELECT 1 FROM integration_message m
            WHERE m.flow_id = f.id AND m.at > %(now)s::timestamptz - r.threshold * interval '1 minute')
    )
    SELECT x.rule_id, x.system_id, x.flow_id, x.value::float8
    FROM found x JOIN r ON r.id = x.rule_id
    WHERE x.value >= r.threshold AND (r.system_id IS NULL OR r.system_id = x.system_id)
      AND (r.flow_id IS NULL OR r.flow_id = x.flow_id)
"""


def broken(now: datetime) -> dict[Subject, float]:
    """Give which rules are broken now by which flows and systems, with the value. One statement."""
    return {Subject(*row[:3]): row[3] for row in db.rows(_BROKEN, {"now": now})}


def outlook(now: datetime) -> tuple[dict[Subject, float], Judged]:
    """Give what is broken and what becomes of it. Three statements."""
    values = broken(now)
    terms = {
        key: Terms(minutes, repeat)
        for key, minutes, repeat in AlertRule.objects.values_list("pk", "minutes", "repeat_minutes")
    }
    rows = Alert.objects.exclude(state="cleared").values_list(
        "rule_id", "system_id", "flow_id", "pk", "state", "since", "told_at"
    )
    held = {Subject(*row[:3]): Open(*row[3:]) for row in rows}
    return values, judged(values, held, terms, now)


@command(f"{NOUN}.evaluate", L("立即检查", "Check now"), on="noun", icon="refresh",
         help=L("检查全部告警规则；每分钟自动执行", "Checks all alert rules; done each minute by itself"))  # fmt: skip
def evaluate(ctx: Context) -> Label:
    """Raise, repeat and clear alerts as the rules say.

    Gives:  how many were raised, told again and cleared
    Writes: alerts, an inbox item for each person told; what the outside is told is sent by a job
    """
    db.one("SELECT pg_advisory_xact_lock(hashtextextended('watch.alerts', 0))")
    values, found = outlook(ctx.now)
    made = [
        Alert(
            id=new_id(), rule_id=one.rule, system_id=one.system, flow_id=one.flow, value=values[one], since=ctx.now,
            state="raised" if one in found.raised_at_once else "pending",
            raised_at=ctx.now if one in found.raised_at_once else None, created_at=ctx.now, changed_at=ctx.now,
            created_by_id=ctx.person, changed_by_id=ctx.person,
        )
        for one in (*found.begun, *found.raised_at_once)
    ]  # fmt: skip
    Alert.objects.bulk_create(made)
    Alert.objects.filter(pk__in=found.forgotten).delete()
    _move(ctx, found.raised, state="raised", raised_at=ctx.now)
    _move(ctx, found.cleared, state="cleared", cleared_at=ctx.now)
    _keep_values(values)
    beside.settle(ctx, ("alert",), NOUN, found.cleared)
    raised = [one.pk for one in made if one.state == "raised"] + list(found.raised)
    _tell(ctx, {key: "raised" for key in raised} | {key: "repeated" for key in found.repeated}
          | {key: "cleared" for key in found.cleared})  # fmt: skip
    said = L("提出 {raised}，再次提醒 {again}，解除 {cleared}", "Raised {raised}, again {again}, cleared {cleared}")
    return said.filled({"raised": len(raised), "again": len(found.repeated), "cleared": len(found.cleared)})


def _move(ctx: Context, keys: Sequence[UUID], **values: object) -> None:
    if keys:
        Alert.objects.filter(pk__in=keys).update(
            version=F("version") + 1, changed_at=ctx.now, changed_by_id=ctx.person, **values
        )


def _keep_values(values: Mapping[Subject, float]) -> None:
    rows = [dict(r=rule, s=system, f=flow, v=value) for (rule, system, flow), value in values.items()]
    db.run(
        """
        UPDATE watch_alert a SET value = x.v
        FROM jsonb_to_recordset(%s::jsonb) x(r uuid, s uuid, f uuid, v float8)
        WHERE a.rule_id = x.r AND a.system_id IS NOT DISTINCT FROM x.s AND a.flow_id IS NOT DISTINCT FROM x.f
          AND a.state <> 'cleared' AND a.value <> x.v
        """, [orjson.dumps(rows).decode()],
    )  # fmt: skip


def _tell(ctx: Context, news: Mapping[UUID, str]) -> None:
    """Put news of alerts into inboxes, and mark what the outside is to be told."""
    if not news:
        return
    found = list(Alert.objects.filter(pk__in=news).select_related("rule", "system", "flow").order_by("pk"))
    people = telling.people_of([alert.rule for alert in found])
    for alert in found:
        if news[alert.pk] != "cleared":
            beside.settle(ctx, ("alert",), NOUN, (alert.pk,))
            beside.notify(ctx, people[alert.rule_id], "alert", telling.said(alert, news[alert.pk]), NOUN, alert.pk)
    spoken = [alert.pk for alert in found if news[alert.pk] != "cleared"]
    Alert.objects.filter(pk__in=spoken).update(told=F("told") + 1, told_at=ctx.now)
    outside = [alert for alert in found if alert.rule.way != "inbox"]
    for kind in set(news.values()):
        keys = [alert.pk for alert in outside if news[alert.pk] == kind]
        Alert.objects.filter(pk__in=keys).update(news=kind, news_at=ctx.now, news_failures=0, news_error="")


@command(f"{NOUN}.acknowledge", L("确认", "Acknowledge"), icon="check", is_primary=True, tone="orange", is_at_hand=True)
def acknowledge(ctx: Context, alerts: Sequence[Alert]) -> None:
    """Say that one has seen alerts and looks after them; nobody is told again. Writes: alerts; settles inboxes"""
    for alert in alerts:
        alert.acknowledged_at, alert.acknowledged_by_id = ctx.now, ctx.person
    beside.settle(ctx, ("alert",), NOUN, [alert.pk for alert in alerts])
