"""The import wizard: choose, map, check every cell, do, take back."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from banyan.kernel import exchange, registry
from banyan.kernel.models import ImportBatch, JobRun
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db
PATH = "/items/items/import"


@pytest.fixture(autouse=True)
def files_elsewhere(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def Item(world):  # noqa: N802
    world.pieces  # noqa: B018  makes the unit
    return registry.noun("items.item").model


def heads(separator: str) -> str:
    """Give the first row of a table, by the labels of the fields."""
    spec = registry.noun("items.item").spec
    return separator.join(spec.field(key).label.zh for key in ("code", "name", "unit", "kind")) + "\n"


def step(browser, name, page=None, **more):
    data = {"step": name} | more
    if page is not None:
        text = page.content.decode()
        data |= {n: re.search(f'name="{n}" value="([^"]*)"', text)[1] for n in ("digest", "name")}
        for number, body in re.findall(r'<select[^>]* name="(map\.\d+)"[^>]*>(.*?)</select>', text, re.S):
            chosen = re.search(r'value="([^"]*)" selected', body)
            data[number] = chosen[1] if chosen else ""
        data |= dict(re.findall(r'<input type="hidden" name="(map\.\d+)" value="([^"]*)"', text))
    return browser.post(PATH, data, headers=PART)


def test_a_pasted_block_is_mapped_checked_done_and_undone(everyone, Item):
    mapped = step(everyone, "read", text=heads("\t") + "D-1\t轴承座\tpcs\t外购\nD-2\t端盖\tpcs\t自制\n")
    assert "各列对应到哪里" in mapped.content.decode()
    checked = step(everyone, "check", mapped)
    assert "可以导入" in checked.content.decode()
    assert Item.objects.count() == 0
    done = step(everyone, "do", checked)
    assert done.status_code == 204
    assert set(Item.objects.values_list("code", flat=True)) == {"D-1", "D-2"}
    batch = ImportBatch.objects.get()
    undone = everyone.post(f"{PATH}/{batch.pk}/undo", headers=PART)
    assert undone.status_code == 204
    assert Item.objects.count() == 0


def test_every_wrong_cell_is_shown_and_nothing_is_written(everyone, Item):
    mapped = step(everyone, "read", text=heads("\t") + "D-1\t轴承座\t没有\t外购\nD-1\t\tpcs\t乱写\n")
    text = step(everyone, "check", mapped).content.decode()
    assert re.search(r'class="is-faulty">没有<div class="cell-fault">', text)
    assert re.search(r'class="is-faulty">乱写<div class="cell-fault">', text)
    assert 'value="do"' not in text
    assert Item.objects.count() == 0


def test_the_empty_workbook_names_the_columns(everyone, Item):
    book = b"".join(everyone.get(f"{PATH}/example").streaming_content)
    table = exchange.read_table("x.xlsx", book)
    noun = registry.noun("items.item")
    assert set(exchange.suggest_map(noun, table.columns).values()) >= {"code", "name", "unit", "kind"}


def test_a_long_table_is_imported_by_a_job_that_can_be_found_again(everyone, Item):
    rows = "".join(f"L-{n},零件{n},pcs,外购\n" for n in range(2001))
    upload = SimpleUploadedFile("items.csv", (heads(",") + rows).encode(), "text/csv")
    mapped = step(everyone, "read", file=upload)
    sent = step(everyone, "do", mapped)
    run = JobRun.objects.get()
    assert f"/jobs/{run.pk}" in sent.headers["HX-Location"]
    assert "导入" in everyone.get(f"/jobs/{run.pk}").content.decode()
    assert str(run.pk) in everyone.get("/jobs").content.decode()


def test_without_the_right_to_create_there_is_no_import(signed_in, Item):
    browser = signed_in("items.item.read")
    assert browser.get(PATH).status_code == 403
    assert step(browser, "read", text="编码\nD-1").status_code == 403


def test_a_job_of_somebody_else_cannot_be_seen(signed_in, ctx):
    run = JobRun.objects.create(
        kind="web.import", title_zh="导入", title_en="Import", created_by_id=ctx.person
    )
    browser = signed_in("items.*")
    assert browser.get(f"/jobs/{run.pk}").status_code == 404
    assert browser.post(f"/jobs/{run.pk}/cancel", headers=PART).status_code == 404


def test_a_fault_of_a_whole_row_names_the_field_in_words(everyone, world):
    world.pieces  # noqa: B018  makes the unit
    mapped = step(everyone, "read", text="编码\t名称\nD-1\t轴承座\n")
    text = step(everyone, "check", mapped).content.decode()
    label = registry.noun("items.item").spec.field("unit").label.zh
    assert f'<div class="cell-fault">{label}：必填</div>' in text
    assert "unit：" not in text


def test_a_fault_of_a_line_names_the_line_and_its_field(everyone, world):
    path = "/sales/orders/import"
    world.plant, world.customer, world.product  # noqa: B018  makes them
    table = "客户\t工厂\t明细·数量\nCU-1\tP1\t5\n"
    mapped = everyone.post(path, {"step": "read", "text": table}, headers=PART)
    text = mapped.content.decode()
    data = {n: re.search(f'name="{n}" value="([^"]*)"', text)[1] for n in ("digest", "name")}
    for number, body in re.findall(r'<select[^>]* name="(map\.\d+)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        data[number] = chosen[1] if chosen else ""
    checked = everyone.post(path, data | {"step": "check"}, headers=PART).content.decode()
    assert "明细·物料：必填" in checked
