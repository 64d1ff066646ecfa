"""What is kept of an answer, or of what a message made: `reply` of a flow.

`{"keep": true}`: the answer stands at the message. `{"link": {"code": "…", "entity": "parties.party"}}`: a key link
between the code that the expression finds (in the answer of a partner; leading in, in the message) and our record.
`{"flow": "CODE"}`: the answer comes in as a message of that flow, as `{"reply": …, "message": {…}}`.
`{"command": {"target": "…", "mapping": {…}}}`: a mapping makes of `{"reply": …, "message": {…}}` the input of a command
of ours, which the system's account runs in the transaction that marks the message. It is done once however often the
partner answers; a refusal leaves the message dead, with the answer kept: its replay handles that, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction

from banyan.integration import conditions, inbox, mappings, performing
from banyan.integration.connecting import Failed, Incoming, Reason
from banyan.integration.mapping.linking import link_by_message
from banyan.integration.plans import Plan, plan_of
from banyan.kernel import db, schema
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError

KEYS = frozenset({"keep", "link", "flow", "command"})

#: What still waits for its answer: what another has done meanwhile is not done again.
_OPEN = """
    SELECT id FROM integration_message WHERE id = ANY(%s) AND state IN ('waiting', 'dead', 'given_up')
    ORDER BY seq FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of an answer: nothing to say, a fault of a message that is done all the same, or a refusal."""

    fault: str = ""
    refusal: Failed | None = None


def is_wanted(definition: Mapping[str, Any]) -> bool:
    """Say whether something is done with answers, beside keeping them."""
    reply = definition["reply"]
    return bool(reply.get("link") or reply.get("flow") or reply.get("command"))


def waits(plan: Plan) -> bool:
    """Say whether a later message of a key must wait until the answer to the one before has been handled."""
    return plan.order != "free" and bool(plan.definition["reply"].get("command"))


def frozen(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Give a reply as it is kept in a flow's version. Raises: NotFound, DefinitionFault"""
    asked = reply.get("command")
    if not asked:
        return dict(reply)
    return {**reply, "command": {**asked, "mapping": mappings.frozen(asked["mapping"])}}


def body_of(answer: Any, *, id: UUID | str, key: str, type: str, noun: str, record: UUID | None) -> dict[str, Any]:
    """Give an answer as flows and mappings get it, beside the message it answers."""
    return {"reply": answer, "message": {"id": str(id), "key": key, "type": type, "noun": noun,
                                         "record": record and str(record)}}  # fmt: skip


def link(plan: Plan, ctx: Context, said: Any, noun: str, record: UUID | None) -> None:
    """Link the code found in what was said to our record.

    Raises: Failed("mapping") where there is no code or no record; CodeTaken, RecordTaken
    """
    asked = plan.definition["reply"].get("link")
    if not asked:
        return
    code = conditions.value_of(asked["code"], said)
    if code in (None, "") or record is None:
        raise Failed("mapping", f"nothing to link: {asked['code']} is {code!r}, our record {record}")
    link_by_message(ctx, plan.system_code, asked.get("entity") or noun, str(code)[:200], record)


def handle(plan: Plan, done: Sequence[Any], acting: Callable[[], Context | Failed], now: datetime) -> dict[UUID, Said]:
    """Do what a flow wants with the answers of a partner, inside the transaction that marks the messages.

    Takes:  done: results with what the partner answered
    Gives:  by message, what is to be said of its answer; of one refused, nothing but the audit line is written
    Writes: what the command writes; key links; messages of another flow
    """
    told: dict[UUID, Said] = {}
    ctx = acting()
    reply = plan.definition["reply"]
    if asked := reply.get("command"):
        still_open = {row[0] for row in db.rows(_OPEN, [[one.held.id for one in done]])}
        for one in done:
            refusal = _commanded(plan, ctx, asked, one) if one.held.id in still_open else None
            if refusal is not None:
                told[one.held.id] = Said(refusal=refusal)
        done = [one for one in done if one.held.id in still_open and one.held.id not in told]
    for one in done if reply.get("link") else ():
        try:
            with transaction.atomic():
                if isinstance(ctx, Failed):
                    raise ctx
                link(plan, ctx, one.reply, one.held.noun, one.held.record)
        except Failed as fault:
            told[one.held.id] = Said(fault.text)
        except DomainError as refusal:
            told[one.held.id] = Said(f"{refusal.label.zh}\n{refusal.label.en}")
    if code := reply.get("flow"):
        row = db.one("SELECT id FROM integration_flow WHERE code = %s AND direction = 'in'", [code])
        other = plan_of(row[0]) if row else None
        if other is None:
            return told | {one.held.id: Said(f"no running flow {code} takes answers") for one in done}
        inbox.keep(other, [
            Incoming(id=str(one.held.id), key=one.held.key, type=f"{one.held.type}.reply"[:120], body=_body(one),
                     trace=one.trace)
            for one in done
        ], now)  # fmt: skip
    return told


def _body(one: Any) -> dict[str, Any]:
    held = one.held
    return body_of(one.reply, id=held.id, key=held.key, type=held.type, noun=held.noun, record=held.record)


def _commanded(plan: Plan, ctx: Context | Failed, asked: Mapping[str, Any], one: Any) -> Failed | None:
    """Run the command that an answer leads to; give its refusal, None where it was done."""
    try:
        if isinstance(ctx, Failed):
            raise ctx
        value = mappings.apply(asked["mapping"], _body(one), system=plan.system_code)
        ctx = ctx.with_(key=f"reply {one.held.id}", trace=one.trace or ctx.trace)
        performing.perform(ctx, asked["target"], value)
    except Failed as fault:
        return _told(fault.kind, fault.text, fault.code)
    except DomainError as refusal:
        return _told(performing.reason_of(refusal), performing.said(refusal), refusal.code[:40])
    except IntegrityError as fault:
        return _told("validation", performing.said(schema.refusal_of(fault)))
    except OperationalError as fault:
        if connection.connection is None or connection.connection.closed:
            raise
        return _told("busy", str(fault)[:1000])
    return None


def _told(kind: Reason, text: str, code: str = "") -> Failed:
    intro = "对方已收下并回复，但回执没有用上\nthe partner has it and answered; nothing could be done with the answer"
    return Failed(kind, f"{intro}\n{text}", code=code)
