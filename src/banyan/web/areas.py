"""The areas of the menu: what is grouped there, under which name, in which order.

A noun joins an area by its spec; a screen of a module's own by `screen`. A role names the areas it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from banyan.kernel import queries, registry
from banyan.kernel.context import SYSTEM_ID, Context, Principal, Reach
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
class Shown:
    """An area as one person sees it."""

    area: Area
    entries: tuple[Entry, ...]

    @property
    def path(self) -> str:
        return f"/areas/{self.area.key}"


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
    entries: dict[str, list[tuple[int, Entry]]] = {}
    for one in _screens.values():
        if not one.permission or who.may(one.permission):
            entries.setdefault(one.area, []).append((one.order, Entry(one.label, one.path, one.icon)))
    for noun in registry.nouns():
        spec = noun.spec
        if who.may(spec.permission("read")):
            found = Entry(spec.plural, f"/{spec.path}", spec.icon, spec.key)
            entries.setdefault(spec.area, []).append((20, found))
    for asked in queries.queries():
        if who.may(asked.permission):
            found = Entry(asked.label, f"/queries/{asked.key}", asked.icon)
            entries.setdefault(asked.area, []).append((asked.order, found))
    names = [key for key in entries if not wanted or key in wanted]
    return tuple(
        Shown(area_of(key), tuple(e for _, e in sorted(entries[key], key=lambda pair: pair[0])))
        for key in sorted(names, key=lambda key: (wanted.index(key) if wanted else area_of(key).order, key))
    )


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
