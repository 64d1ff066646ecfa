"""What the check of a table found, as a page shows it: plain data, so that a job can keep it for later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from banyan.kernel.exchange import Check, Table
from banyan.kernel.spec import to_json
from banyan.lib.labels import L

SHOWN_FAULTS = 100


def kept(table: Table, mapping: Mapping[str, str], found: Check) -> dict[str, Any]:
    """Give what is to be shown of a check as JSON data, its faults in both languages; the first hundred of them."""
    place = {column: n for n, column in enumerate(table.columns)}
    faulty: dict[int, dict[int, list[dict[str, str]]]] = {}
    loose = []
    for fault in found.faults[:SHOWN_FAULTS]:
        if fault.row == 0:
            loose.append(to_json(fault.text))
        else:
            cells = faulty.setdefault(fault.row, {})
            cells.setdefault(place.get(fault.column, -1), []).append(to_json(fault.text))
    used = [n for n, column in enumerate(table.columns) if mapping.get(column)]
    return {
        "table": {"name": table.name, "digest": table.digest},
        "check": {
            "rows": found.rows, "creates": found.creates, "changes": found.changes, "fault_count": found.fault_count,
        },
        "heads": [table.columns[n] for n in used],
        "mapping": [(n, mapping[table.columns[n]]) for n in used],
        "loose": loose,
        "rows": [
            {"number": row, "whole": faults.get(-1, []),
             "cells": [(text_of(found.cells[row], n), faults.get(n, [])) for n in used]}
            for row, faults in sorted(faulty.items())
        ],
        "more": max(0, found.fault_count - SHOWN_FAULTS),
    }  # fmt: skip


def in_words(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was kept of a check with its faults in the language now spoken."""
    rows = [
        row | {"whole": _said(row["whole"]), "cells": [(text, _said(faults)) for text, faults in row["cells"]]}
        for row in found["rows"]
    ]
    return {**found, "loose": _said(found["loose"]), "rows": rows}


def _said(texts: Sequence[Mapping[str, str]]) -> list[str]:
    return [str(L(text["zh"], text["en"])) for text in texts]


def text_of(row: Any, place: int) -> str:
    """Give a cell as a page shows it."""
    value = row[place] if place < len(row) else ""
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return "" if value is None else str(value)[:80]
