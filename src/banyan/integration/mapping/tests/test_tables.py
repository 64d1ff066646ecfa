"""Mapping tables as an analyst has them: in a spreadsheet, on the bench without a browser, with their targets."""

from __future__ import annotations

import json
import time

import pytest
from django.test import Client

from banyan.integration.mapping import targets
from banyan.integration.mapping.models import Duplicate, Sample, TableField
from banyan.kernel import exchange, reading, registry
from banyan.kernel.models import User

pytestmark = pytest.mark.django_db
LINES = [
    {"target": "records[0].party", "source": "buyer", "converter": "ours(parties.party, unknown=pass)"},
    {"target": "records[0].lines[].quantity", "source": "rows[].qty", "converter": "quantity", "is_required": True},
    {"target": "records[0].terms", "expression": 'concat("共", count(rows), "行")', "when": "count(rows) > 0"},
]
BODY = '{"buyer": "9", "rows": [{"qty": "1,5"}, {"qty": 2}]}'


@pytest.fixture
def table(world):
    return world.make("mapping.table", code="orders", name="订单", target="sales.order.create", lines=LINES)


@pytest.fixture
def browser(db):
    user = User.objects.create(login="all", name="分析员", is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


def form(body=BODY, lines=LINES, **more):
    posted = {"body": body, "sample": "", **more}
    for number, line in enumerate(lines):
        for name, value in line.items():
            posted[f"lines.{number}.{name}"] = "on" if value is True else value
    return posted


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_goes_to_a_spreadsheet_and_back(ctx, table, kind):
    noun = registry.noun("mapping.table")
    content = b"".join(exchange.export(ctx, noun, reading.Query(), kind, full=True))
    rows = TableField.objects.order_by("position")
    before = list(rows.values_list("target", "source", "expression", "converter", "is_required", "when"))
    sheet = exchange.read_table(f"t.{kind}", content)
    table.refresh_from_db()
    TableField.objects.all().delete()
    exchange.run(ctx, noun, sheet, exchange.suggest_map(noun, sheet.columns))
    assert list(rows.all().values_list("target", "source", "expression", "converter", "is_required", "when")) == before


def test_the_targets_of_a_command_are_the_fields_of_its_input(ctx):
    found = {one.path: one for one in targets.targets_of(ctx, "command", "sales.order.create")}
    party, quantity = found["records[].party"], found["records[].lines[].quantity"]
    assert (party.type, party.required, party.reference, party.converter) == (
        "reference", True, "parties.party", "ours(parties.party)")
    assert (str(quantity.label), quantity.required, quantity.converter) == ("数量", True, "number")
    assert found["records[].priority"].choices == ("normal", "urgent")
    assert found["records[].priority"].converter.startswith("map(")
    nouns = {one.path for one in targets.targets_of(ctx, "noun", "parties.party")}
    assert {"code", "name", "contacts[].phone"} <= nouns
    assert targets.targets_of(ctx, "command", "nobody.knows.this") == ()
    assert targets.targets_of(ctx, "operation", "anything") == ()


def test_the_bench_shows_output_faults_traces_and_sources(browser, table):
    answer = browser.post(f"/integration/mapping/{table.pk}/bench/try", form()).content.decode()
    assert "records[0].lines[0].quantity" in answer
    assert "“1,5”" in answer
    assert "共2行" in answer
    assert 'data-source="rows[].qty"' in answer
    assert "records[].lines[].item" in answer  # needed by the target, not written yet


def test_the_bench_marks_what_is_wrong_with_the_table(browser, table):
    wrong = [LINES[0], {"target": "records[0].nobody", "source": "a["}]
    answer = browser.post(f"/integration/mapping/{table.pk}/bench/try", form(lines=wrong)).content.decode()
    assert "lines.1.source" in answer
    assert "目标没有这个字段" in answer


BROKEN = ["", "{", "<a>", '{"a": 1' + "0" * 80 + ".1}", "[" * 10_000, "<!DOCTYPE x><a/>", "\x00"]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_a_sample_that_cannot_be_read_is_told_and_nothing_breaks(browser, table, body):
    answer = browser.post(f"/integration/mapping/{table.pk}/bench/try", form(body=body))
    assert answer.status_code == 200


def test_a_sample_is_pinned_with_its_output_only_without_faults(browser, table):
    path = f"/integration/mapping/{table.pk}/bench/pin"
    assert browser.post(path, form(sample_name="一")).status_code == 422
    assert browser.post(path, form(body=BODY.replace("1,5", "1"))).status_code == 422
    done = browser.post(path, form(body=BODY.replace("1,5", "1"), sample_name="一"))
    sample = Sample.objects.get()
    assert done.headers["Location"].endswith(f"?sample={sample.pk}")
    assert sample.expected["records"][0]["lines"] == [{"quantity": "1"}, {"quantity": "2"}]
    again = browser.post(f"/integration/mapping/{table.pk}/bench/try", form(body=sample.body, sample=str(sample.pk)))
    assert "与固定的结果一致" in again.content.decode()
    other = browser.post(f"/integration/mapping/{table.pk}/bench/try",
                         form(body=sample.body.replace(": 2", ": 3"), sample=str(sample.pk)))
    assert "records[0].lines[1].quantity" in other.content.decode()
    assert "与固定的结果不同" in other.content.decode()


def test_saving_asks_for_the_right_to_change(browser, table):
    user = User.objects.create(login="reader", name="读者")
    browser.force_login(user)
    assert browser.get(f"/integration/mapping/{table.pk}/bench").status_code in (403, 404)
    assert browser.post(f"/integration/mapping/{table.pk}/bench/save", form()).status_code in (403, 404)
    assert TableField.objects.count() == len(LINES)


def test_an_output_is_made_in_little_time(browser, table):
    body = json.dumps({"buyer": "9", "rows": [{"qty": n} for n in range(50)]})
    path, took = f"/integration/mapping/{table.pk}/bench/try", []
    for _ in range(7):
        begun = time.perf_counter()
        assert browser.post(path, form(body=body)).status_code == 200
        took.append(time.perf_counter() - begun)
    assert sorted(took)[3] < 0.15


def test_a_doubt_is_decided_by_choosing_a_candidate(browser, world):
    for code in ("C1", "C2"):
        world.make("parties.party", code=code, name="甲", is_customer=True)
    world.make("mapping.match_rule", entity="parties.party", fact="name", field="name")
    world.do("mapping.key_link.match", system="shop", entity="parties.party", things=[{"code": "7", "name": "甲"}])
    paper = Duplicate.objects.get()
    for name, field in (("decide", "record"), ("merge", "winner")):
        asked = browser.get(f"/mapping/duplicates/do/{name}?ids={paper.pk}", headers={"HX-Request": "true"})
        shown = asked.content.decode()
        chosen = shown[shown.index(f'name="{field}"') :]
        assert "C1 甲（name = name）" in chosen
        assert "C2 甲（name = name）" in chosen


def test_a_link_leads_to_its_record(browser, world):
    one = world.make("parties.party", code="C1", name="甲", is_customer=True)
    made = world.do("mapping.key_link.link", system="shop", entity="parties.party", code="9", record=one.pk)
    shown = browser.get(f"/mapping/key_links/{made.pk}").content.decode()
    assert f'href="/parties/parties/{one.pk}"' in shown
    two = world.make("parties.party", code="C2", name="乙", is_customer=True)
    lost = world.make("mapping.key_link", system="shop", entity="parties.party", code="8", record=str(two.pk))
    type(two).objects.filter(pk=two.pk).delete()
    assert browser.get(f"/mapping/key_links/{lost.pk}").status_code == 200
