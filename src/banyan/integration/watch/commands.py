"""What people do about discrepancies and scans; figures counted again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from banyan.integration import fanout, inbox, rules
from banyan.integration.commands.messages import replay
from banyan.integration.connecting import Incoming
from banyan.integration.errors import FlowNotReady
from banyan.integration.models import Flow, Message
from banyan.integration.plans import Plan, plan_of
from banyan.integration.watch import days, errors
from banyan.integration.watch.alerts import acknowledge, evaluate
from banyan.integration.watch.checks import MESSAGE
from banyan.integration.watch.models import Discrepancy, Scan
from banyan.integration.watch.scanning import run_scan
from banyan.kernel import beside, db, jobs
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.models import User
from banyan.kernel.schema import Day, Input, Text, field
from banyan.lib.errors import NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label
from banyan.web.acting import HOME_ZONE

MOST_DAYS = 400
__all__ = [
    "accept", "acknowledge", "assign", "evaluate", "fetch_again", "rebuild_days", "reopen", "send_again", "start_scans",
]  # fmt: skip


@command("watch.scan.run", L("立即核对", "Run now"), icon="player-play", is_primary=True, bumps=False)
def start_scans(ctx: Context, scans: Sequence[Scan]) -> Label:
    """Begin runs of scans in the background. Writes: a job for each"""
    for scan in scans:
        jobs.start(ctx, "watch.scan", {"scan": str(scan.pk)})
    return L("核对已在后台开始", "The scan has begun")


@jobs.job("watch.scan", L("核对", "Scan"))
def do_scan(ctx: Context, progress: jobs.Progress, data: dict[str, Any]) -> dict[str, Any]:
    """Run one scan; give what it came to."""
    scan = Scan.objects.select_related("system", "send_flow", "fetch_flow").filter(pk=UUID(data["scan"])).first()
    if scan is None:
        raise NotFound
    run = run_scan(ctx, scan, progress.progress)
    return {"run": str(run.pk), "ours": run.ours, "theirs": run.theirs, "found": run.found, "new": run.new,
            "gone": run.gone}  # fmt: skip


@command("watch.discrepancy.send_again", L("重发", "Send again"), icon="send", tone="blue", is_at_hand=True)
def send_again(ctx: Context, found: Sequence[Discrepancy]) -> Label:
    """Send the newest event of each record again, by the scan's flow.

    Raises: NoOutFlow, NothingToSend, FlowNotReady; nothing is written
    Writes: messages; what was sent again is being repaired until the next run
    """
    by_scan: dict[UUID, list[Discrepancy]] = {}
    for one in found:
        by_scan.setdefault(one.scan_id, []).append(one)
    for key, plan in _plans(found, "send_flow", errors.NoOutFlow).items():
        events = _newest_events(plan, [one.record for one in by_scan[key] if one.record])
        for one in by_scan[key]:
            if one.record not in events:
                raise errors.NothingToSend(key=one.key)
            one.acted_at, one.state = ctx.now, "repairing"
        fanout.write(plan, sorted(set(events.values())), ctx.now, f"+{new_id().hex}")
    fanout.wake()
    return L("{n} 条已重发", "{n} sent again").filled({"n": len(found)})




_NEWEST = """
    SELECT DISTINCT ON (record, type) record, type, id FROM kernel_outbox
    WHERE record = ANY(%s) AND dispatched_at IS NOT NULL ORDER BY record, type, seq DESC
