"""The floors and the order of modules hold (pyproject.toml, [tool.importlinter]); no file needs one that needs it."""

from __future__ import annotations

import graphlib
import subprocess
import sys
from pathlib import Path

import grimp

from banyan.config.environ import CHECKOUT


def test_nothing_imports_upward():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_needs_one_that_needs_it():
    """Imports within functions count: a circle that is put off is still a circle."""
    graph = grimp.build_graph("banyan", exclude_type_checking_imports=True, cache_dir=None)
    needs = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    graphlib.TopologicalSorter(needs).prepare()
