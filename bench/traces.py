"""What sending traces to a collector costs a command: off, on, and with a collector that is away.

banyan bench traces [--json] [--rounds 20]
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from _server import running, show  # noqa: E402 (the folder is put on the path first)

EACH = 100
AWAY = "http://127.0.0.1:9"
COLLECTOR = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Hears(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Hears)
print(server.server_port, flush=True)
server.serve_forever()
"""


def main(arguments: Sequence[str]) -> None:
    """Run a command again and again, a round each way in turn, and print what one takes."""
    parser = argparse.ArgumentParser(prog="banyan bench traces")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--rounds", type=int, default=20, help=f"of {EACH} commands each way (20)")
    asked = parser.parse_args(arguments)
    with running(), collector() as url:
        logging.getLogger("banyan.traces").setLevel(logging.ERROR)  # that much is dropped is what is measured
        from _measures import Figure

        from banyan.kernel import tracing

        ways = {"off": "", "on": url, "away": AWAY}
        rates: dict[str, list[float]] = {way: [] for way in ways}
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(asked.rounds + 1):
            for way, address in ways.items():
                tracing.set_up(address, tell=lambda *_: None)
                rate, cpu = _round()
                tracing.end()
                if number:  # the first one warms up
                    rates[way].append(rate)
                    spent[way].append(cpu)
        for way in ways:
            note = f"{median(spent[way]) * 1000:.2f} ms of processor each, its sender's with it"
            show(Figure(f"commands_per_s_{way}", median(rates[way]), "/s", note=note), asked.json, {})
        show(Figure("step_off_ns", _step_ns(), "ns", note="what a command pays where nothing is sent"), asked.json, {})


def _round() -> tuple[float, float]:
    """Make roles, one a command; give how many a second, and the seconds of processor one took."""
    from banyan.kernel import registry
    from banyan.kernel.commands import execute
    from banyan.kernel.context import SYSTEM, Context
    from banyan.lib.ids import new_id

    command = registry.command("kernel.role.create")
    begun, used = time.perf_counter(), time.process_time()
    for _ in range(EACH):
        code = new_id().hex[-12:]
        ctx = Context(SYSTEM, now=datetime.now(UTC), through="cli")
        execute(ctx, command, data={"records": [{"code": code, "name_zh": "量", "name_en": "Bench"}]})
    return EACH / (time.perf_counter() - begun), (time.process_time() - used) / EACH


def _step_ns() -> float:
    from banyan.kernel import tracing

    count = 200_000
    begun = time.perf_counter_ns()
    for _ in range(count):
        tracing.begin("x", None, begins=True)
    return (time.perf_counter_ns() - begun) / count


@contextmanager
def collector() -> Iterator[str]:
    """Have a collector in a process of its own meanwhile; give its address."""
    process = subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main(sys.argv[1:])
