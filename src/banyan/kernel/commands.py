"""The life of a command: right, transaction, key, lock, scope, decide, write, listeners, audit, outbox, commit.

A command is declared once with `@command`; dialog, button, REST endpoint, bulk action, import row and CLI derive
from it. Inside another command it joins the transaction; only the outermost commits, and retries deadlocks.

    class Confirm(Input):
        promised_on: date | None = field("承诺日期", "Promised on")

    @command("sales.order.confirm", L("确认", "Confirm"), input=Confirm)
    def confirm_order(ctx, orders, data): ...          # a record command: locked rows, in key order

    @command("inventory.transfer.quick", L("快速调拨", "Quick transfer"), input=Quick, on="noun")
    def quick_transfer(ctx, data): ...                 # a noun command: nothing is locked for it

Which states a record command may start from, and where it leads, is said by the noun's life, not here.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any, Literal, TypeVar
from uuid import UUID

import orjson
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection, models, transaction
from pydantic import BaseModel

from banyan.kernel import access, db, events, locks, registry, schema, steady, tracing
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import Counter
from banyan.kernel.spec import Tone
from banyan.lib.errors import Conflict, DomainError, FieldFaults, Invalid, NotFound, Stale, jsonable
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, speaking

log = logging.getLogger("banyan.commands")
Value = TypeVar("Value")
RETRIES = 6
#: Records from which on the same change of all is written as one condition rather than row by row.
SAME_FROM = 100
#: How long calls that are done together wait for a row.
TOGETHER_WAIT = "1s"
AUDIT_INPUT_BYTES = 8_000
#: An escaped NUL in JSON, but not a backslash that is written before "u0000".
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class KeyReused(Invalid):
    code = "key_reused"
    zh = "同一个幂等键已用于另一个请求"
    en = "This idempotency key was used for a different request"
    way_out_zh = "为新的请求换一个键"
    way_out_en = "Use a new key for a new request"


class WrongState(Conflict):
    code = "wrong_state"
    zh = "{record} 处于“{state}”，不能{command}；仅限：{allowed}"
    en = "{record} is “{state}”: cannot {command}; only when {allowed}"


class Contended(DomainError):
    """Others held the same rows at every try: nothing is wrong with the command, which may be given again."""

    status = 503
    title = L("系统繁忙", "Busy")
    code = "contended"
    zh = "同时有太多人在改同样的数据，“{command}”没有执行，什么都没有写入"
    en = "Too many people are changing the same records: “{command}” was not done, and nothing was written"
    way_out_zh = "稍等片刻，再做一次"
    way_out_en = "Wait a moment, then do it again"


@dataclass(frozen=True, slots=True)
class OfferedOn:
    """A noun whose records offer a command that acts on no record, with that record filled in.

    Takes:  field: the input that takes the record, or one of its lines; value: the record's own field that gives
            what to fill in, the record itself when empty; states: where it is offered, everywhere when empty;
            where: a field of the record and the values with which it is
    """

    noun: str
    field: str
    value: str = ""
    states: tuple[str, ...] = ()
    where: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One person's call of a command that is done together with others' calls of it; the input is checked.

    Takes:  render: builds the answer to store under the client's key, inside the transaction
    """

    ctx: Context
    data: BaseModel
    render: Callable[[Outcome], Any] | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """How several people's calls of a command that acts on no record are done as one (docs/adr/0011).

    Takes:  keys: gives what the parts of an input are known by, nothing where it is to go alone;
            act: does all calls in one set of statements and gives the value of each, in their order; it tells what
            each has brought about by `tell_for`, writes no row that keeps a history, for that names one person a
            transaction, and raises Apart for calls that do not go with the others
    """

    keys: Callable[[Any], frozenset[UUID]]
    act: Callable[[Sequence[Call]], Sequence[Any]]


class Apart(Exception):
    """Says which of the calls to be done together each want a transaction of their own; nothing is written.

    Takes:  keys: what parts of their inputs are known by
    """

    def __init__(self, keys: Iterable[UUID]) -> None:
        super().__init__("calls to be done apart")
        self.keys = frozenset(keys)