"""


def _newest_events(plan: Plan, records: Sequence[UUID]) -> dict[UUID, UUID]:
    """Give the newest event of each record that a flow hears; UUIDs of events grow with time. One statement."""
    newest: dict[UUID, UUID] = {}
    for record, type_, key in db.rows(_NEWEST, [list(records)]):
        if rules.matches(type_, plan.events):
            newest[record] = max(key, newest.get(record, key))
    return newest


@command("watch.discrepancy.fetch_again", L("重取", "Fetch again"), icon="download", tone="blue", is_at_hand=True)
def fetch_again(ctx: Context, found: Sequence[Discrepancy]) -> Label:
    """Take in again what the partner listed, by the scan's flow.

    Raises: NoInFlow, NothingToFetch, FlowNotReady, TakenInBefore; nothing is written
    Writes: messages; what was fetched again is being repaired until the next run
    """
    plans = _plans(found, "fetch_flow", errors.NoInFlow)
    named = set(Scan.objects.filter(pk__in=plans, key_field=MESSAGE).values_list("pk", flat=True))
    for one in found:
        if one.body is None:
            raise errors.NothingToFetch(key=one.key)
        if one.scan_id in named:
            _take_in_once(plans[one.scan_id], one, ctx.now)
        else:
            again = Incoming(id=f"scan {one.pk} {one.times}", body=one.body, key=one.key)
            inbox.keep(plans[one.scan_id], [again], ctx.now)
        one.acted_at, one.state = ctx.now, "repairing"
    return L("{n} 条已重取", "{n} fetched again").filled({"n": len(found)})


def _take_in_once(plan: Plan, one: Discrepancy, now: datetime) -> None:
    """Take in what happened once under the partner's own name of it, so that no poll brings it a second time.

    Raises: TakenInBefore where its message has been done
    """
    known = Message.objects.filter(flow=plan.flow, source=one.key).first()
    if known is None:
        inbox.keep(plan, [Incoming(id=one.key, body=one.body, key=one.key)], now)
    elif known.state in ("dead", "given_up"):
        replay([known.pk], now)
    elif known.state != "waiting":
        raise errors.TakenInBefore(key=one.key)


def _plans(found: Sequence[Discrepancy], name: str, missing: type[Exception]) -> dict[UUID, Plan]:
    """Give the plan of each scan's flow."""
    plans = {}
    for scan in Scan.objects.filter(pk__in={one.scan_id for one in found}).select_related(name):
        flow: Flow | None = getattr(scan, name)
        if flow is None:
            raise missing(scan=scan.code)
        plan = plan_of(flow.pk)
        if plan is None:
            raise FlowNotReady(flow=flow.code, why=L("还没有启用过", "it was never switched on"))
        plans[scan.pk] = plan
    return plans


class Assign(Input):
    """Who sees to it."""

    owner: UUID = field("负责人", "Owner", reference="kernel.user")


@command("watch.discrepancy.assign", L("指派", "Assign"), input=Assign, icon="user-check")
def assign(ctx: Context, found: Sequence[Discrepancy], data: Assign) -> None:
    """Give discrepancies to somebody, who finds them in the inbox. Raises: NotFound for an unknown person"""
    if not User.objects.filter(pk=data.owner, is_active=True).exists():
        raise NotFound
    for one in found:
        one.owner_id = data.owner
        text = L("请处理差异：{key}", "Please see to a discrepancy: {key}").filled({"key": one.key})
        beside.notify(ctx, (data.owner,), "discrepancy", text, "watch.discrepancy", one.pk)


class Accept(Input):
    """Why it may stay so."""

    reason: Annotated[Text, Field(min_length=1, max_length=400)] = field("原因", "Reason")


@command("watch.discrepancy.accept", L("接受", "Accept"), input=Accept, icon="ban", tone="orange")
def accept(ctx: Context, found: Sequence[Discrepancy], data: Accept) -> None:
    """Let discrepancies be, with a reason; they close once they are gone."""
    for one in found:
        one.reason = data.reason


@command("watch.discrepancy.reopen", L("重新打开", "Open again"), icon="arrow-back-up")
def reopen(ctx: Context, found: Sequence[Discrepancy]) -> None:
    """Take back that discrepancies were accepted."""
    for one in found:
        one.reason = ""


class Range(Input):
    """Which days."""

    first: Day = field("从", "From")
    last: Day = field("到", "To")


@command("watch.day.rebuild", L("重新统计", "Count again"), input=Range, on="noun", icon="refresh")
def rebuild_days(ctx: Context, data: Range) -> Label:
    """Count the figures of days anew from the tries. Raises: WrongDays"""
    count = (data.last - data.first).days + 1
    if not 1 <= count <= MOST_DAYS:
        raise errors.WrongDays(most=MOST_DAYS)
    made = days.rebuild((data.first + timedelta(days=n) for n in range(count)), ZoneInfo(HOME_ZONE), ctx.now)
    return L("{n} 条统计", "{n} figures").filled({"n": made})
