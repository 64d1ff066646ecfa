"""Find anything: records, pages, commands; and the choices of a reference while it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse

from banyan.kernel import exchange, finding, reading, registry
from banyan.kernel.context import Context
from banyan.kernel.records import titles
from banyan.lib.labels import L, Label
from banyan.lib.search import matches
from banyan.web import areas, offers
from banyan.web import scopes as _scopes  # noqa: F401  answers a list to pick from
from banyan.web.answers import part

SHOWN = 20
MOST_NAMES = 1_000


@dataclass(frozen=True)
class Hit:
    """Something found: where it leads, and whether it is opened as a dialog."""

    text: str
    hint: Label
    path: str
    icon: str
    is_dialog: bool = False


def find(request: HttpRequest) -> HttpResponse:
    """Give what matches a term: pages and commands first when they match, then records."""
    term = request.GET.get("q", "").strip()[:100]
    places = _places(request.ctx, term)
    records = _records(request.ctx, term) if term else []
    return part(request, "web/find.html", {"term": term, "places": places, "records": records})


def _places(ctx: Context, term: str) -> list[Hit]:
    hits: list[Hit] = []
    for shown in areas.shown_areas(ctx):
        for entry in shown.entries:
            if _fits(entry.label, term) or (term and _fits(shown.area.label, term)):
                hits.append(Hit(str(entry.label), shown.area.label, entry.path, entry.icon))
    if not term:
        return hits[:SHOWN]
    for noun in registry.nouns():
        path = offers.creation(ctx, noun)
        label = L("新建{noun}", "New {noun}").filled({"noun": noun.spec.label})
        if path and (_fits(label, term) or _fits(noun.spec.label, term)):
            hits.append(Hit(str(label), noun.spec.plural, path, "plus"))
        for offer in offers.noun_actions(ctx, noun):
            if _fits(offer.label, term):
                hits.append(
                    Hit(
                        str(offer.label),
                        noun.spec.plural,
                        offer.path,
                        offer.icon,
                        offer.needs_dialog,
                    )
                )
    return hits[:SHOWN]


def _fits(label: Label, term: str) -> bool:
    return not term or matches(label.zh, term) or matches(label.en, term)


def _records(ctx: Context, term: str) -> list[Hit]:
    hits = []
    for found in finding.find(ctx, term, limit=6):
        spec = registry.noun(found["noun"]).spec
        hits.append(
            Hit(
                found["title"] or str(L("未编号", "No number yet")),
                spec.label,
                f"/{spec.path}/{found['id']}",
                spec.icon,
            )
        )
    return hits


def options(request: HttpRequest, key: str) -> JsonResponse:
    """Give records of a noun to choose from: `?q=` what was typed, else the first ones.

    Takes:  only: in the address: a yes-or-no field that they meet; key: a noun, or a list that the port KEY.options
            gives
    Gives:  [{id, title}] in scope of the person, at most 20; of such a list also the `group` that each stands in
    Raises: Invalid for a filter that the noun has not
    """
    term = request.GET.get("q", "")[:100]
    if (listed := registry.port(f"{key}.options", _nothing)(request.ctx, term)) is not None:
        return JsonResponse({"options": listed})
    noun, wanted = registry.noun(key), reading.only(request.GET.get("only"))
    query = reading.Query(wanted, search=term, limit=SHOWN, columns=_naming(noun))
    page = reading.list_records(request.ctx, noun, query)
    named = titles(key, [UUID(row["id"]) for row in page.rows])
    return JsonResponse(
        {
            "options": [
                {"id": row["id"], "title": named.get(UUID(row["id"]), "") or row["id"][:8]}
                for row in page.rows
            ]
        }
    )


def _nothing(ctx: Context, term: str) -> None:
    """Say that there is no such list."""


def resolve(request: HttpRequest, key: str) -> JsonResponse:
    """Give the records that pasted names stand for: code, number or id. Gives: {name: {id, title}}."""
    noun = registry.noun(key)
    names = [n.strip() for n in request.POST.getlist("names")[:MOST_NAMES] if n.strip()]
    reading.require_read(request.ctx, noun)
    found = {name: one for name, one in exchange.resolve(key, names).items() if one}
    seen = reading.list_records(
        request.ctx, noun, reading.Query(ids=tuple(found.values()), limit=reading.MOST, columns=_naming(noun))
    )
    visible = {row["id"] for row in seen.rows}
    named = titles(key, list(found.values()))
    return JsonResponse(
        {
            "found": {
                name: {"id": str(one), "title": named.get(one, "")}
                for name, one in found.items()
                if str(one) in visible
            }
        }
    )


def _naming(noun: Any) -> tuple[str, ...]:
    return noun.spec.title[:1]