@dataclass(frozen=True)
class Command:
    """A declared command. `on` says what it acts on: records (locked rows) or the noun as a whole.

    `offered_on` names the nouns whose records offer a command on the noun; None where that follows from its input.
    `is_big` says that its dialog is filled in by hands at work: large numbers, choices to tap. `is_at_hand` says
    that its button is in sight wherever it is offered, on a phone too. `together` says how calls of it that come at
    the same moment are done in one set of statements (`kernel.gathering`).
    """

    key: str
    label: Label
    function: Callable[..., Any]
    input: type[BaseModel] | Callable[[], type[BaseModel]] | None = None
    on: Literal["records", "noun"] = "records"
    help: Label | None = None
    permission: str = ""
    icon: str = ""
    tone: Tone = "blue"
    is_primary: bool = False
    confirm: Label | None = None
    screen: bool = True
    rest: bool = True
    creates: bool = False
    bumps: bool = True
    #: The list in its input whose entries have nothing to do with each other: messages of several go in one call.
    gathers: str = ""
    offered_on: tuple[OfferedOn, ...] | None = None
    is_big: bool = False
    is_at_hand: bool = False
    together: Together | None = None

    @property
    def noun(self) -> str:
        return self.key.rsplit(".", 1)[0]

    @property
    def name(self) -> str:
        return self.key.rsplit(".", 1)[1]

    def input_model(self) -> type[BaseModel] | None:
        """Give the Pydantic model of the input, None when the command takes none."""
        if self.input is None or isinstance(self.input, type):
            return self.input
        return self.input()

    def sources(self) -> tuple[str, ...] | None:
        """Give the states from which it may start, None when its noun's life does not name it."""
        life = registry.noun(self.noun).spec.life if registry.has_noun(self.noun) else None
        if life is None:
            return None
        if self.name in ("change", "delete"):
            return life.editable if self.name == "change" else (life.initial,)
        found = tuple(dict.fromkeys(t.source for t in life.transitions if t.command == self.name))
        return found or None

    def targets(self, source: str) -> tuple[str, ...]:
        """Give the states to which it may lead from a state."""
        life = registry.noun(self.noun).spec.life
        if life is None:
            return ()
        return tuple(t.target for t in life.transitions if t.command == self.name and t.source == source)

    def __call__(self, ctx: Context, *args: Any, **given: Any) -> Any:
        """Run the command; give what its function returns.

        Takes:  (ctx, ids, data) for a record command, (ctx, data) for a noun command; data may be the input's
                model, a mapping, or its fields by name
        """
        ids: Sequence[UUID] = ()
        rest = list(args)
        if self.on == "records":
            head = rest.pop(0) if rest else given.pop("ids")
            ids = (head,) if isinstance(head, UUID) else tuple(getattr(one, "pk", one) for one in _many(head))
        data = rest.pop(0) if rest else (given or None)
        return execute(ctx, self, ids=ids, data=data).value


def _many(head: Any) -> Iterable[Any]:
    return (head,) if isinstance(head, (models.Model, UUID)) else head


def command(key: str, label: Label, **words: Any) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command; the words are the attributes of `Command`."""

    def register(function: Callable[..., Any]) -> Command:
        made = Command(key=key, label=label, function=function, permission=words.pop("permission", key), **words)
        registry.add_command(made)
        return made

    return register


@dataclass(slots=True)
class Outcome:
    """What a command did: the value its function gave, the records it concerned, the stored or new answer."""

    value: Any = None
    records: tuple[Any, ...] = ()
    ids: tuple[UUID, ...] = ()
    answer: Any = None
    is_replay: bool = False
    faults: dict[UUID | int, DomainError] = dataclass_field(default_factory=dict)


@dataclass(slots=True)
class Work:
    """One transaction's unit of work: events told, numbers owed, audit lines."""

    ctx: Context
    told: list[events.Event] = dataclass_field(default_factory=list)
    out: list[events.Event] = dataclass_field(default_factory=list)
    numbers: list[tuple[Any, Any]] = dataclass_field(default_factory=list)
    numbered: dict[UUID, str] = dataclass_field(default_factory=dict)
    tellers: dict[int, Context] = dataclass_field(default_factory=dict)


_work: ContextVar[Work | None] = ContextVar("work", default=None)


class _DryRun(Exception):
    """Rolls a rehearsal back."""


def in_work() -> bool:
    """Say whether a command is running in this thread."""
    return _work.get() is not None


def tell(*told: events.Event) -> None:
    """Tell events: listeners before commit run when the command's function has returned, the rest after commit.

    Raises: RuntimeError outside a command
    """
    work = _work.get()
    if work is None:
        raise RuntimeError("events are told inside a command")
    work.told.extend(told)


def tell_for(ctx: Context, *told: events.Event) -> None:
    """Tell events that one of several people has brought about whose calls are done together."""
    tell(*told)
    _work.get().tellers.update((id(one), ctx) for one in told)


def teller(ctx: Context, event: events.Event) -> Context:
    """Give whose act an event is, for a listener: the command's own, but where several are done together."""
    work = _work.get()
    return work.tellers.get(id(event), ctx) if work else ctx


def hear(ctx: Context) -> None:
    """Let listeners before commit hear now what has been told, for a command that reads what they write."""
    work = _work.get()
    if work is not None:
        _hear(ctx, work)


