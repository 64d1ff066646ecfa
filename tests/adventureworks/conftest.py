"""Where the records of AdventureWorks lie: a slice in the repository, the whole set beside the checkout."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from banyan.config.environ import CHECKOUT
from banyan.ops.migration import engine, mapping
from banyan.ops.migration.report import Report

SLICE = CHECKOUT / "src" / "banyan" / "demo" / "adventureworks"
WHOLE = Path(os.environ.get("BANYAN_ADVENTUREWORKS", CHECKOUT.parent / "shared" / "data" / "adventureworks"))


def cells(folder: Path, name: str) -> list[dict[str, str]]:
    """Give the rows of a file, read without the engine."""
    with open(folder / f"{name}.csv", encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def bring_in(ctx, db) -> Callable[[Path], Report]:
    """Run the mapping over a folder."""

    def run(folder: Path) -> Report:
        return engine.migrate(ctx, mapping.load("adventureworks"), folder)

    return run


@pytest.fixture
def slice_folder(tmp_path: Path) -> Path:
    """Give a copy of the slice that a test may change."""
    for file in SLICE.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.fixture
def whole_folder(needs) -> Path:
    """Give the folder of the whole set."""
    is_there = mapping.load("adventureworks").fits(WHOLE)
    needs(is_there, "the records of AdventureWorks; set BANYAN_ADVENTUREWORKS to their folder")
    return WHOLE
