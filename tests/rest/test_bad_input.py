"""Wrong input of every kind: refused with the right status and a clear problem, and nothing is written.

A row is (what it is, method, path, body or raw bytes, headers, statuses). `{unit}`, `{item}` and the like are
the keys of records that exist; `{gone}` for one that does not.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction

from banyan.kernel import registry
from banyan.lib.ids import new_id
from tests.plugins.world import World

pytestmark = pytest.mark.django_db
LONG, NUL, HALF = "长" * 10_000, "a\x00b", "\ud800"
THIRTY = "123456789012345678901234567890"
ITEM = {"code": "NEW", "name": "新物料", "unit": "{unit}"}
PLAN = {"item": "{item}", "plant": "{plant}"}
USER = {"login": "new", "name": "新人"}
LINE = {"item": "{product}", "quantity": "4", "price": "900", "tax_code": "{tax}"}
ORDER = {"party": "{customer}", "plant": "{works}", "currency": "{currency}", "lines": [LINE]}
ADJUST = {"kind": "adjustment", "plant": "{works}", "reason": "盘点"}


def create(noun: str, base: dict, field: str, *values: Any, status: int = 422) -> list[tuple]:
    """Give a row per value of a field that cannot be."""
    return [(f"{field}={str(v)[:24]!r}", "POST", noun, base | {field: v}, {}, status) for v in values]


def line(noun: str, base: dict, field: str, *values: Any) -> list[tuple]:
    """Give a row per value that a field of the document's line cannot be."""
    (only,) = base["lines"]
    lines = [(v, base | {"lines": [only | {field: v}]}) for v in values]
    return [(f"lines.{field}={str(v)[:24]!r}", "POST", noun, body, {}, 422) for v, body in lines]


def query(path: str, *queries: str) -> list[tuple]:
    return [(f"?{q[:40]}", "GET", f"{path}?{q}", None, {}, 422) for q in queries]


def raw(
    path: str, status: int, *bodies: bytes, method: str = "POST", kind: str = "application/json"
) -> list[tuple]:
    return [
        (f"{method} {body[:24]!r}", method, path, body, {"Content_Type": kind}, status) for body in bodies
    ]


FIELDS = [
    *create("items/items", ITEM, "code", None, "", 5, True, [], {}, LONG, NUL, "x" * 41),
    *create("items/items", ITEM, "name", None, "", 1.5, False, ["x"], LONG, NUL, "字" * 161),
    *create("items/items", ITEM, "kind", "wood", "", None, 3, True, [], "MADE", NUL),
    *create(
        "items/items",
        ITEM,
        "unit",
        None,
        "",
        "kg",
        5,
        "{gone}",
        "{party}",
        "0195e0b6",
        "{unit}x",
        [],
        {},
        True,
        "g" * 36,
    ),
    *create("items/items", ITEM, "category", "{gone}", "{item}", "none", 0, {"id": "{gone}"}),
    *create("items/items", ITEM, "shelf_life_days", 0, -1, 1.5, "30", "x", True, 10**12, 2**31, [], NUL),
    *create(
        "items/items",
        ITEM,
        "weight",
        "x",
        "",
        "1e3",
        "0",
        "-1",
        0,
        -5,
        True,
        [],
        {},
        THIRTY,
        "1.1234567",
        "١٢",
        "1,5",
        "NaN",
        "Infinity",
        "0x10",
        "1_000",
    ),
    *create("items/items", ITEM, "is_sold", "yes", 1, 0, "true", [], None),
    *create("items/items", ITEM, "is_active", True, False),
    *create("items/items", ITEM, "colour", "red", None, {}),
    *create("items/items", ITEM, "version", 1),
    *create("items/items", ITEM, "created_by", "{user}"),
    *create("items/items", ITEM, "id", "x", 1, "{unit}x"),
    *create(
        "items/items",
        ITEM,
        "units",
        {},
        "x",
        [1],
        [{}],
        [{"unit": "{gone}", "numerator": 1, "denominator": 1}],
        [{"unit": "{unit}", "numerator": 0, "denominator": 1}],
        [{"unit": "{unit}", "numerator": "1", "denominator": "x"}],
        [{"unit": "{unit}", "numerator": 1, "denominator": 1, "colour": 1}],
    ),
    *create("items/item_plants", PLAN, "lead_time_days", -1, 3651, "5", 1.5, None),
    *create("items/item_plants", PLAN, "yield_percent", "0", "100.1", "-1", "50.00001", THIRTY, None),
    *create("items/item_plants", PLAN, "safety_stock", "-0.000001", "1.0000001", THIRTY, "1e400", None, {}),
    *create("items/item_plants", PLAN, "item", "{gone}", "{plant}", None),
    *create(
        "people/employees",
        {"code": "E9", "name": "某", "plant": "{plant}"},
        "hired_on",
        "2026-02-30",
        "2026-13-01",
        "0000-01-01",
        "0001-01-01",
        "1899-12-31",
        "10000-01-01",
        "26-01-01",
        "2026/01/01",
        "2026-01-01T00:00:00",
        20260101,
        "x",
        "",
        NUL,
        True,
        [],
    ),
    *create(
        "people/shifts",
        {"code": "S9", "name": "夜", "starts_at": "20:00", "ends_at": "04:00"},
        "starts_at",
        "24:00",
        "08:00+08:00",
        "08:00Z",
        "8",
        3600,
        "x",
        "",
        None,
        -5,
        NUL,
        [],
    ),
    *create(
        "people/attendance",
        {"employee": "{employee}", "day": "2026-03-02", "minutes": 60},
        "minutes",
        -1,
        1441,
        "60",
        10**10,
        None,
    ),
    *create("kernel/users", USER, "language", "fr", "", None, "ZH"),
    *create("kernel/users", USER, "login", "", None, "x" * 81, NUL, 5),
    *create("kernel/users", USER, "password", "secret"),
    *create("kernel/users", USER, "is_superuser", True),
    *create("kernel/users", USER, "roles", [{"role": "{gone}"}], [{"role": "x"}], [{}], "x", [None]),
    *create(
        "kernel/roles",
        {"code": "n", "name_zh": "某", "name_en": "N"},
        "areas",
        "sales",
        [1],
        [None],
        [LONG],
        [NUL],
        {},
    ),
    *create(
        "kernel/roles",
        {"code": "n", "name_zh": "某", "name_en": "N"},
        "grants",
        [{"permission": "x", "reach": "far"}],
        [{"reach": "all"}],
        [{"permission": LONG}],
        [{"permission": 5}],
    ),
]

