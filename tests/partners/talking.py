"""Conversations with partners, byte for byte: recorded beside the real one, played again without it.

A talk is kept as `payloads/talk.json` of a connector's folder, a second one as `NAME-talk.json`: the partner and its
version, the day, what the connector's clock said, what came of the story, and each connection as turns of "us" and
"them" (text, or base64).
"""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.partners.shops import CONNECTORS

#: A name that a client makes anew for each connection, and which comes back in what the partner says.
OWN_NAME = re.compile(rb"ctag\d+\.[0-9a-f]{32}")
#: How long we may be silent in the middle of a turn before it is taken for whole: other versions use other words.
PAUSE = 0.4
#: How much shorter what we say may be: a process's number, a version.
SLACK = 8
PATIENCE = 10.0
Turns = list[tuple[str, bytes]]


@dataclass
class Where:
    """Where a story leads to, and what its connector's clock says."""

    port: int
    now: datetime
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Talk:
    """Connections in the order they were opened."""

    connections: list[Turns] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: list[threading.Event] = field(default_factory=list)

    def begin(self) -> Callable[[str, bytes], None]:
        """Begin a connection; give what notes a turn of it."""
        turns: Turns = []
        self.connections.append(turns)

        def note(who: str, said: bytes) -> None:
            if turns and turns[-1][0] == who:
                turns[-1] = (who, turns[-1][1] + said)
            else:
                turns.append((who, said))

        return note

    def is_over(self) -> bool:
        """Say, once every connection of the talk has been opened, whether each was played to its end."""
        opened = list(self.ended)
        return len(opened) == len(self.connections) and all(one.wait(PATIENCE) for one in opened)


@contextmanager
def recorded(port: int) -> Iterator[tuple[int, Talk]]:
    """Stand between a connector and its partner, and note what both say."""
    talk, gate = Talk(), threading.Lock()

    def serve(ours: socket.socket) -> None:
        theirs = socket.create_connection(("127.0.0.1", port), PATIENCE)
        note = talk.begin()
        back = threading.Thread(target=pump, args=("them", theirs, ours, note), daemon=True)
        back.start()
        pump("us", ours, theirs, note)
        back.join(PATIENCE)

    def pump(who: str, source: socket.socket, target: socket.socket, note: Callable[[str, bytes], None]) -> None:
        with suppress(OSError):
            while said := source.recv(65536):
                with gate:
                    note(who, said)
                target.sendall(said)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    with listening(serve) as there:
        yield there, talk


@contextmanager
def played(talk: Talk) -> Iterator[int]:
    """Answer as the partner did: each connection as it was, turn by turn."""

    with listening(lambda ours: play(talk, ours)) as there:
        yield there


def play(talk: Talk, ours: Any) -> None:
    """Play the next connection of a talk to a socket or a channel, and close it."""
    number, over = len(talk.ended), threading.Event()
    talk.ended.append(over)
    if number >= len(talk.connections):
        talk.faults.append(f"connection {number + 1} was not there when it was recorded")
    names: dict[bytes, bytes] = {}

    def renamed(said: bytes) -> bytes:
        return OWN_NAME.sub(lambda found: names.get(found[0], found[0]), said)

    try:
        for who, said in talk.connections[number] if number < len(talk.connections) else ():
            if who == "us":
                heard = _heard(ours, len(said))
                if len(heard) < len(said) - SLACK:
                    talk.faults.append(f"connection {number + 1}: {heard[:200]!r} came where {said[:200]!r} was said")
                if not heard:
                    break
                names.update(zip(OWN_NAME.findall(said), OWN_NAME.findall(heard), strict=False))
            else:
                ours.sendall(renamed(said))
    except OSError as fault:
        talk.faults.append(f"connection {number + 1}: {fault}")
    finally:
        over.set()
        _leave(ours)


def _leave(ours: Any) -> None:
    """Close once the other side has no more to say: a close over its words would take ours back."""
    with suppress(OSError):
        ours.settimeout(PAUSE)
        while ours.recv(65536):
            pass
    ours.close()


def _heard(ours: Any, length: int) -> bytes:
    """Give what we say in a turn: as long as it was, or what comes before a pause."""
    heard = b""
    while len(heard) < length:
        ours.settimeout(PAUSE if heard else PATIENCE)
        try:
            got = ours.recv(length - len(heard))
        except TimeoutError:
            break
        if not got:
            break
        heard += got
    return heard


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


# --- kept beside the connector --------------------------------------------------------------------------------


def file_of(connector: str, name: str = "") -> Path:
    return CONNECTORS / connector / "payloads" / (f"{name}-talk.json" if name else "talk.json")


def kept(connector: str, name: str = "") -> dict[str, Any]:
    """Give what is kept of a connector's talk."""
    return json.loads(file_of(connector, name).read_text(encoding="utf-8"))


def talk_of(whole: dict[str, Any]) -> Talk:
    """Give a talk as it was kept."""
    return Talk([[(who, _read(text)) for who, text in turns] for turns in whole["connections"]])


def keep(connector: str, partner: str, where: Where, talk: Talk, comes: Any, name: str = "") -> None:
    """Keep a talk beside its connector."""
    said = [[[who, _written(text)] for who, text in turns] for turns in talk.connections]
    whole = {
        "partner": partner, "taken": datetime.now(UTC).date().isoformat(), "now": where.now.isoformat(),
        "by": "BANYAN_TEST_ALL=1 BANYAN_CAPTURE=1 pytest tests/partners/test_talks.py", "comes": plain(comes),
        "connections": said,
    }  # fmt: skip
    file = file_of(connector, name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@contextmanager
def replayed(connector: str, name: str = "") -> Iterator[tuple[Where, Talk, Any]]:
    """Have a partner that says what the real one said; give where it is, its talk, and what came of it."""
    whole = kept(connector, name)
    talk = talk_of(whole)
    with played(talk) as port:
        yield Where(port, datetime.fromisoformat(whole["now"])), talk, whole["comes"]


def is_told_again(
    connector: str, story: Callable[[Where], Any], check: Callable[[Any], None], name: str = ""
) -> None:
    """Tell a story to what the real partner said then: the same comes of it, and nothing of the talk is left."""
    with replayed(connector, name) as (where, talk, comes):
        found = plain(story(where))
        assert found == comes
        check(found)
        assert talk.is_over(), f"{len(talk.ended)} of {len(talk.connections)} connections"
    assert talk.faults == []


def plain(value: Any) -> Any:
    """Give what came of a story as it is kept."""
    return json.loads(json.dumps(value, ensure_ascii=False, default=str))


def _written(said: bytes) -> Any:
    try:
        text = said.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(said).decode()}
    return text if "\0" not in text else {"base64": base64.b64encode(said).decode()}


def _read(said: Any) -> bytes:
    return said.encode() if isinstance(said, str) else base64.b64decode(said["base64"])