@contextmanager
def attempt(ctx: Context) -> Iterator[None]:
    """Try a part of a command, such as one order of many: what is refused in it leaves nothing behind.

    Listeners before commit hear what is told in it before it counts as done. The order of locks is counted anew in
    it: two such commands may meet in a deadlock, which is retried.

    Raises: DomainError, also for what a constraint refuses, for the command to decide on
    """
    work = _work.get()
    if work is None:
        raise RuntimeError("an attempt is a part of a command")
    _hear(ctx, work)
    told, numbers, locked = len(work.out), len(work.numbers), locks.begin()
    try:
        with transaction.atomic():
            yield
            _hear(ctx, work)
            _check_references()
    except (DomainError, IntegrityError, DataError) as fault:
        work.told.clear()
        del work.out[told:], work.numbers[numbers:]
        if isinstance(fault, DomainError):
            raise
        raise schema.refusal_of(fault) from fault
    finally:
        locks.end(locked)


def execute(
    ctx: Context, cmd: Command, *, ids: Sequence[UUID] = (), data: Any = None,
    versions: Mapping[UUID, int] | None = None, dry_run: bool = False, each: bool = False,
    render: Callable[[Outcome], Any] | None = None, inputs: Sequence[Any] | None = None,
) -> Outcome:
    """Run a command as its declaration says.

    Takes:  versions: the version each record must have; each: every record for itself, refusals collected;
            render: builds the answer to store under the client's key, inside the transaction;
            inputs: instead of data, an input per id, or per call of a command that acts on no record
    Gives:  the outcome; `answer` is what render gave, or the stored one when the key was seen before;
            `faults` by id, or by place in the inputs of a command that acts on no record
    Raises: DomainError; nothing is written but an audit line saying so
    Writes: what the command writes, audit, outbox, the stored answer
    """
    if _work.get() is not None:
        return _perform(ctx, cmd, parse_input(cmd, data), ids, versions, nested=True)
    step = tracing.begin(cmd.key, ctx.trace, begins=True)
    if not step:
        return _whole(ctx, cmd, ids, data, versions, dry_run, each, render, inputs)
    with step:
        step.say(command=cmd.key, through=ctx.through)
        outcome = _whole(step.of(ctx), cmd, ids, data, versions, dry_run, each, render, inputs)
        step.say(**_said_of(outcome, dry_run))
        return outcome


def _said_of(outcome: Outcome, dry_run: bool = False) -> dict[str, Any]:
    """Give what a trace says of an outcome."""
    how = "rehearsed" if dry_run else "replayed" if outcome.is_replay else "done"
    return {"outcome": how, "records": len(outcome.ids), "refused_records": len(outcome.faults) or None}


def _whole(
    ctx: Context, cmd: Command, ids: Sequence[UUID], data: Any, versions: Mapping[UUID, int] | None, dry_run: bool,
    each: bool, render: Callable[[Outcome], Any] | None, inputs: Sequence[Any] | None,
) -> Outcome:
    """Run a command that is no part of another, again where it met a deadlock. Raises: Contended at each of them"""
    try:
        ctx.require(cmd.permission, cmd.label)
        parsed = parse_input(cmd, data) if inputs is None else list(inputs) if each else _parse_all(cmd, inputs)
    except DomainError as refusal:
        _audit_refusal(ctx, cmd, ids, data if inputs is None else list(inputs), refusal)
        raise
    parts = _parts(cmd, ids, parsed, each, inputs is not None)
    for attempt in range(RETRIES):
        try:
            return _outermost(ctx, cmd, parsed, ids, versions, dry_run, each, render, parts)
        except DomainError as refusal:
            _audit_refusal(ctx, cmd, ids, parsed, refusal)
            raise
        except OperationalError as fault:
            if getattr(fault.__cause__, "sqlstate", "") not in ("40001", "40P01"):
                raise
            if attempt == RETRIES - 1:
                log.warning("%s given up after %s at each of %d tries", cmd.key, fault.__cause__.sqlstate, RETRIES)
                refusal = Contended(command=cmd.label)
                _audit_refusal(ctx, cmd, ids, parsed, refusal)
                raise refusal from fault
            log.info("%s again after %s", cmd.key, fault.__cause__.sqlstate)
            time.sleep(0.01 * (2**attempt))
        except IntegrityError as fault:
            refusal = schema.refusal_of(fault)
            _audit_refusal(ctx, cmd, ids, parsed, refusal)
            raise refusal from fault
        except DatabaseError as fault:
            if not (getattr(fault.__cause__, "sqlstate", None) or "").startswith("22"):
                raise
            refusal = schema.refusal_of(fault)
            _audit_refusal(ctx, cmd, ids, parsed, refusal)
            raise refusal from fault
    raise AssertionError("unreachable")


def rehearse(ctx: Context, cmd: Command, *, ids: Sequence[UUID] = (), data: Any = None) -> Outcome:
    """Run a command, on its own or within another one, and take everything back: what it wrote, told and numbered.

    Raises: DomainError as the command itself; of neither is there an audit line
    """
    ctx.require(cmd.permission, cmd.label)
    parsed = parse_input(cmd, data)
    try:
        return _outermost(ctx, cmd, parsed, ids, None, True, False, None, _parts(cmd, ids, parsed, False, False))
    except IntegrityError as fault:
        raise schema.refusal_of(fault) from fault


