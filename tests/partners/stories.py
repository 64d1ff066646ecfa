"""What a connector does with its partner, told the same way to the real one and to what it said then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from banyan.connectors.amqp.connector import Amqp
from banyan.connectors.file.connector import File
from banyan.connectors.mqtt.connector import Mqtt
from banyan.connectors.opcua.connector import OpcUa
from banyan.connectors.soap.connector import Soap
from banyan.connectors.sql import engines
from banyan.connectors.sql.connector import Sql
from banyan.connectors.vendure.connector import Vendure
from banyan.integration.connecting import Failed, Outgoing
from tests.partners.standing import connection_to, outgoing
from tests.partners.talking import Where

IDS = [UUID(f"0195a3f0-0000-7000-8000-00000000000{n}") for n in range(1, 6)]


def said(act: Callable[[], Any]) -> Any:
    """Give what comes of an act, or how it is refused."""
    try:
        return act()
    except Failed as fault:
        return {"kind": fault.kind, "code": fault.code, "text": fault.text}


def messages(page: Any) -> list[Any]:
    return [[one.id, one.key, one.body] for one in page.messages]


def amqp(where: Where) -> Any:
    """Publish two orders, one to nobody; take them, acknowledge, find nothing more."""
    connector, name = Amqp(), "订单-talk"
    settings = {
        "host": "127.0.0.1", "port": where.port,
        "ways": [{"key": "orders", "routing_key": name, "queue": name}, {"key": "lost", "routing_key": "nobody"}],
        "queues": [{"key": "take", "queue": name}],
    }  # fmt: skip
    link = connection_to(connector, settings, {"password": "guest"})
    outs = [outgoing("orders", {"number": f"SO-{n}", "客户": "榕西机械"}, key=f"SO-{n}", id=IDS[n]) for n in (0, 1)]
    told = [connector.send_many(link, [out])[0] for out in (*outs, outgoing("lost", {}, id=IDS[2]))]
    page = connector.poll(link, "take", None, 10)
    page.confirm()
    rest = connector.poll(link, "take", None, 10)
    return {
        "told": [getattr(one, "kind", "sent") for one in told], "taken": messages(page), "rest": messages(rest),
    }  # fmt: skip


def amqp_holds(found: Any) -> None:
    assert found["told"] == ["sent", "sent", "refused"]
    wanted = [[str(IDS[n]), f"SO-{n}", {"number": f"SO-{n}", "客户": "榕西机械"}] for n in (0, 1)]
    assert (found["taken"], found["rest"]) == (wanted, [])


def mqtt(where: Where) -> Any:
    """Subscribe, publish two readings, take them, acknowledge, find nothing more."""
    connector = Mqtt()
    topics = [{"key": "tell", "topic": "车间/一线/产量", "way": "send"}, {"key": "hear", "topic": "车间/+/产量"}]
    link = connection_to(connector, {"host": "127.0.0.1", "port": where.port, "topics": topics})
    first = connector.poll(link, "hear", None, 10)
    sent = connector.send_many(link, [outgoing("tell", {"good": n}, key="一线", id=IDS[n]) for n in (0, 1)])
    page = connector.poll(link, "hear", None, 10)
    page.confirm()
    rest = connector.poll(link, "hear", None, 10)
    return {
        "first": messages(first), "sent": [getattr(one, "kind", "sent") for one in sent], "taken": messages(page),
        "rest": messages(rest),
    }  # fmt: skip


def mqtt_holds(found: Any) -> None:
    assert (found["first"], found["sent"], found["rest"]) == ([], ["sent", "sent"], [])
    assert found["taken"] == [
        [str(IDS[n]), "一线", {"topic": "车间/一线/产量", "value": {"good": n}}] for n in (0, 1)
    ]


def opcua(where: Where) -> Any:
    """Read a line's nodes, set its order, be refused a value that is none, ask for a node that is not there."""
    connector, line = OpcUa(), {name: f"ns=2;s=Line1.{name.capitalize()}" for name in ("good", "speed", "order")}
    groups = [{"key": "state", "nodes": line}, {"key": "set", "way": "write", "nodes": line},
              {"key": "lost", "nodes": {"x": "ns=2;s=Nowhere"}}]  # fmt: skip
    link = connection_to(connector, {"url": f"opc.tcp://127.0.0.1:{where.port}/", "groups": groups}, timeout=8)
    first = connector.poll(link, "state", None, 10)
    set_ = said(lambda: connector.send(link, outgoing("set", {"values": {"order": "工单 17", "speed": 2}})).reply)
    refused = said(lambda: connector.send(link, outgoing("set", {"node": "good", "value": -1})).reply)
    second = connector.poll(link, "state", first.position, 10)
    lost = connector.poll(link, "lost", None, 10)
    values = [[[one.key, one.body["value"]] for one in page.messages] for page in (first, second)]
    return {
        "first": values[0], "set": set_, "refused": refused, "second": values[1],
        "lost": [[one.body["is_good"], one.body["status"]] for one in lost.messages],
    }  # fmt: skip


