"""A system's secrets leave by no way out: not by the export of the command line, nor a table, nor REST."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from banyan.config.cli import export
from banyan.integration.models import Secret
from banyan.kernel import registry
from banyan.web.rest import calls

PLAIN = {"consumer_secret": "cs-Zypresse-4711", "webhook_secret": "wh-Wacholder-0815"}
NOUNS = ("integration.system", "integration.secret")


def texts_of(content: bytes) -> str:
    """Give all that a file says, also where it is packed."""
    if not content.startswith(b"PK"):
        return content.decode("utf-8-sig", "replace")
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


@pytest.fixture
def system(api, settings, tmp_path) -> str:
    """Make a system with two secrets over REST; give its id."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    made = api.post("integration/systems", {
        "code": "EIBE", "name": "Eibe", "connector": "woocommerce", "hosts": ["shop.example.com"],
        "settings": {"address": "https://shop.example.com", "consumer_key": "ck_1"},
    })  # fmt: skip
    assert made.status_code == 201, made.content
    for name, value in PLAIN.items():
        done = api.post("integration/secrets/set", {"system": made.data["id"], "name": name, "value": value})
        assert done.status_code == 200, done.content
        assert value not in done.content.decode()
    return made.data["id"]


def look_for(told: Iterable[tuple[str, bytes]]) -> str:
    """Prove that no file tells a secret, plain or sealed; give all that they say."""
    sealed = list(Secret.objects.values_list("sealed", flat=True))
    assert len(sealed) == len(PLAIN)
    hidden = {*PLAIN.values(), *sealed, *(one.rsplit(".", 1)[-1] for one in sealed)}
    found = [(where, texts_of(content)) for where, content in told]
    assert [(where, text) for where, text in found if any(one in text for one in hidden)] == []
    return "\n".join(text for _, text in found)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_export_of_the_command_line_tells_no_secret(system, form, tmp_path, monkeypatch):
    """All nouns as text, so that neither history nor audit nor calls tell it; as workbooks those of the bus."""
    monkeypatch.setattr(export, "running", nullcontext)
    calls.write()
    chosen = [] if form == "csv" else [noun.spec.key for noun in registry.nouns() if noun.spec.area == "integration"]
    done = CliRunner().invoke(export.command, [*chosen, "--to", str(tmp_path / "out"), "--form", form])
    assert done.exit_code == 0, (done.output, done.exception)
    files = {file.stem: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert set(NOUNS) <= set(files)
    assert len(files) == (len(chosen) or len(list(registry.nouns())))
    look_for(files.items())
    assert "EIBE" in texts_of(files["integration.system"])


def test_tables_and_answers_of_rest_tell_no_secret(system, api):
    told: list[tuple[str, bytes]] = []

    def ask(path: str) -> None:
        answer = api.get(path)
        assert answer.status_code == 200, (path, answer.content)
        told.append((path, b"".join(answer.streaming_content) if answer.streaming else answer.content))

    keys = {"systems": [system], "secrets": list(Secret.objects.values_list("pk", flat=True))}
    for plural, records in keys.items():
        ask(f"integration/{plural}")
        for form in ("csv", "xlsx"):
            for full in ("false", "true"):
                ask(f"integration/{plural}/export?format={form}&full={full}")
        for key in records:
            ask(f"integration/{plural}/{key}")
            ask(f"integration/{plural}/{key}/timeline")
    said = look_for(told)
    assert "EIBE" in said
    assert all(name in said for name in PLAIN)


def test_a_sealed_secret_is_no_column_that_can_be_asked_for(system, api):
    """Neither shown, nor searched or sorted by: what can be compared can be guessed."""
    for query in ("fields=sealed", "sealed=x", "sort=sealed", "sealed:starts=v1"):
        assert api.get(f"integration/secrets?{query}").status_code == 422, query
        assert api.get(f"integration/secrets/export?{query}").status_code == 422, query
