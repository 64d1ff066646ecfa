"""A long print is done by a worker, and found again by whoever asked for it."""

from __future__ import annotations

import json
from urllib.parse import unquote

from django.test import Client

from banyan.kernel import files, jobs
from banyan.kernel.models import JobRun, User
from banyan.web.prints import PRINT
from banyan.web.views import prints as views
from tests.plugins.world import World
from tests.web.conftest import PART


def browser_of(login: str) -> Client:
    user = User(login=login, name=login, is_superuser=True)
    user.save()
    client = Client()
    client.force_login(user)
    return client


def test_a_long_print_is_done_by_a_worker_for_its_owner_only(live_db, ctx, monkeypatch):
    world = World(ctx)
    monkeypatch.setattr(views, "RECORDS_AT_ONCE", 2)
    rows = [{"code": f"X-{n}", "name": f"件{n}", "unit": world.pieces, "kind": "bought"} for n in range(3)]
    ids = [str(one.pk) for one in world.make_many("items.item", rows)]
    one, other = browser_of("ann"), browser_of("bea")
    page = one.get(
        f"/print/items/items?ids={','.join(ids)}", headers=PART | {"HX-Target": "dialog-body"}
    ).content.decode()
    assert 'hx-post="/print/items/items"' in page
    assert "3 条在后台打印" in page
    assert one.get(f"/print/items/items.pdf?ids={','.join(ids)}").status_code == 422
    answer = one.post("/print/items/items", {"ids": ids, "size": "60x40", "language": "en"}, headers=PART)
    (run,) = JobRun.objects.filter(kind=PRINT)
    assert json.loads(answer.headers["HX-Location"])["path"] == f"/jobs/{run.pk}"
    assert one.get(f"/print/jobs/{run.pk}.pdf").status_code == 404, "it is not done yet"
    jobs.perform(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.total) == ("done", 3, 3)
    assert run.result["path"] == f"/print/jobs/{run.pk}.pdf"
    assert f'href="{run.result["path"]}"' in one.get(f"/jobs/{run.pk}").content.decode()
    kept = one.get(run.result["path"])
    assert kept.content.startswith(b"%PDF")
    assert "Item label" in unquote(kept.headers["Content-Disposition"])
    assert other.get(run.result["path"]).status_code == 404
    assert files.content(run.result["digest"]).is_file()
