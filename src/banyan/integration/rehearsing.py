"""A body led through a flow's definition step by step: what each step makes of it; nothing is sent or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from banyan.integration import conditions, mappings, performing, replies, routes
from banyan.integration.connecting import Failed
from banyan.kernel import registry, schema
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError, jsonable

#: The steps behind the trigger, in their order.
STAGES = ("filter", "mapping", "target", "reply")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a step made of what came to it.

    Takes:  state: ok, held (kept back by the filter), fault, idle (nothing came to it)
    Gives:  value: what leaves it, JSON data; reason and text: of a fault, as a message would have it
    """

    state: str = "idle"
    value: Any = None
    reason: str = ""
    text: str = ""


def stages_of(
    definition: Mapping[str, Any], body: Any, *, system: str = "", answer: Any = None, has_answer: bool = False,
    acting: Context | Failed | None = None,
) -> dict[str, Stage]:
    """Give what each step makes of a body.

    Takes:  definition: as a flow's version has it; answer: what the partner would answer, where has_answer;
            acting: where given, commands of ours are run by it and taken back, else only their input is checked
    Gives:  by step, as its route says where it is an event that has one; those behind one that held it back or has a
            fault are idle
    """
    definition = routes.way_of(definition, routes.type_of(body))
    found = {name: Stage() for name in STAGES}
    try:
        if definition["filter"] and not conditions.is_true(definition["filter"], body):
            return found | {"filter": Stage("held")}
    except Failed as fault:
        return found | {"filter": _fault(fault)}
    found["filter"] = Stage("ok", body)
    try:
        value = jsonable(mappings.apply(definition["mapping"], body, system=system))
    except Failed as fault:
        return found | {"mapping": _fault(fault)}
    found["mapping"] = Stage("ok", value)
    found["target"] = Stage("ok", value) if definition["direction"] == "out" else _done(
        definition["target"], value, acting)  # fmt: skip
    if found["target"].state == "ok":
        found["reply"] = _replied(definition, body, answer, has_answer, system, acting)
    return found


def checked(key: str, value: Any) -> Stage:
    """Give whether a command of ours takes a value as its input; it is not run."""
    return _done(key, value, None)


def _done(key: str, value: Any, acting: Context | Failed | None) -> Stage:
    try:
        if isinstance(acting, Failed):
            raise acting
        if not registry.has_command(key):
            raise Failed("refused", f"no command {key}")
        if acting is not None:
            performing.rehearse(acting, key, value)
        else:
            command = registry.command(key)
            _, data = performing.input_of(command, value)
            if (model := command.input_model()) is not None:
                schema.parse(model, data or {})
    except Failed as fault:
        return _fault(fault)
    except DomainError as refusal:
        return Stage("fault", value, performing.reason_of(refusal), performing.said(refusal))
    return Stage("ok", value)


def _replied(
    definition: Mapping[str, Any], body: Any, answer: Any, has_answer: bool, system: str,
    acting: Context | Failed | None,
) -> Stage:
    reply = definition["reply"]
    leads_out = definition["direction"] == "out"
    if leads_out and not has_answer:
        return Stage()
    said = answer if leads_out else body
    try:
        made: dict[str, Any] = {}
        if asked := reply.get("link"):
            made["code"] = conditions.value_of(asked["code"], said)
            if made["code"] in (None, ""):
                raise Failed("mapping", f"{asked['code']}: {made['code']!r}")
        if leads_out and (command := reply.get("command")):
            given = body if isinstance(body, Mapping) else {}
            whole = replies.body_of(
                answer, id=str(given.get("id") or ""), key=str(given.get("subject") or ""),
                type=str(given.get("type") or ""), noun=str(given.get("noun") or ""), record=given.get("record"),
            )  # fmt: skip
            value = jsonable(mappings.apply(command["mapping"], whole, system=system))
            done = _done(command["target"], value, acting)
            if done.state != "ok":
                return done
            made["command"] = value
    except Failed as fault:
        return _fault(fault)
    return Stage("ok", made or said)


def _fault(fault: Failed) -> Stage:
    return Stage("fault", None, fault.kind, fault.text)
