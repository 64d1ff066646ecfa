"""Which commands a page offers to a person: by permission, and by the state of the record.

A record also offers commands of other nouns that take it as input, such as the report on a work order or the
invoice
of an order: those whose required input refers to its noun, or to its lines, and those that say so by
`offered_on`.
What only their creation ties to it, such as an order to its customer, stands in the menu under "new".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from banyan.kernel import registry
from banyan.kernel.commands import Command, OfferedOn
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import NounSpec
from banyan.lib.labels import Label
from banyan.web import controls

_FORMS = ("create", "change")


@dataclass(frozen=True)
class Offer:
    """A command as a button: `needs_dialog` is false where one press does it.

    `asks` is what its dialog is asked with, where that is not the record it acts on.
    """

    command: Command
    path: str
    needs_dialog: bool
    asks: str = ""

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
    def is_at_hand(self) -> bool:
        return self.command.is_at_hand

    @property
    def help(self) -> Label | None:
        return self.command.help

    @property
    def confirm(self) -> Label | None:
        return self.command.confirm


@dataclass(frozen=True)
class RecordOffers:
    """What may be done with a record now: the next step, the rest, editing and deleting; what may be made
    from it."""

    next: Offer | None
    others: tuple[Offer, ...]
    delete: Offer | None
    may_change: bool
    new: tuple[tuple[NounSpec, str], ...] = ()

    @property
    def beside(self) -> tuple[Offer, ...]:
        """Give those shown as buttons, first those that are always at hand; the rest stand in a menu."""
        shown = sorted((o for o in self.others if o.tone != "red"), key=lambda o: not o.is_at_hand)
        return tuple(shown[:2])

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


def of_record(
    ctx: Context, noun: Noun, state: str | None, record: Mapping[str, Any] | None = None
) -> RecordOffers:
    """Give what a person may do with a record in a state.

    Takes:  record: as `reading` gives it; without it only the noun's own commands are offered
    """
    own = [
        offer(noun, c)
        for c in registry.commands_of(noun.spec.key)
        if c.on == "records" and c.screen and c.name not in (*_FORMS, "delete") and _is_open(ctx, c, state)
    ]
    others = list(_taking(ctx, noun, state, record)) if record else []
    due = [offered for offered in others if _is_due(ctx, noun, record or {}, offered)]
    found = [*own, *others]
    first = _first(own, due, _steps(noun, state))
    delete = _one(noun, "delete")
    change = _one(noun, "change")
    return RecordOffers(
        next=first,
        others=tuple(o for o in found if o is not first),
        delete=offer(noun, delete) if delete and _is_open(ctx, delete, state) else None,
        may_change=bool(change and _is_open(ctx, change, state)),
        new=tuple(_new(ctx, noun, record["id"])) if record else (),
    )


def _first(own: list[Offer], due: list[Offer], steps: tuple[str, ...]) -> Offer | None:
    """Give the next step: what the noun itself calls so, else what is due elsewhere, else a step of its
    life."""
    primary = [*(o for o in own if o.command.is_primary), *due]
    onward = [o for o in own if o.command.name in steps and o.tone not in ("red", "orange")]
    return next(iter((*primary, *onward)), None)


# --- commands of other nouns --------------------------------------------------------------------------------

Taking = tuple[Command, OfferedOn, bool]
_kept: dict[int, dict[str, tuple[Taking, ...]]] = {}


def taking(noun_key: str) -> tuple[Taking, ...]:
    """Give the commands that take a record of a noun as input, kept for the present epoch of the registry.

    Gives:  each with where it is offered, and whether the input takes the record itself (not one of its
            lines)
    """
    if registry.epoch not in _kept:
        _kept.clear()
        found: dict[str, list[Taking]] = {}
        for command in registry.commands():
            if command.on == "noun" and command.screen and command.name not in _FORMS:
                for on, is_whole in _offered_on(command):
                    found.setdefault(on.noun, []).append((command, on, is_whole))
        _kept[registry.epoch] = {key: tuple(pairs) for key, pairs in found.items()}
    return _kept[registry.epoch].get(noun_key, ())


def _offered_on(command: Command) -> Iterator[tuple[OfferedOn, bool]]:
    """Give where a command says that it is offered; else the nouns that its required input refers to."""
    model = command.input_model()
    refers = {c.key: c.reference for c in controls.of_model(model) if c.reference} if model else {}
    if command.offered_on is not None:
        for on in command.offered_on:
            yield on, bool(on.value) or refers.get(on.field) == on.noun
        return
    for control in controls.of_model(model) if model else ():
        if control.required and control.reference and registry.has_noun(control.reference):
            yield OfferedOn(control.reference, control.key), True


def _taking(
    ctx: Context, noun: Noun, state: str | None, record: Mapping[str, Any], *, in_any_state: bool = False
) -> Iterator[Offer]:
    """Give the offers of other nouns' commands on a record."""
    for command, on, is_whole in taking(noun.spec.key):
        if not ctx.may(command.permission) or not registry.has_noun(command.noun):
            continue
        value = record.get(on.value) if on.value else record["id"]
        if not value or (on.states and state not in on.states and not in_any_state):
            continue
        if on.where and record.get(on.where[0]) not in on.where[1]:
            continue
        told = {"_on": f"{noun.spec.key}:{record['id']}", "_from": "record"}
        asks = urlencode(told | ({on.field: value} if is_whole else {}))
        path = f"/{registry.noun(command.noun).spec.path}/do/{command.name}"
        yield Offer(command, path, True, asks)


def _is_due(ctx: Context, noun: Noun, record: Mapping[str, Any], offered: Offer) -> bool:
    """Say whether a command of another noun is the next step: it says itself where it is offered, and may be so now.

    A module says whether by the port `COMMAND.is_due` (ctx, noun key, id); without it what is offered is due.
    """
    command = offered.command
    if command.offered_on is None or not command.is_primary:
        return False
    ask = registry.port(f"{command.key}.is_due", lambda _ctx, _noun, _key: True)
    return ask(ctx, noun.spec.key, UUID(record["id"]))


def taking_now(ctx: Context, noun: Noun, record: Mapping[str, Any]) -> tuple[Offer, ...]:
    """Give the primary commands of other nouns that a row offers, without asking whether they are due."""
    found = _taking(ctx, noun, None, record, in_any_state=True)
    return tuple(o for o in found if o.command.is_primary and o.command.offered_on is not None)


def _new(ctx: Context, noun: Noun, key: str) -> Iterator[tuple[NounSpec, str]]:
    """Give the nouns whose records are about a record of this one, with the form to make one that names it.

    A noun is about another that it requires and bears in its title, as an order does its customer.
    """
    for other in registry.nouns():
        spec = other.spec
        fields = [spec.field(k) for k in spec.title if spec.has_field(k)]
        owners = (f for f in fields if f.reference == noun.spec.key and f.required and not f.readonly)
        about = next(owners, None)
        path = creation(ctx, other) if about else ""
        if path:
            yield spec, f"{path}?{about.key}={key}"


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
