"""Where an order goes, whatever words a shop has for it: one key for a province of China, a city, a country.

    key_of("浙江省") == key_of("Zhejiang") == key_of("33") == key_of("CN-ZJ") == "CN-33"
    keys_of("CN", "浙江", "杭州市") == ("city:杭州", "CN-33", "CN")

Source: GB/T 2260 (two digits of a province), ISO 3166-1 and ISO 3166-2:CN; WooCommerce's own codes of Chinese states
(plugins/woocommerce/i18n/states.php), which look like ISO and are none
"""

from __future__ import annotations

import re
import unicodedata

#: GB/T 2260, ISO 3166-2, WooCommerce; short name, sign, other names, English names.
PROVINCES = (
    ("11", "BJ", 2, "北京", "京", "beijing peking"),
    ("12", "TJ", 3, "天津", "津", "tianjin"),
    ("13", "HE", 4, "河北", "冀", "hebei"),
    ("14", "SX", 5, "山西", "晋", "shanxi"),
    ("15", "NM", 6, "内蒙古", "蒙", "neimenggu neimongol innermongolia"),
    ("21", "LN", 7, "辽宁", "辽", "liaoning"),
    ("22", "JL", 8, "吉林", "吉", "jilin"),
    ("23", "HL", 9, "黑龙江", "黑", "heilongjiang"),
    ("31", "SH", 10, "上海", "沪", "shanghai"),
    ("32", "JS", 11, "江苏", "苏", "jiangsu"),
    ("33", "ZJ", 12, "浙江", "浙", "zhejiang"),
    ("34", "AH", 13, "安徽", "皖", "anhui"),
    ("35", "FJ", 14, "福建", "闽", "fujian"),
    ("36", "JX", 15, "江西", "赣", "jiangxi"),
    ("37", "SD", 16, "山东", "鲁", "shandong"),
    ("41", "HA", 17, "河南", "豫", "henan"),
    ("42", "HB", 18, "湖北", "鄂", "hubei"),
    ("43", "HN", 19, "湖南", "湘", "hunan"),
    ("44", "GD", 20, "广东", "粤", "guangdong canton"),
    ("45", "GX", 21, "广西", "桂", "guangxi guangxizhuang"),
    ("46", "HI", 22, "海南", "琼", "hainan"),
    ("50", "CQ", 23, "重庆", "渝", "chongqing chungking"),
    ("51", "SC", 24, "四川", "川", "sichuan szechwan"),
    ("52", "GZ", 25, "贵州", "黔", "guizhou"),
    ("53", "YN", 1, "云南", "滇", "yunnan"),
    ("54", "XZ", 31, "西藏", "藏", "xizang tibet"),
    ("61", "SN", 26, "陕西", "陕", "shaanxi"),
    ("62", "GS", 27, "甘肃", "甘", "gansu"),
    ("63", "QH", 28, "青海", "青", "qinghai"),
    ("64", "NX", 29, "宁夏", "宁", "ningxia ningxiahui"),
    ("65", "XJ", 32, "新疆", "新", "xinjiang xinjianguyghur xinjianguygur"),
    ("71", "TW", None, "台湾", "台", "taiwan"),
    ("81", "HK", None, "香港", "港", "hongkong xianggang"),
    ("82", "MO", 30, "澳门", "澳", "macao macau aomen"),
)  # fmt: skip
MUNICIPALITIES = frozenset({"北京", "天津", "上海", "重庆"})
#: What shops call countries that is not ISO 3166-1; a code of two letters is taken as it is.
COUNTRIES = {
    "中国": "CN", "中国大陆": "CN", "中华人民共和国": "CN", "china": "CN", "chinamainland": "CN", "mainlandchina": "CN",
    "chn": "CN", "prc": "CN", "peoplesrepublicofchina": "CN", "美国": "US", "usa": "US", "unitedstates": "US",
    "unitedstatesofamerica": "US", "英国": "GB", "uk": "GB", "gbr": "GB", "unitedkingdom": "GB", "greatbritain": "GB",
    "德国": "DE", "deu": "DE", "germany": "DE", "法国": "FR", "fra": "FR", "france": "FR", "日本": "JP", "jpn": "JP",
    "japan": "JP", "韩国": "KR", "kor": "KR", "korea": "KR", "southkorea": "KR", "加拿大": "CA", "can": "CA",
    "canada": "CA", "澳大利亚": "AU", "aus": "AU", "australia": "AU", "新加坡": "SG", "sgp": "SG", "singapore": "SG",
    "马来西亚": "MY", "mys": "MY", "malaysia": "MY", "泰国": "TH", "tha": "TH", "thailand": "TH", "越南": "VN",
    "vnm": "VN", "vietnam": "VN", "俄罗斯": "RU", "rus": "RU", "russia": "RU", "印度": "IN", "ind": "IN", "india": "IN",
}  # fmt: skip

