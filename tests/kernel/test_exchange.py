"""Import and export by spec: cells to records and back."""

from __future__ import annotations

import gc
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import xlsxwriter
from django.db import transaction

from banyan.kernel import exchange, jobs, reading, registry, schema
from banyan.kernel.models import Audit, ImportBatch, ImportRow, Role, User
from banyan.kernel.reading import Query
from banyan.lib.errors import Conflict, Invalid, NotAllowed, NotFound

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
    assert (batch.rows, batch.made) == (3, 2)
    sales = Role.objects.get(code="sales")
    assert list(sales.grants.order_by("position").values_list("permission", "reach")) == [
        ("sales.*", "own"),
        ("parties.*", "all"),
    ]


def test_importing_the_same_again_changes_nothing(ctx):
    run(ctx, "kernel.role", ROLES)
    again = run(ctx, "kernel.role", ROLES)
    assert (again.made, again.changed) == (0, 0)


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
    registry.command("kernel.role.change")(ctx, [Role.objects.get().pk], {"name_en": "Chief"})
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
    assert (len(table.rows), again.made, again.changed) == (3, 0, 0)


def test_without_the_right_nothing_is_read_or_written(ctx, nobody):
    with pytest.raises(NotAllowed):
        run(nobody, "kernel.role", ROLES)
    with pytest.raises(NotAllowed):
        b"".join(exchange.export(nobody, registry.noun("kernel.role"), Query()))
    assert Role.objects.count() == 0


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


def test_undo_is_refused_when_a_record_has_gone_since(ctx):
    batch = run(ctx, "kernel.role", ROLES)
    registry.command("kernel.role.delete")(ctx, [Role.objects.get(code="boss").pk])
    with pytest.raises(Conflict) as refusal:
        exchange.undo(ctx, batch.pk)
    assert (refusal.value.code, refusal.value.facts["count"]) == ("import_changed_since", 1)


def many(rows: int, begin: int = 0) -> str:
    return "login,name\n" + "".join(f"u{n},人{n}\n" for n in range(begin, begin + rows))


def test_a_table_of_several_parts_is_imported_in_one_transaction(ctx, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 10)
    run(ctx, "kernel.user", many(5))
    told = []
    table = exchange.read_table("x", many(35).replace("人3\n", "改名\n"))
    noun = registry.noun("kernel.user")
    batch = exchange.run(ctx, noun, table, exchange.suggest_map(noun, table.columns),
                         progress=lambda done, total: told.append((done, total)))  # fmt: skip
    assert (batch.rows, batch.made, batch.changed) == (35, 30, 1)
    assert [one for one in told if one[0]] == [(10, 35), (20, 35), (30, 35), (35, 35)]
    assert User.objects.get(login="u3").name == "改名"
    exchange.undo(ctx, batch.pk)
    assert (User.objects.count(), User.objects.get(login="u3").name) == (5, "人3")
    assert Audit.objects.filter(command="kernel.user.import").count() == 2


def test_a_fault_found_only_while_writing_leaves_nothing_of_the_parts_before(ctx, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 2)
    text = "code,name_zh,name_en,grants.permission,grants.reach\n"
    text += "".join(f"r{n},某,Some,parties.*,all\n" for n in range(5)) + "bad,某,Some,kernel.user.read,plant\n"
    with pytest.raises(Invalid) as refusal:
        run(ctx, "kernel.role", text)
    assert [path for path in refusal.value.fields if path.startswith("rows.6.")], refusal.value.fields
    assert Role.objects.count() == ImportBatch.objects.count() == ImportRow.objects.count() == 0


def test_work_that_is_cancelled_half_way_leaves_nothing(ctx, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 10)

    def stop(done, _total):
        if done >= 20:
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled), transaction.atomic():
        run(ctx, "kernel.user", many(35), progress=stop)
    assert User.objects.count() == ImportBatch.objects.count() == ImportRow.objects.count() == 0


def test_repeated_keys_are_told_apart_over_all_parts(ctx, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 10)
    noun = registry.noun("kernel.user")
    table = exchange.read_table("x", many(25) + "u4,又\n")
    (fault,) = exchange.check(ctx, noun, table, exchange.suggest_map(noun, table.columns)).faults
    assert (fault.row, fault.column, fault.text.in_("en")) == (26, "login", "repeats row 5")


