"""Which commands a page offers to a person: by permission, and by the state of the record."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel import registry
from banyan.kernel.commands import Command
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.lib.labels import Label

_FORMS = ("create", "change")


@dataclass(frozen=True)
class Offer:
    """A command as a button: `needs_dialog` is false where one press does it."""

    command: Command
    path: str
    needs_dialog: bool

    # a template would call the command itself, so it gets these
    @property
    def label(self) -> Label:
        return self.command.label

    @property
    def icon(self) -> str:
        return self.command.icon or "bolt"

    @property
    def tone(self) -> str:
        return self.command.tone

    @property
    def help(self) -> Label | None:
        return self.command.help

    @property
    def confirm(self) -> Label | None:
        return self.command.confirm


@dataclass(frozen=True)
class RecordOffers:
    """What may be done with a record now: the next step, the rest, editing and deleting."""

    next: Offer | None
    others: tuple[Offer, ...]
    delete: Offer | None
    may_change: bool

    @property
    def beside(self) -> tuple[Offer, ...]:
        """Give those shown as buttons; the rest stand in a menu."""
        return tuple(o for o in self.others if o.tone != "red")[:2]

    @property
    def in_menu(self) -> tuple[Offer, ...]:
        shown = self.beside
        return tuple(o for o in self.others if o not in shown)


def offer(noun: Noun, command: Command) -> Offer:
    """Give a command as an offer."""
    return Offer(
        command,
        f"/{noun.spec.path}/do/{command.name}",
        command.input is not None or command.confirm is not None,
    )


def of_record(ctx: Context, noun: Noun, state: str | None) -> RecordOffers:
    """Give what a person may do with a record in a state."""
    found = [
        offer(noun, c)
        for c in registry.commands_of(noun.spec.key)
        if c.on == "records" and c.screen and c.name not in (*_FORMS, "delete") and _is_open(ctx, c, state)
    ]
    steps = _steps(noun, state)
    first = next((o for o in found if o.command.is_primary), None)
    first = first or next((o for o in found if o.command.name in steps and o.tone not in ("red", "orange")), None)
    delete = _one(noun, "delete")
    change = _one(noun, "change")
    return RecordOffers(
        next=first,
        others=tuple(o for o in found if o is not first),
        delete=offer(noun, delete) if delete and _is_open(ctx, delete, state) else None,
        may_change=bool(change and _is_open(ctx, change, state)),
    )


def bulk(ctx: Context, noun: Noun) -> tuple[Offer, ...]:
    """Give the commands that may be run on several selected records."""
    return tuple(
        offer(noun, c)
        for c in registry.commands_of(noun.spec.key)
        if c.on == "records" and c.screen and c.name not in _FORMS and ctx.may(c.permission)
    )


def noun_actions(ctx: Context, noun: Noun) -> tuple[Offer, ...]:
    """Give the commands that act on no record, beside create."""
    return tuple(
        offer(noun, c)
        for c in registry.commands_of(noun.spec.key)
        if c.on == "noun" and c.screen and c.name not in _FORMS and ctx.may(c.permission)
    )


def creation(ctx: Context, noun: Noun) -> str:
    """Give the address where a new record is made, empty when the person may not make one."""
    command = _one(noun, "create")
    if command is None or not command.screen or not ctx.may(command.permission):
        return ""
    return f"/{noun.spec.path}/new"


def moves(ctx: Context, noun: Noun, source: str, target: str) -> tuple[Offer, ...]:
    """Give the commands that lead from one state to another."""
    life = noun.spec.life
    names = [t.command for t in life.transitions if t.source == source and t.target == target] if life else []
    found = (_one(noun, name) for name in dict.fromkeys(names))
    return tuple(offer(noun, c) for c in found if c and c.screen and ctx.may(c.permission))


def _one(noun: Noun, name: str) -> Command | None:
    key = noun.spec.permission(name)
    return registry.command(key) if registry.has_command(key) else None


def _is_open(ctx: Context, command: Command, state: str | None) -> bool:
    sources = command.sources()
    return ctx.may(command.permission) and (state is None or sources is None or state in sources)


def _steps(noun: Noun, state: str | None) -> tuple[str, ...]:
    life = noun.spec.life
    return tuple(t.command for t in life.transitions if t.source == state) if life else ()
