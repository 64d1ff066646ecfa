"""Folders that the database's user can enter, also when the tests run as root."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give an empty folder with a short path; pytest's own may be closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
