"""The walk over rows, the writing of staging tables, the values: against a small database in this process.

The same against MariaDB and PostgreSQL servers is in tests/partners/test_databases.py.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from uuid import UUID, uuid4

import orjson
import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from banyan.connectors.sql import engines
from banyan.connectors.sql.connector import Sql
from banyan.connectors.sql.settings import SqlSettings
from banyan.connectors.sql.values import before, kept, mark
from banyan.integration.connecting import Failed, Outgoing
from banyan.integration.values import as_json
from tests.integration.partner import NOW, connection

ID = UUID("0195a3f0-0000-7000-8000-000000000001")
sql = Sql()
START = dt.datetime(2026, 3, 5)


@pytest.fixture
def base(monkeypatch):
    """Give an engine with a table of orders and a staging table; the connector uses it whatever the settings say."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as opened:
        opened.exec_driver_sql(
            "CREATE TABLE 订单 (id INTEGER PRIMARY KEY, 客户 TEXT, changed TIMESTAMP, qty NUMERIC(12,3))"
        )
        opened.exec_driver_sql(
            "CREATE TABLE inbox (message_id TEXT UNIQUE, no TEXT, day DATE, qty NUMERIC(12,3), more TEXT)"
        )
        opened.exec_driver_sql("CREATE TABLE lines (message_id TEXT, line INTEGER, no TEXT, UNIQUE (message_id, line))")
        opened.exec_driver_sql("CREATE TABLE loose (message_id TEXT, no TEXT)")
    monkeypatch.setattr("banyan.connectors.sql.engines.engine_of", lambda connection: engine)
    return engine


def system(*operations, most_bytes=5_000_000, **more):
    poll = {"key": "orders", "table": "订单", "watermark": "changed", "key_column": "id", "overlap": 60}
    made = operations or (poll,)
    settings = SqlSettings(
        host="127.0.0.1", database="x", user="u", operations=[{**poll, **each} for each in made], **more
    )
    return connection(settings, {"password": "p"}, most_bytes=most_bytes)


def add(base, *rows):
    with base.begin() as opened:
        for id, seconds in rows:
            when = None if seconds is None else f"{START + dt.timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S.%f}"
            opened.exec_driver_sql("INSERT INTO 订单 VALUES (?, '苏州', ?, 2.5)", (id, when))


def polled(link, position=None, limit=10):
    found, calls = [], 0
    while True:
        page = sql.poll(link, "orders", position, limit)
        found += page.messages
        position, calls = json.loads(json.dumps(page.position)), calls + 1
        assert calls < 60
        if not page.has_more:
            return found, position


