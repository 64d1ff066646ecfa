"""Home: what a person sees first, in the order that the person's roles say; and the pages of an area."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import Count, F, Q, Value
from django.http import HttpRequest, HttpResponse

from banyan.kernel import access, figures, queries, registry
from banyan.kernel.context import Context
from banyan.kernel.models import InboxItem
from banyan.kernel.nouns import Noun
from banyan.kernel.queries import Column, DeclaredQuery
from banyan.kernel.spec import NUMBERS, Choice, NounSpec
from banyan.lib.errors import NotFound
from banyan.lib.labels import L
from banyan.web import acting, areas, offers, records
from banyan.web.answers import page, part
from banyan.web.cells import Wording, compact
from banyan.web.views.queries import path_of_row, text_of

QUICK = 6
CARD_ROWS = 6
#: What somebody sees whose roles name no cards.
CARDS = ("tasks", "new", "areas", "inbox")
#: Parts of the page that are neither figures nor queries.
PARTS = ("tasks", "inbox", "new", "areas")


@dataclass(frozen=True)
class Waiting:
    """Records of one state that somebody should move on: how many, how many of them late."""

    state: Choice
    count: int
    late: int
    path: str
    late_path: str


@dataclass(frozen=True)
class Task:
    """A noun with what waits in it for this person."""

    spec: NounSpec
    waiting: tuple[Waiting, ...]

    @property
    def count(self) -> int:
        return sum(w.count for w in self.waiting)

    @property
    def late(self) -> int:
        return sum(w.late for w in self.waiting)


@dataclass(frozen=True)
class Block:
    """A part of the home page: figures side by side, a query's first rows, or one of the fixed parts."""

    kind: str
    figures: tuple[figures.Figure, ...] = ()
    query: DeclaredQuery | None = None

    @property
    def keys(self) -> str:
        return ",".join(one.key for one in self.figures)


def home(request: HttpRequest) -> HttpResponse:
    """Give the first page: the cards of the person's roles; what takes longer is asked for by the page itself."""
    ctx = request.ctx
    zone = acting.zone_of(request)
    shown = areas.shown_areas(ctx)
    blocks = tuple(blocks_of(ctx))
    facts: dict[str, Any] = {
        "blocks": blocks,
        "areas": shown,
        "today": Wording(ctx.language, zone).day(ctx.now.astimezone(zone).date()),
        "begin": _begin(ctx),
    }
    kinds = {block.kind for block in blocks}
    if "inbox" in kinds:
        items = InboxItem.objects.filter(person_id=ctx.person, done_at=None).order_by("-created_at")[:6]
        facts["items"] = inbox_lines(ctx, items, Wording(ctx.language, zone, ctx))
    if "new" in kinds:
        facts["quick"] = _quick(ctx, {entry.noun for one in shown for entry in one.entries})
    return page(request, "web/home.html", facts)


def blocks_of(ctx: Context) -> Iterator[Block]:
    """Give the parts of a person's home page; what the person may not see, or nobody declares, is left out."""
    for is_figure, group in groupby(ctx.principal.cards or CARDS, key=lambda key: key in figures.figures()):
        if is_figure:
            found = [figures.figures()[key] for key in group]
            seen = tuple(one for one in found if figures.may_measure(ctx, one))
            if seen:
                yield Block("figures", figures=seen)
            continue
        for key in group:
            asked = next((q for q in queries.queries() if q.key == key), None)
            if asked and ctx.may(asked.permission):
                yield Block("query", query=asked)
            elif key in PARTS:
                yield Block(key)


def _quick(ctx: Context, keys: set[str]) -> list[tuple[NounSpec, str]]:
    found = [
        (n.spec, offers.creation(ctx, n)) for n in registry.nouns() if n.spec.key in keys and n.spec.numbering
    ]
    return [(spec, path) for spec, path in found if path][:QUICK]


@dataclass(frozen=True)
class Tile:
    """A figure with what it comes to."""

    figure: figures.Figure
    text: str
    whole: str
    path: str
    tone: str
    note: str


def figure_cards(request: HttpRequest) -> HttpResponse:
    """Give figures with what they come to: `?keys=sales.late,inventory.value`."""
    ctx, zone = request.ctx, acting.zone_of(request)
    keys = [key for key in request.GET.get("keys", "").split(",") if key in figures.figures()]
    wording = Wording(ctx.language, zone, ctx)
    found = figures.measure(ctx, keys, figures.Days(ctx.now.astimezone(zone).date(), zone))
    tiles = [_tile(figures.figures()[key], measure, wording) for key, measure in found.items()]
    return part(request, "web/figures.html", {"tiles": tiles})


def _tile(one: figures.Figure, measure: figures.Measure, wording: Wording) -> Tile:
    whole = text_of(Column(one.key, one.label, measure.type), measure.value, wording)
    short = compact(measure.value, wording.language) if measure.type in NUMBERS else whole
    tone = one.tone if measure.value else "green" if one.tone in ("red", "orange") else "grey"
    return Tile(one, short, whole, measure.path, tone, str(measure.note or ""))


@dataclass(frozen=True)
class CardRow:
    """A row of a query on a card: its title, the rest in few words, where it leads, what to do with it."""

    title: str
    details: tuple[tuple[str, str], ...]
    path: str
    offer: offers.Offer | None


