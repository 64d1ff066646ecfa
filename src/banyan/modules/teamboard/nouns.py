"""Where the team board stands in the menu; it keeps no records of its own."""

from __future__ import annotations

from banyan.lib.labels import L
from banyan.modules.teamboard import errors  # noqa: F401  its words
from banyan.modules.teamboard.queries import READ
from banyan.web import areas

areas.screen(
    "teamboard", L("班组看板", "Team board"), area="production", path="/teamboard", icon="layout-board-split",
    permission=READ, order=2,
)  # fmt: skip
