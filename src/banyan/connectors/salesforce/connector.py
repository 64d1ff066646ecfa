"""Salesforce: a token by client credentials, records asked by SOQL, written by their outside number."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, Window, compact, iso, judged, needed
from banyan.integration.connecting import Connection, Failed, Incoming, PresetScan, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L, Label

NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.]*$")
ID = re.compile(r"[A-Za-z0-9]{0,18}")
STAMP = "SystemModstamp"
LINES = "OpportunityLineItems"
WON = (
    "Id", "Name", "CloseDate", "AccountId", "Account.Name", "Account.AccountNumber", STAMP,
    f"(SELECT Id, ProductCode, Description, Quantity, UnitPrice, ServiceDate FROM {LINES} ORDER BY Id)",
)  # fmt: skip
#: What is read of a kind of record by its own call: object, fields, which of them, the stamp that windows go by.
READ = {
    "accounts": ("Account", (
        "Id", "Name", "AccountNumber", "Phone", "BillingStreet", "BillingCity", "BillingState", "BillingPostalCode",
        "CreatedDate",
    ), "", "CreatedDate"),
    "won": ("Opportunity", WON, "IsWon = TRUE", STAMP),
}  # fmt: skip
#: The same opportunities by the day they were won on, for the nightly scan: when they were touched last says nothing.
WON_ON = "won_on"


def _poll(stamp: str) -> Poll:
    return Poll(
        lambda w: {"window": w}, records="records", id="Id", version=stamp, moves=datetime.fromisoformat, size=200,
        longest=timedelta(days=30),
    )  # fmt: skip


class SalesforceSettings(BaseModel):
    """Our own domain there (My Domain), our connected app, and which records are polled."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("地址（My Domain）", "Address (My Domain)", pattern=r"^https?://")
    client_id: str = field("客户端标识", "Client id")
    version: str = field("接口版本", "Version", "62.0", pattern=r"^\d{2}\.\d$")
    object: str = field("轮询的对象", "Object polled", "Opportunity", pattern=NAME.pattern)
    fields: tuple[str, ...] = field("取哪些字段", "Fields", (
        "Id", "Name", "StageName", "Amount", "CloseDate", "Account.Name", "SystemModstamp"))  # fmt: skip


def _compared(
    name: str, label: Label, command: str, noun: str, day: str, operation: str, amount: tuple[str, str] = ("", "")
) -> PresetScan:
    """Give a scan of what our account there made of their records, by the records' ids."""
    return PresetScan(
        name, label, name, command, noun, "", ("message", "Id"), ("created_at", day), amount, made_by="created_by",
        operation=operation, is_sent_again=False,
    )  # fmt: skip


