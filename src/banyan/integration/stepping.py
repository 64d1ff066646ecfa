"""What the bus tells a collector of traces: of each try to bring a message to its effect, and of what partners push."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from banyan.integration.claims import Held, Result
from banyan.integration.plans import Plan
from banyan.kernel import tracing
from banyan.lib.ids import new_id


def of_try(plan: Plan, held: Held) -> tuple[tracing.Step, dict[str, Any]]:
    """Begin the step of a try, and give what its result is to bear: the key of the try, whose tail is the step's name.

    Out, a message is a step of a trace where its event is; in, where it came with none, it may begin one.
    """
    if not tracing.is_on() or (held.trace is None and plan.direction == "out"):
        return tracing.NOTHING, {}
    key = new_id()
    step = tracing.begin(
        f"{'deliver' if plan.direction == 'out' else 'take'} {plan.code}", held.trace, key=key, begins=True,
        kind="client" if plan.direction == "out" else "consumer", system=plan.system_code, flow=plan.code,
        connector=plan.connector.key, operation=plan.target, event=held.type, message=str(held.id),
        attempt=held.attempts + 1,
    )  # fmt: skip
    return step, {"attempt": key} if step else {}


def ended(step: tracing.Step, result: Result, bears: dict[str, Any]) -> Result:
    """End the step of a try with what came of it; give the result as it bears the try's key."""
    if not step:
        return result
    code = result.code
    is_http = code.isdecimal() and len(code) == 3
    step.say(outcome=result.outcome, reason=result.reason, code=None if is_http else code,
             http__response__status_code=int(code) if is_http else None, record_noun=result.noun)  # fmt: skip
    if result.outcome != "done":
        step.say(error__type=result.reason)
        step.fail(result.reason)
    step.end()
    return replace(result, **bears)
