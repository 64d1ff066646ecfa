"""What the measurements share: `banyan up` in a folder of its own, clients that speak HTTP to it, figures printed.

Nothing but what is started here is ended here; the folder goes when all is done.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

HOST = "127.0.0.1"
#: Seconds after which a connection is opened anew, for the server closes one that rests.
IDLE = 10
#: A loaded machine takes minutes to make a database.
START_SECONDS = 600
Value = TypeVar("Value")
WEB = (b"granian",)
CACHED = {"PYTHONDONTWRITEBYTECODE": ""}
BANYAN = (sys.executable, "-m", "banyan.config.cli")


def surroundings(folder: Path) -> dict[str, str]:
    """Give the environment of a product that lives in a folder and nowhere else."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BANYAN_") and k != "DATABASE_URL"}
    return kept | CACHED | {
        "BANYAN_DATA": str(folder), "BANYAN_DB_ROLE": "app", "BANYAN_RATE_PER_MINUTE": "100000000",
        "BANYAN_WEB_WORKERS": "2",
    }  # fmt: skip


def temporary_folder() -> Path:
    """Make a folder that the database's user can enter too."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-bench-"))
    folder.chmod(0o755)
    return folder


@dataclass
class Server:
    """A running product: durable, two web processes, its own database and port."""

    folder: Path
    process: subprocess.Popen
    port: int

    @classmethod
    def start(cls) -> Server:
        """Start one in a new folder. Raises: RuntimeError with the end of its log"""
        folder = temporary_folder()
        port = free_port()
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen(
                [*BANYAN, "up", "--empty"], env=surroundings(folder) | {"BANYAN_PORT": str(port)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        server = cls(folder, process, port)
        limit = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < limit:
            if server.has_web() and server.answers():
                return server
            time.sleep(0.1)
        tail = (folder / "up.log").read_text(errors="replace")[-2000:]
        server.stop()
        raise RuntimeError(f"The server did not start: {tail}")

    def has_web(self) -> bool:
        """Say whether our web process runs: somebody else may have taken the port while the database was made."""
        return any(self._is_one(int(entry.name), WEB) for entry in Path("/proc").glob("[0-9]*"))

    def answers(self) -> bool:
        """Say whether the site answers."""
        try:
            return Client(self.port, timeout=5).get("/healthz").status == 200
        except OSError:
            return False

    def spent(self, *programs: bytes) -> tuple[float, float]:
        """Give the seconds of processor time used so far by programs (the web processes) and by the database."""
        parents, ticks = {}, {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                rest = entry.read_text().rpartition(")")[2]
            except OSError:
                continue
            fields, pid = rest.split(), int(entry.parent.name)
            parents[pid], ticks[pid] = int(fields[1]), sum(int(one) for one in fields[11:15])
        base = int((self.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        tick = os.sysconf("SC_CLK_TCK")
        data = sum(used for pid, used in ticks.items() if base in _line(pid, parents))
        web = sum(used for pid, used in ticks.items() if self._is_one(pid, programs or WEB))
        return web / tick, data / tick

    def peak_memory(self) -> int:
        """Give the most megabytes that one web process has held at once."""
        found = [0]
        for entry in Path("/proc").glob("[0-9]*/status"):
            if self._is_one(int(entry.parent.name), WEB):
                found += [int(line.split()[1]) for line in entry.read_text().splitlines() if "VmHWM" in line]
        return max(found) // 1024

    def _is_one(self, pid: int, programs: Sequence[bytes]) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            return any(name in command for name in programs) and (
                str(self.folder).encode() in Path(f"/proc/{pid}/environ").read_bytes()
            )
        except OSError:
            return False

    def stop(self) -> None:
        """End it as Ctrl-C does, and remove its folder."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.terminate()
                self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def empty() -> Iterator[Server]:
    """Have a product running without a record, whose database this process looks into."""
    server = Server.start()
    try:
        os.environ.update(surroundings(server.folder))
        os.environ.pop("DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "banyan.config.settings"
        import django

        django.setup()
        yield server
        from django.db import connections

        connections.close_all()
    finally:
        server.stop()


@contextmanager
def running() -> Iterator[tuple[Server, Any]]:
    """Have a product running with a factory; give both."""
    with empty() as server:
        from _factory import Factory

        factory = Factory()
        factory.set_up()
        yield server, factory


def show(figure: Any, as_json: bool, targets: Mapping[str, tuple[float, float]]) -> None:
    """Print a figure with what is promised of it, or as JSON."""
    value = float(f"{figure.value:.4g}")
    bare = None if figure.bare is None else float(f"{figure.bare:.4g}")
    if as_json:
        given = dict(name=figure.name, value=value, unit=figure.unit, bare=bare, ratio=figure.ratio)
        print(json.dumps(given), flush=True)
        return
    limit, aim = targets.get(figure.name, (None, None))
    promised = "" if limit is None else f"[{limit:g}, {aim:g}]"
    against = "" if bare is None else f"bare {bare:g}, × {figure.ratio:g}"
    load = f"load {os.getloadavg()[0]:.1f}"
    print(
        f"{figure.name:24}{value:>10g} {figure.unit:4}{promised:14}{against:24}{load:12}{figure.note}",
        flush=True,
    )


def _line(pid: int, parents: Mapping[int, int]) -> list[int]:
    """Give a process with all it comes from."""
    found = [pid]
    while found[-1] in parents:
        found.append(parents[found[-1]])
    return found


def free_port() -> int:
    """Give a port that the system names, so that two measurements begun at once do not meet at one."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers in lower case, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Give the body as JSON. Raises: RuntimeError where the call was refused."""
        if self.status >= 400:
            raise RuntimeError(f"{self.status}: {self.body[:500].decode(errors='replace')}")
        return json.loads(self.body)


class Client:
    """One connection that stays open; a thin client, so that the server is measured and not the client."""

    def __init__(self, port: int, token: str = "", cookies: str = "", timeout: float = 120) -> None:
        self.port, self.timeout = port, timeout
        self.common = f"Host: localhost:{port}\r\nAccept-Encoding: identity\r\n"
        if token:
            self.common += f"Authorization: Bearer {token}\r\n"
        self.cookies = cookies
        self._socket: socket.socket | None = None
        self._rest = b""
        self._used_at = 0.0

    def get(self, path: str) -> Answer:
        """Ask for a page or record."""
        return self._send("GET", path, b"", {})

    def post(self, path: str, data: Any = None, **headers: str) -> Answer:
        """Send JSON; header names have `_` for `-`."""
        body = b"" if data is None else json.dumps(data).encode()
        return self._send("POST", path, body, {"Content-Type": "application/json"} | headers)

    def form(self, path: str, body: str) -> Answer:
        """Send a form."""
        return self._send("POST", path, body.encode(), {"Content-Type": "application/x-www-form-urlencoded"})

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        more = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
        if self.cookies:
            more += f"Cookie: {self.cookies}\r\n"
        if method != "GET":
            more += f"Content-Length: {len(body)}\r\n"
        head = f"{method} {path} HTTP/1.1\r\n{self.common}{more}\r\n".encode()
        if time.monotonic() - self._used_at > IDLE:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self.port), timeout=self.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(head + body)
        answer = self._read()
        self._used_at = time.monotonic()
        return answer

    def _read(self) -> Answer:
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        lines = data[:end].decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        status, data = int(lines[0].split(" ", 2)[1]), data[end + 4 :]
        if "set-cookie" in headers:
            self._keep_cookies(lines[1:])
        if headers.get("transfer-encoding") == "chunked":
            body = self._chunks(data)
        else:
            length = int(headers.get("content-length", 0))
            parts, size = [data], len(data)
            while size < length:
                parts.append(self._more())
                size += len(parts[-1])
            data = b"".join(parts)
            body, self._rest = data[:length], data[length:]
        return Answer(status, headers, body)

    def _chunks(self, data: bytes) -> bytes:
        body = b""
        while True:
            while (end := data.find(b"\r\n")) < 0:
                data += self._more()
            size = int(data[:end].split(b";")[0], 16)
            while len(data) < end + 2 + size + 2:
                data += self._more()
            body, data = body + data[end + 2 : end + 2 + size], data[end + 2 + size + 2 :]
            if size == 0:
                self._rest = data
                return body

    def _keep_cookies(self, lines: Iterable[str]) -> None:
        held = dict(pair.split("=", 1) for pair in self.cookies.split("; ") if pair)
        for line in lines:
            if line.lower().startswith("set-cookie:"):
                name, _, value = line.split(":", 1)[1].strip().split(";")[0].partition("=")
                held[name] = value
        self.cookies = "; ".join(f"{name}={value}" for name, value in held.items())

    def _more(self) -> bytes:
        found = self._socket.recv(1 << 18) if self._socket else b""
        if not found:
            raise ConnectionError("the server closed the connection")
        return found


def at_once(
    tasks: Sequence[Any], act: Callable[[int, Any], Value], clients: int
) -> tuple[float, list[tuple[float, Value]]]:
    """Do tasks by several threads, each taking the next one when it is free.

    Takes:  act: gets the thread's number and the task
    Gives:  the seconds from first to last, and the seconds and value of each task, in their order
    Raises: the first fault of any
    """
    left = iter(range(len(tasks)))
    done: list[Any] = [None] * len(tasks)
    faults: list[BaseException] = []
    guard, ready = threading.Lock(), threading.Barrier(clients + 1)

    def work(number: int) -> None:
        ready.wait()
        try:
            while not faults:
                with guard:
                    place = next(left, None)
                if place is None:
                    return
                begun = time.perf_counter()
                value = act(number, tasks[place])
                done[place] = (time.perf_counter() - begun, value)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return time.perf_counter() - begun, done
