"""Long work that pages start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from banyan.kernel import exchange, files, registry
from banyan.kernel.context import Context
from banyan.kernel.jobs import Progress, job
from banyan.kernel.spec import to_json
from banyan.lib.labels import L
from banyan.web import checked

CHECK, IMPORT, UNDO = "web.import_check", "web.import", "web.import_undo"
READY = L("可以导入", "Ready to import")


@job(CHECK, L("检查导入", "Check an import"))
def check_table(ctx: Context, progress: Progress, data: dict[str, Any]) -> dict[str, Any]:
    """Check a kept table, writing nothing; give what was found, and where it is shown.

    No rehearsal: it would hold what the import writes for as long as the import itself, which checks again
    """
    table = exchange.read_table(data["name"], files.content(data["digest"]))
    noun = registry.noun(data["noun"])
    found = exchange.check(ctx, noun, table, data["mapping"], is_rehearsed=False, progress=progress)
    said = L("有 {n} 处要改", "{n} faults to mend").filled({"n": found.fault_count}) if found.fault_count else READY
    return {
        "found": checked.kept(table, data["mapping"], found), "said": to_json(said),
        "path": f"/{noun.spec.path}/import/checked/{progress.key}",
    }  # fmt: skip


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
