"""What is kept of an answer, or of what a message made: `reply` of a flow.

`{"keep": true}`: the answer stands at the message. `{"link": {"code": "…", "entity": "parties.party"}}`: a key link
between the code that the expression finds (in the answer of a partner; leading in, in the message) and our record.
`{"flow": "CODE"}`: the answer comes in as a message of that flow, as `{"reply": …, "message": {…}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from banyan.integration import conditions, inbox
from banyan.integration.connecting import Failed, Incoming
from banyan.integration.mapping.linking import link_by_message
from banyan.integration.plans import Plan, plan_of
from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib import traces
from banyan.lib.errors import DomainError

KEYS = frozenset({"keep", "link", "flow"})


def is_wanted(definition: Mapping[str, Any]) -> bool:
    """Say whether something is done with answers, beside keeping them."""
    return bool(definition["reply"].get("link") or definition["reply"].get("flow"))


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


def handle(plan: Plan, done: Sequence[Any], acting: Callable[[], Context | Failed], now: datetime) -> dict[UUID, str]:
    """Do what a flow wants with the answers of a partner, inside the transaction that marks the messages.

    Takes:  done: results with what the partner answered
    Gives:  by message, why nothing could be done with its answer; the message is done all the same
    Writes: key links; messages of another flow
    """
    faults: dict[UUID, str] = {}
    ctx = acting()
    for one in done:
        try:
            with transaction.atomic():
                if isinstance(ctx, Failed):
                    raise ctx
                link(plan, ctx, one.reply, one.held.noun, one.held.record)
        except Failed as fault:
            faults[one.held.id] = fault.text
        except DomainError as refusal:
            faults[one.held.id] = f"{refusal.label.zh}\n{refusal.label.en}"
    if code := plan.definition["reply"].get("flow"):
        row = db.one("SELECT id FROM integration_flow WHERE code = %s AND direction = 'in'", [code])
        other = plan_of(row[0]) if row else None
        if other is None:
            return faults | {one.held.id: f"no running flow {code} takes answers" for one in done}
        inbox.keep(other, [
            Incoming(id=str(one.held.id), key=one.held.key, type=f"{one.held.type}.reply"[:120],
                     trace=traces.step(one.held.trace, one.held.id) if one.held.trace else None, body={
                "reply": one.reply, "message": {"id": str(one.held.id), "key": one.held.key, "type": one.held.type,
                                                "noun": one.held.noun, "record": one.held.record and
                                                str(one.held.record)}})
            for one in done
        ], now)  # fmt: skip
    return faults
