"""A measured test waits until no other runs, and none begins before it has had its turn."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from tests.plugins.alone import turn

SECONDS = 5


class Other(Thread):
    """Another worker: it takes its turn, says so, and stays until it is let go."""

    def __init__(self, folder: Path, *, is_alone: bool) -> None:
        super().__init__(daemon=True)
        self.folder, self.is_alone = folder, is_alone
        self.inside, self.leave = Event(), Event()
        self.start()

    def run(self) -> None:
        """Be in the room."""
        with turn(self.folder, is_alone=self.is_alone):
            self.inside.set()
            self.leave.wait(SECONDS)

    def end(self) -> None:
        """Leave the room."""
        self.leave.set()
        self.join(SECONDS)


def test_a_measured_test_is_alone_and_is_not_passed_by(tmp_path):
    first, second = Other(tmp_path, is_alone=False), Other(tmp_path, is_alone=False)
    assert first.inside.wait(SECONDS)
    assert second.inside.wait(SECONDS)
    measured = Other(tmp_path, is_alone=True)
    assert not measured.inside.wait(0.1)
    late = Other(tmp_path, is_alone=False)
    first.end()
    assert not measured.inside.wait(0.1)
    assert not late.inside.is_set()
    second.end()
    assert measured.inside.wait(SECONDS)
    assert not late.inside.wait(0.1)
    measured.end()
    assert late.inside.wait(SECONDS)
    late.end()
