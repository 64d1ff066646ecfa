"""What lies beside a record names one that exists, and goes with it."""

from __future__ import annotations

import pytest

from banyan.kernel import beside, data_nouns, db, registry
from banyan.kernel.models import Attachment, Comment, InboxItem, StoredFile, User
from banyan.kernel.proofs import run
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from tests.kernel.visitor_pass import VISITOR_PASS

pytestmark = pytest.mark.django_db
PROOF = "kernel.beside"


@pytest.fixture
def user(ctx) -> User:
    return User.objects.get(pk=registry.command("kernel.user.create")(ctx, {"records": [
        {"login": "li", "name": "李"}]})[0].pk)  # fmt: skip


def lay_beside(ctx, noun: str, record) -> None:
    """Put a comment, a file and an inbox item beside a record."""
    StoredFile.objects.get_or_create(digest="0" * 64, defaults={"size": 1, "media_type": "text/plain"})
    Comment.objects.create(noun=noun, record=record, text="看")
    Attachment.objects.create(noun=noun, record=record, file_id="0" * 64, name="a.txt")
    reader = User.objects.create(login=f"reader-{record}"[:80], name="读")
    beside.notify(ctx, [reader.pk], "mention", L("看", "look"), noun, record)


def found():
    return run([PROOF])[0].found


def test_what_names_records_that_exist_is_counted(ctx, user):
    lay_beside(ctx, "kernel.user", user.pk)
    beside.notify(ctx, [user.pk], "hint", L("无关", "about nothing"))
    assert (found().counted, found().faults) == (3, ())


@pytest.mark.plants("kernel.beside")
def test_what_names_a_record_that_is_gone_is_named(ctx, user):
    lay_beside(ctx, "kernel.user", user.pk)
    gone = new_id()
    lay_beside(ctx, "kernel.role", gone)
    assert (found().counted, found().broken) == (6, 3)
    texts = sorted(fault.text.rpartition(" / ")[2] for fault in found().faults)
    assert texts == [f"{what} names kernel.role {gone}, which does not exist"
                     for what in ("attachment", "comment", "inbox item")]  # fmt: skip


@pytest.mark.plants("kernel.beside")
def test_what_names_a_noun_there_is_not_is_named(ctx, user):
    Comment.objects.create(noun="made.forgotten", record=user.pk, text="看")
    (fault,) = found().faults
    assert fault.text == (f"评论所指的 made.forgotten {user.pk} 不存在 / "
                          f"comment names made.forgotten {user.pk}, which does not exist")  # fmt: skip


@pytest.mark.parametrize("way", ["command", "sql"])
def test_what_lies_beside_a_record_goes_with_it(ctx, user, way):
    other = User.objects.create(login="other", name="x")
    lay_beside(ctx, "kernel.user", user.pk)
    lay_beside(ctx, "kernel.user", other.pk)
    if way == "command":
        registry.command("kernel.user.delete")(ctx, [user.pk])
    else:
        db.run("DELETE FROM kernel_user WHERE id = %s", [user.pk])
    for model in (Comment, Attachment, InboxItem):
        assert list(model.objects.values_list("record", flat=True)) == [other.pk]
    assert found().faults == ()


def test_what_lies_beside_a_record_made_of_data_goes_with_it(ctx):
    made = data_nouns.compile_definition(VISITOR_PASS)
    data_nouns.create_tables(made)
    registry.publish([made])
    try:
        data = {"visitor": "陈", "visits_on": "2026-03-02", "things": [{"thing": "电脑"}]}
        (record,) = registry.command("made.visitor_pass.create")(ctx, {"records": [data]})
        lay_beside(ctx, "made.visitor_pass", record.pk)
        assert found().counted == 3
        registry.command("made.visitor_pass.delete")(ctx, [record.pk])
        assert found().counted == 0
    finally:
        registry.withdraw(VISITOR_PASS["key"])