DOCUMENTS = [
    *line(
        "sales/orders", ORDER, "quantity", None, "", "0", "-1", THIRTY, "1.0000001", "x", "NaN", True, [], NUL
    ),
    *line("sales/orders", ORDER, "price", "", "-1", THIRTY, "1.12345678", "x", False, {}),
    *line("sales/orders", ORDER, "item", None, "", "{gone}", "{customer}", "x", 7),
    *line("sales/orders", ORDER, "tax_code", "{gone}", "{product}", "13%"),
    *line("sales/orders", ORDER, "colour", "red"),
    *line("sales/orders", ORDER, "net_amount", "1.00"),
    *create("sales/orders", ORDER, "party", None, "{gone}", "{works}", "{user}", "x"),
    *create("sales/orders", ORDER, "plant", None, "{gone}", "{customer}"),
    *create("sales/orders", ORDER, "currency", "{gone}", "CNY"),
    *create("sales/orders", ORDER, "wanted_on", "0000-01-01", "2026-02-30", "10000-01-01", "x", THIRTY),
    *create("sales/orders", ORDER, "customer_reference", LONG, NUL, 5),
    *create("sales/orders", ORDER, "number", "SO-1"),
    *create("sales/orders", ORDER, "state", "confirmed"),
    *create("sales/orders", ORDER, "lines", None, [], {}, "x", [None], [[]]),
    *create("inventory/stock_documents", ADJUST, "kind", "magic", None, "", 3),
    *create("inventory/stock_documents", ADJUST, "lines", "x", [{}], [{"item": "{gone}", "quantity": "1"}]),
    ("confirm what is confirmed", "POST", "sales/orders/{order}/confirm", {}, {}, 409),
    (
        "change what is confirmed",
        "PATCH",
        "sales/orders/{order}",
        {"customer_reference": "x"},
        {"If_Match": "*"},
        409,
    ),
    ("delete what is confirmed", "DELETE", "sales/orders/{order}", None, {"If_Match": "*"}, 409),
    (
        "an older version",
        "PATCH",
        "sales/orders/{order}",
        {"customer_reference": "x"},
        {"If_Match": '"v1"'},
        412,
    ),
    ("another order's version", "POST", "sales/orders/{draft}/confirm", {}, {"If_Match": '"v2"'}, 412),
    ("ship what is a draft", "POST", "sales/orders/{draft}/ship", {}, {}, 409),
    ("close what is a draft", "POST", "sales/orders/{draft}/close", {}, {}, 409),
    ("cancel without a reason", "POST", "sales/orders/{order}/cancel", {}, {}, 422),
    ("cancel for NUL", "POST", "sales/orders/{order}/cancel", {"reason": NUL}, {}, 422),
    (
        "promise in year 0",
        "POST",
        "sales/orders/{order}/promise",
        {"promised_on": "0000-01-01", "reason": "x"},
        {},
        422,
    ),
    ("confirm another noun's record", "POST", "sales/orders/{product}/confirm", {}, {}, 404),
    ("confirm nothing", "POST", "sales/orders/{gone}/confirm", {}, {}, 404),
    ("change a move", "PATCH", "inventory/moves/{gone}", {"quantity": "1"}, {"If_Match": "*"}, 405),
    ("delete a move", "DELETE", "inventory/moves/{gone}", None, {"If_Match": "*"}, 405),
    ("make an audit line", "POST", "kernel/audit", {}, {}, 404),
]

