"""Where the designer is reached from: the menu, and the page of a flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.web import areas

areas.screen(
    "integration.design", L("流程设计", "Flow designer"), area="integration", path="/integration/design",
    icon="route-2", permission="integration.flow.read", order=2,
)  # fmt: skip


@answers("integration.flow.pages")
def design_page(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way to the flow's designer."""
    return (("route-2", L("流程设计", "Design"), f"/integration/flow/{record['id']}/design"),)