def opcua_holds(found: Any) -> None:
    assert found["first"] == [["good", 7], ["speed", 1.5], ["order", ""]]
    assert found["set"] == {"written": ["order", "speed"]}
    assert found["refused"]["kind"] == "validation"
    assert found["second"] == [["speed", 2.0], ["order", "工单 17"]]
    assert found["lost"] == [[False, "BadNodeIdUnknown"]]


#: What MariaDB holds before the story; the strange types are what it is about.
TABLES = (
    "CREATE TABLE 订单 (编号 INT PRIMARY KEY, 客户 VARCHAR(20), changed DATETIME(3), amount DECIMAL(20,6), b BLOB, "
    "doc JSON, dur TIME, e ENUM('甲','乙'), u BIGINT UNSIGNED)",
    "INSERT INTO 订单 VALUES (1,'苏州🚚','2026-03-05 08:00:00.123',12345678901234.500000,x'00ff','{\"名\":[1,2]}',"
    "'-25:30:00','乙',18446744073709551615)",
    "CREATE TABLE inbox (message_id CHAR(36), line INT, no VARCHAR(5), UNIQUE (message_id, line))",
)


def sql(where: Where) -> Any:
    """Read a row of strange types, write a message twice, be refused one that is too long."""
    connector = Sql()
    operations = [
        {"key": "orders", "table": "订单", "watermark": "changed", "key_column": "编号"},
        {"key": "told", "ways": ["send"], "table": "inbox", "line_column": "line", "rows_path": "lines"},
    ]  # fmt: skip
    settings = {"kind": "mysql", "host": "127.0.0.1", "port": where.port, "database": "wms", "user": "erp",
                "tls": "off", "operations": operations}  # fmt: skip
    link = connection_to(connector, settings, {"password": "s3cret-榕"}, now=where.now)
    try:
        page = connector.poll(link, "orders", None, 10)
        body = {"lines": [{"no": "甲"}, {"no": "B"}]}
        told = [connector.send(link, Outgoing(IDS[0], "told", body)).reply for _ in range(2)]
        long = said(lambda: connector.send(link, Outgoing(IDS[1], "told", {"lines": [{"no": "far too long"}]})).reply)
        return {"rows": messages(page), "position": page.position, "told": told, "long": long}
    finally:
        for each in list(engines._engines.values()):
            each.dispose()
        engines._engines.clear()


def sql_holds(found: Any) -> None:
    [[_, key, row]] = found["rows"]
    assert (key, row["客户"], row["amount"], row["b"]) == ("1", "苏州🚚", "12345678901234.5", "AP8=")
    assert (row["u"], row["dur"], row["e"]) == ("18446744073709551615", "-91800", "乙")
    assert [one["is_repeated"] for one in found["told"]] == [False, True]
    assert (found["long"]["kind"], found["long"]["code"]) == ("mapping", "1406")


def soap(where: Where) -> Any:
    """Read a WSDL, call its operation with a list, be refused with a fault."""
    connector, url = Soap(), f"http://127.0.0.1:{where.port}/"
    link = connection_to(connector, {"wsdl_address": f"{url}?wsdl", "address": url}, now=where.now)
    lines = [{"sku": "轴承", "qty": "2.5"}, {"sku": "螺栓", "qty": "1"}]
    described = [[one.key, sorted(one.input["properties"])] for one in connector.describe(link)]
    told = connector.send(link, outgoing("add_order", {"number": "SO-1", "lines": {"Line": lines}})).reply
    known = said(lambda: connector.send(link, outgoing("add_order", {"number": "X"})).reply)
    return {"described": described, "told": told, "known": known}


def soap_holds(found: Any) -> None:
    assert found["described"] == [["add_order", ["lines", "number"]]]
    assert found["told"] == "SO-1：3.5 件 轴承、螺栓"
    assert (found["known"]["kind"], found["known"]["code"]) == ("refused", "Client.Duplicate")
    assert "订单 X 已存在" in found["known"]["text"]


