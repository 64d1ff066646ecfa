"""Long prints: done by a worker, kept as a file that whoever asked for it can open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from banyan.kernel import files
from banyan.kernel.context import Context
from banyan.kernel.jobs import job
from banyan.lib.labels import L

PRINT = "web.print"


@job(PRINT, L("打印", "Print"))
def print_long(ctx: Context, progress: Callable[[int, int], None], data: dict[str, Any]) -> dict[str, Any]:
    """Print an order; give where the PDF is."""
    from banyan.web.printing.press import Order, print_order

    paper = print_order(ctx, Order.from_data(data), progress)
    kept = files.store(paper.name, [paper.content])
    return {
        "name": paper.name,
        "digest": kept.digest,
        "path": f"/print/jobs/{(ctx.key or '').removeprefix('job:')}.pdf",
    }