@connector
class Salesforce(Platform):
    """Salesforce."""

    key = "salesforce"
    label = L("Salesforce", "Salesforce")
    help = L("按 SOQL 读取记录，按外部编号写入", "Reads records by SOQL, writes them by their outside number")
    settings = SalesforceSettings
    secrets = ("client_secret",)
    calls = (
        Call("records", L("记录（增量）", "Records (changed)"), "query", _poll(STAMP)),
        Call("accounts", L("客户（新建）", "Accounts (new)"), "query", _poll("CreatedDate"), sample="account.json"),
        Call("won", L("赢单的商机", "Opportunities won"), "query", _poll(STAMP), sample="opportunity.json"),
        Call(WON_ON, L("赢单的商机（按成交日期）", "Opportunities won (by day)"), "query", Poll(
            lambda w: {"window": w}, records="records", id="Id", version=STAMP, cursor="after", size=200,
            longest=timedelta(days=30),
        ), sample="opportunity.json"),
        Call("query", L("SOQL 查询", "Ask by SOQL"), "query", sample="query.json"),
        Call("upsert", L("按外部编号写入", "Write by outside number"), "upsert", sample="upsert.json"),
    )  # fmt: skip

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, ...], str] = {}
        self._gate = threading.Lock()

    def scans(self) -> Sequence[PresetScan]:
        """Give the comparison of new accounts and of opportunities won with what we made of them."""
        return (
            _compared("accounts", L("客户核对", "customers compared"), "parties.party.create", "parties.party",
                      "CreatedDate", "accounts"),
            _compared("won", L("赢单核对", "opportunities won compared"), "sales.order.create", "sales.order",
                      "CloseDate", WON_ON, ("lines.quantity", f"{LINES}.records[].Quantity")),
        )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call; once more with a new token where the kept one is refused."""
        settings: SalesforceSettings = connection.settings
        base = f"{settings.address.rstrip('/')}/services/data/v{settings.version}"
        for attempt in (1, 2):
            token = self._token(connection, anew=attempt == 2)
            headers = {"Authorization": f"Bearer {token}"}
            if call.name == "upsert":
                url = "/".join([f"{base}/sobjects", *(_part(parameters, name) for name in ("object", "field", "id"))])
                answer = connection.http.request(
                    "PATCH", url, json=dict(parameters.get("values") or {}), headers=headers, hide=(token,)
                )
            else:
                soql = _changed(settings, call, parameters["window"]) if call.poll else parameters.get("q")
                if not soql:
                    raise Failed("validation", L("缺少 q", "q is missing"))
                answer = connection.http.request(
                    "GET", f"{base}/query", query={"q": soql}, headers=headers, hide=(token,)
                )
            if answer.status == 401 and attempt == 1:
                continue
            if answer.is_ok:
                said = answer.json() or {"success": True}
                if call.key == WON_ON and len(said["records"]) >= parameters["window"].size:
                    said["after"] = said["records"][-1]["Id"]
                return said
            said = answer.json() if answer.status < 500 else None
            first = said[0] if isinstance(said, list) and said and isinstance(said[0], Mapping) else {}
            if first:
                raise judged(
                    first.get("errorCode"), first.get("message"), throttled=THROTTLED, passing=PASSING, denied=DENIED,
                    hide=(token,),
                )  # fmt: skip
            answer.checked()
        raise AssertionError

    def incoming(self, call: Call, record: Any) -> Incoming:
        """Give a record as a message; a won opportunity by its id alone, because it is ordered once.

        When it was touched last belongs to the window, not to what was won.
        """
        if call.key not in ("won", WON_ON):
            return super().incoming(call, record)
        body = {name: value for name, value in record.items() if name != STAMP}
        lines = body.get(LINES)
        fault = None
        if isinstance(lines, Mapping) and lines.get("done") is False:
            words = L("商机的产品行多于一次应答所给", "The opportunity has more lines than one answer gives")
            fault = Failed("too_large", words)
        name = str(body["Id"])
        return Incoming(name, body, name, f"{self.key}.won", raw=compact(body), fault=fault)

    def _token(self, connection: Connection, *, anew: bool) -> str:
        settings: SalesforceSettings = connection.settings
        secret = needed(connection, "client_secret")
        key = (connection.system, connection.environment, settings.address, settings.client_id, secret)
        with self._gate:
            if not anew and key in self._tokens:
                return self._tokens[key]
            form = {"grant_type": "client_credentials", "client_id": settings.client_id, "client_secret": secret}
            answer = connection.http.request(
                "POST", f"{settings.address.rstrip('/')}/services/oauth2/token", body=urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"}, hide=(secret,),
            )  # fmt: skip
            if answer.status in (400, 401):
                raise Failed("not_allowed", str((answer.json() or {}).get("error_description", ""))[:300], code="oauth")
            self._tokens[key] = token = str(answer.checked().json()["access_token"])
            return token


THROTTLED = frozenset({"REQUEST_LIMIT_EXCEEDED", "EXCEEDED_ID_LIMIT"})
PASSING = frozenset({"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT"})
DENIED = frozenset({"INVALID_SESSION_ID", "INSUFFICIENT_ACCESS", "API_DISABLED_FOR_ORG", "INVALID_LOGIN"})


def _changed(settings: SalesforceSettings, call: Call, window: Window) -> str:
    if call.key == WON_ON:
        if not ID.fullmatch(window.after):
            raise Failed("mapping", f"{window.after[:40]!r} is no id")
        behind = f" AND Id > '{window.after}'" if window.after else ""
        # CloseDate is a day, in nobody's zone: a day more on each side.
        begin, end = window.begin - timedelta(days=1), window.end + timedelta(days=1)
        return (
            f"SELECT {', '.join(WON)} FROM Opportunity WHERE IsWon = TRUE AND CloseDate >= {begin:%F} "
            f"AND CloseDate <= {end:%F}{behind} ORDER BY Id ASC LIMIT {window.size}"
        )
    thing, fields, only, stamp = READ.get(call.key) or (settings.object, settings.fields, "", STAMP)
    for name in settings.fields:
        if not NAME.fullmatch(name):
            raise Failed("refused", f"{name} is no field")
    return (
        f"SELECT {', '.join(fields)} FROM {thing} WHERE {only and only + ' AND '}{stamp} >= {iso(window.begin)} "
        f"AND {stamp} <= {iso(window.end)} ORDER BY {stamp} ASC, Id ASC LIMIT {window.size}"
    )


def _part(parameters: Mapping[str, Any], name: str) -> str:
    value = str(parameters.get(name) or "")
    if value in ("", ".", ".."):
        raise Failed("validation", L("缺少 {name}", "{name} is missing").filled({"name": name}))
    return quote(value, safe="")
