"""A long table is checked by a worker, and what was found is seen again by whoever asked for it."""

from __future__ import annotations

import json

import pytest

from banyan.kernel import exchange, jobs, registry
from banyan.kernel.models import JobRun
from banyan.modules.items.models import Item
from banyan.web.views import imports
from tests.plugins.world import World
from tests.web.test_imports import PATH, heads, step
from tests.web.test_print_job import browser_of


@pytest.mark.parametrize("name", ["轴承座", ""])
def test_a_long_table_is_checked_by_a_job_and_imported_from_what_it_found(live_db, ctx, monkeypatch, name):
    monkeypatch.setattr(imports, "AT_ONCE", 1)
    monkeypatch.setattr(exchange, "CHUNK", 1)
    assert World(ctx).pieces
    one, other = browser_of("ann"), browser_of("bea")
    mapped = step(one, "read", text=heads("\t") + f"D-1\t{name}\tpcs\t外购\nD-2\t端盖\tpcs\t自制\n")
    sent = step(one, "check", mapped)
    run = JobRun.objects.get()
    found = f"{PATH}/checked/{run.pk}"
    assert json.loads(sent.headers["HX-Location"])["path"] == f"/jobs/{run.pk}"
    assert one.get(found).status_code == 404, "it is not done yet"
    jobs.perform(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.total, Item.objects.count()) == ("done", 2, 2, 0)
    assert f'href="{found}"' in one.get(f"/jobs/{run.pk}").content.decode()
    assert other.get(found).status_code == 404
    shown = one.get(found)
    text = shown.content.decode()
    assert ("可以导入" in text, "必填" in text) == (bool(name), not name)
    if name:
        step(one, "do", shown)
        jobs.perform(JobRun.objects.exclude(pk=run.pk).get().pk)
        assert set(Item.objects.values_list("code", flat=True)) == {"D-1", "D-2"}
    else:
        label = registry.noun("items.item").spec.field("name").label.zh
        assert f"<th>{label}</th>" in text
        assert '<td class="num">1</td>' in text
