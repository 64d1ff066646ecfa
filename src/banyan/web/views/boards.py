"""The board of any noun with a life: a column per state, a card per record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from banyan.kernel import reading
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import Choice
from banyan.lib.errors import Conflict, NotFound
from banyan.lib.labels import L
from banyan.web import acting, offers
from banyan.web import asked as asking
from banyan.web.answers import page, part
from banyan.web.cells import Wording
from banyan.web.views.lists import UNNUMBERED, common

COLUMN_CARDS = 30


@dataclass(frozen=True)
class Card:
    """A record on the board."""

    id: str
    path: str
    version: int
    title: SafeString
    lines: list[tuple[str, SafeString]]


@dataclass(frozen=True)
class Column:
    """A state with its first cards; `targets` are the states to which its cards may be moved."""

    state: Choice
    count: int
    cards: list[Card]
    more: str
    targets: str


class NoSuchMove(Conflict):
    code = "no_such_move"
    zh = "不能从“{source}”直接变为“{target}”；可以变为：{allowed}"
    en = "“{source}” cannot become “{target}”; it may become {allowed}"


def board_page(request: HttpRequest, noun: Noun, asked: asking.Asked) -> HttpResponse:
    """Give a noun's board. The number of statements depends on its states, not on its cards."""
    ctx, spec = request.ctx, noun.spec
    life = spec.life
    counts = reading.count_by(ctx, noun, _without_state(asked.query, life.field), life.field)
    wording = Wording(ctx.language, acting.zone_of(request), ctx)
    columns = [
        _column(request, noun, asked, state, counts.get(state.key, 0), wording)
        for state in life.states
        if counts.get(state.key) or _leads_on(life, state.key)
    ]
    return page(request, "web/board.html", common(request, noun, asked) | {"board": columns})


def move_choice(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Give the commands that move a card to another column; the page runs the only one, or asks which.

    Raises: NotFound for a state that the noun does not have, NoSuchMove naming where the card can go
    """
    reading.require_read(request.ctx, noun)
    life = noun.spec.life
    source, target, key = (
        request.GET.get("source", ""),
        request.GET.get("target", ""),
        request.GET.get("id", ""),
    )
    if life is None or not {source, target} <= {state.key for state in life.states}:
        raise NotFound
    found = offers.moves(request.ctx, noun, source, target)
    if not found:
        allowed = [life.state(t.target).label for t in life.transitions if t.source == source]
        raise NoSuchMove(
            source=life.state(source).label,
            target=life.state(target).label,
            allowed=list(dict.fromkeys(allowed)) or L("无", "nothing"),
        )
    return part(request, "web/move.html", {"offers": found, "id": key, "noun": noun})


def _column(
    request: HttpRequest, noun: Noun, asked: asking.Asked, state: Choice, count: int, wording: Wording
) -> Column:
    spec, life = noun.spec, noun.spec.life
    cards: list[Card] = []
    if count:
        query = _without_state(asked.query, life.field)
        query = replace(
            query,
            filters=(*query.filters, (life.field, "eq", state.key)),
            limit=COLUMN_CARDS,
            columns=_card_fields(spec),
            cursor="",
            sort=asked.query.sort,
        )
        found = reading.list_records(request.ctx, noun, query)
        cards = [_card(noun, found, row, wording) for row in found.rows]
    targets = [t.target for t in life.transitions if t.source == state.key]
    more = (
        f"/{spec.path}?{asked.with_(layout=None, **{f'{life.field}:in': state.key})}"
        if count > len(cards)
        else ""
    )
    return Column(state, count, cards, more, " ".join(dict.fromkeys(targets)))


def _card(noun: Noun, found: reading.Page, row: dict[str, Any], wording: Wording) -> Card:
    first, *rest = found.fields
    lines = [
        (str(f.label), wording.html(f, row[f.key], found.titles, linked=False))
        for f in rest
        if row[f.key] not in (None, "", False)
    ]
    title = wording.html(first, row[first.key], found.titles, linked=False)
    if row[first.key] in (None, ""):
        title = mark_safe(escape(UNNUMBERED))
    return Card(row["id"], f"/{noun.spec.path}/{row['id']}", row["version"], title, lines)


def _card_fields(spec: Any) -> tuple[str, ...]:
    state = spec.life.field
    keys = dict.fromkeys([*spec.title, *spec.phone, *spec.list])
    return tuple(k for k in keys if k != state and spec.has_field(k))[:5]


def _without_state(query: reading.Query, field: str) -> reading.Query:
    return reading.Query(filters=tuple(f for f in query.filters if f[0] != field), search=query.search)


def _leads_on(life: Any, state: str) -> bool:
    return any(t.source == state for t in life.transitions)