BODIES = [
    *raw(
        "items/items",
        400,
        b"{",
        b"{]",
        b"not json",
        b"{'code': 1}",
        b'{"code": NaN}',
        b'{"code": Infinity}',
        b'{"code": "\xff"}',
        b'{"code": "\\ud800"}',
        b'{"code": "a\nb"}',
        b'{"code": 1e400}',
        b"\xef\xbb\xbf{}",
        b'{"a":1} x',
        b"\x00",
        '{"code": "编码'.encode("gb18030"),
    ),
    *raw(
        "items/items",
        422,
        b"[]",
        b'"x"',
        b"5",
        b"null ",
        b"true",
        b"{}",
        b"[" * 41 + b"]" * 41,
        b'{"a":' * 60 + b"1" + b"}" * 60,
        b'{"weight": ' + THIRTY.encode() + b"}",
        b'{"weight": 0.12345678901234567890123}',
        b'{"shelf_life_days": 99999999999999999999}',
        b'{"weight": 99999999999999.123456}',
        b"[" * 100_000,
    ),
    *raw("items/items", 413, b'{"name": "' + b"x" * (10 * 1024 * 1024) + b'"}', b" " * (2 * 1024 * 1024 + 1)),
    *raw("items/items", 415, b"<x/>", b"{}", kind="text/xml"),
    *raw("items/items", 415, b"{}", kind="text/plain"),
    *raw("items/items", 415, b"code=1", kind="application/x-www-form-urlencoded"),
    *raw("items/items/bulk", 413, b'{"records": [' + b'{"code": "x"},' * 200_000 + b"{}]}"),
    *raw("files", 422, b"", kind="application/pdf"),
    *raw("files", 415, b"{}"),
    *raw("files", 400, b"--x", kind="multipart/form-data; boundary="),
]

