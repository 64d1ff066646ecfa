"""K3 Cloud (云星空): bills asked, saved, submitted, audited; every call carries two signatures in its headers."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict

from banyan.connectors.numbers import with_numbers
from banyan.connectors.platform import Call, Platform, Poll, needed
from banyan.connectors.signing import CHINA, base64, china_time, keyed
from banyan.integration.connecting import Connection, Failed, PresetFlow, PresetScan, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L

SERVICE = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService"
PAYLOADS = Path(__file__).parent / "payloads"
#: How the official client hides the second half of an application's number.
_MASK = b"0054f397c6234378b09ca7d3e5debce7"


class KingdeeSettings(BaseModel):
    """The customer's own server, ending in /k3cloud; account set, user and application as its administrator gave them.

    Takes:  form and fields: of the bills that are polled; FBillNo and FModifyDate must be among the fields;
            audits: whether receivables and payables are submitted and audited
    """

    model_config = ConfigDict(extra="forbid")

    address: str = field("地址", "Address", pattern=r"^https?://", help=L("以 /k3cloud 结尾", "Ends in /k3cloud"))
    account_set: str = field("账套", "Account set")
    user: str = field("用户", "User")
    application: str = field("应用编号", "Application")
    language: int = field("语言代码", "Language", 2052)
    organization: str = field("组织", "Organization", "0")
    audits: bool = field("应收应付提交并审核", "Submits and audits receivables and payables", True)
    form: str = field("轮询的单据", "Bill polled", "SAL_SaleOrder")
    fields: str = field("取哪些字段", "Fields", "FBillNo,FDate,FDocumentStatus,FCustId.FNumber,FModifyDate",
                        help=L("须含 FBillNo 和 FModifyDate",
                        "FBillNo and FModifyDate must be among them"))  # fmt: skip


CHANGED = Poll(
    lambda w: {
        "begin": china_time(w.begin), "end": china_time(w.end), "Limit": w.size,
    },
    records="rows", id="FBillNo", version="FModifyDate", size=500, longest=timedelta(days=7),
    moves=lambda text: datetime.fromisoformat(text).replace(tzinfo=CHINA),
)  # fmt: skip
#: Which bills each list of changes holds, and what of them; those of `changed` are settings.
LISTED = {
    "receivables": ("AR_receivable", "FBillNo,FDATE,FALLAMOUNTFOR,FDocumentStatus,FModifyDate"),
    "payables": ("AP_Payable", "FBillNo,FDATE,FALLAMOUNTFOR,FDocumentStatus,FModifyDate"),
}


@connector
class Kingdee(Platform):
    """Kingdee K3 Cloud / Cosmic Galaxy (云星空)."""

    key = "kingdee"
    label = L("金蝶云星空", "Kingdee K3 Cloud")
    help = L("单据查询、保存、提交、审核（WebAPI）", "Bills asked, saved, submitted, audited (WebAPI)")
    settings = KingdeeSettings
    secrets = ("application_secret",)
    calls = (
        Call(
            "changed",
            L("单据（增量）", "Bills (changed)"),
            "ExecuteBillQuery",
            CHANGED,
        ),
        Call("query", L("单据查询", "Ask for bills"), "ExecuteBillQuery", sample="query.json"),
        Call("view", L("查看", "View a bill"), "View"),
        Call("save", L("保存", "Save a bill"), "Save", sample="save.json"),
        Call("submit", L("提交", "Submit bills"), "Submit"),
        Call("audit", L("审核", "Audit bills"), "Audit"),
        Call("unaudit", L("反审核", "Take audit back"), "UnAudit"),
        Call("delete", L("删除", "Delete bills"), "Delete"),
        Call("receivable", L("应收单", "Receivable"), "AR_receivable", sample="receivable.json"),
        Call("payable", L("应付单", "Payable"), "AP_Payable", sample="payable.json"),
        Call("receivable_back", L("撤回应收单", "Take a receivable back"), "AR_receivable", sample="back.json"),
        Call("payable_back", L("撤回应付单", "Take a payable back"), "AP_Payable", sample="back.json"),
        Call("receivables", L("应收单（增量）", "Receivables (changed)"), "ExecuteBillQuery", CHANGED),
        Call("payables", L("应付单（增量）", "Payables (changed)"), "ExecuteBillQuery", CHANGED),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call.

        Takes:  {"formid", "data"} as the WebAPI's documents have it; `query`: data with FormId, FieldKeys, FilterString
                `receivable` and `payable`: {"gross_amount", "Model"}, the Model with our number as FBillNo
        Gives:  `query` and `changed`: rows as objects named by FieldKeys, which the WebAPI itself gives as bare lists
        """
        if call.key in BOOKED:
            return self._book(connection, call, parameters)
        if call.key in TAKEN_BACK:
            return self._take_back(connection, call, parameters)
        settings: KingdeeSettings = connection.settings
        given = dict(parameters)
        if call.poll is not None:
            form, fields = LISTED.get(call.key, (settings.form, settings.fields))
            given = {"data": {
                "FormId": form, "FieldKeys": fields, "OrderString": "FModifyDate",
                "FilterString": f"FModifyDate>='{given['begin']}' and FModifyDate<='{given['end']}'",
                "StartRow": 0, "Limit": given["Limit"],
            }}  # fmt: skip
        secret = needed(connection, "application_secret")
        url = f"{settings.address.rstrip('/')}/{SERVICE}.{call.name}.common.kdsvc"
        headers = signed_headers(settings, secret, urlsplit(url).path, str(int(connection.now.timestamp())))
        answer = connection.http.request("POST", url, json=given, headers=headers, hide=(secret,))
        text = answer.text()
        if answer.status == 519 or answer.status in (401, 403):
            raise Failed("not_allowed", text[:300], code=str(answer.status))
        answer.checked()
        if text.startswith("response_error:"):
            raise Failed("refused", text.removeprefix("response_error:")[:500])
        said = answer.json()
        refuse_where_it_failed(said)
        if call.name == "ExecuteBillQuery":
            names = str(given.get("data", {}).get("FieldKeys", "")).split(",")
            return {"rows": [dict(zip((n.strip() for n in names), row, strict=False)) for row in said or []]}
        return said

    def _book(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Save a bill of ours, hold what it comes to against ours, submit and audit it; each once, however often told.

        Raises: Failed("refused") where it comes to another amount: what was saved is deleted
        """
        model = parameters.get("Model")
        number = _number(model.get("FBillNo") if isinstance(model, Mapping) else "")
        ours = _amount(parameters.get("gross_amount"))

        def do(key: str, **data: Any) -> Any:
            return self.ask(connection, self.call(key), {"formid": call.name, "data": data})

        bill = self._bill(connection, call, number)
        if bill is None:
            do("save", Model=with_numbers(model, NUMBERS))
            bill = self._bill(connection, call, number)
            if bill is None:
                raise Failed("busy", L("单据已保存但查不到", "The bill was saved and is not found"))
        theirs, status = _amount(bill["FALLAMOUNTFOR"]), str(bill["FDocumentStatus"])
        if theirs != ours:
            if status in OPEN:
                do("delete", Numbers=[number])
            words = L("{number} 在金蝶合计 {theirs}，我方为 {ours}", "{number} comes to {theirs} there, to {ours} here")
            raise Failed("refused", words.filled({"number": number, "theirs": theirs, "ours": ours}), code="amount")
        if connection.settings.audits:
            if status in OPEN:
                do("submit", Numbers=[number])
            if status != "C":
                do("audit", Numbers=[number])
                status = "C"
        return {"id": bill["FID"], "number": number, "status": status}

    def _bill(self, connection: Connection, call: Call, number: str) -> Mapping[str, Any] | None:
        """Give the bill of a number, None where there is none."""
        keys = "FID,FBillNo,FDocumentStatus,FALLAMOUNTFOR"
        asked = {"FormId": call.name, "FieldKeys": keys, "FilterString": f"FBillNo='{number}'", "Limit": 1}
        rows = self.ask(connection, self.call("query"), {"data": asked})["rows"]
        return rows[0] if rows else None

    def _take_back(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Take a bill of ours back: what was audited is opened, and the bill deleted; one that is gone is done.

        Raises: Failed("refused") where it comes to another amount than what is reversed, or Kingdee lets it not go
        """
        number = _number(parameters.get("FBillNo"))
        bill = self._bill(connection, call, number)
        if bill is None:
            return {"number": number, "status": ""}
        theirs, ours = _amount(bill["FALLAMOUNTFOR"]), -_amount(parameters.get("gross_amount"))
        if theirs != ours:
            words = L("{number} 在金蝶合计 {theirs}，我方冲销 {ours}",
                      "{number} comes to {theirs} there, {ours} is reversed")  # fmt: skip
            raise Failed("refused", words.filled({"number": number, "theirs": theirs, "ours": ours}), code="amount")
        status = str(bill["FDocumentStatus"])
        for key in ("unaudit",) * (status not in OPEN) + ("delete",):
            self.ask(connection, self.call(key), {"formid": call.name, "data": {"Numbers": [number]}})
        return {"number": number, "status": ""}

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flows of posted and reversed invoices, red ones too; `settings.organization` is theirs."""
        said = json.loads((PAYLOADS / "customer_invoiced.json").read_text(encoding="utf-8"))
        back = said | {"data": said["data"] | {"gross_amount": "-" + said["data"]["gross_amount"]}}
        return tuple(
            flow
            for side, bill, label in (
                ("customer", "receivable", L("应收单", "Receivables")),
                ("supplier", "payable", L("应付单", "Payables")),
            )
            for flow in (
                PresetFlow(f"{bill}s", label, "event", f"finance.{side}_invoiced", bill, said),
                PresetFlow(f"{bill}s_back", L(f"撤回{label.zh}", f"{label.en} taken back"), "event",
                           f"finance.{side}_invoice_reversed", f"{bill}_back", back, mapping="reversals"),
            )
        )  # fmt: skip

    def scans(self) -> Sequence[PresetScan]:
        """Give the comparison of posted invoices and credit notes with the bills there; what was reversed is gone."""
        return tuple(
            PresetScan(
                f"{bill}s", L("单据核对", "bills compared"), f"finance.{side}_invoiced", bill,
                f"finance.{side}_invoice", "state:in=posted,paid", ("number", "FBillNo"),
                ("invoiced_on", "FDATE"),
                ("gross_amount", "FALLAMOUNTFOR"), operation=f"{bill}s",
            )
            for side, bill in (("customer", "receivable"), ("supplier", "payable"))
        )  # fmt: skip


NUMBERS = frozenset({
    "FPriceQty", "FTaxPrice", "FEntryTaxRate", "FNoTaxAmountFor_D", "FTAXAMOUNTFOR_D", "FALLAMOUNTFOR_D",
})  # fmt: skip
BOOKED = frozenset({"receivable", "payable"})
TAKEN_BACK = frozenset({"receivable_back", "payable_back"})
#: FDocumentStatus: held back, made, opened again; B is submitted, C audited.
OPEN = frozenset({"Z", "A", "D"})


def _number(value: Any) -> str:
    number = str(value or "")
    if not number or "'" in number:
        raise Failed("validation", L("缺少 FBillNo", "FBillNo is missing"))
    return number


def _amount(value: Any) -> Decimal:
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except (ArithmeticError, ValueError):
        raise Failed("validation", L("金额 {value} 不是数字", "The amount {value} is no number").filled(
            {"value": str(value)[:40]})) from None  # fmt: skip


def refuse_where_it_failed(said: Any) -> None:
    """Raise what the WebAPI answers with status 200: {"Result": {"ResponseStatus": {"IsSuccess": false, …}}}."""
    status = said
    # A refused query is the same object inside two lists.
    while isinstance(status, list) and status and isinstance(status[0], list | Mapping):
        status = status[0]
    status = status.get("Result", status) if isinstance(status, Mapping) else {}
    status = status.get("ResponseStatus") if isinstance(status, Mapping) else None
    if not isinstance(status, Mapping) or status.get("IsSuccess") is not False:
        return
    errors = status.get("Errors") or []
    text = "; ".join(f"{each.get('FieldName') or ''} {each.get('Message') or ''}".strip() for each in errors[:5])
    code = str(status.get("MsgCode", status.get("ErrorCode", "")))
    # MsgCode 1: the session or the right is gone.
    raise Failed("not_allowed" if code == "1" else "refused", text[:500] or f"MsgCode {code}", code=code)


def signed_headers(settings: KingdeeSettings, secret: str, path: str, moment: str) -> dict[str, str]:
    """Give the headers of a call.

    Source: official Python client kingdee.cdp.webapi.sdk 8.2.0, BuildHeader: HMAC-SHA256 as small hex, then base64
    """
    client, _, hidden = settings.application.partition("_")
    escaped = quote(path, safe="")
    told = f"POST\n{escaped}\n\nx-api-nonce:{moment}\nx-api-timestamp:{moment}\n"
    data = f"{settings.account_set},{settings.user},{settings.language},{settings.organization}"
    return {
        "X-Api-ClientID": client, "X-Api-Auth-Version": "2.0", "x-api-timestamp": moment, "x-api-nonce": moment,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce", "X-Api-Signature": _hex_base64(told, unhidden(hidden)),
        "X-Kd-Appkey": settings.application, "X-Kd-Appdata": base64(data.encode()),
        "X-Kd-Signature": _hex_base64(settings.application + data, secret),
    }  # fmt: skip


def unhidden(text: str) -> str:
    """Give the key that the second half of an application's number hides."""
    if len(text) != 32:
        return ""
    return base64(bytes(a ^ b for a, b in zip(b64decode(text), _MASK, strict=False)))


def _hex_base64(text: str, secret: str) -> str:
    return base64(keyed(text, secret).hex().encode())
