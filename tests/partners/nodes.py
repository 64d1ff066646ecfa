"""Servers of others, each on a free loopback port in a folder of its own: for tests and measurements."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from banyan.ops import processes

RABBITMQ = "RabbitMQ (Debian package rabbitmq-server)"


def free_port() -> int:
    """Give a port that nobody listened on a moment ago."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def wait_for(sign: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is true. Raises: TimeoutError."""
    limit = time.monotonic() + seconds
    while not sign():
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Tell whether somebody listens on a loopback port."""
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Broker:
    """A broker's process, which may be killed and started again on the same data."""

    program: list[str]
    port: int
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    ready: str = ""
    patience: float = 30.0
    settle: float = 0.0
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it serves."""
        log = self.folder / "log"
        before = log.read_text(errors="replace").count(self.ready) if self.ready and log.exists() else 0
        with log.open("ab") as to:
            self.process = subprocess.Popen(
                self.program, env={**os.environ, **self.environment}, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=to, stderr=to, start_new_session=True,
            )  # fmt: skip

        def serves() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.program[0]} ended: {log.read_text(errors='replace')[-800:]}")
            said = not self.ready or log.read_text(errors="replace").count(self.ready) > before
            return said and answers(self.port)

        wait_for(serves, self.patience, self.program[0])
        if before:
            time.sleep(self.settle)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it is gone."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, sign)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.stop(signal.SIGKILL)


def rabbitmq_program() -> str | None:
    """Give the program that starts RabbitMQ, None where it is not installed."""
    # Debian's wrapper wants its own user; the script behind it does not.
    script = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return str(script) if script.exists() else shutil.which("rabbitmq-server", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def rabbitmq_node(folder: Path) -> Iterator[Broker]:
    """Have a RabbitMQ node of one's own running: name, cookie, data and ports are nobody else's."""
    port, between, mapper = free_port(), free_port(), free_port()
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    broker = Broker(
        [rabbitmq_program() or "rabbitmq-server"],
        port,
        folder,
        {
            "RABBITMQ_NODENAME": f"banyan{port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_DIST_PORT": str(between),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "HOME": str(folder),
        },
        ready="Starting broker... completed",
        patience=90,
        # Its issue 10070: a command that meets a quorum queue before its election leaves it without a leader.
        settle=2.0,
    )
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        # The name server of Erlang's nodes outlives the node; ours is the one on our port.
        for pid, start in list(processes.with_mark(f"ERL_EPMD_PORT={mapper}")):
            if processes.program(pid) == "epmd":
                processes.end(pid, start, (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