WAYS = [
    ("no such noun", "POST", "items/things", {}, {}, 404),
    ("no such command", "POST", "items/items/{item}/melt", {}, {}, 404),
    ("no such record", "GET", "items/items/{gone}", None, {}, 404),
    ("another noun's record", "GET", "items/items/{unit}", None, {}, 404),
    ("not a key", "GET", "items/items/42", None, {}, 404),
    ("create as a command", "POST", "items/items/create", {"records": []}, {}, 404),
    ("no version", "PATCH", "items/items/{item}", {"name": "x"}, {}, 428),
    ("no version to delete", "DELETE", "items/items/{item}", None, {}, 428),
    ("stale", "PATCH", "items/items/{item}", {"name": "x"}, {"If_Match": '"v9"'}, 412),
    ("stale delete", "DELETE", "items/items/{item}", None, {"If_Match": '"v9"'}, 412),
    ("stale command", "POST", "items/items/{item}/deactivate", None, {"If_Match": '"v9"'}, 412),
    ("weak", "PATCH", "items/items/{item}", {"name": "x"}, {"If_Match": 'W/"v1"'}, 412),
    ("version in words", "PATCH", "items/items/{item}", {"name": "x"}, {"If_Match": "one"}, 422),
    ("another's ETag", "PATCH", "items/items/{item}", {"name": "x"}, {"If_Match": '"abc"'}, 412),
    ("another's ETag where there are no versions", "POST", "wages/lines/{gone}/comment", {"text": "x"},
     {"If_Match": '"abc"'}, 412),
    (
        "version of thirty digits",
        "PATCH",
        "items/items/{item}",
        {"name": "x"},
        {"If_Match": f'"v{THIRTY}"'},
        412,
    ),
    ("nothing to change", "PATCH", "items/items/{item}", {}, {"If_Match": '"v1"'}, 422),
    ("no object", "PATCH", "items/items/{item}", [], {"If_Match": '"v1"'}, 422),
    (
        "change what is computed",
        "PATCH",
        "items/items/{item}",
        {"is_active": False},
        {"If_Match": '"v1"'},
        422,
    ),
    ("empty what is required", "PATCH", "items/items/{item}", {"name": None}, {"If_Match": '"v1"'}, 422),
    ("change of nobody", "PATCH", "items/items/{gone}", {"name": "x"}, {"If_Match": '"v1"'}, 404),
    ("delete what is used", "DELETE", "company/units/{unit}", None, {"If_Match": '"v1"'}, 409),
    (
        "twice the same code",
        "POST",
        "company/units",
        {"code": "{unit_code}", "name": "又一个", "name_en": "Again"},
        {},
        409,
    ),
    (
        "twice the same key",
        "POST",
        "company/units",
        {"id": "{unit}", "code": "neu", "name": "新", "name_en": "New"},
        {},
        409,
    ),
    ("input where none is taken", "POST", "items/items/{item}/deactivate", {"why": "x"}, {}, 422),
    ("a comment of nothing", "POST", "items/items/{item}/comment", {"text": ""}, {}, 422),
    ("a comment too long", "POST", "items/items/{item}/comment", {"text": LONG}, {}, 422),
    ("a comment without a text", "POST", "items/items/{item}/comment", None, {}, 422),
    (
        "a file that is not there",
        "POST",
        "items/items/{item}/attach",
        {"digest": "0" * 64, "name": "x.pdf"},
        {},
        404,
    ),
    ("a digest that is none", "POST", "items/items/{item}/attach", {"digest": "x", "name": "x.pdf"}, {}, 422),
    ("no such attachment", "POST", "items/items/{item}/detach", {"attachment": "{gone}"}, {}, 404),
    ("a key too long", "POST", "items/items", ITEM, {"Idempotency_Key": "k" * 201}, 422),
    ("a key with a line end", "POST", "items/items", ITEM, {"Idempotency_Key": "a\tb"}, 422),
    ("a key in Chinese", "POST", "items/items", ITEM, {"Idempotency_Key": "é"}, 422),
    (
        "a device time without zone",
        "POST",
        "items/items",
        ITEM,
        {"X_Device_Time": "2026-03-02T08:00:00"},
        422,
    ),
    (
        "a device time in year 1",
        "POST",
        "items/items",
        ITEM,
        {"X_Device_Time": "0001-01-01T00:00:00+14:00"},
        422,
    ),
    ("a device time in words", "POST", "items/items", ITEM, {"X_Device_Time": "now"}, 422),
    ("a rehearsal, perhaps", "POST", "items/items", ITEM, {"Dry_Run": "maybe"}, 422),
    ("a method that is not there", "PUT", "items/items/{item}", ITEM, {}, 405),
    ("a list cannot be deleted", "DELETE", "items/items", None, {}, 405),
    ("a program by another scheme", "GET", "items/items", None, {"Authorization": "Basic YTpi"}, 401),
    ("a token that is none", "GET", "items/items", None, {"Authorization": "Bearer byn_nothing"}, 401),
    ("a token with a line", "GET", "items/items", None, {"Authorization": "Bearer a b c"}, 401),
    ("export as a picture", "GET", "items/items/export?format=png", None, {}, 422),
    ("no such batch", "GET", "items/items/import/{gone}", None, {}, 404),
    ("undo of nothing", "POST", "items/items/import/{gone}/undo", None, {}, 404),
    (
        "bulk of records that are gone",
        "POST",
        "items/items/bulk",
        {"command": "deactivate", "ids": ["{gone}"]},
        {},
        404,
    ),
    (
        "bulk of somebody's else",
        "POST",
        "items/items/bulk",
        {"command": "deactivate", "ids": ["{unit}"]},
        {},
        404,
    ),
    (
        "bulk by name",
        "POST",
        "items/items/bulk",
        {"command": "change", "ids": ["A-100"], "input": {"name": "x"}},
        {},
        422,
    ),
    *[
        ("a token that makes no sense", "POST", "kernel/tokens/issue", body, {}, 422)
        for body in (
            {},
            {"name": ""},
            {"name": "x", "scopes": ["*;drop"]},
            {"name": "x", "scopes": "x"},
            {"name": "x", "expires_at": "soon"},
            {"name": "x", "expires_at": "0001-01-01T00:00:00Z"},
            {"name": "x", "user": "me"},
        )
    ],
    *query(
        "items/items",
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=1e9",
        "limit=",
        "limit=五",
        "sort=colour",
        "sort=specification",
        "sort=--code",
        "cursor=x",
        "cursor=e30",
        "cursor=W10",
        "cursor=WzEsMl0",
        "cursor=" + "A" * 5000,
        "fields=colour",
        "fields=code,colour",
        "expand=code",
        "expand=colour",
        "expand=units.colour",
        "colour=red",
        "code__like=x",
        "code__gt=x",
        "kind__contains=m",
        "is_sold=perhaps",
        "shelf_life_days=x",
        "shelf_life_days__gt=1.5",
        "shelf_life_days=99999999999999",
        "weight=x",
        "weight__lt=" + THIRTY,
        "category=x",
        "category__in=x,y",
        "unit=1",
        "created_at__gt=yesterday",
        "created_at__gt=0001-01-01T00:00:00%2B14:00",
        "created_at__gt=2026-01-01",
        "q=%00",
        "code=a%00b",
        "code__contains=%00",
        "id=x",
        "id__in=1,2",
        "name__starts=%00",
    ),
    *query(
        "people/employees",
        "hired_on=x",
        "hired_on=2026-02-30",
        "hired_on__gt=0000-01-01",
        "hired_on__contains=2026",
        "hourly_pay__gt=x",
    ),
    *query("find", "limit=0", "limit=51", "limit=x", "q=%00"),
]

