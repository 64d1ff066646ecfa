"""Real brokers, one process each on a free loopback port: RabbitMQ once a session, mosquitto where a test asks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.partners.nodes import RABBITMQ, Broker, free_port, rabbitmq_node, rabbitmq_program


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory, needs: Callable[[object, str], None]) -> Iterator[Broker]:
    """A RabbitMQ node for the tests."""
    needs(rabbitmq_program(), RABBITMQ)
    with rabbitmq_node(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path, needs: Callable[[object, str], None]) -> Iterator[Broker]:
    """A mosquitto that keeps its sessions on disk, so that it can be stopped and started."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    needs(program, "mosquitto (Debian package of that name)")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    port = free_port()
    (folder / "conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        f"autosave_interval 1\nmax_queued_messages 100000\nuser {_me()}\n"
    )
    broker = Broker([program, "-c", str(folder / "conf")], port, folder)
    broker.start()
    yield broker
    broker.stop()


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
