"""A hundred thousand rows from the screens: checked, imported as a job that can be watched and stopped, taken back."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from banyan.kernel.models import ImportBatch, JobRun, Role, RoleGrant, User, UserRole
from banyan.modules.items.models import Item
from tests.plugins.server import Server
from tests.plugins.world import World
from tests.web.conftest import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROWS = 100_000
MOST_MB = 1_000


@pytest.fixture
def worker(server: Server, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """Give the worker of long jobs beside the server."""
    with open(tmp_path / "worker.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "banyan.config.cli", "work"],
            env=server.surroundings,
            stdout=log,
            stderr=log,
        )
    yield process
    process.terminate()
    process.wait(60)


class Browser:
    """Somebody's browser, as far as an import needs one."""

    def __init__(self, server: Server) -> None:
        self.root, self.session = f"http://127.0.0.1:{server.port}", requests.Session()

    def get(self, path: str) -> str:
        answer = self.session.get(self.root + path, timeout=600)
        assert answer.status_code == 200, answer.text[:400]
        return answer.text

    def post(self, path: str, data: dict[str, str], **more) -> requests.Response:
        headers = {"X-CSRFToken": self.session.cookies["csrftoken"], "Referer": self.root}
        answer = self.session.post(
            self.root + path, data, headers=headers, timeout=600, allow_redirects=False, **more
        )
        assert answer.status_code < 400, answer.text[:400]
        return answer

    def sign_in(self, login: str) -> None:
        self.get("/login")
        self.post("/login", {"username": login, "password": PASSWORD})

    def begin(self, content: bytes) -> str:
        """Go through the wizard; give the address of the job."""
        read = self.post("/items/items/import", {"step": "read"}, files={"file": ("items.csv", content)}).text
        digest = re.search(r'name="digest" value="([0-9a-f]{64})"', read)[1]
        data = {"digest": digest, "name": "items.csv", "map.0": "code", "map.1": "name", "map.2": "unit"}
        check = self.post("/items/items/import", data | {"step": "check"}).headers["Location"]
        until(lambda: JobRun.objects.get(pk=check.removeprefix("/jobs/")).finished_at, 300)
        found = re.search(r'href="(/items/items/import/checked/[0-9a-f-]{36})"', self.get(check))[1]
        checked = self.get(found)
        assert "可以导入" in checked, checked[-2000:]
        return self.post("/items/items/import", data | {"step": "do"}).headers["Location"]


def peak_mb(pid: int) -> float:
    """Give the most memory that a process and its children have held."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    status = [Path(f"/proc/{one}/status").read_text() for one in pids]
    return max(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) for text in status) / 1024


def until(holds, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.2)


def test_a_hundred_thousand_rows_are_imported_stopped_and_taken_back(server, worker, ctx, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]  # the server's own
    assert World(ctx).pieces
    user = User(login="lin", name="林")
    user.set_password(PASSWORD)
    user.save()
    role = Role.objects.create(code="all", name_zh="全", name_en="All")
    RoleGrant.objects.create(role=role, permission="*", reach="all", position=1)
    UserRole.objects.create(user=user, role=role, position=1)
    content = "code,name,unit\n" + "".join(f"N-{n:06},零件{n},pcs\n" for n in range(ROWS))
    browser, took = Browser(server), {}
    browser.sign_in("lin")

    stopped = browser.begin(content.encode())
    imports = JobRun.objects.filter(kind="web.import")
    run = imports.get()
    until(lambda: imports.get().done >= 2_000, 300)
    assert re.search(r"\d[\d,]* / 100,000|\d[\d,]*/100,000|100,000", browser.get(stopped))
    browser.post(f"/jobs/{run.pk}/cancel", {})
    until(lambda: imports.get().finished_at, 120)
    assert (imports.get().state, Item.objects.count()) == ("cancelled", 0)
    assert "已取消" in browser.get(stopped)

    begun = time.monotonic()
    finished = browser.begin(content.encode())
    took["wizard"] = time.monotonic() - begun
    seen = set()

    def ended() -> bool:
        run = JobRun.objects.order_by("-created_at").first()
        seen.add(run.done)
        return run.finished_at is not None

    until(ended, 600)
    took["import"] = time.monotonic() - begun - took["wizard"]
    last = JobRun.objects.order_by("-created_at").first()
    assert (last.state, last.result["made"], Item.objects.count()) == ("done", ROWS, ROWS), last.error
    assert len(seen) > 5
    assert "/items/items/import" in browser.get(finished)

    batch = ImportBatch.objects.get()
    assert str(batch.pk) in browser.get("/items/items/import")
    begun = time.monotonic()
    undone = browser.post(f"/items/items/import/{batch.pk}/undo", {}).headers["Location"]
    if undone.startswith("/jobs/"):
        until(lambda: JobRun.objects.order_by("-created_at").first().finished_at, 600)
    took["undo"] = time.monotonic() - begun
    assert (ImportBatch.objects.get().state, Item.objects.count()) == ("undone", 0)
    mb = {"worker": peak_mb(worker.pid), "web": peak_mb(server.process.pid)}
    print({k: f"{v:.1f} s" for k, v in took.items()} | {k: f"{v:.0f} MB" for k, v in mb.items()})
    assert max(mb.values()) < MOST_MB
