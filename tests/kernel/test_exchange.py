"""Import and export by spec: cells to records and back."""

from __future__ import annotations

import pytest

from banyan.kernel import exchange, registry
from banyan.kernel.models import Audit, ImportBatch, Role, User
from banyan.kernel.reading import Query
from banyan.lib.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge

pytestmark = pytest.mark.django_db
ROLES = """编码\t中文名\t英文名\tgrants.permission\tgrants.reach
sales\t销售\tSales\tsales.*\town
\t\t\tparties.*\t
boss\t老板\tBoss\t*\t全部
"""


def run(ctx, noun_key, text, **more):
    noun = registry.noun(noun_key)
    table = exchange.read_table("paste", text)
    return exchange.run(ctx, noun, table, exchange.suggest_map(noun, table.columns), **more)


def test_a_pasted_block_makes_records_with_lines(ctx):
    batch = run(ctx, "kernel.role", ROLES)
    assert (batch.rows, len(batch.made)) == (3, 2)
    sales = Role.objects.get(code="sales")
    assert list(sales.grants.order_by("position").values_list("permission", "reach")) == [
        ("sales.*", "own"),
        ("parties.*", "all"),
    ]


def test_importing_the_same_again_changes_nothing(ctx):
    run(ctx, "kernel.role", ROLES)
    again = run(ctx, "kernel.role", ROLES)
    assert (again.made, again.changed) == ([], [])


def test_every_faulty_cell_is_named_and_nothing_is_written(ctx):
    noun = registry.noun("kernel.user")
    table = exchange.read_table("x.csv", "login,name,language,roles.role\na,甲,zh,none\n,乙,fr,\na,丙,en,\n")
    found = exchange.check(ctx, noun, table, exchange.suggest_map(noun, table.columns))
    assert {(f.row, f.column) for f in found.faults} == {
        (1, "roles.role"),
        (2, "login"),
        (2, "language"),
        (3, "login"),
    }
    with pytest.raises(Invalid):
        exchange.run(ctx, noun, table, exchange.suggest_map(noun, table.columns))
    assert User.objects.count() == ImportBatch.objects.count() == 0


def test_a_check_without_faults_rehearses_and_writes_nothing(ctx):
    noun = registry.noun("kernel.role")
    table = exchange.read_table("paste", ROLES)
    found = exchange.check(ctx, noun, table, exchange.suggest_map(noun, table.columns))
    assert (found.creates, found.changes, found.faults) == (2, 0, ())
    assert Role.objects.count() == 0


def test_undo_takes_back_what_was_made_and_changed(ctx):
    run(ctx, "kernel.role", "code,name_zh,name_en\nboss,老板,Boss\n")
    batch = run(ctx, "kernel.role", "code,name_zh,name_en\nboss,总经理,Boss\nqc,质量,Quality\n")
    exchange.undo(ctx, batch.pk)
    assert list(Role.objects.values_list("code", "name_zh")) == [("boss", "老板")]
    with pytest.raises(Conflict):
        exchange.undo(ctx, batch.pk)


def test_undo_is_refused_when_a_record_was_changed_since(ctx):
    batch = run(ctx, "kernel.role", "code,name_zh,name_en\nboss,老板,Boss\n")
    registry.command("kernel.role.change")(ctx, batch.made, {"name_en": "Chief"})
    with pytest.raises(Conflict) as refusal:
        exchange.undo(ctx, batch.pk)
    assert refusal.value.code == "import_changed_since"
    assert Role.objects.count() == 1


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_full_export_comes_back_unchanged(ctx, form):
    run(ctx, "kernel.role", ROLES)
    noun = registry.noun("kernel.role")
    content = b"".join(exchange.export(ctx, noun, Query(), form, full=True))
    table = exchange.read_table(f"roles.{form}", content)
    again = exchange.run(ctx, noun, table, exchange.suggest_map(noun, table.columns))
    assert (len(table.rows), again.made, again.changed) == (3, [], [])


def test_without_the_right_nothing_is_read_or_written(ctx, nobody):
    with pytest.raises(NotAllowed):
        run(nobody, "kernel.role", ROLES)
    with pytest.raises(NotAllowed):
        b"".join(exchange.export(nobody, registry.noun("kernel.role"), Query()))
    assert Role.objects.count() == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_files_of_all_encodings_are_read(encoding):
    assert exchange.read_table("x.csv", "编码,中文名\nA,甲\n".encode(encoding)).rows == [["A", "甲"]]


def test_an_import_changes_no_record_outside_the_persons_scope(ctx, person):
    run(ctx, "kernel.user", "login,name\nli,李明\n")
    other = person(("kernel.user.*", "own"))
    with pytest.raises(Invalid) as refusal:
        run(other, "kernel.user", "login,name\nli,改名\n")
    assert list(refusal.value.fields) == ["rows.1.login"]
    noun = registry.noun("kernel.user")
    table = exchange.read_table("x", "login,name\nli,改名\n")
    found = exchange.check(other, noun, table, exchange.suggest_map(noun, table.columns))
    assert [(f.row, f.column) for f in found.faults] == [(1, "login")]
    assert User.objects.get(login="li").name == "李明"


def test_an_import_is_taken_back_only_by_whom_its_records_concern(ctx, person):
    batch = run(ctx, "kernel.user", "login,name\nli,李明\n")
    with pytest.raises(NotFound):
        exchange.undo(person(("kernel.user.*", "own")), batch.pk)
    assert User.objects.filter(login="li").exists()


def test_the_same_table_under_the_same_key_is_imported_once(ctx):
    keyed = ctx.with_(key="import-1")
    first, again = run(keyed, "kernel.role", ROLES), run(keyed, "kernel.role", ROLES)
    assert first.pk == again.pk
    with pytest.raises(Invalid) as refusal:
        run(keyed, "kernel.role", "code,name_zh,name_en\nx,某,Some\n")
    assert refusal.value.code == "key_reused"
    assert Role.objects.count() == 2


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    import io
    import zipfile

    monkeypatch.setattr(exchange, "MOST_UNPACKED", 1_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b" " * 2_000_000)
    with pytest.raises(TooLarge):
        exchange.read_table("bomb.xlsx", packed.getvalue())


def refused(code):
    return list(Audit.objects.filter(outcome="refused", code=code).values_list("command", "through"))


def test_an_import_that_is_refused_before_it_begins_leaves_one_audit_line(ctx, nobody):
    with pytest.raises(NotAllowed):
        run(nobody, "kernel.role", ROLES)
    assert refused("not_allowed") == [("kernel.role.import", "import")]
    with pytest.raises(Invalid) as refusal:
        run(ctx, "kernel.user", "login,name,language\na,甲,zh\na,丙,en\n")
    assert refused(refusal.value.code) == [("kernel.user.import", "import")]
    assert Role.objects.count() == User.objects.count() == ImportBatch.objects.count() == 0


def test_taking_an_import_back_without_the_right_leaves_one_audit_line(ctx, nobody):
    batch = run(ctx, "kernel.role", ROLES)
    with pytest.raises(NotAllowed):
        exchange.undo(nobody, batch.pk)
    assert refused("not_allowed") == [("kernel.role.import_undo", "import")]
    assert Role.objects.count() == 2