def test_faults_are_shown_up_to_a_limit_and_all_are_counted(ctx):
    noun = registry.noun("kernel.user")
    table = exchange.read_table("x", "login,name,language\n" + "".join(f"u{n},人,fr\n" for n in range(3_000)))
    mapping = exchange.suggest_map(noun, table.columns)
    found = exchange.check(ctx, noun, table, mapping)
    assert (len(found.faults), found.fault_count) == (exchange.SHOWN_FAULTS, 3_000)
    assert found.cells[500] == ["u499", "人", "fr"]
    with pytest.raises(Invalid) as refusal:
        exchange.run(ctx, noun, table, mapping)
    assert "3000" in refusal.value.text("en").replace(",", "")
    assert (refusal.value.facts["fault_count"], len(refusal.value.fields)) == (3_000, exchange.SHOWN_FAULTS)
    assert User.objects.count() == 0


def test_a_record_of_too_many_lines_is_refused_and_not_held_whole(ctx, monkeypatch):
    monkeypatch.setattr(exchange, "MOST_LINES", 50)
    lines = "".join(f",,,p{n}.*,\n" for n in range(8_000))
    noun = registry.noun("kernel.role")
    table = exchange.read_table("x", f"code,name_zh,name_en,grants.permission,grants.reach\na,某,Some,x.*,\n{lines}")
    builder = exchange._Builder(noun, table, exchange.suggest_map(noun, table.columns))
    (part,) = builder.parts()
    assert len(part.creates[0][1].grants) == 51


def fill_caches() -> None:
    """Fill what pydantic keeps of the texts it has read: 16,384 of them, whatever they are."""
    model = schema.input_of(registry.noun("kernel.user").spec)
    for n in range(50_000):
        model.model_validate({"login": f" w{n}", "name": f" 暖{n}"})


@contextmanager
def measured() -> Iterator[list[int]]:
    """Measure the most memory that is held beyond before; what was there already keeps no garbage from being found."""
    held: list[int] = []
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 1, 1)
    gc.collect()
    tracemalloc.start()
    try:
        fill_caches()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield held
        held.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
        gc.set_threshold(*usual)
        gc.unfreeze()


def peak_of(ctx, text_of, rows: int, tmp_path) -> int:
    """Give the most memory that reading, checking and doing an import of so many rows has held."""
    noun, file = registry.noun("kernel.user"), tmp_path / f"{rows}.table"
    file.write_bytes(text_of(rows))
    with measured() as held:
        table = exchange.read_table(file.name, file)
        mapping = exchange.suggest_map(noun, table.columns)
        assert not exchange.check(ctx, noun, table, mapping, is_rehearsed=False).fault_count
        assert exchange.run(ctx, noun, table, mapping).made == rows
    return held[0]


def as_csv(rows: int) -> bytes:
    return many(rows, rows * 10).encode()


def as_xlsx(rows: int) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["login", "name"])
    for n in range(rows):
        sheet.write_row(n + 1, 0, [f"v{rows}-{n}", f"人{n}"])
    book.close()
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("text_of", [as_csv, as_xlsx])
def test_a_longer_table_takes_no_more_memory(ctx, text_of, tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 200)
    peak_of(ctx, text_of, 300, tmp_path)  # what is read once stays
    short, long = peak_of(ctx, text_of, 1_000, tmp_path), peak_of(ctx, text_of, 5_000, tmp_path)
    assert long < short * 1.25, (short, long)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_thousand_rows_take_no_more_memory_than_twenty_thousand(ctx, tmp_path):
    peak_of(ctx, as_xlsx, 3_000, tmp_path)
    short, long = peak_of(ctx, as_xlsx, 20_000, tmp_path), peak_of(ctx, as_xlsx, 100_000, tmp_path)
    print(f"{short:,} bytes for 20,000 rows, {long:,} for 100,000")
    assert long < short * 1.1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_longer_export_takes_no_more_memory(ctx, form, monkeypatch):
    noun = registry.noun("kernel.user")
    monkeypatch.setattr(reading, "MOST", 200)
    peaks = []
    for count in (100, 1_000, 4_000):
        run(ctx, "kernel.user", many(count, count * 10))
        with measured() as held:
            for _ in exchange.export(ctx, noun, Query(), form, full=True):
                pass
        peaks += held
    assert peaks[2] < peaks[1] * 1.25, peaks
