"""Pages about a mapping table that are no noun's: its bench."""

from __future__ import annotations

from typing import Any

from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L


@answers("mapping.table.pages")
def pages(ctx: Context, record: Any) -> tuple[Any, ...]:
    """Give the way to the table's bench."""
    return (("test-pipe", L("映射台", "Mapping bench"), f"/integration/mapping/{record['id']}/bench"),)