def test_rows_come_in_strict_order_also_where_times_are_the_same(base):
    add(base, *((n, n // 7) for n in range(53)))
    found, position = polled(system())
    assert [m.body["id"] for m in found] == list(range(53))
    assert found[0].body["客户"] == "苏州"
    assert position == {"mark": ["datetime", "2026-03-05T00:00:07"]}


def test_a_late_row_is_found_by_the_overlap_and_known_rows_keep_their_names(base):
    add(base, (1, 0), (2, 100))
    found, position = polled(system())
    add(base, (3, 70))
    again, after = polled(system(), position)
    assert [m.body["id"] for m in again] == [3, 2]
    assert again[1].id == found[1].id
    assert after == position


def test_a_row_that_arrives_during_the_walk_is_found_by_the_next(base):
    add(base, *((n, n) for n in range(30)))
    page = sql.poll(system(), "orders", None, 10)
    add(base, (100, 3))
    rest, position = polled(system(), page.position)
    again, _ = polled(system(), position)
    assert {m.body["id"] for m in (*page.messages, *rest)} == set(range(30))
    assert 100 in {m.body["id"] for m in again}


def test_a_changed_row_is_a_new_message(base):
    add(base, (1, 0))
    first, position = polled(system())
    with base.begin() as opened:
        opened.exec_driver_sql("UPDATE 订单 SET qty = 3")
    again, _ = polled(system(), position)
    assert first[0].id != again[0].id
    assert (first[0].key, again[0].key) == ("1", "1")


def test_rows_without_a_watermark_and_others_that_are_not_meant_are_left(base):
    add(base, (1, 0), (2, None), (3, 5), (4, 6))
    conditions = [{"column": "id", "op": ">", "value": 1}, {"column": "id", "op": "in", "value": [2, 3]}]
    found, _ = polled(system({"where": conditions, "columns": ["id"]}))
    assert [m.body["id"] for m in found] == [3]
    assert set(found[0].body) == {"id", "changed"}


def test_a_number_is_a_watermark_too(base):
    add(base, *((n, 0) for n in range(1, 25)))
    link = system({"watermark": "id", "overlap": 5})
    found, position = polled(link)
    assert (len(found), position) == (24, {"mark": ["int", "24"]})
    again, _ = polled(link, position)
    assert [m.body["id"] for m in again] == [19, 20, 21, 22, 23, 24]


def test_times_without_a_zone_are_in_the_partners(base):
    add(base, (1, 0))
    found, _ = polled(system(zone="Asia/Shanghai"))
    assert found[0].at == dt.datetime(2026, 3, 4, 16, tzinfo=dt.UTC)


def test_a_page_that_grows_too_large_is_cut_and_goes_on(base):
    add(base, *((n, n) for n in range(20)))
    found, _ = polled(system(most_bytes=400))
    assert [m.body["id"] for m in found] == list(range(20))
    with pytest.raises(Failed) as told:
        sql.poll(system(most_bytes=20), "orders", None, 10)
    assert told.value.kind == "too_large"


@pytest.mark.parametrize(
    ("operation", "word"),
    [({"table": "missing"}, "missing"), ({"watermark": "wm"}, "wm"), ({"columns": ["a; DROP TABLE 订单"]}, "DROP"),
     ({"where": [{"column": "1=1 --", "value": 1}]}, "1=1"), ({"table": "订单 WHERE 1=1"}, "1=1")],
)  # fmt: skip
def test_what_the_table_has_not_is_refused_by_name(base, operation, word):
    add(base, (1, 0))
    with pytest.raises(Failed) as told:
        sql.poll(system(operation), "orders", None, 10)
    assert (told.value.kind, word in told.value.text) == ("refused", True)
    with base.connect() as opened:
        assert opened.exec_driver_sql("SELECT count(*) FROM 订单").scalar() == 1


def test_values_in_conditions_are_never_part_of_the_statement(base):
    add(base, (1, 0))
    nasty = {"where": [{"column": "客户", "value": "x' OR '1'='1"}]}
    assert polled(system(nasty))[0] == []


def staging(table="inbox", **more):
    return system({"ways": ["send"], "table": table, **more})


def out(body) -> Outgoing:
    return Outgoing(ID, "orders", body, "SO-1", "t", NOW)


def test_a_message_is_written_once_however_often_it_is_tried(base):
    body = {"no": "SO-1", "day": "2026-03-05", "qty": "2.500", "more": {"名": [1]}}
    assert sql.send(staging(), out(body)).reply == {"rows": 1, "is_repeated": False}
    assert sql.send(staging(), out(body)).reply == {"rows": 1, "is_repeated": True}
    with base.connect() as opened:
        rows = opened.exec_driver_sql("SELECT * FROM inbox").all()
    assert rows == [(str(ID), "SO-1", "2026-03-05", 2.5, '{"名":[1]}')]


def test_lines_are_written_together_or_not_at_all(base):
    link = staging("lines", line_column="line", rows_path="lines")
    body = {"lines": [{"no": "a"}, {"no": "b"}]}
    assert sql.send(link, out(body)).reply == {"rows": 2, "is_repeated": False}
    assert sql.send(link, out(body)).reply == {"rows": 2, "is_repeated": True}
    with pytest.raises(Failed, match="wrong"):
        sql.send(link, Outgoing(uuid4(), "orders", {"lines": [{"no": "a"}, {"wrong": "b"}]}))
    with base.connect() as opened:
        assert opened.exec_driver_sql("SELECT count(*) FROM lines").scalar() == 2


@pytest.mark.parametrize(
    ("link", "body", "kind", "word"),
    [
        (lambda: staging("loose"), {"no": "1"}, "refused", "unique"),
        (lambda: staging("lines"), {"no": "1"}, "refused", "unique"),
        (lambda: staging(), {"nope": 1}, "mapping", "nope"),
        (lambda: staging(), [{"no": "1"}, {"no": "2"}], "mapping", "line_column"),
        (lambda: staging(), [], "mapping", "row"),
        (lambda: staging(), {"day": "yesterday"}, "mapping", "no date"),
        (lambda: staging(), {"qty": "many"}, "mapping", "no Decimal"),
        (lambda: staging(message_column="none"), {"no": "1"}, "refused", "unique"),
    ],
)
def test_what_cannot_be_written_repeatably_is_not_written(base, link, body, kind, word):
    with pytest.raises(Failed) as told:
        sql.send(link(), out(body))
    assert (told.value.kind, word in told.value.text) == (kind, True)
    with base.connect() as opened:
        assert opened.exec_driver_sql("SELECT count(*) FROM inbox").scalar() == 0


def test_describe_gives_columns_as_they_are(base):
    (found,) = sql.describe(system())
    assert found.output["properties"]["客户"] == {"type": "string", "title": "客户"}
    assert list(found.output["properties"]) == ["id", "客户", "changed", "qty"]


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (Decimal("12345678901234567890.1200"), "12345678901234567890.12"), (2**80, str(2**80)), (float("nan"), "nan"),
        (float("-inf"), "-inf"), (b"\x00\xff", "AP8="), (memoryview(b"a"), "YQ=="), (ID, str(ID)),
        (dt.timedelta(hours=25, seconds=0.5), "90000.5"), (dt.time(8, 30), "08:30:00"), ({1: {b"x"}}, {"1": ["eA=="]}),
        (dt.datetime(2026, 3, 5, tzinfo=dt.UTC), "2026-03-05T00:00:00+00:00"), (True, True), (None, None),
        (object, "<class 'object'>"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_strange_values_become_json(value, given):
    assert as_json(value) == given
    orjson.dumps(as_json(value))


@pytest.mark.parametrize(
    "value", [dt.datetime(2026, 3, 5, 1, 2, 3, 4), dt.date(2026, 3, 5), 7, Decimal("1.5"), "A-1", b"\x00\x01", ID]
)
def test_a_mark_survives_its_text(value):
    assert mark(json.loads(json.dumps(kept(value)))) == value
    assert before(value, 0) == value


def test_a_mark_looks_back_by_its_kind():
    assert before(START, 60) == START - dt.timedelta(minutes=1)
    assert before(dt.date(2026, 3, 5), 3600) == dt.date(2026, 3, 4)
    assert before(100, 5) == 95
    assert before("A", 5) == "A"


@pytest.mark.parametrize(
    "settings",
    [{"zone": "Mars/Olympus"}, {"operations": [{"key": "a", "table": "t"}]}, {"kind": "dbase"}, {"extra": 1},
     {"operations": [{"key": "a", "table": "t`; DROP", "watermark": "w", "key_column": "k"}]}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValidationError):
        SqlSettings.model_validate({"host": "h", "database": "d", "user": "u", **settings})


def test_a_host_that_is_not_allowed_is_never_spoken_to():
    settings = SqlSettings(host="169.254.169.254", database="d", user="u")
    link = connection(settings, {"password": "p"}, hosts=("db.example.com:3306",))
    with pytest.raises(Failed) as told:
        engines.engine_of(link)
    assert told.value.kind == "not_allowed"
    assert not sql.health(link).is_well


def test_a_missing_driver_says_how_to_get_it():
    settings = SqlSettings(kind="oracle", host="127.0.0.1", database="d", user="u")
    with pytest.raises(Failed, match="pip install oracledb"):
        engines.engine_of(connection(settings, {"password": "p"}))


def test_a_table_is_read_from_a_time_where_its_watermark_is_one(base):
    add(base, *((n, n * 3600) for n in range(10)))
    link = system(zone="Asia/Shanghai")
    since = dt.datetime(2026, 3, 4, 20, tzinfo=dt.UTC)  # four in the morning there
    position = json.loads(json.dumps(sql.position_at(link, "orders", since)))
    found, _ = polled(link, position)
    assert [m.body["id"] for m in found] == [4, 5, 6, 7, 8, 9]
    assert sql.position_at(system({"watermark": "id"}), "orders", since) is None
