"""What can be chosen in the designer: systems, their operations, events, commands, mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from banyan.integration import mappings
from banyan.integration.connecting import Operation
from banyan.integration.mapping.models import Table
from banyan.integration.models import Flow, System
from banyan.integration.plans import link_of
from banyan.kernel import registry
from banyan.kernel.context import Context
from banyan.kernel.events import Event, label_of
from banyan.lib.errors import DomainError, NotFound
from banyan.lib.labels import L, Label

#: What everybody does beside a record, which no partner asks for.
_BESIDE = frozenset({"attach", "comment", "detach"})
_SETTING = re.compile(r"\bsettings\.(\w+)")
#: How an operation is used, by the trigger that reads it.
WAYS = {"poll": "poll", "file": "poll", "queue": "poll", "webhook": "receive"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its key, what it is called."""

    key: str
    label: Label | str


def systems(ctx: Context) -> list[Choice]:
    """Give the outside systems a person may read, by code."""
    if not ctx.may("integration.system.read"):
        return []
    rows = System.objects.order_by("code").values_list("pk", "code", "name", "environment")
    test = L("测试", "test")
    return [Choice(str(key), f"{code} {name}" + (f" ({test})" if environment == "test" else ""))
            for key, code, name, environment in rows]  # fmt: skip


def events() -> list[Choice]:
    """Give the events that are told here, by type."""
    return sorted({one.key: one for one in _events(Event)}.values(), key=lambda one: one.key)


def _events(kind: type[Event]) -> Iterator[Choice]:
    for one in kind.__subclasses__():
        if one.type:
            yield Choice(one.type, label_of(one))
        yield from _events(one)


def operations(system: str) -> tuple[Operation, ...] | None:
    """Give what a system can be asked and can tell, None where it cannot say now."""
    if not system:
        return ()
    try:
        link = link_of(UUID(system))
        return tuple(link[0].describe(link[1]())) if link else ()
    except Exception:  # a partner that must be asked what it can do may be away; its operation is typed then
        return None


def of_way(found: Sequence[Operation] | None, way: str) -> list[Choice]:
    """Give the operations that can be used in a way."""
    return [Choice(one.key, one.label) for one in found or () if way in one.ways]


def commands() -> list[Choice]:
    """Give the commands that a flow may well lead to, by key; others can be typed."""
    return [Choice(one.key, L("{noun}：{what}", "{noun}: {what}").filled({"noun": _noun(one.noun), "what": one.label}))
            for one in sorted(registry.commands(), key=lambda one: one.key) if one.name not in _BESIDE]  # fmt: skip


def _noun(key: str) -> Label:
    return registry.noun(key).spec.label if registry.has_noun(key) else L(key, key)


def command_words(key: str) -> Label:
    """Give what a command is called, with its noun; the key where there is none."""
    if not registry.has_command(key):
        return L(key or "…", key or "…")
    one = registry.command(key)
    return L("{noun}：{what}", "{noun}: {what}").filled({"noun": _noun(one.noun), "what": one.label})


def nouns(ctx: Context) -> list[Choice]:
    """Give the nouns a person may read, by key."""
    return [Choice(one.spec.key, one.spec.plural) for one in sorted(registry.nouns(), key=lambda one: one.spec.key)
            if ctx.may(one.spec.permission("read"))]  # fmt: skip


def tables() -> list[tuple[str, str, UUID]]:
    """Give the mapping tables: code, name, key."""
    return list(Table.objects.order_by("code").values_list("code", "name", "pk"))


def presets(system: str, found: Sequence[Operation] | None) -> list[Choice]:
    """Give the mappings that a system's connector brings along, one by operation at most."""
    link = link_of(UUID(system)) if system else None
    made = []
    for one in found or ():
        try:
            if link and link[0].mapping(one.key):
                made.append(Choice(f"{link[0].key}.{one.key}", one.label))
        except NotFound:
            continue
    return made


def flows_in() -> list[Choice]:
    """Give the flows that lead in, which may take an answer."""
    found = Flow.objects.filter(direction="in", trigger__in=WAYS).exclude(state="retired")
    rows = found.order_by("code").values_list("code", "name")
    return [Choice(code, name) for code, name in rows]


def settings_of(definition: Mapping[str, Any]) -> list[str]:
    """Give the names of the settings that a mapping reads, with those that are given."""
    given = definition.get(mappings.SETTINGS) or {}
    try:
        plain = mappings.frozen({name: one for name, one in definition.items() if name != mappings.SETTINGS})
    except DomainError:
        plain = {}
    return sorted({*_SETTING.findall(orjson.dumps(plain).decode()), *given})
