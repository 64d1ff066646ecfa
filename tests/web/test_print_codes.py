"""What is printed as a code is read again, whatever the code and however it was scanned."""

from __future__ import annotations

import re
from decimal import Decimal
from uuid import UUID

import pytest

from banyan.kernel import prints
from banyan.web import codes
from banyan.web.printing.capitals import in_capitals

KEY = UUID("01a2037c-2257-7781-b951-f63c316c9d85")
WEIRD = (
    "FG-1", "A/B", "A//B", "A/../B", "..", ".", "/", "A/", "50% Ø", "a b", "a+b", "?x=1#y", "=", "=A",
    "中文-1", "图号：３", "😀", "\\", "C:\\X", "http://x/go/i/y", "go/i/x", "%2F", "%252F",
    "&amp;", "<b>", "'\"",
    "x" * 200, "\u3000宽", "O0I1L", str(KEY), KEY.hex, codes.shorten(KEY), codes.shorten(KEY).upper(),
    "7" * 26, "8" * 26, "é", "e\u0301",
)  # fmt: skip


@pytest.mark.parametrize("code", WEIRD)
def test_a_code_is_read_as_it_was_written(code):
    address = codes.make("items.item", code)
    assert re.fullmatch(r"/go/i/[!-~]+", address)
    assert not {".", ".."} & set(address.split("/"))
    for scanned in (address, f"https://erp.example.com:8443{address}", f"\ufeff {address}\r\n"):
        assert codes.parse(scanned) == codes.Scanned("items.item", code=code)


@pytest.mark.parametrize("key", [KEY, UUID(int=0), UUID(int=(1 << 128) - 1)])
def test_an_id_is_short_and_survives_a_scanner(key):
    address = f"https://erp.example.com{codes.make('inventory.lot', key)}"
    assert len(address) <= 62, "fits a code of 33 by 33 at a quarter's loss"
    wanted = codes.Scanned("inventory.lot", id=key)
    for scanned in (
        address,
        address.upper(),
        address.swapcase(),
        address.replace("/", "／"),
        address.replace(":", "：").replace("/", "、").replace(".", "。"),
        f"\x02{address}\x03\n",
        f"{address}?from=camera",
        f"{address}/",
        f"/go/l/{key}",
        f"/go/inventory.lot/{key.hex}",
        f"/go/inventory。lot/{key}",
    ):
        assert codes.parse(scanned) == wanted, scanned


@pytest.mark.parametrize(
    "text",
    ["", "FG-1", "https://example.com", "/go", "/go/", "/go/i", "/go/i/", "/go/zz/1", "/go/i/=", "logo/i/x"],
)
def test_what_is_no_address_of_ours_is_not_taken_for_one(text):
    assert codes.parse(text) is None


def test_a_brief_name_stands_for_one_noun_only():
    assert prints.codes()["i"] == "items.item"
    prints.scanned_as("items.item", "i")
    with pytest.raises(TypeError, match="items.item and people.team"):
        prints.scanned_as("people.team", "i")


def test_a_noun_without_a_brief_name_goes_by_its_key():
    assert codes.make("company.plant", "P1") == "/go/company.plant/P1"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"), ("0.05", "伍分"), ("0.50", "伍角"), ("10", "壹拾元整"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        ("1409.50", "壹仟肆佰零玖元伍角"), ("6007.14", "陆仟零柒元壹角肆分"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"), ("107000.53", "壹拾万柒仟元伍角叁分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"), ("20000", "贰万元整"), ("100100", "壹拾万零壹佰元整"),
        ("100000000", "壹亿元整"), ("100010001", "壹亿零壹万零壹元整"), ("1000000000000", "壹万亿元整"),
        ("-12.3", "负壹拾贰元叁角"), ("-0.001", "零元整"), ("1" + "0" * 16, ""),
    ],
)  # fmt: skip
def test_an_amount_stands_in_capitals(amount, words):
    assert in_capitals(Decimal(amount)) == words