def execute_together(cmd: Command, calls: Sequence[Call]) -> list[Outcome]:
    """Run one command for several people as one unit of work, in a transaction that the caller has begun.

    Gives:  the outcome of each call, in their order
    Raises: Apart; DomainError, of which no audit line is left: the caller rolls back, and makes the calls one by one
    Writes: what `together` of the command writes, an audit line for each call, outbox, the stored answers; a group
            waits for no row long, for those who do not need that row would wait with it
    """
    for call in calls:
        call.ctx.require(cmd.permission, cmd.label)
    steps: list[tracing.Step] = []
    if tracing.is_on():
        steps = [tracing.begin(cmd.key, call.ctx.trace, begins=True) for call in calls]
        calls = [replace(call, ctx=step.of(call.ctx)) for call, step in zip(calls, steps, strict=True)]
    ctx = calls[0].ctx
    work = Work(ctx)
    token, locked = _work.set(work), locks.begin()
    try:
        _claim_keys(cmd, calls)
        outcomes = [Outcome(value) for value in cmd.together.act(calls)]
        _hear(ctx, work)
        _give_numbers(ctx, work)
        for call, outcome in zip(calls, outcomes, strict=True):
            if call.render:
                with speaking(call.ctx.language):
                    outcome.answer = call.render(outcome)
        _write_trails(cmd, calls, outcomes, work)
        for step, call, outcome in zip(steps, calls, outcomes, strict=False):
            step.say(command=cmd.key, through=call.ctx.through, together=len(calls), **_said_of(outcome))
            step.end()
    finally:
        locks.end(locked)
        steady.end()
        _work.reset(token)
    return outcomes


@contextmanager
def audits_refusals(ctx: Context, cmd: Command, *, ids: Sequence[UUID] = (), data: Any = None) -> Iterator[None]:
    """Leave the audit line of what is refused on the way to `execute`, such as a file that cannot be read."""
    try:
        yield
    except DomainError as refusal:
        _audit_refusal(ctx, cmd, ids, data, refusal)
        raise


def parse_input(cmd: Command, data: Any) -> Any:
    """Give a command's input, checked. Raises: Invalid"""
    model = cmd.input_model()
    if model is None:
        if data:
            raise Invalid("takes_no_input", L("该操作不需要填写内容", "This command takes no input"))
        return None
    if isinstance(data, model):
        return data
    return schema.parse(model, {} if data is None else data)


@dataclass(frozen=True, slots=True)
class _Part:
    """One call of a command's function: what it is known by, the records it acts on, its input."""

    key: UUID | int
    ids: tuple[UUID, ...]
    data: Any


def _parse_all(cmd: Command, inputs: Sequence[Any]) -> list[Any]:
    """Check every input. Raises: Invalid with the place of each fault (`records.3.quantity`)."""
    parsed, faults = [], FieldFaults()
    for number, data in enumerate(inputs):
        try:
            parsed.append(parse_input(cmd, data))
        except Invalid as refusal:
            for path, texts in refusal.fields.items() or [("__root__", refusal.label)]:
                for text in texts if isinstance(texts, list) else [texts]:
                    faults.add(("records", number, path), text)
    faults.refuse_if_any()
    return parsed


def _parts(
    cmd: Command, ids: Sequence[UUID], data: Any, each: bool, has_inputs: bool
) -> tuple[_Part, ...] | None:
    """Give the calls to make one after the other, sorted by key; None when the command is called once for all."""
    if has_inputs and cmd.on == "noun":
        return tuple(_Part(number, (), one) for number, one in enumerate(data))
    if has_inputs:
        parts = (_Part(one, (one,), given) for one, given in zip(ids, data, strict=True))
        return tuple(sorted(parts, key=lambda p: p.key))
    if each:
        return tuple(_Part(one, (one,), data) for one in sorted(set(ids)))
    return None


def _outermost(
    ctx: Context, cmd: Command, data: Any, ids: Sequence[UUID], versions: Mapping[UUID, int] | None,
    dry_run: bool, each: bool, render: Callable[[Outcome], Any] | None, parts: tuple[_Part, ...] | None,
) -> Outcome:
    work = Work(ctx)
    token, locked = _work.set(work), locks.begin()
    outcome = Outcome()
    try:
        with transaction.atomic():
            stored = _claim_key(ctx, cmd, ids, data)
            if stored is not None:
                return Outcome(answer=stored.get("answer"), ids=tuple(UUID(i) for i in stored["ids"]), is_replay=True)
            if parts is not None:
                outcome = _each(ctx, cmd, parts, versions, work, is_lenient=each)
            else:
                outcome = _perform(ctx, cmd, data, ids, versions)
                _hear(ctx, work)
            _give_numbers(ctx, work)
            if render:
                outcome.answer = render(outcome)
            _write_trail(ctx, cmd, outcome.ids, data, "done", work=work, answer=_kept_answer(ctx, outcome))
            if dry_run:
                _check_references()
                raise _DryRun
    except _DryRun:
        pass
    finally:
        locks.end(locked)
        steady.end()
        _work.reset(token)
    return outcome


