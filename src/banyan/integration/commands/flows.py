"""Flows tested, switched on, stopped, revised; and filled in from events that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Max
from pydantic import Field

from banyan.integration import checks, fanout, mappings, nouns, reads, replies, routes, rules
from banyan.integration.connecting import PresetFlow, connector_of
from banyan.integration.errors import (
    FlowNotReady,
    NoPresets,
    NoSamples,
    NotFromEvents,
    NothingRead,
    OfASaga,
    RouteUntried,
    SamplesFail,
    WrongRange,
)
from banyan.integration.models import Flow, FlowVersion, Position, Sample, System
from banyan.integration.plans import account_context, limits_of, link_of, plan_of, refused
from banyan.integration.rehearsing import stages_of
from banyan.integration.trying import Tried, outcome_of
from banyan.kernel import db, registry
from banyan.kernel.commands import OfferedOn, command
from banyan.kernel.context import Context
from banyan.kernel.models import Outbox
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.errors import DomainError, NotFound, jsonable
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

PIECE = 2000
MOST_PEEKED = 5


def definition_of(flow: Flow) -> dict[str, Any]:
    """Give what is frozen of a flow, its mapping as it says now. Raises: FlowNotReady"""
    try:
        mapping, reply = mappings.frozen(flow.mapping), replies.frozen(flow.reply)
        by_route = [_frozen(one) for one in routes.of(flow.detail)]
    except DomainError as refusal:
        raise FlowNotReady(flow=flow.code, why=refusal.label) from None
    return dict(
        direction=flow.direction, trigger=flow.trigger, filter=flow.filter, mapping=mapping,
        detail={**flow.detail, routes.ROUTES: by_route} if by_route else flow.detail,
        target=flow.target, key=flow.key, order=flow.order, reply=reply, retries=flow.retries,
    )  # fmt: skip


def _frozen(route: Mapping[str, Any]) -> dict[str, Any]:
    """Give a route as it is kept in a flow's version. Raises: NotFound, DefinitionFault"""
    freezes = {"mapping": mappings.frozen, "reply": replies.frozen}
    return {name: freezes[name](one) if name in freezes else one for name, one in route.items()}


def _try(flows: Sequence[Flow]) -> None:
    """Raises: NoSamples, RouteUntried, SamplesFail with what each sample gave, FlowNotReady"""
    checks.check_flows(flows)
    samples: dict[UUID, list[Sample]] = {}
    for sample in Sample.objects.filter(flow__in=flows).order_by("created_at", "pk"):
        samples.setdefault(sample.flow_id, []).append(sample)
    for flow in flows:
        checks.require_ready(flow)
        if flow.pk not in samples:
            raise NoSamples(flow=flow.code)
        definition = definition_of(flow)
        if events := routes.untried(definition, [one.input for one in samples[flow.pk]]):
            raise RouteUntried(flow=flow.code, events=", ".join(events))
        failed = []
        for sample in samples[flow.pk]:
            given = outcome_of(definition, sample.input, flow.system.code)
            if given != outcome_expected(sample):
                failed.append(f"{sample.name}: {given.text}")
        if failed:
            raise SamplesFail(flow=flow.code, which="; ".join(failed)[:1500])


def outcome_expected(sample: Sample) -> Tried:
    """Give what must come of a sample, comparable with what does."""
    return Tried(is_filtered=sample.is_filtered, value=None if sample.is_filtered else sample.output)


@command("integration.flow.test", L("测试", "Test"), icon="test-pipe", is_primary=True)
def test_flows(ctx: Context, flows: Sequence[Flow]) -> Label:
    """Run the samples of flows, each by its route; all must give what is expected.

    Raises: NoSamples, RouteUntried, SamplesFail, FlowNotReady
    """
    _try(flows)
    return L("样例全部通过", "All samples pass")


