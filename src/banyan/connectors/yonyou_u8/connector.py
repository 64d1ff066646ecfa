"""Yonyou U8 by its OpenAPI platform: a token by account and key, JSON over HTTP, documents added once by biz_id."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict

from banyan.connectors.numbers import with_numbers
from banyan.connectors.platform import EVER, Call, Platform, Poll, judged, needed
from banyan.integration.connecting import Connection, Failed, PresetFlow, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L

PAYLOADS = Path(__file__).parent / "payloads"
#: errcode of a token that has ended; of a U8 whose client is not signed in to the platform.
EXPIRED, AWAY = "30012", "20001"


class YonyouU8Settings(BaseModel):
    """Who calls (from), whose U8 is called (to), our application, and which account set of that U8.

    Takes:  data_source: ds_sequence, number of the account set; 0: the application's first
            waits: whether U8 is to have added a document before it answers (sync)
    """

    model_config = ConfigDict(extra="forbid")

    address: str = field("地址", "Address", "https://api.yonyouup.com", pattern=r"^https?://")
    from_account: str = field("调用方 from_account", "Caller (from_account)")
    to_account: str = field("提供方 to_account", "Provider (to_account)")
    app_key: str = field("应用 Key", "App key")
    data_source: int = field("数据源序号", "Data source", 0, ge=0,
                             help=L("0 为应用的第一个数据源", "0 is the application's first one"))  # fmt: skip
    waits: bool = field("同步新增", "Adds before it answers", True)


def _archive(records: str) -> Poll:
    """Give a poll of all records of an archive: what has not changed is known by its content."""
    return Poll(
        lambda w: {"page_index": w.page + 1, "rows_per_page": w.size}, records=records, id="code", version="",
        total="row_count", longest=EVER, first=EVER, is_whole=True,
    )  # fmt: skip


@connector
class YonyouU8(Platform):
    """Yonyou U8 by its OpenAPI platform."""

    key = "yonyou_u8"
    label = L("用友 U8", "Yonyou U8")
    help = L("经 U8 开放平台：销售订单、凭证、客户与存货档案",
             "By the U8 OpenAPI platform: sales orders, vouchers, archives of customers and items")  # fmt: skip
    settings = YonyouU8Settings
    secrets = ("app_secret",)
    calls = (
        Call("customers", L("客户档案", "Customers"), "/api/customer/batch_get", _archive("customer")),
        Call("items", L("存货档案", "Items"), "/api/inventory/batch_get", _archive("inventory")),
        Call("call", L("调用接口", "Make a call"), "", sample="call.json"),
        Call("sale_order", L("新增销售订单", "Add a sales order"), "/api/saleorder/add", sample="sale_order.json"),
        Call("voucher", L("新增凭证", "Add a voucher"), "/api/voucher/add", sample="voucher.json"),
    )

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        self._gate = threading.Lock()

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call.

        Takes:  `sale_order` and `voucher`: {"biz_id", "saleorder" | "voucher"};
                `call`: {"path", "method"?, "query"?, "body"?}, with `biz_id` or `tradeid` in the query where it adds
        """
        if call.key in ADDED:
            return self._add(connection, call, parameters)
        if call.name:
            return self._called(connection, "GET", call.name, parameters)
        path, query = str(parameters.get("path") or ""), dict(parameters.get("query") or {})
        if not path.startswith("/"):
            raise Failed("validation", L("缺少 path，如 /api/…", "path is missing, such as /api/…"))
        if path.endswith("/add") and not (query.get("biz_id") or query.get("tradeid")):
            words = L("新增须有 biz_id 或 tradeid，否则重试会重复",
                      "Adding needs biz_id or tradeid, or a retry adds twice")  # fmt: skip
            raise Failed("validation", words)
        method = str(parameters.get("method") or "POST").upper()
        return self._called(connection, method, path, query, parameters.get("body"))

    def _add(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Add a document by our key, and give what U8 made of it.

        The platform makes one document of a biz_id, however often it is sent. What it answers to a second one is not
        told: a refusal is held against what U8 has, and the same document is what was wanted.

        Raises: Failed("busy") while U8 is still at it
        """
        name, key = ADDED[call.key], str(parameters.get("biz_id") or "")
        document = parameters.get(name)
        if not key or not isinstance(document, Mapping):
            raise Failed("validation", L("缺少 biz_id 或 {name}", "biz_id or {name} is missing").filled({"name": name}))
        query = {"biz_id": key, "sync": int(connection.settings.waits)}
        try:
            said = self._called(connection, "POST", call.name, query, {name: with_numbers(document, NUMBERS)})
            if "errcode" not in said:
                said = self._result(connection, said)
        except Failed as refusal:
            known = self._known(connection, name, document) if refusal.kind == "refused" else None
            if known is None:
                raise
            return known
        return {"id": said.get("id"), "tradeid": said.get("tradeid")}

    def _result(self, connection: Connection, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give what came of a document that U8 adds after its answer: asked for once, when it says to.

        Takes:  said: {"ping_after", "tradeid", "url"}
        Raises: Failed("busy") where nothing has come of it by then: the next try asks anew
        """
        request = parse_qs(urlsplit(str(said.get("url") or "")).query).get("requestid", [""])[0]
        if request:
            time.sleep(min(max(float(said.get("ping_after") or 0), 0.0), connection.timeout / 2))
            found = self._called(connection, "GET", "/result", {"requestid": request}, is_open=True)
            if "errcode" in found:
                return found
        words = L("U8 已受理，结果未出", "U8 has taken it and not told yet what came of it")
        raise Failed("busy", words, code="pending")

    def _known(self, connection: Connection, name: str, document: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give the document that U8 has under our number where it is the same, by party and amount; else None."""
        look = self._order if name == "saleorder" else self._voucher
        try:
            return look(connection, document)
        except Failed as fault:
            if fault.is_passing:
                raise
            return None

    def _order(self, connection: Connection, document: Mapping[str, Any]) -> dict[str, Any] | None:
        number = str(document.get("code") or "")
        said = self._called(connection, "GET", "/api/saleorder/get", {"id": number})
        found = said.get("saleorder")
        if not isinstance(found, Mapping) or str(found.get("code")) != number:
            return None
        same = found.get("custcode") == document.get("custcode") and \
            _sum(found.get("entry"), "sum") == _sum(document.get("entry"), "sum")  # fmt: skip
        return {"id": number, "tradeid": None} if same else None

    def _voucher(self, connection: Connection, document: Mapping[str, Any]) -> dict[str, Any] | None:
        number = str(document.get("reserve2") or "")
        said = self._called(connection, "GET", "/api/voucherdetails/batch_get", {"coutno_id": number})
        rows = [row for row in said.get("voucherdetails") or () if str(row.get("coutno_id", number)) == number]
        if not number or not rows:
            return None
        sides = (("md", "debit", "natural_debit_currency"), ("mc", "credit", "natural_credit_currency"))
        same = all(
            _sum(rows, theirs) == _sum((document.get(side) or {}).get("entry"), ours) for theirs, side, ours in sides
        )
        return {"id": rows[0].get("i_id"), "tradeid": None} if same else None

    def _called(
        self, connection: Connection, method: str, path: str, query: Mapping[str, Any], body: Any = None, *,
        is_open: bool = False,
    ) -> Mapping[str, Any]:  # fmt: skip
        """Make a call with what each call bears, once more with a new token where the kept one has ended.

        Takes:  is_open: it bears nothing but its query
        Raises: Failed as errcode says
        """
        settings: YonyouU8Settings = connection.settings
        more = {"json": body} if method != "GET" else {}
        for attempt in (1, 2):
            token = "" if is_open else self._token(connection, anew=attempt == 2)
            common = {} if is_open else {
                "from_account": settings.from_account, "to_account": settings.to_account, "app_key": settings.app_key,
                "token": token, **({"ds_sequence": settings.data_source} if settings.data_source else {}),
            }  # fmt: skip
            said = connection.http.request(
                method, f"{settings.address.rstrip('/')}{path}",
                query={name: str(value) for name, value in {**query, **common}.items()},
                hide=tuple(filter(None, (token,))), **more,
            ).checked().json()  # fmt: skip
            said = said if isinstance(said, Mapping) else {}
            code, text = str(said.get("errcode", "")), str(said.get("errmsg") or "")
            if code == "0" or (not code and (is_open or "url" in said)):
                return said
            has_ended = code == EXPIRED or "token已过期" in text
            if has_ended and attempt == 1 and not is_open:
                continue
            if not code:
                raise Failed("refused", L("应答没有 errcode", "The answer has no errcode"))
            raise judged(code, text, passing=PASSING, denied=frozenset({code} if has_ended else ()), hide=(token,))
        raise AssertionError

    def _token(self, connection: Connection, *, anew: bool) -> str:
        """Give the token, which is kept: the platform gives 2,000 in two hours at most."""
        settings: YonyouU8Settings = connection.settings
        secret = needed(connection, "app_secret")
        key = (connection.system, connection.environment, settings.address, settings.from_account, settings.app_key,
               secret)  # fmt: skip
        now = connection.now.timestamp()
        with self._gate:
            kept = self._tokens.get(key)
            if kept and kept[1] > now and not anew:
                return kept[0]
            said = connection.http.request(
                "GET", f"{settings.address.rstrip('/')}/system/token",
                query={"from_account": settings.from_account, "app_key": settings.app_key, "app_secret": secret},
                hide=(secret,),
            ).checked().json()  # fmt: skip
            said = said if isinstance(said, Mapping) else {}
            token, code = said.get("token"), str(said.get("errcode"))
            if code != "0" or not isinstance(token, Mapping) or not token.get("id"):
                raise judged(code, said.get("errmsg"), passing=PASSING, denied=frozenset({code}) - PASSING,
                             hide=(secret,))  # fmt: skip
            self._tokens[key] = (str(token["id"]), now + max(float(token.get("expiresIn") or 7200) - 60, 30))
            return str(token["id"])

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flows of binding orders and of checked vouchers."""
        order, voucher = (
            json.loads((PAYLOADS / name).read_text(encoding="utf-8"))
            for name in ("order_confirmed.json", "voucher_checked.json")
        )
        return (
            PresetFlow("sale_orders", L("销售订单", "Sales orders"), "event", "sales.order_confirmed", "sale_order",
                       order),
            PresetFlow("vouchers", L("凭证", "Vouchers"), "event", "finance.voucher_checked", "voucher", voucher,
                       "count(data.lines) > 0"),
        )  # fmt: skip


def _sum(rows: Any, name: str) -> Decimal:
    """Give the sum of a member of rows. Raises: Failed("mapping") where one is no number."""
    try:
        return sum((Decimal(str(row.get(name) or 0)) for row in rows or ()), Decimal(0)).quantize(Decimal("0.01"))
    except (ArithmeticError, AttributeError, TypeError):
        raise Failed("mapping", L("{name} 不是数字", "{name} is no number").filled({"name": name})) from None


#: What is added by our key, and what it is called there.
ADDED = {"sale_order": "saleorder", "voucher": "voucher"}
PASSING = frozenset({AWAY})
#: Members of documents that are of the type number.
NUMBERS = frozenset({
    "bgift", "rowno", "quantity", "unitprice", "taxunitprice", "taxrate", "money", "tax", "sum", "natunitprice",
    "natmoney", "nattax", "natsum", "fiscal_year", "accounting_period", "attachment_number", "entry_id",
    "natural_debit_currency", "natural_credit_currency",
})  # fmt: skip
