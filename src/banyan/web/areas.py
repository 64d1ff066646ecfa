"""The areas of the menu: what is grouped there, under which name, in which order.

A noun joins an area by its spec; a screen of a module's own by `screen`. A role names the areas it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from banyan.kernel import queries, registry
from banyan.kernel.context import SYSTEM_ID, Context, Principal, Reach
from banyan.kernel.spec import NounSpec
from banyan.lib.labels import L, Label


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the menu."""

    key: str
    label: Label
    icon: str
    order: int


@dataclass(frozen=True, slots=True)
class Screen:
    """A page that is no noun's list: `permission` says who sees it, empty for everyone."""

    key: str
    label: Label
    area: str
    path: str
    icon: str = "layout-dashboard"
    permission: str = ""
    order: int = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu."""

    label: Label
    path: str
    icon: str
    noun: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs together in an area; that of the daily work has no label."""

    label: Label | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An area as one person sees it."""

    area: Area
    groups: tuple[Group, ...]

    @property
    def path(self) -> str:
        return f"/areas/{self.area.key}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(e for group in self.groups for e in group.entries)


#: The groups of an area, in order: what has a life or is opened daily, questions, what only grows, what is set up.
WORK, ASKED, KEPT, SET_UP = range(4)
GROUPS = (None, L("报表", "Analysis"), L("台账", "Ledgers"), L("设置", "Set-up"))
#: So many entries are shown as one group.
FEW = 7
DAILY = 20

_areas: dict[str, Area] = {}
_screens: dict[str, Screen] = {}


def area(key: str, zh: str, en: str, icon: str, order: int) -> None:
    """Name an area of the menu."""
    _areas[key] = Area(key, L(zh, en), icon, order)


def screen(key: str, label: Label, *, area: str, path: str, **more: object) -> None:
    """Put a page of a module's own into the menu and into find."""
    _screens[key] = Screen(key, label, area, path, **more)


def area_of(key: str) -> Area:
    """Give the area of that key; one that nobody has named bears its key."""
    return _areas.get(key) or Area(key, L(key, key), "folder", 85)


class Sight(NamedTuple):
    """What decides which areas somebody sees; who holds the same grants shares it."""

    grants: tuple[tuple[str, Reach], ...]
    limits: tuple[str, ...] | None
    areas: tuple[str, ...]
    declared: tuple[int, int]


def sight_of(ctx: Context) -> Sight:
    """Give what a person's areas follow from."""
    who = ctx.principal
    return Sight(who.grants, who.limits, who.areas, (registry.epoch, len(_screens)))


def shown_areas(ctx: Context) -> tuple[Shown, ...]:
    """Give the areas a person sees, in order, each with the screens, nouns and queries the person may read.

    Whose roles name no area sees every area that holds something for them.
    """
    return shown_to(sight_of(ctx))


@lru_cache(maxsize=256)
def shown_to(sight: Sight) -> tuple[Shown, ...]:
    """Give the areas that follow from grants and roles."""
    who, wanted = Principal(SYSTEM_ID, "", grants=sight.grants, limits=sight.limits), sight.areas
    entries: dict[str, list[tuple[int, int, Entry]]] = {}
    for one in _screens.values():
        if not one.permission or who.may(one.permission):
            entries.setdefault(one.area, []).append((WORK, one.order, Entry(one.label, one.path, one.icon)))
    for noun in registry.nouns():
        spec = noun.spec
        if who.may(spec.permission("read")):
            found = Entry(spec.plural, f"/{spec.path}", spec.icon, spec.key)
            entries.setdefault(spec.area, []).append((_group_of(spec), DAILY, found))
    for asked in queries.queries():
        if who.may(asked.permission):
            found = Entry(asked.label, f"/queries/{asked.key}", asked.icon)
            group = WORK if asked.order < DAILY else ASKED
            entries.setdefault(asked.area, []).append((group, asked.order, found))
    names = [key for key in entries if not wanted or key in wanted]
    return tuple(
        Shown(area_of(key), _grouped(entries[key]))
        for key in sorted(names, key=lambda key: (wanted.index(key) if wanted else area_of(key).order, key))
    )


def _group_of(spec: NounSpec) -> int:
    if spec.life is not None:
        return WORK
    return SET_UP if "create" in spec.verbs else KEPT


def _grouped(entries: list[tuple[int, int, Entry]]) -> tuple[Group, ...]:
    """Give the entries by group, each by its place; few of them, or of one kind, as one group without a label."""
    ordered = sorted(entries, key=lambda one: one[:2])
    groups = [(n, tuple(e for group, _, e in ordered if group == n)) for n in range(len(GROUPS))]
    filled = [(n, found) for n, found in groups if found]
    if len(ordered) <= FEW or len(filled) == 1:
        return (Group(None, tuple(e for _, _, e in ordered)),)
    first = SET_UP if filled[0][0] != WORK and filled[-1][0] == SET_UP else filled[0][0]
    return tuple(Group(None if n == first else GROUPS[n], found)
                 for n, found in sorted(filled, key=lambda one: one[0] != first))  # fmt: skip


def screens(ctx: Context) -> tuple[Screen, ...]:
    """Give the pages of modules' own that a person may open."""
    return tuple(s for s in _screens.values() if not s.permission or ctx.may(s.permission))


for _row in (
    ("insight", "驾驶舱", "Cockpit", "dashboard", 5),
    ("sales", "销售", "Sales", "shopping-cart", 10),
    ("channels", "渠道", "Channels", "building-store", 15),
    ("planning", "计划", "Planning", "calendar-stats", 20),
    ("production", "生产", "Production", "building-factory-2", 25),
    ("purchasing", "采购", "Purchasing", "truck-delivery", 30),
    ("inventory", "库存", "Inventory", "building-warehouse", 35),
    ("quality", "质量", "Quality", "shield-check", 40),
    ("equipment", "设备", "Equipment", "engine", 45),
    ("engineering", "工程", "Engineering", "ruler-2", 50),
    ("finance", "财务", "Finance", "coins", 55),
    ("people", "人员", "People", "users", 60),
    ("items", "物料", "Items", "packages", 65),
    ("parties", "往来单位", "Parties", "address-book", 70),
    ("masters", "基础资料", "Master data", "database", 72),
    ("company", "公司", "Company", "building", 75),
    ("lowcode", "应用", "Apps", "apps", 80),
    ("integration", "集成", "Integration", "plug-connected", 90),
    ("system", "系统", "System", "settings", 95),
):
    area(*_row)
