"""The settings of a system as a form: from the connector's own model, in both languages, faults at their fields."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from banyan.integration.connecting import connectors
from banyan.integration.models import System
from banyan.web import controls
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db
CONNECTORS = sorted(one.key for one in connectors() if not one.key.startswith("test_"))
SQL = {
    "code": "MES", "name": "MES", "connector": "sql", "environment": "test", "burst": "50", "failures": "10",
    "timeout_seconds": "20", "most_bytes": "5000000", "settings.kind": "mysql", "settings.host": "mes.lan",
    "settings.port": "3307", "settings.database": "mes", "settings.user": "erp", "settings.tls": "off",
    "settings.zone": "Asia/Shanghai", "settings.statement_timeout": "15", "settings.trusted": "",
    "settings.operations.0.key": "reports", "settings.operations.0.ways.shown": "1",
    "settings.operations.0.ways": ["poll"], "settings.operations.0.table": "reports",
    "settings.operations.0.watermark": "changed_at", "settings.operations.0.key_column": "id",
    "settings.operations.0.columns": "id, qty，changed_at", "settings.operations.0.overlap": "60",
    "settings.operations.0.where": '[{"column": "state", "value": "new"}]',
}  # fmt: skip


class Inputs(HTMLParser):
    """Reads a form as a browser would send it; what lies in a template is sent by nobody."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.names: set[str] = set()
        self.within, self.area, self.select = 0, "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.within += tag == "template"
        name = given.get("name") or ""
        if self.within or (tag == "option" and not self.select):
            return
        if tag == "option":
            if "selected" in given:
                self.sent[self.select] = [given.get("value") or ""]
        elif name:
            self.names.add(name)
            if tag == "select":
                self.select = name
                self.sent.setdefault(name, [""])
            elif tag == "textarea":
                self.area = name
                self.sent[name] = [""]
            elif given.get("type") != "checkbox" or "checked" in given:
                value = given.get("value") or ("on" if given.get("type") == "checkbox" else "")
                self.sent.setdefault(name, []).append(value)

    def handle_endtag(self, tag):
        self.within -= tag == "template"
        self.select = "" if tag == "select" else self.select
        self.area = "" if tag == "textarea" else self.area

    def handle_data(self, data):
        if self.area and not self.within:
            self.sent[self.area] = [self.sent[self.area][0] + data]


def send(browser, path, data):
    return browser.post(path, data, headers=PART)


def faults(page) -> dict[str, list[str]]:
    return json.loads(unescape(re.search(r'data-faults="([^"]*)"', page.content.decode())[1]))


def unlabelled(model, path: str) -> list[str]:
    """Give the fields of a model, however deep, that a form would show by their bare name."""
    found = []
    for one in controls.of_model(model):
        if one.label.zh == one.key or not re.search(r"[\u4e00-\u9fff]|MQTT|WSDL|CSV", one.label.zh):
            found.append(f"{path}.{one.key}")
    for name, info in model.model_fields.items():
        for part in controls.parts_of(info.annotation):
            found += unlabelled(part, f"{path}.{name}")
    return found


@pytest.mark.parametrize("key", CONNECTORS)
def test_every_setting_of_every_connector_has_a_label_in_both_languages(key):
    (found,) = (one for one in connectors() if one.key == key)
    assert unlabelled(found.settings, key) == []


@pytest.mark.parametrize("key", CONNECTORS)
def test_the_form_of_a_connector_is_made_of_its_own_model(everyone, key):
    (found,) = (one for one in connectors() if one.key == key)
    page = everyone.get(f"/integration/systems/shape?_field=settings&connector={key}", headers=PART)
    text = page.content.decode()
    names = Inputs(text).names
    for name, info in found.settings.model_fields.items():
        is_there = any(one == f"settings.{name}" or one.startswith(f"settings.{name}.") for one in names)
        assert is_there or f'data-cards="settings.{name}"' in text, name
        assert info.is_required() == ('aria-required="true"' in text) or not info.is_required()
    for secret in found.secrets:
        assert secret in text


def test_what_is_filled_in_becomes_the_settings_as_the_connector_reads_them(everyone):
    made = send(everyone, "/integration/systems/new", SQL)
    assert made.status_code == 204 or "HX-Location" in made.headers, made.content.decode()[:500]
    kept = System.objects.get(code="MES").settings
    assert kept["port"] == 3307
    assert kept["operations"] == [{
        "key": "reports", "ways": ["poll"], "table": "reports", "watermark": "changed_at", "key_column": "id",
        "columns": ["id", "qty", "changed_at"], "overlap": 60.0, "where": [{"column": "state", "value": "new"}],
    }]  # fmt: skip


def test_each_fault_is_said_at_its_own_field_in_both_languages(everyone):
    wrong = SQL | {"settings.operations.0.watermark": "", "settings.zone": "Mond/Krater", "settings.port": "70000"}
    page = send(everyone, "/integration/systems/new", wrong)
    assert page.status_code == 422
    found = faults(page)
    assert set(found) == {"settings.operations.0.watermark", "settings.zone", "settings.port"}
    assert "没有时区 Mond/Krater" in found["settings.zone"][0]
    assert "水位列" in found["settings.operations.0.watermark"][0]
    assert not System.objects.exists()


def test_a_setting_left_out_that_must_be_there_is_named(everyone):
    page = send(everyone, "/integration/systems/new", SQL | {"settings.host": ""})
    assert set(faults(page)) == {"records.0.settings.host"}


def test_a_saved_form_sent_back_unchanged_changes_nothing(everyone):
    send(everyone, "/integration/systems/new", SQL)
    system = System.objects.get()
    before = system.settings
    for _ in range(2):
        path = f"/integration/systems/{system.pk}/edit"
        sent = Inputs(everyone.get(path).content.decode()).sent
        assert sent["settings.operations.0.where"][0].startswith("[")
        done = send(everyone, path, sent)
        assert done.status_code < 300, faults(done)
        system.refresh_from_db()
    kept = system.settings
    assert {**kept, "operations": None}.items() >= {**before, "operations": None}.items()
    (operation,) = kept["operations"]
    assert operation.items() >= before["operations"][0].items()
    version = system.version
    send(everyone, path, Inputs(everyone.get(path).content.decode()).sent)
    system.refresh_from_db()
    assert (system.settings, system.version) == (kept, version)


def test_the_interface_takes_settings_as_json_by_the_same_model(everyone):
    page = send(everyone, "/integration/systems/new", {
        "code": "A", "name": "A", "connector": "rest", "settings": '{"address": "https://a.example.com", "x": 1}',
    })  # fmt: skip
    assert set(faults(page)) == {"settings.x"}


def test_a_group_that_may_be_left_out_is_left_out(everyone):
    rest = {"code": "A", "name": "A", "connector": "rest", "environment": "test"}
    blank = Inputs(everyone.get("/integration/systems/shape?_field=settings&connector=rest", headers=PART)
                   .content.decode()).sent  # fmt: skip
    made = send(everyone, "/integration/systems/new", blank | rest | {"settings.address": "https://a.example.com"})
    assert made.status_code < 300, faults(made)
    kept = System.objects.get().settings
    assert kept["address"] == "https://a.example.com"
    assert "outcome" not in kept
    assert "signing" not in kept.get("auth", {})


def test_who_may_not_make_systems_gets_no_form_of_them(signed_in):
    browser = signed_in("sales.order.read")
    assert browser.get("/integration/systems/shape?_field=settings&connector=rest", headers=PART).status_code == 404
