"""What the commands of the terminal end with, and what they say, where something is asked that cannot be done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from banyan.config.cli.bench import FOLDER, OWN_SERVER
from banyan.config.environ import CHECKOUT
from banyan.kernel.models import JobRun, Role
from tests.plugins.levels import later

SLICE = CHECKOUT / "src" / "banyan" / "demo" / "adventureworks"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["story", "--factory", "nowhere"], 2, "There is no factory nowhere; choose one of adventureworks, demo"),
        (["story", "demo"], 2, "unexpected extra argument"),
        (["import", "nowhere"], 2, "nowhere is neither a folder nor one of adventureworks"),
        (["import", "{folder}"], 2, "does not hold the files of adventureworks"),
        (["import", "items.item", "{folder}/none.csv"], 2, "none.csv' does not exist"),
        (["import", "items.item"], 2, "items.item is a noun: name the FILE that is to be imported"),
        (["import", "{folder}", "--report", "{folder}/none/account.json"], 2, "there is no folder"),
        (["export", "items.item", "--to", "/dev/null/below"], 1, "/dev/null/below cannot be written"),
        (["openapi", "--language", "fr"], 2, "'fr' is not one of 'zh', 'en'"),
        (["openapi", "-o", "{folder}/none/api.json"], 1, "Could not open file"),
        (["shell", "-c"], 2, "requires an argument"),
        (["bench", "nothing"], 2, "nothing: choose one of bus, floor, planning"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_way_out(banyan, monkeypatch, tmp_path, words, code, said):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    done = banyan(*(word.format(folder=tmp_path) for word in words))
    assert done.exit_code == code, done.output
    assert said in re.sub(r"\s+", " ", done.output)
    assert "Traceback" not in done.output


def test_a_story_is_told_in_an_empty_database_only(banyan, world, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert world.plant
    done = banyan("story")
    assert done.exit_code == 1
    assert "故事只能在空库上讲" in done.output
    assert not JobRun.objects.exists()


def test_a_story_whose_records_are_missing_writes_nothing_and_says_where_it_looked(banyan, monkeypatch, tmp_path):
    monkeypatch.setattr("banyan.demo.cycles.RECORDS", tmp_path)
    done = banyan("story", "--factory", "adventureworks")
    assert done.exit_code == 1
    assert str(tmp_path) in done.output
    assert "BANYAN_ADVENTUREWORKS" in done.output
    assert not JobRun.objects.exists()


def test_an_earlier_systems_records_come_in_with_an_account(banyan, tmp_path):
    done = banyan("import", SLICE, "--report", tmp_path / "account.json")
    assert done.exit_code == 0, done.output
    account = json.loads((tmp_path / "account.json").read_text("utf-8"))
    assert account["system"] == "adventureworks"
    assert account["is_reconciled"] is True
    assert sum(step["made"] for step in account["steps"]) > 100


def test_a_row_that_is_not_accounted_for_is_told_by_the_exit_code(banyan, tmp_path):
    for file in SLICE.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "CreditCard.csv").write_text("CreditCardID,CardType\n1,Vista\n2,Vista\n")
    done = banyan("import", tmp_path, "--report", tmp_path / "account.json")
    assert done.exit_code == 1, done.output
    assert "CreditCard" in done.output
    account = json.loads((tmp_path / "account.json").read_text("utf-8"))
    assert account["is_reconciled"] is False
    assert {one["name"]: one["open"] for one in account["sources"] if one["open"]} == {"CreditCard": [1, 2]}


@pytest.mark.parametrize("language", ["zh", later("en")])
def test_the_interface_is_described_on_the_terminal_and_in_a_file(banyan, tmp_path, language):
    shown = banyan("openapi", "--language", language)
    assert shown.exit_code == 0, shown.output
    assert banyan("openapi", "--language", language, "-o", tmp_path / "api.json").exit_code == 0
    written = json.loads((tmp_path / "api.json").read_text("utf-8"))
    assert json.loads(shown.stdout) == written
    assert written["openapi"].startswith("3.1")
    assert len(written["paths"]) > 100


def test_a_python_text_sees_the_database_and_its_fault_is_a_fault(banyan):
    Role.objects.create(code="dyer", name_zh="染色工", name_en="Dyer")
    text = "from banyan.kernel.models import Role; print(Role.objects.get(code='dyer').name_zh)"
    done = banyan("shell", "-c", text)
    assert (done.exit_code, done.output) == (0, "染色工\n")
    assert banyan("shell", "-c", "1 / 0").exit_code == 1


def test_a_python_text_is_read_from_a_pipe_and_run_as_the_applications_role(live_db, tmp_path: Path):
    text = "from banyan.kernel import db\nprint(db.one('SELECT current_user')[0])\nraise SystemExit(7)\n"
    done = subprocess.run(
        [sys.executable, "-m", "banyan.config.cli", "shell"], input=text, capture_output=True, text=True, check=False,
        env=os.environ | {"DATABASE_URL": live_db.url("banyan_app"), "BANYAN_DATA": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (7, "banyan_app\n"), done.stderr


def test_what_can_be_measured_is_listed(banyan):
    done = banyan("bench")
    assert done.exit_code == 0
    names = done.output.split()
    assert names == sorted(file.stem for file in FOLDER.glob("[!_]*.py"))
    assert set(names) >= OWN_SERVER
