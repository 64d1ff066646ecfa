"""Commands of the terminal, run on the test's own connection."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from banyan.config.cli import _django, main


@pytest.fixture
def banyan(db, monkeypatch):
    """Give a function that runs `banyan …` and gives its result."""

    @contextmanager
    def running(role: str = "app", *, needs_tables: bool = True):
        with _django.refusals_told():
            yield

    def run(*arguments: str):
        command = main.get_command(None, arguments[0])
        for each in (command, *getattr(command, "commands", {}).values()):
            function = each.callback
            monkeypatch.setitem(function.__globals__, "running", running)
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run
