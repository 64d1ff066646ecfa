"""Permissions to pick from: of whole modules, of nouns, of single commands and queries; by what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from banyan.kernel import queries, registry
from banyan.kernel.clients import PERMISSIONS
from banyan.kernel.context import Context
from banyan.lib.labels import L, Label
from banyan.web import areas

MOST = 80
READ = L("查看", "Read")
EVERYTHING = L("全部", "Everything")


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission or pattern, what it is called, the module it stands under; `depth` 0: all, 1: a module, 2: more."""

    key: str
    label: Label
    group: Label
    depth: int

    def holds(self, words: list[str]) -> bool:
        """Say whether all words stand in its key or its names."""
        text = f"{self.key} {self.label.zh} {self.label.en} {self.group.zh} {self.group.en}".lower()
        return all(word in text for word in words)


@registry.answers(f"{PERMISSIONS}.options")
def options(ctx: Context, term: str) -> list[dict[str, str]]:
    """Give what may be picked: without a term all there is and each module whole, else what the words are found in.

    Gives:  at most MOST, each module's together
    """
    words = term.lower().split()
    found = [one for one in _scopes(registry.epoch) if (one.holds(words) if words else one.depth < 2)]
    return [
        {"id": one.key, "title": one.label.in_(ctx.language), "group": one.group.in_(ctx.language)}
        for one in found[:MOST]
    ]


@lru_cache(maxsize=2)
def _scopes(epoch: int) -> tuple[Scope, ...]:
    """Give all that there is, by module: the whole, its nouns, their permissions."""
    modules: dict[str, list[Scope]] = {}
    names: dict[str, Label] = {}
    for one in _single():
        module = one.key.split(".")[0]
        names.setdefault(module, one.group)
        modules.setdefault(module, []).append(one)
    made = [Scope("*", EVERYTHING, EVERYTHING, 0),
            Scope("*.*.read", L("查看一切", "Read everything"), EVERYTHING, 0)]  # fmt: skip
    for module, name in sorted(names.items(), key=lambda one: (areas.area_of(one[0]).order, one[0])):
        whole = L("{name}：全部", "{name}: everything").filled({"name": name})
        made.append(Scope(f"{module}.*", whole, name, 1))
        made += [Scope(one.key, one.label, name, 2) for one in modules[module]]
    return tuple(made)


def _single() -> Iterator[Scope]:
    """Give each permission once, with what it lets one do; that of a whole noun before those of its verbs."""
    seen: set[str] = set()
    for noun in sorted(registry.nouns(), key=lambda one: one.spec.key):
        spec, group = noun.spec, _module(noun.spec.key, noun.spec.area)
        words = {f"{spec.key}.*": EVERYTHING, spec.permission("read"): READ}
        for one in registry.commands():
            if one.noun == spec.key:
                words.setdefault(one.permission, one.label)
        for key, what in words.items():
            if key not in seen:
                seen.add(key)
                label = L("{noun}：{what}", "{noun}: {what}").filled({"noun": spec.label, "what": what})
                yield Scope(key, label, group, 2)
    for asked in queries.queries():
        if asked.permission not in seen:
            seen.add(asked.permission)
            yield Scope(asked.permission, asked.label, _module(asked.permission, asked.area), 2)


def _module(key: str, area: str) -> Label:
    """Give what a module is called: as its part of the menu, else as that in which its nouns stand."""
    own = areas.area_of(key.split(".")[0])
    return own.label if own.label.en != own.key else areas.area_of(area).label