_TRADITIONAL = str.maketrans("臺灣門慶東廣遼寧蘇陝貴雲肅龍內區縣", "台湾门庆东广辽宁苏陕贵云肃龙内区县")
_PROVINCE_END = re.compile(r"(省|特别行政区|特別行政区|(?:壮族|回族|维吾尔)?自治区|(?:壮族|回族|维吾尔))$")
_CITY_END = re.compile(r"(?<=..)(市|地区|盟)$")
_ENGLISH_END = re.compile(r"(province|sheng|municipality|shi|autonomousregion|specialadministrativeregion|sar)$")
_PLAIN = re.compile(r"[\s.,'’·\-_]")

_BY_NAME: dict[str, str] = {}
_BY_LETTERS: dict[str, str] = {}
_BY_DIGITS: dict[str, str] = {}
for _digits, _letters, _woo, _name, _sign, _english in PROVINCES:
    _key = f"CN-{_digits}"
    _BY_NAME |= dict.fromkeys((_name, _sign, *_english.split()), _key)
    _BY_LETTERS[_letters] = _BY_DIGITS[_digits] = _key
    if _woo:
        _BY_NAME[f"cn{_woo}"] = _key
#: Named as countries by ISO 3166-1 too.
_ALSO = {"TW": "CN-71", "HK": "CN-81", "MO": "CN-82"}


def country_of(text: str) -> str:
    """Give the ISO 3166-1 code of a country, empty where it is not known; Hong Kong, Macao, Taiwan lie in CN."""
    plain = _plain(text)
    code = COUNTRIES.get(plain, "")
    if not code and re.fullmatch(r"[a-z]{2}", plain):
        code = plain.upper()
    return "CN" if code in _ALSO else code


def province_of(text: str, *, is_china: bool = False) -> str:
    """Give the key of a province of China by any of its names or codes, empty where it is none.

    Takes:  is_china: the country is known to be China, so that two letters are a province
    """
    given = unicodedata.normalize("NFKC", text or "").strip().translate(_TRADITIONAL)
    if match := re.fullmatch(r"(?i)(?:CN-)?(\d{2})(?:\d{4})?", given):
        return _BY_DIGITS.get(match[1], "")
    if match := re.fullmatch(r"(?i)(CN-)?([a-z]{2})", given):
        return _BY_LETTERS.get(match[2].upper(), "") if match[1] or is_china else _ALSO.get(match[2].upper(), "")
    plain = _plain(given)
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    short = _PROVINCE_END.sub("", plain)
    if short.endswith("市") and short[:-1] in MUNICIPALITIES:
        short = short[:-1]
    return _BY_NAME.get(short) or _BY_NAME.get(_ENGLISH_END.sub("", short), "")


def key_of(text: str) -> str:
    """Give the key that a place has which a person wrote down: a province, a country, a state, else a city."""
    if province := province_of(text):
        return province
    if match := re.fullmatch(r"\s*([A-Za-z]{2})-(\w{1,3})\s*", text or ""):
        return f"{match[1]}-{match[2]}".upper()
    return country_of(text) or (f"city:{city}" if (city := _city(text)) else "")


def keys_of(country: str, region: str, city: str = "") -> tuple[str, ...]:
    """Give the keys by which an order's place is found among those written down, the narrowest first."""
    code = country_of(country)
    province = "" if code not in ("", "CN") else (
        province_of(region, is_china=code == "CN") or province_of(country) or province_of(city)
    )  # fmt: skip
    found = [f"city:{_city(city)}" if _city(city) else ""]
    if province:
        found += [province, "CN"]
    else:
        state = (region or "").strip()
        if code and re.fullmatch(r"\w{1,3}", state, re.ASCII):
            found.append(f"{code}-{state}".upper())
        elif code and re.fullmatch(rf"(?i){code}-\w{{1,3}}", state, re.ASCII):
            found.append(state.upper())
        found += [f"city:{_city(region)}" if _city(region) else "", code]
    return tuple(dict.fromkeys(key for key in found if key))


def _plain(text: str) -> str:
    """Give a name without blanks, points, accents and letters' case."""
    given = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text or ""))
    return _PLAIN.sub("", "".join(sign for sign in given if not unicodedata.combining(sign)).casefold())


def _city(text: str) -> str:
    return _CITY_END.sub("", _plain(text).translate(_TRADITIONAL))
