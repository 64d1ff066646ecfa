"""What lies beside a record: history, comments, files, chain."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from banyan.kernel.models import Attachment, History, InboxItem
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files_elsewhere(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def picture() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (800, 600), "navy").save(out, "PNG")
    return out.getvalue()


def test_history_says_who_changed_which_field_from_what_to_what(everyone, world):
    order = world.make(
        "sales.order",
        party=world.customer,
        plant=world.plant,
        wanted_on="2026-04-01",
        lines=[{"item": world.product, "quantity": "5", "price": "10"}],
    )
    other = world.party(code="CU-9", name="华东传动")
    world.change(order, party=other, wanted_on="2026-05-02")
    text = everyone.get(f"/sales/orders/{order.pk}/timeline", headers=PART).content.decode()
    assert "系统" in text
    assert "<del>CU-1 远山机械</del> → <ins>CU-9 华东传动</ins>" in text
    assert "<del>2026-04-01</del> → <ins>2026-05-02</ins>" in text


def test_a_change_by_hand_is_told_apart(everyone, world):
    part = world.part
    History.objects.create(
        table="items_item",
        record=part.pk,
        operation="update",
        xid=1,
        actor="postgres",
        old={"name": "齿轮"},
        new={"name": "换了"},
    )
    text = everyone.get(f"/items/items/{part.pk}/timeline", headers=PART).content.decode()
    assert "直接改数据库" in text
    assert "<del>齿轮</del> → <ins>换了</ins>" in text


def test_a_mention_lands_in_the_inbox_with_the_way_to_the_record(signed_in, world):
    browser, reader = signed_in("items.*", login="lin"), signed_in("items.*", login="wang")
    from banyan.kernel.models import User

    wang, part = User.objects.get(login="wang"), world.part
    said = browser.post(
        f"/items/items/{part.pk}/comment", {"text": "请看图纸", "mentions": [str(wang.pk)]}, headers=PART
    )
    assert "请看图纸" in said.content.decode()
    home = reader.get("/").content.decode()
    assert "请看图纸" in home
    assert f"/items/items/{part.pk}" in home
    item = InboxItem.objects.get()
    browser.post("/inbox/done", {"items": [str(item.pk)]}, headers=PART)
    item.refresh_from_db()
    assert item.done_at is None
    reader.post("/inbox/done", {"items": [str(item.pk)]}, headers=PART)
    item.refresh_from_db()
    assert item.done_at is not None


def test_a_file_is_kept_shown_and_taken_off(everyone, signed_in, world):
    part = world.part
    upload = SimpleUploadedFile("图纸.png", picture(), "image/png")
    shown = everyone.post(f"/items/items/{part.pk}/files", {"files": upload}, headers=PART)
    assert "图纸.png" in shown.content.decode()
    one = Attachment.objects.get()
    whole = everyone.get(f"/files/{one.pk}")
    assert whole.headers["Content-Type"] == "image/png"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert everyone.get(f"/files/{one.pk}/small").headers["Content-Type"] == "image/jpeg"
    assert signed_in("sales.*").get(f"/files/{one.pk}").status_code == 403
    everyone.post(f"/items/items/{part.pk}/files/{one.pk}/remove", headers=PART)
    assert not Attachment.objects.exists()


def test_a_file_that_lies_about_itself_is_refused(everyone, world):
    for name, content in (("a.png", b"<html>"), ("a.svg", b"<svg/>"), ("a.pdf", b"MZ90")):
        upload = SimpleUploadedFile(name, content)
        page = everyone.post(f"/items/items/{world.part.pk}/files", {"files": upload}, headers=PART)
        assert page.status_code in (415, 422), name
    assert not Attachment.objects.exists()


def test_a_reader_cannot_attach(signed_in, world):
    browser = signed_in("items.item.read")
    upload = SimpleUploadedFile("图纸.png", picture(), "image/png")
    page = browser.post(f"/items/items/{world.part.pk}/files", {"files": upload}, headers=PART)
    assert page.status_code == 403
    assert not Attachment.objects.exists()


def test_the_chain_leads_from_a_document_to_what_came_of_it(everyone, signed_in, world):
    quotation = world.make(
        "sales.quotation",
        party=world.customer,
        plant=world.plant,
        lines=[{"item": world.product, "quantity": "5", "price": "10"}],
    )
    order = world.make(
        "sales.order",
        party=world.customer,
        plant=world.plant,
        lines=[{"item": world.product, "quantity": "5", "price": "10"}],
    )
    type(order).objects.filter(pk=order.pk).update(quotation=quotation)
    down = everyone.get(f"/sales/quotations/{quotation.pk}/chain", headers=PART).content.decode()
    assert f"/sales/orders/{order.pk}" in down
    up = everyone.get(f"/sales/orders/{order.pk}/chain", headers=PART).content.decode()
    assert f"/sales/quotations/{quotation.pk}" in up
    blind = (
        signed_in("sales.order.read").get(f"/sales/orders/{order.pk}/chain", headers=PART).content.decode()
    )
    assert f"/sales/quotations/{quotation.pk}" not in blind


def test_a_file_of_a_field_is_kept_by_its_digest(everyone, client):
    kept = everyone.post("/files", {"file": SimpleUploadedFile("图纸.png", picture())}, headers=PART).json()
    assert len(kept["digest"]) == 64
    assert kept["name"] == "图纸.png"
    assert client.post("/files", {"file": SimpleUploadedFile("a.png", picture())}).status_code == 302
