"""The supervisor keeps its programs running and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from banyan.ops import processes
from banyan.ops.supervisor import MARK, AlreadyRunning, Failed, Program, Supervisor, shorten_log

SLEEPER = (sys.executable, "-c", "import time; time.sleep(120)")
# A program with a child of its own that ignores the polite signal, as a web server's worker may.
FAMILY = (
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen([sys.executable, '-c', 'import signal, time;"
    " signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)'])\n"
    "time.sleep(120)\n",
)
HOST = """
import sys
from pathlib import Path
from banyan.ops.supervisor import Program, Supervisor
with Supervisor(Path(sys.argv[1]), cluster=None, say=print) as supervisor:
    supervisor.start(Program("family", {family!r}))
    supervisor.watch()
"""


@pytest.fixture
def said() -> list[str]:
    """Collect what a supervisor says."""
    return []


@pytest.fixture(autouse=True)
def _signals_as_before():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def _until(holds: Callable[[], object], seconds: float = 10.0) -> object:
    limit = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)
    return found


def _children(folder: Path) -> list[dict]:
    try:
        return json.loads((folder / "processes.json").read_text())["children"]
    except (OSError, ValueError):
        return []


def _family_of(child: dict) -> list[tuple[int, int]]:
    return list(processes.with_mark(f"{MARK}={child['mark']}"))


def test_a_killed_program_is_started_again(tmp_path, said):
    with Supervisor(tmp_path, cluster=None, say=said.append) as supervisor:
        supervisor.start(Program("sleeper", SLEEPER))
        (first,) = _children(tmp_path)
        os.kill(first["pid"], signal.SIGKILL)

        def is_new() -> bool:
            supervisor.tick()
            return [child["pid"] for child in _children(tmp_path)] not in ([], [first["pid"]])

        _until(is_new)
        (second,) = _children(tmp_path)
        assert processes.is_same(second["pid"], second["start"])
    assert "sleeper has ended (signal SIGKILL)" in said[0]
    assert not processes.is_same(second["pid"], second["start"])


def test_the_children_of_a_killed_program_end_before_it_is_started_again(tmp_path, said):
    with Supervisor(tmp_path, cluster=None, say=said.append) as supervisor:
        supervisor.start(Program("family", FAMILY))
        (first,) = _children(tmp_path)
        _until(lambda: len(_family_of(first)) == 2)
        left = [process for process in _family_of(first) if process[0] != first["pid"]]
        os.kill(first["pid"], signal.SIGKILL)
        _until(lambda: supervisor.tick() or said)
        assert not any(processes.is_same(*process) for process in left)
        (second,) = _until(lambda: supervisor.tick() or _children(tmp_path))
    assert _family_of(second) == []


def test_a_second_supervisor_is_refused_and_told_the_address(tmp_path, said):
    with Supervisor(tmp_path, cluster=None, say=said.append) as supervisor:
        supervisor.tell(address="http://127.0.0.1:8020/")
        with pytest.raises(AlreadyRunning, match="8020"), Supervisor(tmp_path, cluster=None, say=said.append):
            pass


def test_what_a_killed_supervisor_left_is_cleared_by_the_next(tmp_path, said):
    host = subprocess.Popen([sys.executable, "-c", HOST.format(family=FAMILY), str(tmp_path)])
    (child,) = _until(lambda: _children(tmp_path))
    _until(lambda: len(_family_of(child)) == 2)
    host.kill()
    host.wait()
    assert len(_family_of(child)) == 2  # both ignore the signal that tells them of their supervisor's death
    begun = time.monotonic()
    with Supervisor(tmp_path, cluster=None, say=said.append):
        assert _family_of(child) == []
    assert time.monotonic() - begun < 15
    assert said == ["What an earlier, killed start had left is cleared away"]


def test_a_program_dies_with_its_supervisor(tmp_path):
    host = subprocess.Popen([sys.executable, "-c", HOST.format(family=SLEEPER), str(tmp_path)])
    (child,) = _until(lambda: _children(tmp_path))
    host.kill()
    host.wait()
    _until(lambda: not processes.is_same(child["pid"], child["start"]))


def test_a_recorded_number_that_another_process_has_now_is_spared(tmp_path, said):
    bystander = subprocess.Popen(SLEEPER)
    try:
        record = {"children": [{"name": "web", "pid": bystander.pid, "start": 1, "mark": "none"}]}
        (tmp_path / "processes.json").write_text(json.dumps(record))
        with Supervisor(tmp_path, cluster=None, say=said.append):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_program_that_cannot_start_is_tried_ever_more_seldom(tmp_path, said):
    with Supervisor(tmp_path, cluster=None, say=said.append) as supervisor:
        supervisor.start(Program("broken", (sys.executable, "-c", "raise SystemExit(3)")))
        limit = time.monotonic() + 3
        while time.monotonic() < limit:
            supervisor.tick()
            time.sleep(0.02)
    assert 2 <= len(said) <= 4
    assert "exit code 3" in said[0]


def test_a_program_before_the_others_must_end_well(tmp_path, said):
    with Supervisor(tmp_path, cluster=None, say=said.append) as supervisor:
        supervisor.run(Program("good", (sys.executable, "-c", "pass")))
        with pytest.raises(Failed) as failure:
            supervisor.run(Program("bad", (sys.executable, "-c", "raise SystemExit(2)")))
    assert failure.value.is_stopped is False


def test_a_long_log_is_cut_while_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("banyan.ops.supervisor.LOG_LIMIT", 10)
    log = tmp_path / "web.log"
    with open(log, "ab", buffering=0) as writer:
        writer.write(b"twelve bytes")
        shorten_log(log)
        writer.write(b"more")
    assert log.read_bytes() == b"more"
    assert (tmp_path / "web.log.1").read_bytes() == b"twelve bytes"
