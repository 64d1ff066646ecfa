"""What `banyan export` writes, `banyan import` reads back."""

from __future__ import annotations

from banyan.kernel.models import Role

ROLE = "kernel.role"


def test_an_exported_file_is_imported_again_and_changes_nothing(banyan, tmp_path):
    role = Role.objects.create(code="dyer", name_zh="染色工", name_en="Dyer")
    written = banyan("export", ROLE, "--to", tmp_path)
    assert written.exit_code == 0, written.output
    read = banyan("import", ROLE, tmp_path / f"{ROLE}.csv")
    assert read.exit_code == 0, read.output
    assert "0 records were made" in read.output
    role.refresh_from_db()
    assert (role.name_zh, role.name_en) == ("染色工", "Dyer")


def test_an_import_makes_records(banyan, tmp_path):
    file = tmp_path / "roles.csv"
    file.write_text("code,name_zh,name_en\nspinner,纺纱工,Spinner\n")
    checked = banyan("import", ROLE, file, "--check")
    assert checked.exit_code == 0, checked.output
    assert not Role.objects.filter(code="spinner").exists()
    done = banyan("import", ROLE, file)
    assert done.exit_code == 0, done.output
    assert "1 records were made, 0 changed." in done.output
    assert Role.objects.get(code="spinner").name_zh == "纺纱工"


def test_a_fault_is_told_by_row_and_nothing_is_written(banyan, tmp_path):
    file = tmp_path / "roles.csv"
    file.write_text("code,name_zh,name_en\nspinner,纺纱工,Spinner\n,无编码,No code\n")
    done = banyan("import", ROLE, file)
    assert done.exit_code == 1
    assert "row 2" in done.output
    assert not Role.objects.filter(code="spinner").exists()


def test_an_unknown_noun_is_refused_with_those_there_are(banyan, tmp_path):
    result = banyan("export", "kernel.ghost", "--to", tmp_path)
    assert result.exit_code == 1
    assert ROLE in result.output


def test_verify_proves_and_tells_how_many(banyan):
    result = banyan("verify")
    assert result.exit_code == 0, result.output
    assert "0 broken." in result.output
    unknown = banyan("verify", "nothing.such")
    assert unknown.exit_code == 2
