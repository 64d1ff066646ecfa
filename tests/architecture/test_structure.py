"""The architecture, executed: floors, keys that point down, words in both languages, lock files without addresses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from banyan.kernel import registry
from tests.plugins import order

ROOT = Path(__file__).parents[2]
MODULES = (
    "company",
    "parties",
    "items",
    "people",
    "inventory",
    "equipment",
    "engineering",
    "sales",
    "purchasing",
    "channels",
    "production",
    "wages",
    "exceptions",
    "station",
    "trace",
    "proposals",
    "planning",
    "handheld",
    "teamboard",
    "finance",
)
BESIDE = (
    {"parties", "items"},
    {"sales", "purchasing"},
    {"exceptions", "station", "trace", "proposals", "planning"},
    {"handheld", "teamboard"},
)


#: Apps of ours that are no module and yet stand on another: they look at the bus's tables.
ON_THE_BUS = {"watch"}


def level(label: str) -> int:
    """Give the height of an app; siblings share one."""
    if label not in MODULES:
        return 0 if label in ON_THE_BUS else -1
    for pair in BESIDE:
        if label in pair:
            return min(MODULES.index(x) for x in pair)
    return MODULES.index(label)


def test_imports_follow_the_floors():
    done = subprocess.run(
        [sys.executable, "-m", "importlinter.cli", "lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named" in done.stderr:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "lint-imports")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def own_models():
    return [m for m in apps.get_models() if m.__module__.startswith("banyan.")]


@pytest.mark.parametrize("model", own_models(), ids=lambda m: m._meta.label)
def test_foreign_keys_point_down_and_leave_no_reverse_accessor(model):
    here = model._meta.app_label
    for field in model._meta.get_fields():
        if (
            not isinstance(field, (models.ForeignKey, models.OneToOneField, models.ManyToManyField))
            or field.auto_created
        ):
            continue
        there = field.related_model._meta.app_label
        if there == here:
            continue
        assert level(there) < level(here) or there == "kernel", f"{model._meta.label}.{field.name} points up to {there}"
        assert field.remote_field.related_name == "+", (
            f"{model._meta.label}.{field.name} leaves a reverse accessor in {there}"
        )


def test_every_table_is_a_noun_a_line_or_the_kernels():
    known = {m for n in registry.nouns() for m in (n.model, *n.line_models.values())}
    hidden = [m._meta.label for m in own_models() if m not in known and m._meta.app_label in MODULES]
    assert set(hidden) <= ALLOWED_HIDDEN, "tables that nobody can list"


#: Tables behind others: balances by condition, links, layers. People see them through their noun.
ALLOWED_HIDDEN = {
    "channels.Booking", "channels.OfferDue", "finance.AccountBalance", "finance.SettlementShare",
    "finance.VoucherEntry", "inventory.ValueLayer", "station.Sender",
}  # fmt: skip


def test_lock_files_name_no_registry():
    for file in (*ROOT.glob("requirements/*.lock"), *ROOT.glob("**/package-lock.json")):
        if "node_modules" in file.parts:
            continue
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?://[^\s\"]*(pypi|npmjs|registry|index|simple)", text), file.name
        assert '"resolved"' not in text, file.name


def test_every_label_is_in_both_languages():
    chinese = re.compile(r"[一-鿿]")
    faults = []
    for noun in registry.nouns():
        labels = [noun.spec.label, noun.spec.plural, noun.spec.help, *(f.label for f in noun.spec.fields)]
        labels += [f.label for line in noun.spec.lines for f in line.fields] + [s.label for s in noun.spec.form]
        labels += [c.label for f in noun.spec.fields for c in f.choices]
        labels += [c.label for c in registry.commands_of(noun.spec.key)]
        faults += [f"{noun.spec.key}: {lb.en}" for lb in labels if chinese.search(lb.en)]
    assert faults == []


def test_nothing_of_this_machine_is_in_the_tree():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in listed:
        path = ROOT / name
        if (
            not name
            or path.suffix in {".png", ".woff2", ".wasm", ".ico"}
            or not path.is_file()
            or path == Path(__file__)
        ):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert "/work/main" not in text, name
        assert "/root/" not in text, name


@pytest.mark.parametrize("name", order.LONG)
def test_what_runs_first_is_there(name):
    assert (order.TESTS / name).exists()
