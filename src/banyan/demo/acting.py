"""Who tells a story and who acts in it: people run commands, each in their role, while a clock goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from banyan.kernel import access, exchange, registry
from banyan.kernel.commands import Outcome, execute
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label, plain


class Teller(Protocol):
    """Told what happens: a chapter begins, a fact with its figures."""

    def chapter(self, title: Label) -> None: ...
    def fact(self, text: Label) -> None: ...


class Silent:
    """Tells nobody."""

    def chapter(self, title: Label) -> None:
        """Do nothing."""

    def fact(self, text: Label) -> None:
        """Do nothing."""


class Terminal:
    """Tells the story on the terminal, chapter by chapter, with the seconds gone by and how many there are.

    Takes:  chapters: how many titles there are; one that comes again keeps its number
    """

    def __init__(self, chapters: int) -> None:
        self.began, self.chapters = time.perf_counter(), chapters
        self.numbers: dict[Label, int] = {}

    def chapter(self, title: Label) -> None:
        """Print a chapter's number, of how many, and its title."""
        again = L("（再来一轮）", " (once more)") if title in self.numbers else ""
        number = self.numbers.setdefault(title, len(self.numbers) + 1)
        gone = time.perf_counter() - self.began
        print(f"[{gone:6.1f} s] {number}/{self.chapters}. {title}{again}", flush=True)

    def fact(self, text: Label) -> None:
        """Print a fact."""
        print(f"             {text}", flush=True)


class Cast:
    """The people of a factory, each with the rights of their role, and the clock they live by."""

    def __init__(self, people: Mapping[str, UUID], *, begins: datetime, teller: Teller | None = None) -> None:
        self.teller, self.now = teller or Silent(), begins
        self.actors = {role: access.principal_of(user) for role, user in people.items()}

    def ctx(self, role: str, **more: Any) -> Context:
        """Give the circumstances of a role's person, some minutes later than before."""
        self.now += timedelta(minutes=3)
        return Context(self.actors[role], now=self.now, through="story", program="story", **more)

    def sleep(self, days: int) -> None:
        """Let days pass, to eight in the morning, plant time."""
        self.now = (self.now + timedelta(days=days)).replace(hour=0, minute=0)

    def do(self, role: str, command: str, ids: Iterable[UUID] = (), **data: Any) -> Outcome:
        """Run a command as a role's person."""
        return execute(self.ctx(role), registry.command(command), ids=tuple(ids), data=data or None)

    def refused(self, role: str, command: str, ids: Iterable[UUID]) -> DomainError:
        """Try what must be refused; give the refusal. Raises: AssertionError when it is not."""
        try:
            self.do(role, command, ids)
        except DomainError as refusal:
            return refusal
        raise AssertionError(f"{command} was not refused")

    def chapter(self, zh: str, en: str) -> None:
        """Begin a chapter."""
        self.teller.chapter(L(zh, en))

    def fact(self, zh: str, en: str, **figures: Any) -> None:
        """Tell a fact; its figures fill the slots of both texts."""
        self.teller.fact(L(zh, en).filled({name: shown(value) for name, value in figures.items()}))


def shown(value: Any) -> Any:
    """Give a figure as people read it: amounts to the cent, counts and quantities in groups of three."""
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value.as_tuple().exponent == -2 else f"{Decimal(plain(value)):,}"
    return f"{value:,}" if isinstance(value, int) else value


def key_of(noun_key: str, code: str) -> UUID:
    """Give the key of a record by its code. Raises: LookupError where there is none."""
    found = exchange.resolve(noun_key, [code])[code]
    if found is None:
        raise LookupError(f"there is no {noun_key} {code}")
    return found


def half(quantity: Decimal, places: int) -> Decimal:
    """Give half of a quantity, rounded down to units of its places; one unit where that is nothing."""
    step = Decimal(1).scaleb(-places)
    found = (quantity / 2 // step) * step
    return found if found > 0 else min(quantity, step)
