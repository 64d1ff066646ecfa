"""Each connector's folder is whole: mapping, client, payloads with source, contract tests, README with its document."""

from __future__ import annotations

import ast
import json
import re
from datetime import date
from pathlib import Path

import pytest

from banyan.integration.mapping.definition import compile_mapping
from tests.partners.shops import CONNECTORS

FOLDERS = sorted(path.parent.name for path in CONNECTORS.glob("*/__init__.py"))

#: Generic ones carry whatever a partner has: its mapping is written in the flow, or is that of a preset beside them.
WITHOUT_MAPPING = {
    "amqp": "a queue's messages are the partner's own; mes and wms bring mappings for them",
    "edge": "readings are taken as they are and leave as signed webhooks",
    "mail": "what is written to whom is the flow's",
    "mqtt": "a topic's readings are the plant's own",
    "opcua": "nodes are the controller's own",
    "rest": "a partner is described as data; wms is one, with its mappings",
    "people": "one text, which alerts write themselves; accounts are key links",
    "robots": "one text, which alerts write themselves",
    "soap": "operations are those of the partner's WSDL; mes is one, with its mappings",
    "sql": "columns are those of the partner's tables",
    "webhook": "events go and come as CloudEvents, which need no mapping",
}
#: The edge process is no connector of the bus: it runs at the machines.
WITHOUT_CONNECTOR = {"edge": "running.py"}
DOCUMENT = re.compile(r"\bDocuments?: |\bSources?: |No vendor's document|\| document \|")
NO_DOCUMENT = re.compile(r"No vendor's document|Document: none of a partner's")
#: What says of a document which it is: a version, a standard's number, or the day of the document or of its copy.
VERSION = re.compile(
    r"\b20\d\d(-\d{1,2}){1,2}\b|\b20\d\d copy\b|\b\d-\d-\d\b|\bRFC \d+\b"
    r"|(?<![\w/.-])v?\d+\.\d+(\.\d+)*\b|(?<![\w/.-])v\d+\b"
)


def payloads(folder: str) -> list[Path]:
    found = [path for place in ("payloads", "tests/payloads") for path in (CONNECTORS / folder / place).glob("*")]
    return [path for path in found if path.name != "README.md"]


def readme(folder: str) -> str:
    """Give what the folder says of itself, and of its payloads."""
    files = (CONNECTORS / folder / "README.md", CONNECTORS / folder / "payloads" / "README.md")
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def test_every_folder_is_there_and_exceptions_are_of_folders():
    assert len(FOLDERS) >= 25
    for excepted in (WITHOUT_MAPPING, WITHOUT_CONNECTOR):
        assert set(excepted) <= set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_its_five_parts(folder):
    here = CONNECTORS / folder
    assert (here / WITHOUT_CONNECTOR.get(folder, "connector.py")).exists(), "client"
    assert bool(list(here.glob("*.mapping.json"))) == (folder not in WITHOUT_MAPPING), "mapping"
    assert payloads(folder), "payloads"
    tests = [
        node.name
        for file in (here / "tests").glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert tests, "contract tests"
    text = readme(folder)
    assert DOCUMENT.search(text), "README: what the partner's document says"
    assert re.search(r"payloads|talk\.json", text), "README: where the payloads come from"


def is_dated(text: str) -> bool:
    """Say whether a README tells the version or day of the documents that it names, where it names them."""
    parts = re.split(r"\n\s*\n", text)
    named = [part for part in parts if DOCUMENT.search(part) and not NO_DOCUMENT.search(part)]
    return not named or any(VERSION.search(part) for part in (*named, *(p for p in parts if "Versions" in p)))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_readme_says_of_which_version_or_day_its_document_is(folder):
    assert is_dated(readme(folder))


def test_a_document_without_a_version_or_a_day_is_found_out():
    assert not is_dated("# A shop\n\nDocument: call guide, shop.example/api-v3/2.1.\n\nRead on 2026-11-29.")
    assert is_dated("# A shop\n\nDocument: call guide (copy of 2022-09-13).")
    assert is_dated("# A pair\n\nNo vendor's document: as projects build it.")


@pytest.mark.parametrize(
    "mapping", sorted(CONNECTORS.glob("*/*.mapping.json")), ids=lambda path: f"{path.parent.name}.{path.stem}"
)
def test_a_mapping_that_comes_along_holds(mapping):
    compile_mapping(json.loads(mapping.read_text(encoding="utf-8")))


@pytest.mark.parametrize("talk", sorted([*CONNECTORS.glob("*/payloads/talk.json"),
                                         *CONNECTORS.glob("*/payloads/*-talk.json")]),
                         ids=lambda path: path.parts[-3])  # fmt: skip
def test_a_captured_talk_says_whose_it_is_and_is_told_again(talk):
    whole, folder = json.loads(talk.read_text(encoding="utf-8")), talk.parts[-3]
    told = " ".join(file.read_text(encoding="utf-8") for file in (CONNECTORS / folder / "tests").glob("test_*.py"))
    assert "talk.json" in told, "a test tells it again"
    assert talk.name in readme(folder)
    if folder != "tryton":  # kept call by call before there was one form for all
        assert re.search(r"\d+\.\d+", whole["partner"]), "partner and version"
        assert date.fromisoformat(whole["taken"]) <= date.today()
        assert "test_talks.py" in whole["by"]
        assert whole["connections"]


def test_each_real_partner_has_what_it_said_in_make_test():
    captured = {path.parts[-3] for path in CONNECTORS.glob("*/payloads/talk.json")}
    assert {"amqp", "file", "mqtt", "opcua", "soap", "sql", "tryton", "vendure"} <= captured
    assert (CONNECTORS / "file" / "payloads" / "s3-talk.json").exists()
