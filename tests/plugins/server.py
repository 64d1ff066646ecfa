"""A real web process before a test's own database, to be talked to over a connection, killed and started again."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from banyan.kernel import access
from banyan.kernel.models import AccessToken, User

SECRET = "only-for-tests-0123456789-0123456789-0123456789"


def free_port() -> int:
    """Give a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def robot_token() -> str:
    """Make an account that may do everything; give its token."""
    user = User.objects.create(login="robot", name="Robot", is_superuser=True)
    token = access.new_token()
    AccessToken.objects.create(user=user, name="robot", digest=access.token_digest(token), scopes=["*"])
    return token


class Server:
    """A web process on loopback; its group is its own, so that all of it can be killed."""

    def __init__(self, url: str, folder: Path, *, workers: int = 1, threads: int = 8) -> None:
        self.port, self.workers, self.threads = free_port(), workers, threads
        self.surroundings = os.environ | {
            "DATABASE_URL": url,
            "BANYAN_DB_ROLE": "app",
            "DJANGO_SETTINGS_MODULE": "banyan.config.settings",
            "BANYAN_SECRET_KEY": SECRET,
            "BANYAN_RATE_PER_MINUTE": "10000000",
            "BANYAN_DATA": str(folder),
        }
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it serves. Raises: TimeoutError after three minutes."""
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
                "--port", str(self.port), "--workers", str(self.workers), "--blocking-threads", str(self.threads),
                "--log-level", "error",
                "banyan.config.wsgi:application",
            ],
            env=self.surroundings,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 180
        while time.monotonic() < end:
            with suppress(OSError, http.client.HTTPException):
                link = self.connect(2)
                link.request("GET", "/healthz")
                if link.getresponse().status == 200:
                    return
            time.sleep(0.1)
        raise TimeoutError("the server did not come up")

    def kill(self) -> None:
        """Kill it and all its processes, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def connect(self, seconds: float = 30) -> http.client.HTTPConnection:
        """Give a connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)


@pytest.fixture
def server(live_db, tmp_path: Path) -> Iterator[Server]:
    """Give a real web process that serves the test's own live database."""
    made = Server(live_db.url("banyan_app"), tmp_path)
    made.start()
    yield made
    made.kill()