ROWS = [*FIELDS, *DOCUMENTS, *BODIES, *WAYS]
TABLES = [
    ("an empty file", "", 422),
    ("no head that is known", "a,b\n1,2\n", 422),
    ("a unit that is not there", "code,name,unit\nN1,某,furlong\n", 422),
    ("no unit", "code,name\nN1,某\n", 422),
    ("no code", "code,name,unit\n,某,{unit_code}\n", 422),
    ("a kind that is none", "code,name,unit,kind\nN1,某,{unit_code},wood\n", 422),
    ("a weight that is none", "code,name,unit,weight\nN1,某,{unit_code},heavy\n", 422),
    ("a weight of thirty digits", f"code,name,unit,weight\nN1,某,{{unit_code}},{THIRTY}\n", 422),
    ("a weight below zero", "code,name,unit,weight\nN1,某,{unit_code},-1\n", 422),
    ("a shelf life of zero", "code,name,unit,shelf_life_days\nN1,某,{unit_code},0\n", 422),
    ("a truth that is none", "code,name,unit,is_sold\nN1,某,{unit_code},perhaps\n", 422),
    ("a code too long", f"code,name,unit\n{'x' * 41},某,{{unit_code}}\n", 422),
    ("a name of 10,000 characters", f"code,name,unit\nN1,{LONG},{{unit_code}}\n", 422),
    ("the same code twice", "code,name,unit\nN1,某,{unit_code}\nN1,某,{unit_code}\n", 422),
    ("one good, one bad", "code,name,unit\nN1,某,{unit_code}\nN2,,{unit_code}\n", 422),
    ("a picture", "\x89PNG\r\n", 422),
    ("a NUL", "code,name,unit\nN\x001,某,{unit_code}\n", 415),
    ("a broken workbook", "PK\x03\x04broken", 415),
    ("an open quote", 'code,name,unit\n"N1,某,{unit_code}\n', 422),
]


PEOPLE = [
    (f"{column}={value[:24]!r}", f"code,name,plant,{column}\nN1,某,{{plant_code}},{value}\n", 422)
    for column, values in {
        "hired_on": ("0000-01-01", "2026-02-30", "10000-01-01", "1899-12-31", "yesterday", "2026-13-01"),
        "hourly_pay": (
            "-1",
            THIRTY,
            "1.1234567",
            "x",
            "1e3",
            "NaN",
            "１２３４５６７８９０１２３４５６７８９０",
        ),
        "job_title": (LONG,),
        "department": ("nowhere", "{plant_code}"),
        "team": ("nobody",),
    }.items()
    for value in values
]


def order_row(**changed: str) -> str:
    """Give a table of one order of one line, some of its cells changed."""
    cells = {
        "party": "{customer_code}", "plant": "{works_code}", "wanted_on": "2026-12-01", "lines.item": "{product_code}",
        "lines.quantity": "4", "lines.price": "900", "lines.tax_code": "{tax_code}",
    } | {name.replace("__", "."): value for name, value in changed.items()}  # fmt: skip
    return f"{','.join(cells)}\n{','.join(cells.values())}\n"


