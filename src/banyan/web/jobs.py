"""Long work that pages start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from banyan.kernel import exchange, files, registry
from banyan.kernel.context import Context
from banyan.kernel.jobs import job
from banyan.lib.labels import L

IMPORT, UNDO = "web.import", "web.import_undo"


@job(IMPORT, L("导入", "Import"))
def import_table(ctx: Context, progress: Callable[[int, int], None], data: dict[str, Any]) -> dict[str, Any]:
    """Import a kept table, in one transaction; give where its records are."""
    table = exchange.read_table(data["name"], files.content(data["digest"]))
    noun = registry.noun(data["noun"])
    batch = exchange.run(ctx, noun, table, data["mapping"], progress=progress)
    return {"made": batch.made, "changed": batch.changed, "path": f"/{noun.spec.path}/import"}


@job(UNDO, L("撤销导入", "Take an import back"))
def undo_import(ctx: Context, progress: Callable[[int, int], None], data: dict[str, Any]) -> dict[str, Any]:
    """Take an import back, in one transaction; give where the imports are."""
    batch = exchange.undo(ctx, UUID(data["batch"]), progress=progress)
    return {"path": f"/{registry.noun(batch.noun).spec.path}/import"}
