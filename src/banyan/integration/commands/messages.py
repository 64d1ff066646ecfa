"""Dead letters: seen by reason, put right, tried without effect, replayed, or given up with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from django.db.models import Q, QuerySet
from pydantic import Field

from banyan.integration import claims, fanout
from banyan.integration.checks import SAGA
from banyan.integration.connecting import Failed
from banyan.integration.errors import NothingChosen, OfASaga, TooManyToTry, WrongRange
from banyan.integration.models import Flow, Message, Repair, Sample
from banyan.integration.nouns import REASONS
from banyan.integration.performing import reason_of, rehearse, said
from banyan.integration.plans import Plan, context_of, plan_of
from banyan.integration.trying import Tried, outcome_of
from banyan.kernel import db
from banyan.kernel.commands import OfferedOn, command
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.errors import DomainError, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

MOST_TRIED = 100
#: So many are counted to say how many too many they are.
MOST_COUNTED = 10_000

#: What a replay makes of a message: the first try again. One that was given up had let others pass: it queues anew.
_REPLAY = """
    UPDATE integration_message m
    SET seq = CASE WHEN m.state = 'given_up' THEN nextval('integration_message_seq') ELSE m.seq END,
        state = 'waiting', reason = '', error = '', code = '', attempts = 0, next_at = %(now)s, claim = NULL,
        claimed_until = NULL, done_at = NULL, note = ''
    WHERE m.id = ANY(%(ids)s)
"""


def replay(messages: Sequence[UUID], now: datetime) -> int:
    """Let messages be tried again from the first try, inside the caller's transaction; give how many there are."""
    count = db.run(_REPLAY, {"ids": list(messages), "now": now}) if messages else 0
    fanout.wake()
    return count


@command("integration.message.replay", L("重放", "Replay"), icon="repeat", is_primary=True, bumps=False)
def replay_messages(ctx: Context, messages: Sequence[Message]) -> Label:
    """Try dead or given up messages again, from the first try.

    Raises: OfASaga: whether a step is tried again is decided at its run
    Writes: messages; those parked behind them go on when they are done
    """
    steps = Flow.objects.filter(pk__in={one.flow_id for one in messages}, trigger=SAGA)
    if found := steps.values_list("code", flat=True).first():
        raise OfASaga(what=found)
    replay([one.pk for one in messages], ctx.now)
    return L("{n} 条消息将重试", "{n} messages are tried again").filled({"n": len(messages)})


class Where(Input):
    """Which dead letters."""

    flow: UUID | None = field("集成流", "Flow", None, reference="integration.flow")
    system: UUID | None = field("外部系统", "Outside system", None, reference="integration.system")
    reason: Annotated[Text, Field(max_length=20)] | None = field("原因", "Reason", None, choices=REASONS)
    since: Instant | None = field("从", "Since", None)
    until: Instant | None = field("到", "Until", None, help=L("不含此刻", "Up to, not including"))


REUSED = "source_reused"
#: What a replay by where it is may take: a source that is used twice, or a saga's step, is decided singly.
_REPLAYABLE = Q(state="dead") & ~Q(reason=REUSED) & ~Q(flow__trigger=SAGA)


def _within(data: Where, usual: Q, messages: Sequence[UUID] = ()) -> QuerySet[Message]:
    """Give the messages of a choice.

    Takes:  usual: which those are where none is named; messages: those named, of which the choice takes its part
    Raises: NothingChosen, WrongRange
    """
    named = (("flow_id", data.flow), ("system_id", data.system), ("reason", data.reason), ("at__gte", data.since),
             ("at__lt", data.until))  # fmt: skip
    chosen = {name: value for name, value in named if value}
    if not chosen and not messages:
        raise NothingChosen
    if data.since and data.until and data.since >= data.until:
        raise WrongRange
    return Message.objects.filter(Q(pk__in=messages) if messages else usual, **chosen)


@command("integration.message.replay_where", L("批量重放", "Replay many"), input=Where, on="noun", icon="repeat")
def replay_where(ctx: Context, data: Where) -> Label:
    """Try again all dead letters of a flow, a system, a reason or a time.

    Raises: NothingChosen, WrongRange
    Writes: messages
    """
    chosen = _within(data, _REPLAYABLE)
    count = replay(list(chosen.select_for_update(of=("self",)).values_list("pk", flat=True)), ctx.now)
    return L("{n} 条消息将重试", "{n} messages are tried again").filled({"n": count})


