"""A port in use is passed over, and said."""

from __future__ import annotations

import socket

import click
import pytest

from banyan.config.cli import up


@pytest.fixture
def taken() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_next_free_port_is_taken_and_said(taken, capsys):
    port = up._free_port("127.0.0.1", taken)
    assert taken < port < taken + up.PORTS_TRIED
    assert f"Port {taken} is in use" in capsys.readouterr().out


def test_where_no_port_is_free_the_way_out_is_said(taken, monkeypatch):
    monkeypatch.setattr(up, "PORTS_TRIED", 1)
    with pytest.raises(click.ClickException, match="BANYAN_PORT"):
        up._free_port("127.0.0.1", taken)