@command("integration.flow.activate", L("启用", "Switch on"), icon="player-play", is_primary=True, tone="green")
def activate_flows(ctx: Context, flows: Sequence[Flow]) -> None:
    """Freeze flows as they are and switch them on.

    Raises: NoSamples, RouteUntried, SamplesFail, FlowNotReady
    Writes: versions; what waits goes on by the new one
    """
    _try(flows)
    last = dict(FlowVersion.objects.filter(flow__in=flows).values_list("flow").annotate(last=Max("no")))
    made = [
        FlowVersion(id=new_id(), flow=flow, no=last.get(flow.pk, 0) + 1, at=ctx.now, person_id=ctx.person,
                    definition=definition_of(flow))
        for flow in flows
    ]  # fmt: skip
    db.insert_rows(made)
    for flow, version in zip(flows, made, strict=True):
        flow.running_id = version.pk
    _begin(ctx, flows)
    _count_from(ctx, [flow for flow in flows if flow.trigger == "schedule"])


@command("integration.flow.stop", L("停止", "Stop"), icon="player-stop", tone="red",
         confirm=L("停止后消息会等待，直到恢复", "Its messages will wait until it is resumed"))  # fmt: skip
def stop_flows(ctx: Context, flows: Sequence[Flow]) -> None:
    """Carry messages of flows no more; new ones wait with the others."""


@command("integration.flow.resume", L("恢复", "Resume"), icon="player-play", is_primary=True, tone="green")
def resume_flows(ctx: Context, flows: Sequence[Flow]) -> None:
    """Carry on with what has been waiting. Raises: FlowNotReady for a flow that never ran"""
    for flow in flows:
        if flow.running_id is None:
            raise FlowNotReady(flow=flow.code, why=L("还没有启用过", "it was never switched on"))
    _begin(ctx, flows)


def _begin(ctx: Context, flows: Sequence[Flow]) -> None:
    Position.objects.filter(flow__in=flows).update(next_at=ctx.now, failures=0, error="")
    fanout.wake()


def _count_from(ctx: Context, flows: Sequence[Flow]) -> None:
    """Let the clock start flows from now on: what was due before a version was switched on is not missed."""
    Position.objects.bulk_create(
        [Position(id=flow.pk, flow=flow, position=ctx.now.isoformat(), next_at=ctx.now) for flow in flows],
        update_conflicts=True, unique_fields=["flow"], update_fields=["position"],
    )  # fmt: skip


@command("integration.flow.revise", L("修订", "Revise"), icon="pencil")
def revise_flows(ctx: Context, flows: Sequence[Flow]) -> None:
    """Open flows for change. What they were runs on in nothing: messages wait for the next version.

    Raises: OfASaga for a step of one
    """
    _not_of_sagas(flows)


def _not_of_sagas(flows: Sequence[Flow]) -> None:
    for flow in flows:
        if flow.trigger == checks.SAGA:
            raise OfASaga(what=flow.code)


@command("integration.flow.retire", L("停用", "Retire"), icon="archive", tone="red",
         confirm=L("停用后不再接收消息，不能恢复", "It will take no more messages, and cannot be resumed"))  # fmt: skip
def retire_flows(ctx: Context, flows: Sequence[Flow]) -> None:
    """Take no more messages. Raises: FlowNotReady while some still wait; OfASaga for a step of one"""
    _not_of_sagas(flows)
    for flow in flows:
        if db.one("SELECT EXISTS (SELECT 1 FROM integration_message WHERE flow_id = %s AND state = 'waiting')",
                  [flow.pk])[0]:  # fmt: skip
            raise FlowNotReady(
                flow=flow.code,
                why=L("还有消息在等待，请先发完或放弃", "messages still wait: carry or give them up first"),
            )


class AddPresets(Input):
    """Which system, and what its flows are set to."""

    system: UUID = field("外部系统", "Outside system", reference="integration.system")
    settings: dict[str, str] = field(
        "设置", "Settings", default_factory=dict,
        help=L('如 {"shop": "S1"}：店铺编码', 'Such as {"shop": "S1"}: the shop\'s code'),
    )  # fmt: skip
    names: list[Text] = field(
        "名称", "Names", default_factory=list, max_length=40,
        help=L("空则全部，如 orders、stock；文件交换的 statements 须写明",
               "Empty: all of them; such as orders, stock. A file exchange's statements must be named"),
    )  # fmt: skip


@command("integration.flow.add_presets", L("添加预置集成流", "Add the flows it brings"), input=AddPresets, on="noun",
         icon="packages", creates=True, offered_on=(OfferedOn("integration.system", "system"),))  # fmt: skip