class GiveUp(Input):
    """Why nobody tries any more."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)] = field("原因", "Reason")


@command("integration.message.give_up", L("放弃", "Give up"), input=GiveUp, icon="ban", tone="red", bumps=False)
def give_up_messages(ctx: Context, messages: Sequence[Message], data: GiveUp) -> None:
    """Let messages rest, with a reason; later ones of their keys go on.

    Writes: messages; releases what waited behind them
    """
    db.run("UPDATE integration_message SET state = 'given_up', note = %s, done_at = %s, claim = NULL, "
           "claimed_until = NULL WHERE id = ANY(%s)", [data.reason, ctx.now, [one.pk for one in messages]])  # fmt: skip
    keys: dict[UUID, set[str]] = {}
    for one in messages:
        one.state = "given_up"
        keys.setdefault(one.flow_id, set()).add(one.key)
    orders = dict(Flow.objects.filter(pk__in=keys).values_list("pk", "order"))
    for flow, freed in keys.items():
        claims.alone(flow)
        claims.release(flow, freed, is_newest=orders[flow] == "newest", now=ctx.now)
    fanout.wake()


class Mend(Input):
    """The payload as it should be."""

    body: Any = field("内容", "Body")
    note: Annotated[Text, Field(max_length=500)] = field("说明", "Note", "")


@command("integration.message.repair", L("修复内容", "Repair"), input=Mend, icon="tool", bumps=False)
def repair_messages(ctx: Context, messages: Sequence[Message], data: Mend) -> None:
    """Put a payload right: kept as a new version beside the frozen original, used from the next try on.

    Writes: repairs; the messages' repaired body. What the partner had answered is forgotten: it gets the new one
    """
    last = dict(db.rows(
        "SELECT message_id, max(position) FROM integration_repair WHERE message_id = ANY(%s) GROUP BY message_id",
        [[one.pk for one in messages]],
    ))  # fmt: skip
    Repair.objects.bulk_create([
        Repair(id=new_id(), message=one, position=last.get(one.pk, 0) + 1, at=ctx.now, person_id=ctx.person,
               body=data.body, note=data.note)
        for one in messages
    ])  # fmt: skip
    db.run("UPDATE integration_message SET repaired = %s::jsonb, answered_at = NULL WHERE id = ANY(%s)",
           [orjson.dumps(data.body, default=str).decode(), [one.pk for one in messages]])  # fmt: skip


class Which(Where):
    """Messages to try: those named, or the dead ones that a replay of the same choice would take."""

    messages: list[UUID] = field("消息", "Messages", default_factory=list, max_length=MOST_TRIED,
                                 reference="integration.message", help=L(
        "空则按下列条件选死信", "Empty: dead ones, chosen by what is said here"))  # fmt: skip


@command("integration.message.dry_run", L("试运行", "Dry run"), input=Which, on="noun", icon="flask",
         help=L("映射并检查，不发送、不写入", "Maps and checks, sends nothing and writes nothing"),
         offered_on=(OfferedOn("integration.message", "messages"),))  # fmt: skip
def dry_run_messages(ctx: Context, data: Which) -> list[dict[str, Any]]:
    """Say what would become of messages by the versions that run now; nothing is sent or written.

    Raises: NothingChosen, WrongRange; TooManyToTry
    """
    found = []
    plans: dict[UUID, Plan | None] = {}
    chosen = _within(data, _REPLAYABLE, data.messages)
    if (many := chosen[: MOST_COUNTED + 1].count()) > MOST_TRIED:
        raise TooManyToTry(n=f"{MOST_COUNTED}+" if many > MOST_COUNTED else many, most=MOST_TRIED)
    for one in chosen.order_by("seq"):
        if one.flow_id not in plans:
            plans[one.flow_id] = plan_of(one.flow_id)
        plan = plans[one.flow_id]
        body = one.body if one.repaired is None else one.repaired
        tried = Tried(reason="refused", error="the flow cannot run") if plan is None else _tried(
            ctx, plan, one.type, body)  # fmt: skip
        found.append({
            "message": str(one.pk), "type": one.type, "key": one.key, "is_well": not tried.reason,
            "reason": tried.reason, "error": tried.error, "is_filtered": tried.is_filtered, "value": tried.value,
        })  # fmt: skip
    return found


@answers("integration.message.dry_run.heads")
def _heads() -> dict[str, Label]:
    """Give what the members of a dry run's answer are called."""
    return {
        "message": L("消息", "Message"), "type": L("类型", "Type"), "key": L("排序键", "Ordering key"),
        "is_well": L("能办理", "Would be done"), "reason": L("原因", "Reason"), "error": L("错误", "Error"),
        "is_filtered": L("被过滤", "Held back"), "value": L("交给目标", "What the target gets"),
    }  # fmt: skip


def _tried(ctx: Context, plan: Plan, event: str, body: Any) -> Tried:
    tried = outcome_of(plan.definition, body, plan.system_code, event)
    if tried.reason or tried.is_filtered or plan.direction == "out":
        return tried
    acting = context_of(plan, ctx.now)
    try:
        if isinstance(acting, Failed):
            raise acting
        rehearse(acting, plan.way_of(event).target, tried.value)
    except Failed as fault:
        return Tried(value=tried.value, reason=fault.kind, error=fault.text)
    except DomainError as refusal:
        return Tried(value=tried.value, reason=reason_of(refusal), error=said(refusal))
    return tried


class Pin(Input):
    """A message to keep as a sample."""

    message: UUID = field("消息", "Message", reference="integration.message")
    name: Annotated[Text, Field(min_length=1, max_length=120)] = field("名称", "Name")


@command("integration.sample.pin", L("存为样例", "Keep as a sample"), input=Pin, on="noun", icon="pin", creates=True)
def pin_message(ctx: Context, data: Pin) -> tuple[Sample, ...]:
    """Keep a message's payload as a sample of its flow, with what its running version makes of it.

    Raises: NotFound
    Writes: sample
    """
    one = Message.objects.filter(pk=data.message).first()
    if one is None:
        raise NotFound("integration.message_unknown", L("找不到该消息", "There is no such message"))
    plan = plan_of(one.flow_id)
    body = one.body if one.repaired is None else one.repaired
    tried = outcome_of(plan.definition, body, plan.system_code) if plan else Tried()
    sample = Sample(
        id=new_id(), flow_id=one.flow_id, name=data.name, input=body, output=tried.value, is_filtered=tried.is_filtered,
        created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip
    db.insert_rows([sample])
    return (sample,)
