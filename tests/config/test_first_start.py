"""What a start does before it serves: migrate, and load the demo factory once and whole."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from banyan.config import database
from banyan.config.cli import up
from banyan.config.environ import database_user
from banyan.ops.cluster import Cluster
from banyan.ops.supervisor import Failed, Program


class Rehearsal:
    """Stands for the supervisor: notes what is run, and answers as `prepare` and `story` would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ran: list[str] = []
        self.has_company = False
        self.is_unfinished = False

    def run(self, program: Program) -> None:
        self.ran.append(program.name)
        if program.name == "story":
            self.has_company = True
        else:
            state = {"has_company": self.has_company, "is_unfinished": self.is_unfinished, "logins": []}
            (self.folder / "state.json").write_text(json.dumps(state))


@pytest.fixture
def cluster(monkeypatch) -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="banyan-first-"))
    folder.chmod(0o755)
    made = Cluster(folder / "postgres", user=database_user(), is_losable=True)
    monkeypatch.setattr(database, "embedded", lambda: made)
    monkeypatch.setattr(database, "is_embedded", lambda: True)
    monkeypatch.setattr(up, "data_folder", lambda: folder)
    monkeypatch.setattr(up, "audit_head", lambda: folder / "audit-head.json")
    monkeypatch.setattr(up, "has_part", lambda name: True)
    with made.borrow():
        yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rehearsal(cluster, tmp_path) -> Rehearsal:
    return Rehearsal(tmp_path)


def test_an_empty_database_gets_the_demo_factory_once(rehearsal):
    up._prepare(rehearsal, empty=False)
    assert rehearsal.ran == ["prepare", "story", "prepare"]
    rehearsal.ran.clear()
    assert up._prepare(rehearsal, empty=False)["has_company"] is True
    assert rehearsal.ran == []


@pytest.mark.slow
def test_an_empty_database_stays_empty_when_asked(rehearsal):
    up._prepare(rehearsal, empty=True)
    assert rehearsal.ran == ["prepare"]


@pytest.mark.slow
def test_changed_code_is_prepared_for_again(rehearsal, monkeypatch, tmp_path):
    up._prepare(rehearsal, empty=False)
    (tmp_path / "banyan").mkdir()
    (tmp_path / "banyan" / "new.py").touch()
    monkeypatch.setattr(up, "SOURCES", tmp_path)
    rehearsal.ran.clear()
    up._prepare(rehearsal, empty=False)
    assert rehearsal.ran == ["prepare"]


def test_a_load_that_was_broken_off_is_thrown_away_and_starts_anew(rehearsal, cluster, monkeypatch):
    cluster.sql("CREATE TABLE half_loaded (n int)", database="banyan")
    up.audit_head().touch()
    rehearsal.is_unfinished = rehearsal.has_company = True
    remake = cluster.remake_database

    def remade(name: str) -> None:
        remake(name)
        rehearsal.is_unfinished = rehearsal.has_company = False

    monkeypatch.setattr(cluster, "remake_database", remade)
    up._prepare(rehearsal, empty=False)
    assert rehearsal.ran == ["prepare", "prepare", "story", "prepare"]
    assert not up.audit_head().exists()
    assert cluster.sql("SELECT to_regclass('half_loaded') IS NULL", database="banyan").strip() == "t"


def test_a_load_that_is_broken_off_is_looked_into_at_the_next_start(rehearsal):
    up._prepare(rehearsal, empty=True)
    run = rehearsal.run

    def breaks_off(program: Program) -> None:
        run(program)
        if program.name == "story":
            raise Failed("story", True)

    rehearsal.run = breaks_off
    with pytest.raises(Failed):
        up._prepare(rehearsal, empty=False)
    rehearsal.ran.clear()
    rehearsal.run = run
    up._prepare(rehearsal, empty=True)
    assert rehearsal.ran == ["prepare"]


@pytest.mark.slow
def test_another_database_in_its_place_is_prepared_again(rehearsal, cluster):
    up._prepare(rehearsal, empty=False)
    cluster.remake_database("banyan")
    rehearsal.ran.clear()
    up._prepare(rehearsal, empty=False)
    assert rehearsal.ran == ["prepare"]