def add_presets(ctx: Context, data: AddPresets) -> tuple[Flow, ...]:
    """Make drafts of the flows that a system's connector brings along, each with its samples; nothing is switched on.

    Gives:  the new flows, without names all that need not be asked for; those whose code is there already are left
    Raises: NotFound; NoPresets where it brings none of these names; FlowNotReady where a sample does not pass
    Writes: flows and samples
    """
    system = System.objects.filter(pk=data.system).first()
    if system is None:
        raise NotFound
    brought = [
        one for one in connector_of(system.connector).presets()
        if one.name in data.names or not (data.names or one.is_asked_for)
    ]  # fmt: skip
    if not brought or {one.name for one in brought} < set(data.names):
        raise NoPresets(connector=system.connector, names=", ".join(data.names))
    codes = {one.name: f"{system.code}-{one.name}"[:40] for one in brought}
    there = set(Flow.objects.filter(code__in=codes.values()).values_list("code", flat=True))
    brought = [one for one in brought if codes[one.name] not in there]
    made = registry.command("integration.flow.create")(ctx, {"records": [
        {
            "code": codes[one.name], "name": one.label.in_("zh"), "system": system.pk, "direction": one.direction,
            "trigger": one.trigger, "order": one.order, **_preset(one, system.connector, data.settings),
        }
        for one in brought
    ]}) if brought else ()  # fmt: skip
    samples = []
    for flow, one in zip(made, brought, strict=True):
        for each in (one, *one.routes):
            if each.sample is None:
                continue
            given = rules.value_set_to(each.sample, data.settings)
            tried = outcome_of(definition_of(flow), given, system.code)
            if tried.reason:
                raise FlowNotReady(flow=flow.code, why=L(tried.text, tried.text))
            samples.append({"flow": flow.pk, "name": each.name, "input": given, "output": tried.value,
                            "is_filtered": tried.is_filtered})  # fmt: skip
    if samples:
        registry.command("integration.sample.create")(ctx, {"records": samples})
    return tuple(made)


