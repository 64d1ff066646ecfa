"""A partner to speak to: a real server on the loopback, told what to answer; and flows to and from it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Outgoing,
    Page,
    Received,
    Sent,
    connector,
)
from banyan.integration.models import Flow, Sample, System
from banyan.kernel import proofs, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from banyan.lib.labels import L

PROOFS = ("integration.carried", "integration.claims", "integration.once", "integration.order")
#: An answer makes a role of what the partner said.
MAKES_A_ROLE = {"command": {"target": "kernel.role.create", "mapping": {"fields": [
    {"target": "code", "source": "reply.number"}, {"target": "name_zh", "source": "message.type"},
    {"target": "name_en", "source": "message.id"},
]}}}  # fmt: skip


class LoopSettings(BaseModel):
    """Where the partner listens."""

    url: str = "http://127.0.0.1:9"


#: What polls give, by operation: pages, each a list of messages; the position is the number of pages read.
PAGES: dict[str, list[list[Incoming]]] = {}
CONFIRMED: list[int] = []


@connector
class Loop(Connector):
    """The simplest there can be: JSON posted, pages from memory, a shared word as signature."""

    key = "test_loop"
    label = L("回环", "Loop")
    settings = LoopSettings
    secrets = ("word",)

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        answer = connection.http.request(
            "POST", f"{connection.settings.url}/{out.operation}", body=orjson.dumps(out.body),
            headers={"Content-Type": "application/json", "Webhook-Id": str(out.id), "Key": out.key or "-"},
        ).checked()  # fmt: skip
        return Sent(answer.json(), str(answer.status))

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        read = position or 0
        pages = PAGES.get(operation, [])
        if read >= len(pages):
            return Page(position=read)
        return Page(tuple(pages[read]), read + 1, read + 1 < len(pages), lambda: CONFIRMED.append(read))

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        if request.headers.get("word") != connection.secret("word"):
            raise Failed("forged", "the word is wrong")
        body = json.loads(request.body)
        return (Incoming(id=str(body["id"]), body=body, key=str(body.get("key", ""))),)

    def health(self, connection: Connection) -> Health:
        connection.http.request("GET", f"{connection.settings.url}/health").checked()
        return Health(True, L("可用", "there"))


class Partner:
    """A server that keeps what it gets and answers by its script: a status, a status with headers, or "half".

    `books` are what it has booked: by which name, of what, which number; half an answer comes after it has booked.
    """

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.paths: list[str] = []
        self.books: list[tuple[str, str, int]] = []
        self.script: list[Any] = []
        self.answer: Callable[[Any], Any] | None = None
        self.says: Any = {"ok": True}
        self.lock = threading.Lock()
        self.port = 0
        self.open: list[socket.socket] = []
        self.server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.open.append(self.connection)

            def do_GET(self) -> None:
                self._say(200)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    said = outer.script.pop(0) if outer.script else None
                    if outer.answer is not None:
                        said = outer.answer(body)
                    outer.got.append((self.headers["Webhook-Id"], body))
                    outer.paths.append(self.path)
                    if said in (None, 200, "half") and isinstance(body.get("data"), dict) and "n" in body["data"]:
                        outer.books.append((self.headers["Webhook-Id"], body.get("subject"), body["data"]["n"]))
                if said == "half":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers = said if isinstance(said, tuple) else (said or 200, {})
                self._say(status, headers)

            def _say(self, status: int, headers: dict[str, str] | None = None) -> None:
                said = orjson.dumps(outer.says)
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open.clear()
            self.server = None

    @property
    def bodies(self) -> list[Any]:
        return [body for _, body in self.got]


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    made.up()
    yield made
    made.down()


@pytest.fixture(autouse=True)
def empty_pages() -> None:
    PAGES.clear()
    CONFIRMED.clear()


@pytest.fixture
def seal_here(settings, tmp_path) -> None:
    """Keep the keys of secrets beside the test."""
    settings.BANYAN_SECRETS_KEY = ""
    settings.BANYAN_SECRETS_FILE = tmp_path / "secrets-keys"


@pytest.fixture
def account(ctx) -> Callable[..., User]:
    """Make a program's account with grants."""

    def make(*grants: str) -> User:
        user = User.objects.create(login=f"bus-{new_id().hex[-12:]}", name="接口", is_program=True)
        role = Role.objects.create(code=new_id().hex[-12:], name_zh="接口", name_en="Interface")
        RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=grant) for grant in grants)
        UserRole.objects.create(user=user, role=role)
        return user

    return make


def do(ctx, key, *ids, **data):
    """Run a command of the registry by its key."""
    return execute(ctx, registry.command(key), ids=ids, data=data or None)


@pytest.fixture
def system(ctx, live_db, partner, account) -> System:
    """Give an active system that stands for the partner."""
    made = do(ctx, "integration.system.create", records=[dict(
        code="SHOP", name="商店", connector="test_loop", settings={"url": f"http://127.0.0.1:{partner.port}"},
        hosts=["127.0.0.1:*"], timeout_seconds=2, account=str(account("*").pk),
    )]).ids[0]  # fmt: skip
    do(ctx, "integration.system.activate", made)
    return System.objects.get(pk=made)


@pytest.fixture
def flow(ctx, system) -> Callable[..., Flow]:
    """Make an active flow; out of events by default."""

    def make(**given: Any) -> Flow:
        facts = dict(
            code=f"F{new_id().hex[-8:]}", name="流", system=str(system.pk), direction="out", trigger="event",
            detail={"events": ["test.sold"]}, target="orders",
        ) | given  # fmt: skip
        samples = facts.pop("samples", [facts.pop("sample", ({"a": 1}, {"a": 1}))])
        key = do(ctx, "integration.flow.create", records=[facts]).ids[0]
        do(ctx, "integration.sample.create", records=[
            dict(flow=str(key), name=f"样例 {place}", input=put, output=comes)
            for place, (put, comes) in enumerate(samples)
        ])  # fmt: skip
        do(ctx, "integration.flow.test", key)
        do(ctx, "integration.flow.activate", key)
        return Flow.objects.get(pk=key)

    return make


__all__ = ["CONFIRMED", "PAGES", "Partner", "Sample", "do"]


@pytest.fixture
def proved(live_db) -> Iterator[None]:
    """Hold a story to the proofs when it is over."""
    yield
    assert [v.found.faults for v in proofs.run(PROOFS) if not v.is_green] == []
