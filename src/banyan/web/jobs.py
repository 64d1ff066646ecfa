"""Long work that pages start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from banyan.kernel import exchange, files, registry
from banyan.kernel.context import Context
from banyan.kernel.jobs import job
from banyan.lib.labels import L

IMPORT = "web.import"


@job(IMPORT, L("导入", "Import"))
def import_table(ctx: Context, progress: Callable[[int, int], None], data: dict[str, Any]) -> dict[str, Any]:
    """Import a kept table, in one transaction; give where its records are."""
    table = exchange.read_table(data["name"], files.content(data["digest"]).read_bytes())
    noun = registry.noun(data["noun"])
    batch = exchange.run(ctx, noun, table, data["mapping"], progress=progress)
    return {"made": len(batch.made), "changed": len(batch.changed), "path": f"/{noun.spec.path}/import"}