def _preset(one: PresetFlow, connector: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """Give what a flow that a connector brings along does, each of its routes with what is otherwise by it."""
    own = _way(one, connector, settings)
    by_route = [
        {routes.EVENTS: [each.subject]}
        | {name: given for name, given in _way(each, connector, settings).items() if given != own[name]}
        for each in one.routes
    ]
    return own | {"detail": one.detail | ({routes.ROUTES: by_route} if by_route else {})}


def _way(one: PresetFlow, connector: str, settings: Mapping[str, str]) -> dict[str, Any]:
    return {
        "target": one.target, "filter": rules.condition_set_to(one.filter, settings),
        "mapping": {"preset": f"{connector}.{one.mapping or one.name}", "settings": dict(settings)},
    }  # fmt: skip


class Rehearse(Input):
    """A flow as it is drawn, and what is led through it."""

    system: UUID = field("外部系统", "Outside system", reference="integration.system")
    trigger: Text = field("触发", "Trigger", max_length=10, choices=nouns.TRIGGERS)
    detail: dict[str, Any] = field("触发细节", "Trigger's detail")
    filter: Text = field("过滤条件", "Filter", "", max_length=4000)
    mapping: dict[str, Any] = field("映射", "Mapping", default_factory=dict)
    target: Text = field("目标", "Target", max_length=120)
    reply: dict[str, Any] = field("回执处理", "Reply", default_factory=dict)
    body: Any = field("内容", "Body")
    answer: Any = field("对方的回复", "The partner's answer", None)
    direction: Text = field("方向", "Direction", "", max_length=4, choices=nouns.DIRECTIONS,
                            help=L("空为触发通常的方向", "Where the trigger mostly leads when empty"))  # fmt: skip
    origin: UUID | None = field("来源系统", "Comes from", None, reference="integration.system")


@command("integration.flow.rehearse", L("试运行", "Dry run"), input=Rehearse, on="noun", icon="flask", screen=False)
def rehearse_flow(ctx: Context, data: Rehearse) -> dict[str, dict[str, Any]]:
    """Lead a body through a flow as it is drawn: commands run as the system's account and are taken back.

    Gives:  by step, its state (ok, held, fault, idle), what leaves it, the reason and text of a fault
    Raises: NotFound, Invalid for what is no flow; nothing is sent or written
    """
    system = System.objects.filter(pk=data.system).first()
    if system is None:
        raise NotFound
    flow = Flow(
        system=system, origin_id=data.origin, trigger=data.trigger,
        direction=data.direction or checks.usual_direction(data.trigger), detail=data.detail, filter=data.filter,
        mapping=data.mapping, target=data.target, reply=data.reply,
    )  # fmt: skip
    checks.check_flows([flow])
    definition = definition_of(flow)
    acting = account_context(system.account_id, system.code, ctx.now)
    stages = stages_of(definition, data.body, system=system.code, answer=data.answer,
                       has_answer=data.answer is not None, acting=acting)  # fmt: skip
    return {name: asdict(stage) for name, stage in stages.items()}


class Peek(Input):
    """What to read one message of."""

    system: UUID = field("外部系统", "Outside system", reference="integration.system")
    operation: Text = field("操作", "Operation", max_length=120)


@command("integration.flow.peek", L("取一条看看", "Fetch one to look at"), input=Peek, on="noun", icon="eye",
         screen=False)  # fmt: skip
def peek_messages(ctx: Context, data: Peek) -> list[Any]:
    """Read what a partner has now, to draw a flow by; nothing is kept, nothing acknowledged, no position moves.

    It takes its turn by the gauge, as all that reads, and counts there even where this is refused.

    Gives:  bodies, at most five; none where there is nothing to read
    Raises: NotFound, NothingRead with what the partner or its connector said
    """
    link, limits = link_of(data.system), limits_of(data.system, data.operation)
    if link is None or limits is None:
        raise NotFound
    connector, connect = link
    if connector.holds_polled:
        held = L("对方会为读取者留住消息，不能只看一眼", "the partner holds what is read: nobody else can look")
        raise NothingRead(why=held)
    try:
        page = reads.aside(limits, lambda: connector.poll(connect(), data.operation, None, MOST_PEEKED))
    except Exception as fault:  # whatever a connector raises says why nothing can be read
        said = refused(fault).text.split("\n")
        raise NothingRead(why=L(said[0] or "—", said[-1] or "—")) from None
    return [jsonable(one.body) for one in page.messages[:MOST_PEEKED]]


class Backfill(Input):
    """Which events to take again."""

    flow: UUID = field("集成流", "Flow", reference="integration.flow")
    since: Instant = field("从", "Since")
    until: Instant = field("到", "Until", help=L("不含此刻", "Up to, not including"))
    only_missing: bool = field("只补缺少的", "Only what is missing", True, help=L(
        "关闭则全部重新发送，对方会收到两次", "When off, all are sent again: the partner gets them twice"))  # fmt: skip
    reason: Annotated[Text, Field(min_length=1, max_length=300)] = field("原因", "Reason")


@command("integration.flow.backfill", L("按范围补发", "Fill in a range"), input=Backfill, on="noun",
         icon="history", offered_on=(OfferedOn("integration.flow", "flow", states=("active", "stopped"),
                                              where=("trigger", ("event",))),))  # fmt: skip
def backfill_flow(ctx: Context, data: Backfill) -> Label:
    """Take the events of a range again as new messages of a flow, by the version that runs now.

    Takes:  only_missing: events that the flow has a message of already are left out
    Gives:  how many messages are new
    Raises: WrongRange, NotFromEvents, FlowNotReady
    Writes: messages
    """
    if data.since >= data.until:
        raise WrongRange
    plan = plan_of(data.flow)
    if plan is None:
        raise FlowNotReady(flow=data.flow, why=L("还没有启用过", "it was never switched on"))
    if plan.definition["trigger"] != "event":
        raise NotFromEvents(flow=plan.code)
    found = Outbox.objects.filter(at__gte=data.since, at__lt=data.until, dispatched_at__isnull=False)
    types = [one for one in found.values_list("type", flat=True).distinct() if rules.matches(one, plan.events)]
    mark = "" if data.only_missing else f"+{new_id().hex}"
    written = 0
    keys = list(found.filter(type__in=types).order_by("seq").values_list("pk", flat=True))
    for start in range(0, len(keys), PIECE):
        written += fanout.write(plan, keys[start : start + PIECE], ctx.now, mark)
    fanout.wake()
    return L("新增 {n} 条消息", "{n} new messages").filled({"n": written})