ORDERS = [
    *[
        (f"{column}={value[:24]!r}", order_row(**{column: value}), 422)
        for column, values in {
            "party": ("", "nobody", "{product_code}", "{gone}"),
            "plant": ("nowhere", "{customer_code}"),
            "wanted_on": ("0000-01-01", "2026-02-30", "10000-01-01", "soon", THIRTY),
            "lines__item": ("", "nothing", "{customer_code}", "{gone}"),
            "lines__quantity": ("", "0", "-1", THIRTY, "1.0000001", "x", "NaN", "1e400"),
            "lines__price": ("-1", THIRTY, "1.12345678", "x"),
            "lines__tax_code": ("{gone}", "none"),
            "customer_reference": (LONG,),
        }.items()
        for value in values
    ],
    ("a second line that is wrong", order_row() + ",,,{product_code},x,1,{tax_code}\n", 422),
    ("a NUL in a reference", order_row(customer_reference=NUL), 415),
]


@pytest.fixture
def documents(ctx):
    """Give the keys of an order that is confirmed, one that is not, and what orders name."""
    small = World(ctx)
    lines = [{"item": small.product, "quantity": "1", "price": "10", "tax_code": small.vat13}]
    order, draft = small.make_many(
        "sales.order", [{"party": small.customer, "plant": small.plant, "lines": lines} for _ in range(2)]
    )
    small.do("sales.order.confirm", order)
    named = {
        "order": order, "draft": draft, "product": small.product, "customer": small.customer,
        "works": small.plant, "currency": small.currency, "tax": small.vat13,
    }  # fmt: skip
    codes = {"customer_code": small.customer.code, "works_code": small.plant.code,
             "product_code": small.product.code, "tax_code": small.vat13.code}  # fmt: skip
    return {name: str(record.pk) for name, record in named.items()} | codes


@pytest.fixture
def world(samples, api, documents):
    """Give the keys that rows name."""
    keys = {
        name: str(samples.make(registry.noun(noun)))
        for name, noun in (
            ("unit", "company.unit"),
            ("item", "items.item"),
            ("plant", "company.plant"),
            ("party", "parties.party"),
            ("employee", "people.employee"),
        )
    }
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # within the test's transaction, as a commit would
    unit = registry.noun("items.item").model.objects.get(pk=keys["item"]).unit
    plant = registry.noun("company.plant").model.objects.get(pk=keys["plant"])
    item = registry.noun("items.item").model.objects.get(pk=keys["item"])
    return (
        keys
        | documents
        | {
            "plant_code": plant.code,
            "item_code": item.code,
            "unit": str(unit.pk),
            "unit_code": unit.code,
            "gone": str(new_id()),
            "user": str(api.user.pk),
        }
    )


def filled(value: Any, world: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, key in world.items():
            value = value.replace(f"{{{name}}}", key)
        return value
    if isinstance(value, dict):
        return {key: filled(one, world) for key, one in value.items()}
    return [filled(one, world) for one in value] if isinstance(value, list) else value


def rows_written() -> dict[str, int]:
    """Give the number of rows of every table but the audit's refusals and the rate's counters."""
    with connection.cursor() as cursor:
        names = [
            t
            for t in connection.introspection.table_names(cursor)
            if t not in ("kernel_ratelease", "kernel_storedfile")
        ]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{t}', count(*) FROM \"{t}\""
                + (" WHERE outcome = 'done'" if t == "kernel_audit" else "")
                for t in names
            )
        )
        return dict(cursor.fetchall())


