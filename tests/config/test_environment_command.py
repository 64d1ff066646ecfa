"""Which environment this is, is said from the terminal and stays in the audit."""

from __future__ import annotations

import pytest

from banyan.integration import environments
from banyan.kernel.models import Audit


@pytest.fixture(autouse=True)
def place(tmp_path, settings):
    settings.BANYAN_ENVIRONMENT = ""
    settings.BANYAN_ENVIRONMENT_FILE = tmp_path / "environment"
    return settings.BANYAN_ENVIRONMENT_FILE


def audited():
    lines = Audit.objects.filter(command="integration.system.bind_environment").order_by("seq")
    return list(lines.values_list("outcome", "through", "input__environment", "input__reason"))


def test_saying_which_environment_it_is_is_a_command_and_asking_is_none(banyan, place):
    done = banyan("environment", "production", "--reason", "搬到新服务器")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("production (database: production; data folder: production;")
    assert (place.read_text(), environments.stored().kept) == ("production\n", "production")
    assert banyan("environment").output == done.output
    assert audited() == [("done", "cli", "production", "搬到新服务器")]
    assert banyan("environment", "test").exit_code == 0
    outcome, through, word, reason = audited()[-1]
    assert (outcome, through, word) == ("done", "cli", "test")
    assert reason, "whoever gives none is named"


def test_what_the_variable_says_is_not_talked_over_and_that_stays_in_the_audit(banyan, place, settings):
    settings.BANYAN_ENVIRONMENT = "test"
    done = banyan("environment", "production", "--reason", "试试")
    assert done.exit_code == 1
    assert "BANYAN_ENVIRONMENT" in done.output
    assert not place.exists()
    assert audited() == [("refused", "cli", "production", "试试")]
