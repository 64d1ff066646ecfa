"""What fixtures make stands under the tests that want it, instead of being made for each.

    @pytest.fixture
    @stands
    def order(shop): ...

It is made once for all tests of a file that want it, in a transaction that is taken back when one does not, or the file
ends; a test's own transaction becomes a savepoint upon it, and the test gets a copy of the objects. Tests of a file
that want the same run one after another.

Such a fixture takes others of its kind, and `ctx`, `db`; it makes nothing but rows and objects that can be copied, and
nothing whose time must be the test's own. Under `live_db` or `app_role`, and where it is asked for in the midst of a
test, it is made for this test as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import wraps
from itertools import islice, takewhile
from typing import Any

import pytest
from django.db import connection, transaction

Make = Callable[..., Any]
_OWN_WAY = {"live_db", "app_role"}


@dataclass(frozen=True)
class Level:
    """What one fixture has made upon those before it: the savepoint it lies in, and all objects so far."""

    make: Make
    savepoint: transaction.Atomic
    made: dict[Make, Any]


def stands(make: Make) -> Make:
    """Let what a fixture's function makes stand for all tests of a file that want it."""

    @wraps(make)
    def fixture(**taken: Any) -> Any:
        return standing.given[fixture] if fixture in standing.given else make(**taken)

    fixture.stands = True  # type: ignore[attr-defined]
    return fixture


def wanted(item: pytest.Item) -> dict[Make, tuple[str, ...]]:
    """Give the functions of such fixtures that a test wants, each after those it takes, with what it takes."""
    known, found = item._fixtureinfo.name2fixturedefs, {}  # type: ignore[attr-defined]

    def find(name: str) -> None:
        fixture = known[name][-1] if name in known else None
        if getattr(fixture and fixture.func, "stands", False) and fixture.func not in found:
            for taken in fixture.argnames:
                find(taken)
            found[fixture.func] = fixture.argnames

    if not _OWN_WAY.intersection(item.fixturenames):
        for name in sorted(item.fixturenames):
            find(name)
    return found


class Standing:
    """What stands in this worker's database, lowest first, and what of it the test that runs is given."""

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.given: dict[Make, Any] = {}
        self.unblocked: Callable[[], AbstractContextManager[None]] = nullcontext

    def prepare(self, item: pytest.Item) -> None:
        """Have stand what a test wants, and nothing else."""
        known, makes = item._fixtureinfo.name2fixturedefs, wanted(item)  # type: ignore[attr-defined]
        is_whole = connection.connection is not None and not connection.connection.closed
        pairs = zip(self.levels if is_whole else (), makes, strict=False)
        same = len(list(takewhile(lambda pair: pair[0].make is pair[1], pairs)))
        self.clear(same)
        try:
            for make, names in islice(makes.items(), same, None):
                plain = {name: None if name == "db" else known[name][-1].func for name in names}
                self._raise_level(make, plain)
        except BaseException:
            self.clear()
            raise
        self.given = self._copied()

    def _raise_level(self, make: Make, takes: dict[str, Make | None]) -> None:
        made, savepoint = self._copied(), transaction.atomic()
        savepoint._from_testcase = True
        savepoint.__enter__()
        self.levels.append(Level(make, savepoint, made))
        made[make] = make(**{name: made[of] if of in made else of and of() for name, of in takes.items()})
        connection.check_constraints()

    def clear(self, left: int = 0) -> None:
        """Take back what stands, but for so many levels."""
        self.given = {}
        with self.unblocked():
            while len(self.levels) > left:
                level = self.levels.pop()
                transaction.set_rollback(True)
                level.savepoint.__exit__(None, None, None)

    def _copied(self) -> dict[Make, Any]:
        return deepcopy(self.levels[-1].made) if self.levels else {}


standing = Standing()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Take back what stands when a file ends."""
    done = yield
    if nextitem is None or nextitem.path != item.path:
        standing.clear()
    return done


@pytest.fixture
def _standing(request, own_files, django_db_setup, django_db_blocker) -> Iterator[None]:
    standing.unblocked = django_db_blocker.unblock
    with standing.unblocked():
        standing.prepare(request.node)
    yield
    standing.given = {}


@pytest.fixture
def _django_db_helper(_standing, _django_db_helper) -> None:
    """Let a test's own transaction begin upon what stands."""
