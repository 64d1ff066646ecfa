"""Places by whatever words shops have for them."""

from __future__ import annotations

import pytest

from banyan.lib.regions import PROVINCES, country_of, key_of, keys_of, province_of

AUTONOMOUS = {"内蒙古": "自治区", "广西": "壮族自治区", "西藏": "自治区", "宁夏": "回族自治区", "新疆": "维吾尔自治区"}
SPECIAL = ("香港", "澳门")
CITIES = ("北京", "天津", "上海", "重庆")


def test_there_are_34_provinces_each_with_codes_of_its_own():
    assert len(PROVINCES) == 34
    for column in range(5):
        values = [row[column] for row in PROVINCES if row[column] is not None]
        assert len(values) == len(set(values)), column
    assert [row[0] for row in PROVINCES] == sorted(row[0] for row in PROVINCES)


@pytest.mark.parametrize("row", PROVINCES, ids=lambda row: row[5].split()[0])
def test_a_province_is_known_by_each_of_its_names_and_codes(row):
    digits, letters, woo, name, sign, english = row
    end = "特别行政区" if name in SPECIAL else "市" if name in CITIES else AUTONOMOUS.get(name, "省")
    spellings = [
        name, f"{name}{end}", f" {name} ", sign, digits, f"{digits}0000", f"CN-{digits}", f"CN-{letters}",
        *english.split(), *(word.title() for word in english.split()), f"{english.split()[0].title()} Province",
    ]  # fmt: skip
    spellings += [f"CN{woo}"] if woo else []
    assert {text: key_of(text) for text in spellings} == dict.fromkeys(spellings, f"CN-{digits}")
    assert province_of(letters, is_china=True) == f"CN-{digits}"


@pytest.mark.parametrize(("country", "region", "city", "keys"), [
    ("CN", "浙江", "杭州", ("city:杭州", "CN-33", "CN")), ("中国", "浙江省", "杭州市", ("city:杭州", "CN-33", "CN")),
    ("", "Zhejiang Sheng", "", ("CN-33", "CN")), ("CN", "ZJ", "", ("CN-33", "CN")), ("CN", "CN12", "", ("CN-33", "CN")),
    ("", "", "上海市", ("city:上海", "CN-31", "CN")), ("CN", "新疆维吾尔自治区", "", ("CN-65", "CN")),
    ("CN", "Inner Mongolia", "", ("CN-15", "CN")), ("HK", "", "", ("CN-81", "CN")),
    ("CN", "臺灣省", "", ("CN-71", "CN")),
    ("CN", "吉林", "吉林市", ("city:吉林", "CN-22", "CN")), ("CN", "陕西", "", ("CN-61", "CN")),
    ("CN", "山西省", "", ("CN-14", "CN")), ("CN", "某地", "", ("city:某地", "CN")),
    ("US", "CA", "San José", ("city:sanjose", "US-CA", "city:ca", "US")), ("CA", "", "", ("CA",)),
    ("Germany", "Bayern", "", ("city:bayern", "DE")), ("GB", "SH", "", ("GB-SH", "city:sh", "GB")), ("", "", "", ()),
])  # fmt: skip
def test_an_orders_place_has_keys_from_narrow_to_wide(country, region, city, keys):
    assert keys_of(country, region, city) == keys


def test_what_is_written_down_is_a_province_a_state_a_country_or_a_city():
    words = ("吉林", "吉林市", "US", "us-ca", "USA", "德国", "杭州市", "San Jose", "", "99")
    assert [key_of(text) for text in words] == [
        "CN-22", "city:吉林", "US", "US-CA", "US", "DE", "city:杭州", "city:sanjose", "", "city:99",
    ]  # fmt: skip
    assert (country_of("Taiwan"), country_of("MO"), country_of("Nowhere")) == ("", "CN", "")
