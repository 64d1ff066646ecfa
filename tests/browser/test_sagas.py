"""Sagas in a real browser: a definition with its steps, a run that waits for a person, and the decision."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.saga.models import Run, Saga
from banyan.integration.saga.tests.conftest import STEPS, boss  # noqa: F401
from banyan.integration.saga.tests.standing import Outside
from banyan.integration.tests.conftest import account, do, system  # noqa: F401
from banyan.kernel.models import Audit, User
from tests.browser import looks
from tests.browser.conftest import PASSWORD, watched
from tests.browser.hands import let_in, settle
from tests.browser.sizes import every_size_and_language
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser]


@pytest.fixture
def partner():
    made = Outside()
    made.up()
    yield made
    made.down()


@pytest.fixture
def stuck(ctx, live_db, partner, system, boss):  # noqa: F811
    """Give a run that is done, one taken back, and one whose warehouse does not take its goods back."""
    person = User(login="all", name="Lin", is_superuser=True)
    person.set_password(PASSWORD)
    person.save()
    titles = ("Reserve stock", "Book waybill", "Tell finance")
    rows = [dict(system=str(system.pk)) | one | dict(title=title) for one, title in zip(STEPS, titles, strict=True)]
    saga = do(ctx, "saga.saga.create", records=[dict(
        code="SHIP", name="Shipping", trigger="call", key="order", retries=[60], person=str(person.pk), steps=rows,
    )]).ids[0]  # fmt: skip
    do(ctx, "saga.saga.activate", saga)
    now = datetime.now(UTC)
    refuses = {"SO-0001": {}, "SO-0002": {"tell": [422]}, "SO-0003": {"tell": [422], "release": [409] * 9}}
    for order, says in refuses.items():
        partner.says = dict(says)
        do(ctx, "saga.run.start", saga=saga, payload={"order": order})
        for minutes in (0, 2, 4):
            carry_until_quiet(now + timedelta(minutes=minutes))
    partner.says = {}
    assert list(Run.objects.order_by("key").values_list("state", flat=True)) == ["done", "undone", "needs_person"]
    return Saga.objects.get(), Run.objects.get(state="needs_person")


def kept(page, name: str) -> None:
    if folder := os.environ.get("BANYAN_SHOTS"):
        page.screenshot(path=Path(folder) / f"saga-{name}.png", full_page=True)


@every_size_and_language
def test_a_run_says_what_comes_next_and_a_person_decides(stuck, open_page, language, size):
    saga, run = stuck
    User.objects.filter(login="all").update(language=language)
    page = watched(open_page(**({} if size == "desktop" else {size: True}), language=language))
    let_in(page, "all", PASSWORD)
    for name, path in (("sagas", "/saga/sagas"), ("saga", f"/saga/sagas/{saga.pk}"), ("runs", "/saga/runs?"),
                       ("form", "/saga/sagas/new"), ("run", f"/saga/runs/{run.pk}")):  # fmt: skip
        page.goto(path)
        looks.check(page, f"{name} {size}", is_phone=size == "phone", language=language)
        kept(page, f"{name}-{size}-{language}")
    wanted = {"zh": "等待决定（Reserve stock）", "en": "A decision is needed (Reserve stock)"}[language]
    expect(page.locator("#main")).to_contain_text(wanted)
    label = {"zh": "跳过步骤", "en": "Skip the step"}[language]
    page.get_by_role("button", name=label).first.click()
    dialog = page.locator("dialog[open]")
    dialog.locator("textarea, input[type=text]").first.fill("仓库已电话释放")
    looks.check(page, f"dialog {size}", is_phone=size == "phone", language=language)
    kept(page, f"dialog-{size}-{language}")
    dialog.get_by_role("button", name=label).click()
    settle(page)
    expect(dialog).to_have_count(0)
    assert Audit.objects.get(command="saga.run.skip").input == {"reason": "仓库已电话释放"}
    carry_until_quiet(datetime.now(UTC) + timedelta(minutes=9))
    page.goto(f"/saga/runs/{run.pk}")
    kept(page, f"decided-{size}-{language}")
    assert Run.objects.get(pk=run.pk).state == "undone"
    assert page.faults == []
