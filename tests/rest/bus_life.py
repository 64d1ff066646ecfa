"""The life of the bus over REST: a partner, its flows, dead letters and what people do about them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from banyan.integration import claims, fanout, polling
from banyan.integration.models import Flow, Message
from banyan.integration.plans import plan_of
from banyan.integration.saga.models import Run
from banyan.integration.saga.working import advance
from banyan.integration.watch.models import Alert, Day, Discrepancy, ScanRun
from banyan.kernel.models import Delivery, Outbox, User
from banyan.lib.ids import new_id
from tests.rest.travels import Traveller


def _flow(t: Traveller, system: str, code: str, **given: Any) -> str:
    """Give a flow that is switched on."""
    facts = dict(code=code, name=code, system=system, direction="out", trigger="event",
                 detail={"events": ["*"]}, target="push")  # fmt: skip
    flow = t.make("integration.flow", **(facts | given))
    t.make("integration.sample", flow=flow, name="一", input={"a": 1}, output={"a": 1})
    t.post("integration.flow.test", flow)
    t.post("integration.flow.activate", flow)
    return flow


def carrying(t: Traveller, world: Any) -> None:
    """A partner that is set up, checked, stopped and resumed; flows; messages that failed."""
    user = User.objects.create(login="shop-program", name="商店接口", is_program=True)
    system = t.make(
        "integration.system", code="SHOP-1", name="商店", connector="rest", account=str(user.pk), rate="50",
        settings=dict(address="https://127.0.0.1:9", operations=[dict(key="push"), dict(
            key="orders", ways=["poll"], since=dict(parameter="since", path="at"))]),
        hosts=["127.0.0.1:9"],
    )  # fmt: skip
    t.post("integration.secret.set", system=system, name="token", value="open-sesame")
    t.post("integration.secret.set", system=system, name="password", value="open-sesame")
    t.post("integration.secret.reseal", reason="换密钥")
    t.post("integration.system.activate", system)
    t.post("integration.system.check", system=system)
    t.post("integration.flow.rehearse", system=system, trigger="event", detail={"events": ["*"]},
           target="push", body={"data": {"n": 1}})  # fmt: skip
    folder = t.make("integration.system", code="FILES-1", name="文件", connector="file",
                    settings=dict(folder="files-1", operations=[dict(key="orders", format="json")]))  # fmt: skip
    t.post("integration.flow.peek", system=folder, operation="orders")
    shop = t.make("integration.system", code="WOO-1", name="网店", connector="woocommerce",
                  settings=dict(address="https://127.0.0.1:9", consumer_key="ck"))  # fmt: skip
    t.post("integration.flow.add_presets", system=shop, settings={"shop": "WOO"}, names=["orders", "stock"])
    out = _flow(t, system, "OUT-1")
    Outbox.objects.filter(dispatched_at__isnull=True).update(dispatched_at=timezone.now())
    t.post("integration.flow.backfill", flow=out, since="2020-01-01T00:00:00Z", until="2100-01-01T00:00:00Z",
           reason="新伙伴")  # fmt: skip
    first, second, third = (str(one.pk) for one in Message.objects.order_by("seq")[:3])
    Message.objects.filter(pk__in=[first, second]).update(state="dead", reason="refused")
    t.post("integration.message.dry_run", messages=[first])
    t.post("integration.message.repair", first, body={"data": {}}, note="补齐")
    t.post("integration.message.replay", first)
    t.post("integration.message.replay_where", reason="refused")
    t.post("integration.message.give_up", third, reason="已手工处理")
    t.post("integration.sample.pin", message=first, name="来自消息")
    t.post("integration.flow.stop", out)
    t.post("integration.flow.resume", out)
    _flow(t, system, "IN-1", direction="in", trigger="poll", detail={"operation": "orders"},
          target="kernel.role.create")  # fmt: skip
    polling.read_due(timezone.now())
    t.post("integration.flow.read_again", flow=str(Flow.objects.get(code="IN-1").pk), since="2026-01-01T00:00:00Z",
           reason="对方漏推")  # fmt: skip
    claims.take_tokens(plan_of(out), 1)
    fanout.wake()
    for code, last in (("OLD-1", "retire"), ("OLD-2", "revise")):
        old = _flow(t, system, code, detail={"events": ["nothing.ever"]})
        t.post("integration.flow.stop", old)
        t.post(f"integration.flow.{last}", old)
    t.post("integration.system.stop", system)
    t.post("integration.system.resume", system)
    _crossing(t, user, system)
    _watching(t, user, system, out, second)


def _crossing(t: Traveller, user: User, system: str) -> None:
    """A saga that is switched on, stopped and revised; runs that people decide on."""
    step = dict(name="reserve", title="预留", system=system, target="push")
    saga = t.make("saga.saga", code="SAGA-1", name="发货", trigger="call", person=str(user.pk), steps=[step])
    t.post("saga.saga.rehearse", saga=saga, payload={"order": 0})
    t.post("saga.saga.activate", saga)
    for number in range(4):
        t.post("saga.run.start", saga=saga, payload={"order": number})
    runs = list(Run.objects.order_by("pk").values_list("pk", flat=True))
    for run in runs:
        for _ in range(2):
            advance(run, timezone.now())
    t.post("saga.run.retry", runs[0], reason="再试一次")
    t.post("saga.run.skip", runs[1], reason="已手工预留")
    t.post("saga.run.undo", runs[2], reason="客户取消")
    t.post("saga.run.accept", runs[3], reason="手工完成")
    t.post("saga.saga.stop", saga)
    t.post("saga.saga.resume", saga)
    t.post("saga.saga.stop", saga)
    t.post("saga.saga.revise", saga)
    old = t.make("saga.saga", code="SAGA-2", name="旧", trigger="call", person=str(user.pk), steps=[step])
    for what in ("activate", "stop", "retire"):
        t.post(f"saga.saga.{what}", old)


def _watching(t: Traveller, user: User, system: str, out: str, dead: str) -> None:
    """Alerts that are raised and acknowledged, a scan with discrepancies that are seen to."""
    Message.objects.filter(pk=dead).update(state="dead", reason="refused")
    t.make("watch.alert_rule", name="死信", measure="dead", person=str(user.pk))
    t.post("watch.alert.evaluate")
    t.post("watch.alert.acknowledge", str(Alert.objects.filter(state="raised").first().pk))
    into = Flow.objects.get(code="IN-1")
    scan = t.make("watch.scan", code="SCAN-1", name="对账", kind="ours", send_flow=out, fetch_flow=str(into.pk))
    t.post("watch.scan.run", scan)
    record = Message.objects.exclude(record=None).filter(flow=out).first().record
    first, second = (
        str(Discrepancy.objects.create(
            scan_id=scan, kind=kind, key=kind, record=record, body={"no": "1"}, first_seen_at=timezone.now(),
            last_seen_at=timezone.now(), last_run=new_id(),
        ).pk) for kind in ("missing_there", "missing_here")
    )  # fmt: skip
    t.post("watch.discrepancy.assign", first, owner=str(user.pk))
    t.post("watch.discrepancy.send_again", first)
    t.post("watch.discrepancy.fetch_again", second)
    t.post("watch.discrepancy.accept", second, reason="已知")
    t.post("watch.discrepancy.reopen", second)
    t.post("watch.day.rebuild", first="2026-03-01", last="2026-03-02")
    ScanRun.objects.create(scan_id=scan, started_at=timezone.now())
    Day.objects.create(on="2026-03-03", system_id=system, flow_id=out, done=1, made_at=timezone.now())


def undelivered(t: Traveller, world: Any) -> None:
    """Events that a listener could not take: delivered again, and given up."""
    first, second = (
        str(Delivery.objects.create(event=event, seq=event.seq, key=event.key, listener="example.listener",
                                    state="dead", attempts=12, next_at=event.at, error="RuntimeError").pk)
        for event in Outbox.objects.order_by("seq")[:2]
    )  # fmt: skip
    t.post("kernel.delivery.replay", first)
    t.post("kernel.delivery.give_up", second, reason="已手工处理")


BUS = (carrying, undelivered)