def query_card(request: HttpRequest, key: str) -> HttpResponse:
    """Give the first rows of a query, each with its next step."""
    ctx, asked = request.ctx, queries.declared_query(key)
    wording = Wording(ctx.language, acting.zone_of(request), ctx)
    rows = queries.ask(ctx, asked, {})
    columns = {c.key: c for c in asked.columns}
    shown = [columns[k] for k in asked.card] or list(asked.columns[:4])
    cards = [_card_row(ctx, shown, row, wording) for row in rows[:CARD_ROWS]]
    return part(request, "web/query_card.html", {"asked": asked, "rows": cards, "count": len(rows)})


def _card_row(ctx: Context, shown: list[Column], row: Mapping[str, Any], wording: Wording) -> CardRow:
    title, *rest = [(str(c.label), text_of(c, row.get(c.key), wording)) for c in shown]
    kind, key = row.get("_noun"), row.get("_id")
    taking = offers.taking_now(ctx, registry.noun(kind), {"id": str(key)}) if kind and key else ()
    details = tuple(pair for pair in rest if pair[1])
    return CardRow(title[1], details, path_of_row(row, wording), next(iter(taking), None))


def todo(request: HttpRequest) -> HttpResponse:
    """Give what waits for this person: per noun the states from which the person may go on."""
    ctx = request.ctx
    today = ctx.now.astimezone(acting.zone_of(request)).date()
    return part(request, "web/todo.html", {"tasks": tasks(ctx, today)})


def area(request: HttpRequest, key: str) -> HttpResponse:
    """Give the pages of an area. Raises: NotFound for one the person has nothing in."""
    found = next((a for a in areas.shown_areas(request.ctx) if a.area.key == key), None)
    if found is None:
        raise NotFound("area_unknown", L("没有这一栏", "There is no such area"))
    helps = {n.spec.key: n.spec.help for n in registry.nouns()}
    groups = [(group.label, [(e, helps.get(e.noun)) for e in group.entries]) for group in found.groups]
    return page(request, "web/area.html", {"found": found, "groups": groups})


def tasks(ctx: Context, today: date) -> tuple[Task, ...]:
    """Give the open records a person may move on, by noun and state, in the order of the menu."""
    wanted = [(noun, states) for noun in registry.nouns() if (states := _actionable(ctx, noun))]
    if not wanted:
        return ()
    first, *rest = [_counted(ctx, noun, states, today) for noun, states in wanted]
    rows = first.union(*rest, all=True) if rest else first
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for key, state, count, late in rows:
        found.setdefault(key, {})[state] = (count, late)
    order = {a.area.key: place for place, a in enumerate(areas.shown_areas(ctx))}
    made = [
        Task(n.spec, tuple(_waiting(n.spec, found[n.spec.key], today)))
        for n, _ in wanted
        if n.spec.key in found
    ]
    return tuple(sorted((t for t in made if t.spec.area in order), key=lambda t: order[t.spec.area]))


def _actionable(ctx: Context, noun: Noun) -> list[str]:
    """Give the states from which a person may go on by a command of the life that is not only cancelling."""
    life = noun.spec.life
    if life is None or not ctx.may(noun.spec.permission("read")):
        return []
    found = []
    for step in life.transitions:
        key = noun.spec.permission(step.command)
        if registry.has_command(key):
            command = registry.command(key)
            onward = records.is_open(noun.spec, step.target) or life.state(step.target).tone == "green"
            if command.screen and command.tone != "red" and onward and ctx.may(command.permission):
                found.append(step.source)
    return list(dict.fromkeys(found))


def _counted(ctx: Context, noun: Noun, states: list[str], today: date) -> Any:
    spec = noun.spec
    rows = noun.model._base_manager.filter(**{f"{spec.life.field}__in": states})
    limits = access.scope(ctx, noun, spec.permission("read"))
    if limits is not None:
        rows = rows.filter(limits)
    due = records.due_field(spec)
    late = Count("pk", filter=Q(**{f"{due.column}__lt": today})) if due else Count("pk", filter=Q(pk__in=()))
    return (
        rows.order_by()
        .values(noun_key=Value(spec.key), was=F(spec.life.field))
        .annotate(n=Count("pk"), late=late)
        .values_list("noun_key", "was", "n", "late")
    )


def _waiting(spec: NounSpec, found: dict[str, tuple[int, int]], today: date) -> Iterator[Waiting]:
    due = records.due_field(spec)
    for state in spec.life.states:
        if state.key in found:
            count, late = found[state.key]
            path = f"/{spec.path}?{spec.life.field}:in={state.key}"
            yield Waiting(state, count, late, path, f"{path}&{due.key}:lt={today}" if due else path)


def _begin(ctx: Context) -> areas.Entry | None:
    """Give the page that the person's role begins with."""
    path = ctx.principal.home.strip("/")
    if not path:
        return None
    for shown in areas.shown_areas(ctx):
        for entry in shown.entries:
            if entry.path.strip("/") == path:
                return entry
    return None


@dataclass(frozen=True)
class InboxLine:
    """An item of the inbox as a page shows it."""

    id: str
    text: str
    when: str
    path: str
    icon: str
    is_done: bool


_ICONS = {"mention": "at", "approval": "checkbox", "task": "subtask", "alarm": "alert-triangle"}


def inbox_lines(ctx: Context, items: Any, wording: Wording) -> list[InboxLine]:
    """Give inbox items with their words and the page of the record each concerns."""
    return [
        InboxLine(
            str(i.pk),
            i.text_zh if ctx.language == "zh" else i.text_en,
            wording.instant(i.created_at),
            (wording.path_of(i.noun, i.record) or "") if i.record else "",
            _ICONS.get(i.kind, "bell"),
            i.done_at is not None,
        )
        for i in items
    ]