def _each(
    ctx: Context, cmd: Command, parts: Sequence[_Part], versions: Mapping[UUID, int] | None, work: Work, *,
    is_lenient: bool,
) -> Outcome:
    """Make the calls one after the other; where lenient, a refused one leaves nothing and the others go on.

    The order of locks is counted anew for each call: two such runs may meet in a deadlock, which is retried.
    """
    total = Outcome(value=[])
    for part in parts:
        told, numbers, locked = len(work.out), len(work.numbers), locks.begin()
        try:
            with transaction.atomic(savepoint=is_lenient):
                done = _perform(ctx, cmd, parse_input(cmd, part.data), part.ids, versions)
                _hear(ctx, work)
                if is_lenient:
                    _check_references()
        except (DomainError, IntegrityError, DataError) as fault:
            if not is_lenient:
                raise
            work.told.clear()
            del work.out[told:], work.numbers[numbers:]
            total.faults[part.key] = fault if isinstance(fault, DomainError) else schema.refusal_of(fault)
        else:
            total.value.append(done.value)
            total.records += done.records
            total.ids += done.ids
        finally:
            locks.end(locked)
    return total


def _check_references() -> None:
    """Let the database check now what it would check at commit: that everything referred to exists."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def _perform(
    ctx: Context, cmd: Command, data: Any, ids: Sequence[UUID], versions: Mapping[UUID, int] | None,
    nested: bool = False,
) -> Outcome:
    if cmd.on == "noun":
        value = cmd.function(ctx) if cmd.input is None else cmd.function(ctx, data)
        made = _records_in(value)
        return Outcome(value, made, tuple(r.pk for r in made))
    noun = registry.noun(cmd.noun)
    where = None if nested else access.scope(ctx, noun, cmd.permission)
    rows = locks.lock(noun.model, ids, where=where) if hasattr(noun.model, "lock_rank") else _unlocked(noun, ids, where)
    missing = [one for one in ids if one not in rows]
    if missing:
        raise NotFound("not_found", L("找不到{noun} {ids}", "No such {noun}: {ids}"),
                       {"noun": noun.spec.label, "ids": missing})
    records = [rows[one] for one in sorted(set(ids))]
    before = _check(ctx, cmd, noun, records, versions)
    value = cmd.function(ctx, records) if cmd.input is None else cmd.function(ctx, records, data)
    if cmd.name != "delete":
        _advance(ctx, cmd, noun, records, before)
    return Outcome(value, tuple(records), tuple(r.pk for r in records))


def _unlocked(noun: Any, ids: Sequence[UUID], where: models.Q | None) -> dict[UUID, Any]:
    """Give ledger rows and lines, which nobody changes by themselves, so that there is nothing to lock."""
    rows = noun.model._base_manager.filter(pk__in=list(ids))
    return {row.pk: row for row in (rows.filter(where) if where is not None else rows)}


def _records_in(value: Any) -> tuple[Any, ...]:
    if isinstance(value, models.Model):
        return (value,)
    if isinstance(value, (tuple, list)) and value and all(isinstance(v, models.Model) for v in value):
        return tuple(value)
    return ()


def _check(
    ctx: Context, cmd: Command, noun: Any, records: Sequence[Any], versions: Mapping[UUID, int] | None
) -> dict[UUID, str]:
    if versions:
        for record in records:
            wanted = versions.get(record.pk)
            if wanted is not None and wanted != getattr(record, "version", 1):
                raise Stale(
                    "stale",
                    L("{record} 已被修改：您看到的是第 {seen} 版，现在是第 {now} 版",
                      "{record} has changed: you saw version {seen}, it is now {now}"),
                    {"record": name_of(noun, record), "seen": wanted, "now": getattr(record, "version", 1)},
                )
    life, sources = noun.spec.life, cmd.sources()
    if life is None:
        return {}
    before = {record.pk: getattr(record, life.field) for record in records}
    if sources is not None:
        for record in records:
            if before[record.pk] not in sources:
                raise WrongState(
                    record=name_of(noun, record), state=life.state(before[record.pk]).label, command=cmd.label,
                    allowed=[life.state(s).label for s in sources],
                )
    return before


def _advance(
    ctx: Context, cmd: Command, noun: Any, records: Sequence[Any], before: Mapping[UUID, str]
) -> None:
    life = noun.spec.life
    if life is not None:
        for record in records:
            source, targets = before[record.pk], cmd.targets(before[record.pk])
            now = getattr(record, life.field)
            if now == source and len(targets) == 1:
                setattr(record, life.field, targets[0])
            elif now != source and targets and now not in targets:
                raise RuntimeError(f"{cmd.key} led from {source} to {now}; its life allows {targets}")
    if cmd.bumps:
        save(ctx, records)


def save(ctx: Context, records: Sequence[Any]) -> None:
    """Write back what has changed on locked records, with version, time and person; owe a number where one is due.

    Takes:  records given by `lock`, all of one model
    Writes: one UPDATE, however many there are
    """
    groups: dict[tuple, list[Any]] = {}
    for record in records:
        steady.written(type(record))
        record.version += 1
        record.changed_at, record.changed_by_id = ctx.now, ctx.person
        changes = locks.dirty(record)
        groups.setdefault(tuple(sorted((k, _frozen(v)) for k, v in changes.items())), []).append(record)
    if len(groups) == 1 and len(records) > SAME_FROM:
        type(records[0])._base_manager.filter(pk__in=[r.pk for r in records]).update(**locks.dirty(records[0]))
    elif groups:
        db.update_rows(records, sorted({column for key in groups for column, _ in key}))
    for record in records:
        locks.remember(record)
    owe_numbers(records)


def _frozen(value: Any) -> Any:
    return orjson.dumps(value, default=str) if isinstance(value, (list, dict)) else value


def owe_numbers(records: Sequence[Any]) -> None:
    """Note the posted documents among the records that have no number yet; they get one before commit."""
    work = _work.get()
    for record in records:
        noun = noun_of(record)
        numbering = noun.spec.numbering if noun else None
        if work is None or numbering is None:
            continue
        if number := getattr(record, numbering.field):
            work.numbered[record.pk] = number  # what is told of it names it, too
            continue
        life = noun.spec.life
        if life is None or getattr(record, life.field) != life.initial:
            work.numbers.append((noun, record))


_nouns_by_model: dict[tuple[int, type], Any] = {}


def noun_of(record: Any) -> Any:
    """Give the noun a record belongs to, None when its model is no noun's."""
    key = (registry.epoch, type(record))
    if key not in _nouns_by_model:
        _nouns_by_model[key] = next((n for n in registry.nouns() if n.model is type(record)), None)
    return _nouns_by_model[key]