def vendure(where: Where) -> Any:
    """Read an order, set what can be sold, ship twice, read it as shipped, be refused a shipment of nothing."""
    connector = Vendure()
    settings = {"address": f"http://127.0.0.1:{where.port}", "user": "superadmin"}
    link = connection_to(connector, settings, {"password": "superadmin"}, now=where.now)
    page = connector.poll(link, "orders", None, 50)
    order = page.messages[0].body
    stock = connector.send(link, outgoing("stock", {"sku": "LAMP-01-W", "quantity": 40})).reply
    body = {"order": order["id"], "method": "顺丰", "tracking": "SF1234567890123"}
    shipped = [connector.send(link, outgoing("ship", body)).reply for _ in range(2)]
    changed = connector.poll(link, "changes", None, 50)
    none = said(lambda: connector.send(link, outgoing("stock", {"sku": "none", "quantity": 1})).reply)
    return {
        "orders": messages(page), "stock": stock["stockLevels"], "shipped": shipped, "changed": messages(changed),
        "none": none,
    }  # fmt: skip


def vendure_holds(found: Any) -> None:
    [[name, code, order]] = found["orders"]
    assert [(line["productVariant"]["sku"], line["quantity"]) for line in order["lines"]] == [("LAMP-01-W", 2)]
    assert (order["state"], order["shippingAddress"]["city"]) == ("PaymentSettled", "苏州")
    assert [(one["stockOnHand"], one["stockAllocated"]) for one in found["stock"]] == [(42, 2)]
    first, again = found["shipped"]
    assert (first["id"], first["state"]) == (again["id"], again["state"]) == (first["id"], "Shipped")
    [[later, same, shipped]] = found["changed"]
    assert (same, shipped["state"]) == (code, "Shipped")
    assert [one["trackingCode"] for one in shipped["fulfillments"]] == ["SF1234567890123"]
    assert name != later
    assert found["none"]["kind"] == "gone"


def sftp(where: Where) -> Any:
    """Take a file, move it to the archive once it is kept, write one; set a broken one aside."""
    connector, link = File(), None

    def reach(after: float = 0, **operation: Any) -> Any:
        made = {"key": "orders", "ways": ["poll", "send"], "ready": "at_once", **operation}
        settings = {"place": "sftp", "host": "127.0.0.1", "port": where.port, "user": "erp", "folder": "talk",
                    "host_key": where.more["host_key"], "operations": [made]}  # fmt: skip
        return connection_to(connector, settings, {"password": "any"}, now=where.now + timedelta(seconds=after))

    link = reach()
    page = connector.poll(link, "orders", None, 10)
    page.confirm()
    rest = connector.poll(link, "orders", None, 10)
    out = Outgoing(IDS[0], "orders", [{"名": "榕"}], "回执", "t", where.now)
    sent = said(lambda: connector.send(reach(folder="out", name="{key}"), out).reply)
    return {"taken": [one.body for one in page.messages], "rest": messages(rest), "sent": sent}


#: The id of an S3 store's key as it is kept: as long as the store's own.
S3_USER = "EXAMPLE-ID-OF-A-KEY1"


def s3(where: Where) -> Any:
    """Write a file into a bucket, take it, move it to the archive once it is kept; find no such bucket."""
    connector = File()

    def reach(bucket: str = "wms", **operation: Any) -> Any:
        made = {"key": "orders", "ways": ["poll", "send"], "ready": "at_once", **operation}
        settings = {"place": "s3", "address": f"http://127.0.0.1:{where.port}", "bucket": bucket, "folder": "talk",
                    "user": where.more.get("user", S3_USER), "operations": [made]}  # fmt: skip
        return connection_to(connector, settings, {"secret_key": where.more.get("secret", "any")}, now=where.now)

    link = reach(folder="in", name="{key}")
    first = said(lambda: connector.send(link, Outgoing(IDS[0], "orders", [{"no": "1", "名称": "轴承"}], "订单 1+2",
                                                       "t", where.now)).reply)  # fmt: skip
    page = connector.poll(reach(), "orders", None, 10)
    page.confirm()
    rest = connector.poll(reach(), "orders", None, 10)
    lost = said(lambda: connector.poll(reach(bucket="none"), "orders", None, 10).messages)
    return {"sent": first, "taken": [one.body for one in page.messages], "rest": messages(rest), "lost": lost}


def s3_holds(found: Any) -> None:
    assert "kind" not in (found["sent"] or {})
    assert found["taken"] == [{"no": "1", "名称": "轴承"}]
    assert found["rest"] == []
    assert (found["lost"]["kind"], "NoSuchBucket" in found["lost"]["text"]) == ("refused", True)


def sftp_holds(found: Any) -> None:
    assert found["taken"] == [{"no": "1", "名称": "轴承"}]
    assert found["rest"] == []
    assert "kind" not in (found["sent"] or {})
