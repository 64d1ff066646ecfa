"""What surrounds every page: areas, company and plant, inbox, language, me; looked up when shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from banyan.kernel import db, registry
from banyan.kernel.context import Context
from banyan.kernel.models import InboxItem
from banyan.lib.labels import Label, spoken_language
from banyan.web import acting, areas

PHONE_AREAS = 3
INBOX_MOST = 100


@dataclass(frozen=True, slots=True)
class Mark:
    """What the top of every page says of the installation.

    Takes:  tone: colour; text: two or three words; help: what follows from it; is_told: it stands on the page itself,
            not only in the menu of the person
    """

    tone: str
    text: Label
    help: Label
    is_told: bool = True


#: What the mark is made of: an expression of SQL asked with the shell's own statement, and its reading.
_mark: list[tuple[str, Callable[[Any], Mark]]] = []


def marks(question: str) -> Callable[[Callable[[Any], Mark]], Callable[[Any], Mark]]:
    """Let a function say what marks the installation, given the value of a question in SQL."""

    def kept(function: Callable[[Any], Mark]) -> Callable[[Any], Mark]:
        _mark[:] = [(question, function)]
        return function

    return kept


class Shell:
    """The shell of one request. A fragment never looks at it, so it costs a fragment nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.ctx = getattr(request, "ctx", None)

    @property
    def language(self) -> str:
        return spoken_language()

    @property
    def html_language(self) -> str:
        return "zh-Hans" if spoken_language() == "zh" else "en"

    @property
    def theme(self) -> str:
        """Give light, dark or auto."""
        if self.ctx:
            return self.ctx.principal.theme or "auto"
        kept = self.request.COOKIES.get(acting.THEME_COOKIE, "auto")
        return kept if kept in ("light", "dark") else "auto"

    @cached_property
    def areas(self) -> tuple[areas.Shown, ...]:
        return areas.shown_areas(self.ctx)

    @property
    def phone_areas(self) -> tuple[areas.Shown, ...]:
        """Give the areas of the bottom bar; the rest are behind its menu button."""
        return self.areas[:PHONE_AREAS]

    @cached_property
    def here(self) -> str:
        """Give the key of the area that the present page belongs to, empty for none."""
        parts = self.request.path.strip("/").split("/")
        if parts[0] == "areas" and len(parts) > 1:
            return parts[1]
        path = self.request.path
        best, key = 0, ""
        for shown in self.areas:
            for entry in shown.entries:
                if len(entry.path) > best and (path == entry.path or path.startswith(entry.path + "/")):
                    best, key = len(entry.path), shown.area.key
        return key

    @property
    def side_menu(self) -> SafeString:
        """Give the areas beside the page, that of the present page open."""
        return _menu("side", self.ctx, self.here)

    @property
    def sheet_menu(self) -> SafeString:
        """Give everything, as a phone shows it."""
        return _menu("sheet", self.ctx)

    @cached_property
    def _looked_up(self) -> tuple[str | None, list[list[str]], int, Any]:
        return db.one(*_question(self.ctx.principal.plants, self.ctx.person))

    @property
    def company(self) -> str:
        """Give the company's name, the product's own where there is none yet."""
        return self._looked_up[0] or "Banyan"

    @cached_property
    def plants(self) -> list[tuple[UUID, str, str]]:
        """Give the plants the person may act in, as (id, name, zone) by code."""
        return [(UUID(key), name, zone) for key, name, zone in self._looked_up[1]]

    @property
    def plant_name(self) -> str:
        return next((name for key, name, _ in self.plants if key == self.ctx.plant), "")

    @property
    def inbox_count(self) -> int:
        return self._looked_up[2]

    @cached_property
    def mark(self) -> Mark | None:
        """Give what the installation is to be known by, None where nobody says."""
        return _mark[0][1](self._looked_up[3]) if _mark else None


def _question(plants: tuple[UUID, ...], person: UUID) -> tuple[str, dict[str, object]]:
    """Give the one statement for the company, the plants one may act in, and what waits in the inbox."""
    company = plant = "NULL"
    if registry.has_noun("company.company"):
        company = f'SELECT name FROM "{_table("company.company")}" ORDER BY code LIMIT 1'
    if registry.has_noun("company.plant"):
        plant = f"""SELECT array_agg(ARRAY[id::text, name, zone] ORDER BY code)
                    FROM "{_table("company.plant")}"
                    WHERE cardinality(%(plants)s::uuid[]) = 0 OR id = ANY(%(plants)s::uuid[])"""
    inbox = f"""SELECT 1 FROM "{InboxItem._meta.db_table}"
                WHERE person_id = %(person)s AND done_at IS NULL LIMIT {INBOX_MOST}"""
    plant, inbox = f"coalesce(({plant}), '{{}}'::text[])", f"(SELECT count(*) FROM ({inbox}) waiting)"
    mark = _mark[0][0] if _mark else "NULL"
    return f"SELECT ({company}), {plant}, {inbox}, {mark}", {"plants": list(plants), "person": person}


def _table(noun: str) -> str:
    return registry.noun(noun).model._meta.db_table


def _menu(form: str, ctx: Context, here: str = "") -> SafeString:
    if settings.DEBUG:
        _rendered.cache_clear()
    return _rendered(form, areas.sight_of(ctx), spoken_language(), here)


@lru_cache(maxsize=512)
def _rendered(form: str, sight: areas.Sight, language: str, here: str) -> SafeString:
    return render_to_string(f"web/menu_{form}.html", {"areas": areas.shown_to(sight), "here": here})