def name_of(noun: Any, record: Any) -> str:
    """Give a short name of a record for messages: its number, code or first title field."""
    for key in (noun.spec.natural_key, *noun.spec.title):
        value = getattr(record, noun.spec.field(key).column, None) if key else None
        if value and not isinstance(value, UUID):
            return str(value)
    return str(noun.spec.label)


def _hear(ctx: Context, work: Work) -> None:
    while work.told:
        batch, work.told = work.told, []
        work.out.extend(batch)
        by_type: dict[type[events.Event], list[events.Event]] = {}
        for event in batch:
            by_type.setdefault(type(event), []).append(event)
        for kind, same in by_type.items():
            for listener in events.listeners_before(kind):
                listener(ctx, tuple(same))


def _give_numbers(ctx: Context, work: Work) -> None:
    """Number what was posted, series by series in name order: a statement each."""
    due: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    for noun, record in work.numbers:
        numbering = noun.spec.numbering
        if getattr(record, numbering.field) is None:
            due.setdefault((noun.spec.key, ctx.now.strftime(numbering.period)), []).append((noun, record))
            setattr(record, numbering.field, "")
    for (series, period), owed in sorted(due.items(), key=lambda item: item[0]):
        numbering = owed[0][0].spec.numbering
        given = _number([record for _, record in owed], numbering.field, numbering.parts(ctx.now), series, period)
        for _, record in owed:
            setattr(record, numbering.field, given[record.pk])
        work.numbered |= given


_NUMBER = """
    WITH taken AS (
        INSERT INTO kernel_counter (series, period, last) VALUES (%s, %s, %s)
        ON CONFLICT (series, period) DO UPDATE SET last = kernel_counter.last + excluded.last RETURNING last
    ), given AS (
        SELECT v.id, (taken.last - %s + v.place)::text AS n FROM taken, unnest(%s::uuid[]) WITH ORDINALITY v(id, place)
    )
    UPDATE "{table}" t SET "{column}" = %s || lpad(g.n, greatest(%s, length(g.n)), '0') || %s
    FROM given g WHERE t."{key}" = g.id RETURNING g.id, t."{column}"
"""


def _number(
    records: Sequence[Any], field: str, parts: tuple[str, int, str], series: str, period: str
) -> dict[UUID, str]:
    """Give records of one model the next numbers of a series, in their order; give the numbers by key.

    Writes: the numbers; the counter row, locked until commit (rank NUMBER), so that a refusal leaves no gap
    """
    locks.claim(Counter.lock_rank, [(series, period)])
    meta = type(records[0])._meta
    sql = _NUMBER.format(table=meta.db_table, column=meta.get_field(field).column, key=meta.pk.column)
    head, width, tail = parts
    keys = [record.pk for record in records]
    return dict(db.rows(sql, [series, period, len(keys), len(keys), keys, head, width, tail]))


