"""The SQL connector against MariaDB and PostgreSQL: strange types, limits, rights, what a second try does."""

from __future__ import annotations

import json
import time
from uuid import UUID, uuid4

import orjson
import pytest
import sqlalchemy as sa

from banyan.connectors.sql import engines
from banyan.connectors.sql.connector import Sql
from banyan.connectors.sql.settings import SqlSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import NOW, connection
from tests.partners import servers

pytestmark = pytest.mark.partner("MariaDB")
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
sql = Sql()

TABLES = {
    "mysql": (
        "CREATE TABLE 订单 (编号 INT PRIMARY KEY, 客户 VARCHAR(20), changed DATETIME(3), amount DECIMAL(20,6), "
        "b BLOB, bits BIT(8), doc JSON, dur TIME, y YEAR, e ENUM('甲','乙'), u BIGINT UNSIGNED, f DOUBLE)",
        "INSERT INTO 订单 VALUES (1,'苏州🚚','2026-03-05 08:00:00.123',12345678901234.500000,x'00ff',b'101',"
        "'{\"名\":[1,2]}','-25:30:00',2026,'乙',18446744073709551615,1e300)",
        "CREATE TABLE inbox (message_id CHAR(36), line INT, no VARCHAR(5), UNIQUE (message_id, line))",
        "CREATE TABLE big (id INT PRIMARY KEY, t DATETIME)",
    ),
    "postgresql": (
        'CREATE TABLE 订单 (编号 int PRIMARY KEY, 客户 varchar(20), changed timestamptz(3), amount numeric, b bytea, '
        "bits bit(8), doc jsonb, dur interval, tags text[], e uuid, net inet, r int4range, f float8)",
        "INSERT INTO 订单 VALUES (1,'苏州🚚','2026-03-05 08:00:00.123+00',12345678901234.500000,'\\x00ff',B'00000101',"
        "'{\"名\":[1,2]}','-25:30:00','{甲,乙}','0195a3f0-0000-7000-8000-000000000001','10.0.0.1/8','[1,5)','NaN')",
        "CREATE TABLE inbox (message_id char(36), line int, no varchar(5), UNIQUE (message_id, line))",
        "CREATE TABLE big (id int PRIMARY KEY, t timestamp)",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def server(request, needs):
    kind = request.param
    if kind == "mysql":
        needs(servers.is_there("/usr/sbin/mariadbd", "mariadb-install-db"), "MariaDB; install mariadb-server")
    start = servers.mariadb if kind == "mysql" else servers.postgresql
    with servers.folder_for_all() as folder, start(folder) as port:
        driver = "mysql+pymysql" if kind == "mysql" else "postgresql+psycopg"
        password = "s3cret-榕".encode() if kind == "mysql" else "s3cret-榕"
        address = sa.URL.create(driver, "erp", None, "127.0.0.1", port, "wms")
        engine = sa.create_engine(address, connect_args={"password": password})
        with engine.begin() as opened:
            for each in TABLES[kind]:
                opened.execute(sa.text(each.replace(":", r"\:")))
        yield kind, port, engine
        engine.dispose()
        for each in list(engines._engines.values()):
            each.dispose()
        engines._engines.clear()


def system(server, *operations, password="s3cret-榕", **more):
    kind, port, _ = server
    base = {"key": "orders", "table": "订单", "watermark": "changed", "key_column": "编号"}
    settings = SqlSettings(
        kind=kind, host="127.0.0.1", port=port, database="wms", user="erp", tls="off",
        operations=[{**base, **each} for each in operations or ({},)], **more,
    )  # fmt: skip
    return connection(settings, {"password": password})


def test_strange_types_become_json(server):
    page = sql.poll(system(server), "orders", None, 10)
    (message,) = page.messages
    body = json.loads(orjson.dumps(message.body))
    assert (body["客户"], body["amount"], body["b"]) == ("苏州🚚", "12345678901234.5", "AP8=")
    if server[0] == "mysql":
        assert (body["u"], body["dur"], body["e"]) == ("18446744073709551615", "-91800", "乙")
    else:
        assert (body["tags"], body["net"], body["f"], body["e"]) == (["甲", "乙"], "10.0.0.1/8", "nan", str(ID))
    assert json.loads(json.dumps(page.position))["mark"][0] == "datetime"
    again = sql.poll(system(server), "orders", json.loads(json.dumps(page.position)), 10)
    assert [m.id for m in again.messages] == [message.id]


def test_ten_thousand_rows_are_walked_in_order(server):
    _, _, engine = server
    with engine.begin() as opened:
        opened.execute(sa.text("DELETE FROM big"))
        table = sa.Table("big", sa.MetaData(), autoload_with=opened)
        start = NOW.replace(tzinfo=None)
        rows = [{"id": n, "t": start.replace(minute=n // 400 % 60)} for n in range(10_000)]
        opened.execute(sa.insert(table), rows)
    link = system(server, {"table": "big", "watermark": "t", "key_column": "id"})
    found, position = [], None
    while True:
        page = sql.poll(link, "orders", position, 1000)
        found += [m.body["id"] for m in page.messages]
        position = json.loads(json.dumps(page.position))
        if not page.has_more:
            break
    assert found == list(range(10_000))


def test_a_message_is_written_once_and_too_long_is_never_cut(server):
    kind, _, engine = server
    link = system(server, {"ways": ["send"], "table": "inbox", "line_column": "line", "rows_path": "lines"})
    body = {"lines": [{"no": "甲"}, {"no": "B"}]}
    one = Outgoing(ID, "orders", body)
    assert [sql.send(link, one).reply["is_repeated"] for _ in range(3)] == [False, True, True]
    with pytest.raises(Failed) as told:
        sql.send(link, Outgoing(uuid4(), "orders", {"lines": [{"no": "ok"}, {"no": "far too long"}]}))
    assert told.value.kind == "mapping"
    with engine.connect() as opened:
        rows = opened.execute(sa.text("SELECT no FROM inbox ORDER BY line")).all()
    assert [row[0] for row in rows] == ["甲", "B"]


def test_a_poll_cannot_write(server):
    with pytest.raises(Failed) as told, engines.session(system(server), is_reading=True) as opened:
        opened.execute(sa.text("DELETE FROM big"))
    assert told.value.kind == "refused"
    with engines.session(system(server), is_reading=False) as opened:
        opened.execute(sa.text("DELETE FROM big"))


def test_a_slow_statement_is_ended(server):
    wait = "SELECT SLEEP(5)" if server[0] == "mysql" else "SELECT pg_sleep(5)"
    begun = time.monotonic()
    link = system(server, statement_timeout=0.5)
    with pytest.raises(Failed) as told, engines.session(link, is_reading=True) as opened:
        opened.execute(sa.text(wait))
    assert told.value.kind == "timeout"
    assert time.monotonic() - begun < 4


def test_a_wrong_password_is_a_refusal_that_does_not_show_it(server):
    with pytest.raises(Failed) as told:
        sql.poll(system(server, password="wrong-p4ss"), "orders", None, 1)
    assert told.value.kind == "refused"
    assert "wrong-p4ss" not in told.value.text


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_wanted(server):
    kind, port, _ = server
    settings = SqlSettings(kind=kind, host="127.0.0.1", port=port, database="wms", user="erp")
    health = sql.health(connection(settings, {"password": "s3cret-榕"}))
    assert not health.is_well


def test_columns_are_described_and_health_is_told(server):
    (found,) = sql.describe(system(server))
    assert found.output["properties"]["编号"]["type"] == "integer"
    health = sql.health(system(server))
    assert health.is_well
    assert health.ms < 1000
