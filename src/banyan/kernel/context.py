"""Who acts, through what, and when: the first argument of every command and query."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Literal
from uuid import UUID

from banyan.lib.errors import NotAllowed
from banyan.lib.labels import L

Reach = Literal["own", "team", "plant", "all"]
Through = Literal["screen", "rest", "import", "job", "cli", "story"]
_WIDTH = {"own": 0, "team": 1, "plant": 2, "all": 3}

#: The principal of the system itself: jobs, reactions, the demo story's set-up.
SYSTEM_ID = UUID(int=0)


@dataclass(frozen=True)
class Principal:
    """A person or program with the grants it holds.

    Takes:  grants: (permission or pattern, reach); limits: patterns a token narrows the grants to, None = not narrowed
    """

    id: UUID
    name: str
    grants: tuple[tuple[str, Reach], ...] = ()
    plants: tuple[UUID, ...] = ()
    teams: tuple[UUID, ...] = ()
    language: str = "zh"
    roles: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    home: str = ""
    cards: tuple[str, ...] = ()
    theme: str = "auto"
    login: str = ""
    limits: tuple[str, ...] | None = None
    is_program: bool = False
    employee: UUID | None = None

    def reach(self, permission: str) -> Reach | None:
        """Give how far a permission reaches for this principal, None when it is not granted."""
        known = self.known
        if permission not in known:
            known[permission] = _reach(self.grants, self.limits, permission)
        return known[permission]

    def may(self, permission: str) -> bool:
        return self.reach(permission) is not None

    @cached_property
    def known(self) -> dict[str, Reach | None]:
        """Give what has been asked so far of these grants; all who hold the same share it."""
        return _known(self.grants, self.limits)


@lru_cache(maxsize=1024)
def _known(
    grants: tuple[tuple[str, Reach], ...], limits: tuple[str, ...] | None
) -> dict[str, Reach | None]:
    return {}


def _reach(
    grants: tuple[tuple[str, Reach], ...], limits: tuple[str, ...] | None, permission: str
) -> Reach | None:
    if limits is not None and not any(covers(pattern, permission) for pattern in limits):
        return None
    widest: Reach | None = None
    for pattern, reach in grants:
        if covers(pattern, permission) and (widest is None or _WIDTH[reach] > _WIDTH[widest]):
            widest = reach
    return widest


@lru_cache(maxsize=4096)
def narrowed(patterns: tuple[str, ...], limits: tuple[str, ...]) -> tuple[str, ...]:
    """Give the patterns of exactly what both cover: `*.read` and `sales.*` make `sales.read`."""
    return tuple(dict.fromkeys(m for one in patterns for limit in limits if (m := _meet(one, limit)) is not None))


def _meet(one: str, other: str) -> str | None:
    found: list[str] = []
    a, b = one.split("."), other.split(".")
    for place in range(max(len(a), len(b))):
        if place >= len(a) or place >= len(b):
            return None
        if a[place] == "*" and place == len(a) - 1:
            return ".".join(found + b[place:])
        if b[place] == "*" and place == len(b) - 1:
            return ".".join(found + a[place:])
        if "*" not in (a[place], b[place]) and a[place] != b[place]:
            return None
        found.append(b[place] if a[place] == "*" else a[place])
    return ".".join(found)


def covers(pattern: str, permission: str) -> bool:
    """Say whether a pattern covers a permission: `*` stands for one part, and for all the rest at the end."""
    if pattern == "*" or pattern == permission:
        return True
    if "*" not in pattern:
        return False
    wanted, parts = permission.split("."), pattern.split(".")
    for place, part in enumerate(parts):
        if part == "*" and place == len(parts) - 1:
            return len(wanted) > place
        if place >= len(wanted) or part not in ("*", wanted[place]):
            return False
    return len(wanted) == len(parts)


SYSTEM = Principal(id=SYSTEM_ID, name="系统", grants=(("*", "all"),), login="system")


@dataclass(frozen=True)
class Context:
    """The circumstances of an act. `now` is the server's time, `device_at` the device's; both UTC.

    `told_at` is when what is told only now was done, by a clock set right; None for what is done now.
    `trace` is the `traceparent` that what happens here belongs to (lib.traces), None where nobody traces it.
    """

    principal: Principal
    now: datetime
    through: Through = "screen"
    program: str = "banyan"
    plant: UUID | None = None
    device_at: datetime | None = None
    told_at: datetime | None = None
    key: str | None = None
    language: str = "zh"
    consents: frozenset[str] = field(default_factory=frozenset)
    trace: str | None = None

    @property
    def person(self) -> UUID:
        return self.principal.id

    @property
    def done_at(self) -> datetime:
        """When what is done happened: now, unless it is told afterwards; never later than now."""
        return min(self.told_at or self.now, self.now)

    def may(self, permission: str) -> bool:
        return self.principal.may(permission)

    def require(self, permission: str, label: object = None) -> None:
        """Refuse when the permission is not granted. Raises: NotAllowed naming it."""
        if not self.principal.may(permission):
            raise NotAllowed(
                "not_allowed",
                L("您没有“{what}”的权限，请联系管理员", "You have no right to “{what}”; ask an administrator"),
                {"what": label or permission, "permission": permission},
            )

    def with_(self, **changes: object) -> Context:
        """Give the same context with some circumstances changed."""
        return replace(self, **changes)


