"""No page is half translated: every text of a template and of a script stands in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from banyan.web import areas
from tests.plugins.wording import CHINESE, faults_of_pair

SOURCES = Path(__file__).parents[2] / "src" / "banyan"
FRONTEND = Path(__file__).parents[2] / "frontend" / "src"
TEMPLATES = sorted((SOURCES / "web" / "templates").rglob("*.html")) + sorted(
    SOURCES.glob("*/*/templates/**/*.html")
)
TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.S)
PAIR = re.compile(r"""\{%\s*t\s+"(?P<zh>(?:[^"\\]|\\.)*)"\s+"(?P<en>(?:[^"\\]|\\.)*)".*?%\}""", re.S)
SAID = re.compile(r"""\{%\s*t\s+["']""")
READ = ("title", "placeholder", "alt", "aria-label", "data-label", "hx-confirm")
#: Names, keys and commands, the same in every language.
NAMES = {
    "Banyan",
    "banyan",
    "榕",
    "English",
    "中文",
    "中",
    "EN",
    "Ctrl",
    "K",
    "Esc",
    "story",
    "user",
    "add",
    "name",
    "role",
    "admin",
    "openapi",
    "json",
    "API",
    "REST",
    "OpenAPI",
    "AsyncAPI",
    "OAuth2",
    "JSON",
    "GET",
    "POST",
    "PATCH",
    "DELETE",
}


class Texts(HTMLParser):
    """Collects what a person reads: text between tags, and attributes that are read out or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.stack: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "style"):
            self.stack.append(tag)
        self.found += [value for name, value in attrs if name in READ and value]

    def handle_endtag(self, tag):
        if self.stack and self.stack[-1] == tag:
            self.stack.pop()

    def handle_data(self, data):
        if not self.stack:
            self.found.append(data)


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda f: str(f.relative_to(SOURCES)))
def test_a_template_says_everything_in_both_languages(file):
    source = file.read_text()
    assert len(PAIR.findall(source)) == len(SAID.findall(source)), "a pair that this test cannot read"
    assert [fault for pair in PAIR.finditer(source) for fault in faults_of_pair(pair["zh"], pair["en"])] == []
    texts = Texts()
    texts.feed(TAG.sub(" ", source))
    words = {w for text in texts.found for w in re.findall(r"[A-Za-z]{2,}|[\u3400-\u9fff]+", text)}
    left = (
        words - NAMES
        if "switch to english" not in source.lower()
        else words - NAMES - {"Switch", "to", "切换到中文"}
    )
    assert left == set(), f"say it with {{% t %}}: {sorted(left)}"


#: Their tests are nobody's to read.
SCRIPTS = sorted(file for file in FRONTEND.rglob("*.ts") if not file.name.endswith(".test.ts"))


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.name)
def test_a_script_says_everything_in_both_languages(file):
    source = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(), flags=re.S)
    said = re.compile(r"""\bt\(\s*"(?P<zh>[^"]*)",\s*"(?P<en>[^"]*)""", re.S)
    assert [fault for pair in said.finditer(source) for fault in faults_of_pair(pair["zh"], pair["en"])] == []
    calls = re.findall(r"""(?<!function )\bt\(\s*["'`]""", source)
    assert len(said.findall(source)) == len(calls), "a pair that this test cannot read"
    loose = [line.strip() for line in said.sub("", source).splitlines() if CHINESE.search(line)]
    if file.name == "paste.ts":
        loose = []  # reads what people have typed into spreadsheets
    assert loose == []


def test_every_area_of_a_noun_and_a_role_has_a_name():
    from banyan.kernel import registry
    from banyan.ops import roles

    wanted = {n.spec.area for n in registry.nouns()} | {a for role in roles.ROLES for a in role.areas}
    unnamed = {key for key in wanted if areas.area_of(key).label.zh == key}
    assert unnamed == set()