@contextmanager
def undone():
    """Take back whatever was written inside, so that every row meets the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def faults_of(answer, expected: int, before: dict[str, int]) -> list[str]:
    """Give what is wrong with an answer to wrong input: its status, its words, and whatever was written."""
    found = []
    if answer.status_code != expected:
        found.append(f"{answer.status_code} instead of {expected}: {answer.content.decode()[:300]}")
    else:
        found += faults_of_words(answer)
    after = rows_written()
    return found + [f"{table} was written" for table in after if after[table] != before[table]]


def faults_of_words(answer) -> list[str]:
    """Give what is wrong with the problem that an answer tells."""
    found, problem = [], json.loads(answer.content)
    if (
        answer["Content-Type"] != "application/problem+json"
        or problem["status"] != answer.status_code
        or not problem["detail"]
    ):
        found.append(f"no problem: {problem}")
    if problem["code"] == "invalid" and not problem.get("errors"):
        found.append(f"no place: {problem}")
    if any(e["detail"] == "is not valid" for e in problem.get("errors", ())):
        found.append(f"no words: {problem['errors']}")
    return found


def test_there_are_more_than_two_hundred_rows():
    assert len(ROWS) > 380
    assert len(TABLES) + len(PEOPLE) + len(ORDERS) > 60


def test_wrong_requests_are_refused_and_write_nothing(api, world):
    before, found = rows_written(), {}
    for what, method, path, body, headers, expected in ROWS:
        headers = dict(headers)
        kind = headers.pop("Content_Type", "application/json")
        given = (
            {"raw": body, "kind": kind} if isinstance(body, bytes) else {"raw": encoded(filled(body, world))}
        )
        with undone():
            faults = faults_of(api.call(method, filled(path, world), **given, **headers), expected, before)
        if faults:
            found[f"{method} {path[:60]} {what}"] = faults
    assert found == {}


def encoded(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body, ensure_ascii=True).encode()


@pytest.mark.parametrize(
    ("path", "tables"), [("items/items", TABLES), ("people/employees", PEOPLE), ("sales/orders", ORDERS)]
)
def test_wrong_tables_are_refused_and_write_nothing(api, world, path, tables):
    before, found = rows_written(), {}
    for what, text, expected in tables:
        content = filled(text, world).encode("latin-1" if text.startswith("\x89") else "utf-8")
        with undone():
            answer = api.client.post(
                f"/api/v1/{path}/import",
                {"file": SimpleUploadedFile("table.csv", content)},
                headers={"Authorization": f"Bearer {api.token}"},
            )
            faults = faults_of(answer, expected, before)
        if faults:
            found[what] = faults
    assert found == {}


def test_a_table_of_heads_alone_brings_nothing_in(api, world):
    before = rows_written()
    answer = api.client.post(
        "/api/v1/items/items/import",
        {"file": SimpleUploadedFile("table.csv", b"code,name,unit\n")},
        headers={"Authorization": f"Bearer {api.token}"},
    )
    assert answer.status_code == 201
    assert {key: answer.json()[key] for key in ("rows", "made", "changed")} == {"rows": 0, "made": 0, "changed": 0}
    after = rows_written()
    written = {table for table in after if after[table] != before[table]}
    assert written == {"kernel_audit", "kernel_history", "kernel_importbatch"}


def test_a_record_of_somebody_else_is_no_record(account, api, world):
    clerk = account(
        *(
            (f"items.*.{verb}", "own")
            for verb in ("read", "change", "delete", "activate", "deactivate", "attach")
        )
    )
    before, found, place = rows_written(), {}, f"items/items/{world['item']}"
    for method, path, body, headers in (
        ("GET", place, None, {}),
        ("GET", f"{place}/timeline", None, {}),
        ("GET", f"{place}/attachments", None, {}),
        ("PATCH", place, {"name": "x"}, {"If_Match": '"v1"'}),
        ("PATCH", place, {"name": "x"}, {"If_Match": "*"}),
        ("PATCH", place, {"name": "x"}, {"If_Match": '"v8", "v1"'}),
        ("DELETE", place, None, {"If_Match": '"v1"'}),
        ("POST", f"{place}/deactivate", None, {}),
        ("POST", f"{place}/comment", {"text": "x"}, {}),
        ("POST", "items/items/bulk", {"command": "deactivate", "ids": [world["item"]]}, {}),
        (
            "POST",
            "items/items/bulk",
            {"command": "change", "records": [{"id": world["item"], "name": "x"}]},
            {},
        ),
    ):
        with undone():
            faults = faults_of(clerk.call(method, path, body, **headers), 404, before)
        if faults:
            found[f"{method} {path} {headers}"] = faults
    assert found == {}


def test_a_table_of_an_order_that_is_right_is_taken(api, world):
    with undone():
        assert imported(api, "sales/orders", filled(order_row(), world).encode()).status_code == 201


def imported(api, path: str, content: bytes, name: str = "table.csv") -> Any:
    """Send a table to be imported."""
    return api.client.post(
        f"/api/v1/{path}/import",
        {"file": SimpleUploadedFile(name, content)},
        headers={"Authorization": f"Bearer {api.token}"},
    )


def test_a_table_reaches_no_record_of_somebody_else(account, api, world):
    clerk = account(*((f"items.*.{verb}", "own") for verb in ("read", "create", "change", "delete")))
    before, found = rows_written(), {}
    for what, text in {
        "by its code": "code,name,unit\n{item_code},改了,{unit_code}\n",
        "by its key": "id,code,name,unit\n{item},{item_code},改了,{unit_code}\n",
        "by its key alone": "id,name\n{item},改了\n",
    }.items():
        with undone():
            answer = imported(clerk, "items/items", filled(text, world).encode())
            after = rows_written()
            written = [table for table in after if after[table] != before[table]]
        if answer.status_code not in (404, 422) or written:
            found[what] = answer.status_code, answer.content.decode()[:200], written
    assert found == {}


ODD = (
    "表情 🙂👷🏽‍♀️", "生僻字 𠮷𠀋㐂", "ｆｕｌｌ　ｗｉｄｔｈ", "\u202eright to left", "'; DROP TABLE items_item; --",
    "<script>alert(1)</script>", "ÀÉ\u0301", "null", "0", "{{name}}", "%s %(x)s", "1e5", "00012", "TRUE",
)  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_odd_but_valid_text_comes_back_unchanged_from_a_table(api, world, form):
    rows = [["code", "name", "unit"], *([f"ODD-{n}", name, world["unit_code"]] for n, name in enumerate(ODD))]
    made = imported(api, "items/items", table_of(rows, form), f"table.{form}")
    assert made.status_code == 201, made.content
    kept = api.get("items/items?code__starts=ODD-&sort=created_at&limit=50&fields=code,name").data["items"]
    assert {row["code"]: row["name"] for row in kept} == {f"ODD-{n}": name for n, name in enumerate(ODD)}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_days_at_the_edge_come_back_exactly_from_a_table(api, world, form):
    days = ("1900-03-01", "2024-02-29", "9999-12-31")
    people = [[f"D{n}", "某", world["plant_code"], day] for n, day in enumerate(days)]
    rows = [["code", "name", "plant", "hired_on"], *people]
    made = imported(api, "people/employees", table_of(rows, form), f"table.{form}")
    assert made.status_code == 201, made.content
    kept = api.get("people/employees?code__starts=D&fields=code,hired_on").data["items"]
    assert {row["code"]: row["hired_on"] for row in kept} == {f"D{n}": day for n, day in enumerate(days)}


def table_of(rows: list[list[str]], form: str) -> bytes:
    """Give rows as the bytes of a file; a workbook keeps days as days."""
    if form == "csv":
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        return out.getvalue().encode()
    packed = io.BytesIO()
    book = xlsxwriter.Workbook(packed, {"in_memory": True, "strings_to_formulas": False})
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
    for n, row in enumerate(rows):
        for m, cell in enumerate(row):
            if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
                sheet.write_datetime(n, m, datetime.fromisoformat(cell), day)
            else:
                sheet.write_string(n, m, cell)
    book.close()
    return packed.getvalue()


def test_an_order_for_the_year_9999_is_taken_confirmed_and_read_back(api, world):
    body = filled(ORDER, world) | {"wanted_on": "9999-12-31"}
    made = api.post("sales/orders", body)
    assert made.status_code == 201, made.content
    assert api.post(f"{made['Location']}/confirm", {}).status_code in (200, 204)
    told = api.get(made["Location"]).data
    assert (told["state"], told["wanted_on"]) == ("confirmed", "9999-12-31")


@pytest.mark.parametrize(
    "name",
    [
        "表情 🙂👷🏽‍♀️",
        "生僻字 𠮷𠀋㐂",
        "ｆｕｌｌ　ｗｉｄｔｈ",
        "a" * 160,
        "\u202eright to left",
        "'; DROP TABLE items_item; --",
        "<script>alert(1)</script>",
        "=1+1",
        "\\u0000 as text",
        "tab\tinside",
        "line\ninside",
        "ÀÉ\u0301",
        "null",
        "0",
        "{{name}}",
        "%s %(x)s",
    ],
)
def test_odd_but_valid_text_comes_back_unchanged(api, world, name):
    made = api.post("items/items", {"code": "ODD", "name": name, "unit": world["unit"]})
    assert made.status_code == 201, made.content
    assert api.get(made["Location"]).data["name"] == name
    found = b"".join(api.get("items/items/export?full=true&code=ODD").streaming_content).decode("utf-8-sig")
    assert name.lstrip("=").split("\n")[0] in found.replace('""', '"')


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("hired_on", "9999-12-31", "9999-12-31"),
        ("hired_on", "1900-01-01", "1900-01-01"),
        ("hired_on", "2024-02-29", "2024-02-29"),
        ("hourly_pay", "99999999999999.99", "99999999999999.99"),
        ("hourly_pay", 0.1, "0.1"),
        ("hourly_pay", "1.10", "1.1"),
        ("hourly_pay", 12, "12"),
        ("code", "工号 ０１", "工号 ０１"),
        ("job_title", "  钳工  ", "钳工"),
    ],
)
def test_values_at_the_edge_come_back_exactly(api, world, field, value, stored):
    made = api.post(
        "people/employees", {"code": "E1", "name": "某", "plant": world["plant"]} | {field: value}
    )
    assert made.status_code == 201, made.content
    assert api.get(made["Location"]).data[field] == stored