def take_numbers(series: str, period: str, count: int) -> int:
    """Take the next numbers of a series; give the last one taken.

    Writes: the counter row, locked until commit (rank NUMBER), so that a refusal leaves no gap
    """
    locks.claim(Counter.lock_rank, [(series, period)])
    return db.one(
        "INSERT INTO kernel_counter (series, period, last) VALUES (%s, %s, %s) "
        "ON CONFLICT (series, period) DO UPDATE SET last = kernel_counter.last + excluded.last RETURNING last",
        [series, period, count],
    )[0]


def _actor(ctx: Context, cmd: Command) -> str:
    return f"{ctx.person}|{cmd.key}|{ctx.through}"


def _claim_key(ctx: Context, cmd: Command, ids: Sequence[UUID], data: Any) -> dict | None:
    """Say who acts, to the history triggers, take the client's key, and learn which facts in hand still hold.

    Gives:  the stored answer when the key is taken
    """
    if ctx.key is None:
        steady.begin(db.one(f"SELECT set_config('banyan.actor', %s, true), {steady.STAMPS}", [_actor(ctx, cmd)])[1])
        return None
    digest = _body_hash(cmd, ids, data)
    taken = db.one(
        "WITH actor AS (SELECT set_config('banyan.actor', %s, true)) "
        "INSERT INTO kernel_request (id, principal, key, body_hash) SELECT %s, %s, %s, %s FROM actor "
        f"ON CONFLICT (principal, key) DO NOTHING RETURNING {steady.STAMPS}",
        [_actor(ctx, cmd), new_id(), ctx.person, ctx.key, digest],
    )
    if taken is not None:
        steady.begin(taken[0])
        return None
    body_hash, answer = db.one(
        "SELECT body_hash, answer FROM kernel_request WHERE principal = %s AND key = %s", [ctx.person, ctx.key]
    )
    if bytes(body_hash) != digest:
        raise KeyReused(key=ctx.key)
    return answer if isinstance(answer, dict) else orjson.loads(answer)


_KEYS = f"""
    WITH actor AS (SELECT set_config('banyan.actor', %(actor)s, true), set_config('lock_timeout', %(wait)s, true)),
    taken AS (
        INSERT INTO kernel_request (id, principal, key, body_hash)
        SELECT v.id, v.principal, v.key, decode(v.digest, 'hex')
        FROM actor, jsonb_to_recordset(%(keys)s::jsonb) v(id uuid, principal uuid, key text, digest text)
        ORDER BY v.principal, v.key
        ON CONFLICT (principal, key) DO NOTHING RETURNING id
    )
    SELECT {steady.STAMPS}, ARRAY(SELECT id FROM taken) FROM actor
"""


def _claim_keys(cmd: Command, calls: Sequence[Call]) -> None:
    """Do for calls that are done together what `_claim_key` does for one. Raises: Apart for keys that are taken"""
    claims = {new_id(): call for call in calls if call.ctx.key is not None}
    keys = [
        {"id": one, "principal": call.ctx.person, "key": call.ctx.key,
         "digest": _body_hash(cmd, (), call.data).hex()}
        for one, call in claims.items()
    ]
    stamps, taken = db.one(_KEYS, {
        "actor": _actor(calls[0].ctx.with_(principal=SYSTEM), cmd), "wait": TOGETHER_WAIT,
        "keys": orjson.dumps(keys, default=str).decode(),
    })
    known = [claims[one] for one in claims.keys() - set(taken)]
    if known:
        raise Apart(key for call in known for key in cmd.together.keys(call.data))
    steady.begin(stamps)


def _body_hash(cmd: Command, ids: Sequence[UUID], data: Any) -> bytes:
    body = [cmd.key, sorted(str(i) for i in ids), schema.dump(data)]
    return hashlib.sha256(orjson.dumps(body, default=str, option=orjson.OPT_SORT_KEYS)).digest()


def _kept_answer(ctx: Context, outcome: Outcome) -> str | None:
    """Give what is kept under the client's key, as JSON; None where there is no key."""
    if ctx.key is None:
        return None
    return orjson.dumps({"ids": [str(i) for i in outcome.ids], "answer": jsonable(outcome.answer)}).decode()


_TRAIL = """
    WITH audit AS (
        INSERT INTO kernel_audit (id, at, device_at, person, program, through, command, noun,
                                  records, input, outcome, code, key)
        SELECT %(id)s, %(at)s, %(device_at)s, %(person)s, %(program)s, %(through)s, %(command)s, %(noun)s,
               %(records)s::uuid[], %(input)s::jsonb, %(outcome)s, %(code)s, %(key)s
        FROM (SELECT CASE WHEN %(is_alone)s THEN set_config('synchronous_commit', 'off', true) END) s
    ), request AS (
        UPDATE kernel_request SET answer = %(answer)s::jsonb
        WHERE %(answer)s::jsonb IS NOT NULL AND principal = %(person)s AND key = %(key)s
    )
    INSERT INTO kernel_outbox (id, at, type, event_version, key, noun, record, number, payload, person, trace)
    SELECT v.id, %(at)s, v.type, v.event_version, v.record::text, v.noun, v.record, v.number, v.payload, %(person)s,
           %(trace)s
    FROM jsonb_to_recordset(%(told)s::jsonb) v(id uuid, type text, event_version smallint, noun text, record uuid,
                                               number text, payload jsonb)
"""


