"""Every noun has its pages, and none of them is written for it."""

from __future__ import annotations

import re

import pytest

from banyan.kernel import data_nouns, figures, queries, registry
from tests.kernel.visitor_pass import VISITOR_PASS
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db
MADE = VISITOR_PASS["key"]
SHELL = "data-theme-wish"


def keys(verb: str | None = None) -> list[str]:
    return [n.spec.key for n in registry.nouns() if verb is None or verb in n.spec.verbs] + [MADE]


@pytest.fixture
def noun(request, db):
    if request.param != MADE:
        yield registry.noun(request.param)
        return
    made = data_nouns.compile_definition(VISITOR_PASS)
    data_nouns.create_tables(made)
    registry.publish([made])
    yield made
    registry.withdraw(MADE)


every_noun = pytest.mark.parametrize("noun", keys(), indirect=True)
every_created = pytest.mark.parametrize("noun", keys("create"), indirect=True)


@every_noun
def test_an_empty_list_says_what_it_is_for(everyone, noun):
    page = everyone.get(f"/{noun.spec.path}")
    assert page.status_code == 200
    text = page.content.decode()
    assert SHELL in text
    if not noun.model._base_manager.exists():
        assert noun.spec.help.zh in text


@every_created
def test_page_and_fragment_are_the_same_but_for_the_shell(everyone, noun, samples):
    key = samples.make(noun)
    edit = [f"/{key}/edit"] if registry.has_command(noun.spec.permission("change")) else []
    for path in ("", "/new", f"/{key}", *edit):
        address = f"/{noun.spec.path}{path}"
        whole, fragment = everyone.get(address), everyone.get(address, headers=PART)
        assert (whole.status_code, fragment.status_code) == (200, 200), address
        assert SHELL not in fragment.content.decode()
        assert main_of(whole.content.decode()) == main_of(fragment.content.decode())


def main_of(html: str) -> str:
    """Give the heading and what follows, without the keys that are new each time."""
    body = html[
        html.index('<div class="head">') if '<div class="head">' in html else html.index("<form class=") :
    ]
    body = body.split("</main>")[0]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|v\.\S+|<title>.*?</title>", "", body).strip()


@every_created
def test_what_lies_beside_a_record_is_shown(everyone, noun, samples):
    key = samples.make(noun)
    for path in ("timeline", "files", "chain"):
        part = everyone.get(f"/{noun.spec.path}/{key}/{path}", headers=PART)
        assert part.status_code == 200, path
        assert SHELL not in part.content.decode()


@every_noun
def test_a_board_is_shown_for_a_noun_with_a_life(everyone, noun):
    if not noun.spec.life:
        pytest.skip("has no life")
    assert everyone.get(f"/{noun.spec.path}?layout=board").status_code == 200


@every_noun
def test_every_dialog_can_be_opened(everyone, noun, samples):
    key = samples.make(noun) if "create" in noun.spec.verbs else None
    for command in registry.commands_of(noun.spec.key):
        if (
            not command.screen
            or command.name in ("create", "change")
            or (command.on == "records" and key is None)
        ):
            continue
        ids = f"?ids={key}" if command.on == "records" else ""
        dialog = everyone.get(
            f"/{noun.spec.path}/do/{command.name}{ids}", headers=PART | {"HX-Target": "dialog-body"}
        )
        assert dialog.status_code == 200, command.key
        assert command.label.zh in dialog.content.decode(), command.key


@every_noun
def test_without_the_right_there_is_no_page(signed_in, noun):
    browser = signed_in("somewhere.else")
    assert browser.get(f"/{noun.spec.path}").status_code == 403
    assert browser.get(f"/{noun.spec.path}/export.csv").status_code == 403


@every_created
def test_a_record_prints_on_paper(everyone, noun, samples):
    if noun.spec.key not in ("sales.order", "items.item", MADE):
        pytest.skip("one of each kind is enough")
    key = samples.make(noun)
    paper = everyone.get(f"/print/{noun.spec.path}/{key}.pdf")
    assert paper.content.startswith(b"%PDF")


def test_what_nobody_knows_is_a_friendly_page(everyone):
    for path in ("/nothing/here", "/nothing", "/sales/orders/01a2037c-2257-7781-b951-f63c316c9d85"):
        page = everyone.get(path)
        assert page.status_code == 404, path
        assert "回首页" in page.content.decode()


def test_a_fault_shows_an_incident_number_that_the_log_knows(everyone, monkeypatch, caplog):
    from banyan.web.views import lists

    def break_down(*_args, **_more):
        raise ZeroDivisionError

    monkeypatch.setattr(lists.reading, "list_records", break_down)
    page = everyone.get("/items/items")
    assert page.status_code == 500
    number = re.search(r"事件编号 (\w{8})", page.content.decode())[1]
    assert number in caplog.text


def test_pages_carry_a_policy_without_inline_script_or_style(everyone, world):
    page = everyone.get(f"/items/items/{world.part.pk}")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", "")
    text = page.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def test_every_icon_is_in_the_sprite():
    from banyan.web import assets

    declared = (*registry.commands(), *queries.queries(), *figures.figures().values())
    wanted = {n.spec.icon for n in registry.nouns()} | {one.icon for one in declared if one.icon}
    assert sorted(wanted - assets.icon_names()) == [], "add them to frontend/icons.txt"
