"""The `banyan` command: every subcommand explains itself and refuses kindly."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from banyan.config.cli import main

PROMISED = {
    "up", "story", "verify", "import", "export", "bench", "shell", "user", "openapi", "asyncapi", "migrate", "db",
}  # fmt: skip


def _names() -> list[str]:
    return main.list_commands(None)


def test_all_promised_subcommands_are_there():
    assert set(_names()) >= PROMISED


@pytest.mark.parametrize("name", _names())
def test_each_subcommand_explains_itself(name):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 3


def test_an_unknown_subcommand_is_refused_with_the_way_out():
    result = CliRunner().invoke(main, ["fly"])
    assert result.exit_code == 2
    assert "fly" in result.output


@pytest.mark.parametrize(
    ("name", "text", "way_out"),
    [
        ("DATABASE_URL", "mysql://somewhere/banyan", "postgresql://"),
        ("BANYAN_DEBUG", "perhaps", "write yes or no"),
        ("BANYAN_PORT", "eighty", "BANYAN_PORT"),
    ],
)
def test_a_bad_variable_is_named_with_its_meaning(name, text, way_out):
    reading = "from banyan.config.environ import env; env('BANYAN_PORT'); import banyan.config.settings"
    done = subprocess.run(
        [sys.executable, "-c", reading],
        env=os.environ | {name: text}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert name in done.stderr
    assert way_out in done.stderr
    assert "Traceback" not in done.stderr
