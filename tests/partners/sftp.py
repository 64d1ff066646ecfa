"""An SSH server in this process whose SFTP is OpenSSH's own program, noted, or what it said then, played again."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko

from banyan.connectors.file.places import fingerprint
from tests.partners.talking import Talk, listening, play

PROGRAM = "/usr/lib/openssh/sftp-server"
# That a client hangs up is told by it as an error.
logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL)


class _Anyone(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


@contextmanager
def _server(speak: Callable[[Any], None]) -> Iterator[tuple[int, str]]:
    """Have an SSH server; give its port and its key's fingerprint."""
    key = paramiko.ECDSAKey.generate()

    class Speaking(paramiko.SubsystemHandler):
        def start_subsystem(self, name: str, transport: Any, channel: Any) -> None:
            speak(channel)

    def serve(client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", Speaking)
        with suppress(paramiko.SSHException, EOFError):
            transport.start_server(server=_Anyone())
            transport.join(30)

    with listening(serve) as port:
        yield port, fingerprint(key.asbytes())


@contextmanager
def recorded(folder: Path) -> Iterator[tuple[int, str, Talk]]:
    """Have OpenSSH's own SFTP program serve a folder, and note what both say."""
    talk = Talk()

    def speak(channel: Any) -> None:
        note, gate = talk.begin(), threading.Lock()
        program = subprocess.Popen([PROGRAM, "-d", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def answer() -> None:
            while said := os.read(program.stdout.fileno(), 65536):
                with gate:
                    note("them", said)
                channel.sendall(said)

        back = threading.Thread(target=answer, daemon=True)
        back.start()
        with suppress(OSError):
            while said := channel.recv(65536):
                with gate:
                    note("us", said)
                program.stdin.write(said)
                program.stdin.flush()
        program.stdin.close()
        program.wait(10)
        back.join(10)

    with _server(speak) as (port, key):
        yield port, key, talk


@contextmanager
def played(talk: Talk) -> Iterator[tuple[int, str]]:
    """Have an SFTP that says what OpenSSH's said then; give its port and its key's fingerprint."""
    with _server(lambda channel: play(talk, channel)) as found:
        yield found