def _write_trail(
    ctx: Context, cmd: Command, ids: Sequence[UUID], data: Any, outcome: str, code: str = "", work: Work | None = None,
    answer: str | None = None,
) -> None:
    """Write the audit line, what has happened into the outbox, and the answer kept for the key. One statement.

    A refusal is answered without waiting for its line to be on the disk: losing power, that of the last second may be
    missing. One within a wider transaction waits, for others' acts are committed with it (docs/adr/0012).
    """
    told = _told(work) if work else []
    db.run(_TRAIL, dict(
        id=new_id(), at=ctx.now, device_at=ctx.device_at, person=ctx.person, program=ctx.program[:80],
        through=ctx.through, command=cmd.key, noun=cmd.noun, records=list(ids),
        input=orjson.dumps(_short(schema.dump(data))).decode(), outcome=outcome, code=code, key=ctx.key or "",
        told=orjson.dumps(told, default=str).decode(), answer=answer, trace=ctx.trace,
        is_alone=outcome == "refused" and not connection.in_atomic_block,
    ))


_TRAILS = """
    WITH lines AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(lines)s::jsonb) v(id uuid, device_at timestamptz, person uuid, program text,
                                                             through text, input jsonb, key text, answer jsonb)
    ), audit AS (
        INSERT INTO kernel_audit (id, at, device_at, person, program, through, command, noun,
                                  records, input, outcome, code, key)
        SELECT v.id, %(at)s, v.device_at, v.person, v.program, v.through, %(command)s, %(noun)s,
               '{}', v.input, 'done', '', v.key
        FROM lines v
    ), request AS (
        UPDATE kernel_request r SET answer = v.answer FROM lines v
        WHERE v.answer IS NOT NULL AND r.principal = v.person AND r.key = v.key
    )
    INSERT INTO kernel_outbox (id, at, type, event_version, key, noun, record, number, payload, person, trace)
    SELECT v.id, %(at)s, v.type, v.event_version, v.record::text, v.noun, v.record, v.number, v.payload, v.person,
           v.trace
    FROM jsonb_to_recordset(%(told)s::jsonb) v(id uuid, type text, event_version smallint, noun text, record uuid,
                                               number text, payload jsonb, person uuid, trace text)
"""


def _write_trails(cmd: Command, calls: Sequence[Call], outcomes: Sequence[Outcome], work: Work) -> None:
    """Write an audit line for each call, the answers kept for keys, and what has happened. One statement."""
    lines = [
        dict(
            id=new_id(), device_at=call.ctx.device_at, person=call.ctx.person, program=call.ctx.program[:80],
            through=call.ctx.through, input=_short(schema.dump(call.data)), key=call.ctx.key or "",
            answer=orjson.Fragment(kept) if (kept := _kept_answer(call.ctx, outcome)) else None,
        )
        for call, outcome in zip(calls, outcomes, strict=True)
    ]
    told = [
        line | dict(person=(by := teller(work.ctx, event)).person, trace=by.trace)
        for line, event in zip(_told(work), work.out, strict=True)
    ]
    db.run(_TRAILS, dict(
        at=work.ctx.now, command=cmd.key, noun=cmd.noun, lines=orjson.dumps(lines, default=str).decode(),
        told=orjson.dumps(told, default=str).decode(),
    ))


def _told(work: Work) -> list[dict[str, Any]]:
    """Give what has happened, as the outbox keeps it."""
    return [
        dict(
            id=new_id(), type=e.type, event_version=e.event_version, noun=e.noun, record=e.record,
            number=work.numbered.get(e.record, ""), payload=e.payload(),
        )
        for e in work.out
    ]


def _audit_refusal(ctx: Context, cmd: Command, ids: Sequence[UUID], data: Any, refusal: DomainError) -> None:
    _write_trail(ctx, cmd, ids, data, "refused", refusal.code)


def _short(data: Any) -> Any:
    """Give the input as the audit keeps it: without NUL, cut where it is long, its full hash beside the cut."""
    if data is None:
        return {}
    text = orjson.dumps(data, default=str)
    if len(text) > AUDIT_INPUT_BYTES:
        return {"cut": text[:AUDIT_INPUT_BYTES].decode("utf-8", "ignore").replace("\\u0000", ""),
                "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    return orjson.loads(_NUL.sub(rb"\1", text))
