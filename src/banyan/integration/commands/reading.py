"""A partner read again from a date on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from banyan.integration import rereading
from banyan.integration.errors import FlowNotReady, NotListedByTime, WrongRange
from banyan.integration.plans import Plan, plan_of
from banyan.kernel import jobs
from banyan.kernel.commands import OfferedOn, command
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.labels import L, Label

JOB = "integration.read_again"


class ReadAgain(Input):
    """Which range of a partner's list."""

    flow: UUID = field("集成流", "Flow", reference="integration.flow")
    since: Instant = field("从", "Since", help=L("对方记录的修改时间", "When the partner's records changed"))
    until: Instant | None = field(
        "到", "Until", None, help=L("不含此刻；空为现在", "Up to, not including; now when empty")
    )
    only_count: bool = field(
        "只清点", "Only count", False,
        help=L("问对方有多少、其中多少我方没有，不收入", "Asks how many there are and how many are not here"),
    )  # fmt: skip
    reason: Annotated[Text, Field(min_length=1, max_length=300)] = field("原因", "Reason")


@command("integration.flow.read_again", L("从某日重读", "Read again from…"), input=ReadAgain, on="noun",
         icon="download", offered_on=(OfferedOn("integration.flow", "flow", states=("active", "stopped"),
                                                where=("trigger", ("poll",))),))  # fmt: skip
def read_again(ctx: Context, data: ReadAgain) -> Label:
    """Read what a partner lists of a range once more; what is here already is not taken in again.

    Takes:  only_count: says how many there are, at once
    Raises: WrongRange, FlowNotReady, NotListedByTime; NothingRead with what the partner said
    Writes: a job, which writes the messages; nothing where it is only counted
    """
    until = data.until or ctx.now
    if data.since >= until:
        raise WrongRange
    plan = _plan(data.flow)
    if not rereading.lists_by_time(plan):
        raise NotListedByTime(flow=plan.code)
    if data.only_count:
        found = rereading.count(plan, data.since, until)
        said = L("对方列出 {mark}{listed} 条，其中 {new} 条我方没有；没有收入任何一条",
                 "{mark}{listed} listed, {new} of them not here; nothing was taken in")  # fmt: skip
        return said.filled({"listed": found.listed, "new": found.new, "mark": "≥ " if found.is_more else ""})
    facts = {"flow": str(data.flow), "since": data.since.isoformat(), "until": until.isoformat()}
    jobs.start(ctx, JOB, facts)
    return L("已在后台开始重读；后台任务里有结果", "Reading again in the background; the jobs say what came of it")


@jobs.job(JOB, L("重读对方", "Read again"))
def do_read_again(ctx: Context, progress: jobs.Progress, data: dict[str, Any]) -> dict[str, Any]:
    """Keep what is not here; give how many were listed and how many are new."""
    since, until = (datetime.fromisoformat(data[name]) for name in ("since", "until"))
    found = rereading.read(_plan(UUID(data["flow"])), since, until, progress.progress)
    said = L("对方列出 {listed} 条，新收 {new} 条", "{listed} listed, {new} taken in").filled(
        {"listed": found.listed, "new": found.new})  # fmt: skip
    return {"listed": found.listed, "new": found.new, "said": {"zh": said.zh, "en": said.en},
            "path": f"/integration/messages?flow:in={data['flow']}"}  # fmt: skip


def _plan(flow: UUID) -> Plan:
    plan = plan_of(flow)
    if plan is None:
        raise FlowNotReady(flow=flow, why=L("还没有启用过", "it was never switched on"))
    return plan
