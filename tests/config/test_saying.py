"""What a test says is seen at the end of a passed run, also where a worker ran it."""

from __future__ import annotations

import os
import subprocess
import sys

from banyan.config.environ import CHECKOUT

TEST = """
from tests.plugins.saying import say

def test_both_sides():
    print("hidden")
    say("ours: 3 made, sum 6", "partner: 3 held, sum 6")
"""


def test_what_a_passed_test_said_on_a_worker_is_shown_once(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "1", "-p", "tests.plugins.saying", "test_it.py"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    seen = done.stdout.splitlines()
    place = next(n for n, line in enumerate(seen) if "what was found" in line)
    assert seen[place + 1 : place + 4] == [
        "test_it.py::test_both_sides", "  ours: 3 made, sum 6", "  partner: 3 held, sum 6"]  # fmt: skip
    assert "hidden" not in done.stdout
