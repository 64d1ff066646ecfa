"""What surrounds every page: areas, company and plant, inbox, language, me; looked up when shown."""

from __future__ import annotations

from functools import cached_property
from uuid import UUID

from django.http import HttpRequest

from banyan.kernel import registry
from banyan.kernel.models import InboxItem
from banyan.lib.labels import spoken_language
from banyan.web import acting, areas

PHONE_AREAS = 3


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

    @cached_property
    def company(self) -> str:
        """Give the company's name, the product's own where there is none yet."""
        if not registry.has_noun("company.company"):
            return "Banyan"
        model = registry.noun("company.company").model
        return model._base_manager.order_by("code").values_list("name", flat=True).first() or "Banyan"

    @cached_property
    def plants(self) -> list[tuple[UUID, str, str]]:
        return acting.plants_of(self.ctx.principal)

    @property
    def plant_name(self) -> str:
        return next((name for key, name, _ in self.plants if key == self.ctx.plant), "")

    @cached_property
    def inbox_count(self) -> int:
        return InboxItem.objects.filter(person_id=self.ctx.person, done_at=None)[:100].count()
