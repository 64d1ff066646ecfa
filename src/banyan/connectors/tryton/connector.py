"""Tryton: our invoices become posted invoices of its books, once; its invoices, entries and parties are read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll
from banyan.connectors.tryton.speaking import Sessions
from banyan.integration.connecting import Connection, Failed, PresetScan, connector
from banyan.integration.templates import at
from banyan.kernel.schema import field
from banyan.lib.labels import L

CENT = Decimal("0.01")
SIDES = ("debit", "credit")
#: What Tryton keeps of a price (its setting `price_decimal`).
PRICE = Decimal("0.0001")


class TrytonSettings(BaseModel):
    """Server, database and user; which accounts and taxes our invoices use there.

    Takes:  company: number of the company, the user's own when 0; taxes: our tax code → name of the tax in Tryton
    """

    model_config = ConfigDict(extra="forbid")

    address: str = field("地址", "Address", pattern=r"^https?://")
    database: str = field("数据库", "Database", "tryton", pattern=r"^[\w.-]+$")
    user: str = field("用户", "User")
    language: str = field("语言", "Language", "zh_CN")
    company: int = field("公司", "Company", 0, ge=0,
                        help=L("编号；0 为用户自己的", "Its number; the user's own when 0"))  # fmt: skip
    revenue_account: str = field("收入科目", "Account of revenue", "")
    expense_account: str = field("费用科目", "Account of expense", "")
    taxes: dict[str, str] = field("税码对照", "Taxes", {}, help=L(
        "每行一个：我方税码: Tryton 税名", "One a line: our tax code: name of the tax there"))  # fmt: skip
    makes_parties: bool = field("自动建往来单位", "Makes parties", True)


def _changed(call: str) -> Poll:
    return Poll(
        lambda w: {"begin": w.begin, "end": w.end, "page": w.page, "size": w.size},
        records="rows", id="id", version="changed_at", total="total",
    )  # fmt: skip


#: What is read of a kind of record: its model, what of it, and which of it.
READ: Mapping[str, tuple[str, Sequence[str], Sequence[Any]]] = {
    "invoices": ("account.invoice", (
        "number", "type", "state", "description", "reference", "invoice_date", "party.code", "party.name",
        "currency.code", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay",
    ), ()),
    "moves": ("account.move", ("number", "date", "state", "description", "journal.code", "journal.type"), ()),
    "payments": ("account.move", ("number", "date", "state", "description", "journal.code", "journal.type"),
                 (["journal.type", "=", "cash"], ["state", "=", "posted"])),
    "parties": ("party.party", ("code", "name", "active"), ()),
    "accounts": ("account.account", ("code", "name", "type.name", "balance"), (["type", "!=", None],)),
}  # fmt: skip
_STAMPS = ("create_date", "write_date")
_LINE = ("account.code", "account.name", "debit", "credit", "party.code", "description", "move")
_PARTY = ("name", "addresses", "account_receivable", "account_payable")
_INVOICE = ("number", "state", "type", "untaxed_amount", "tax_amount", "total_amount", "move")


@connector
class Tryton(Platform):
    """Tryton as a finance ERP."""

    key = "tryton"
    label = L("Tryton 财务", "Tryton finance")
    help = L("发票与凭证进入 Tryton 账套，并可读回", "Invoices and entries go into Tryton's books and are read back")
    settings = TrytonSettings
    secrets = ("password",)
    calls = (
        Call("customer_invoice", L("销售发票", "Customer invoice"), "out", sample="customer_invoice.json"),
        Call("supplier_invoice", L("采购发票", "Supplier invoice"), "in", sample="supplier_invoice.json"),
        Call("party", L("往来单位", "Party"), "party", sample="party.json"),
        Call("move", L("凭证", "Entry"), "move", sample="move.json"),
        Call("invoices", L("发票（增量）", "Invoices (changed)"), "invoices", _changed("invoices")),
        Call("moves", L("凭证（增量）", "Entries (changed)"), "moves", _changed("moves")),
        Call("payments", L("收付款（增量）", "Payments (changed)"), "payments", _changed("payments")),
        Call("parties", L("往来单位（增量）", "Parties (changed)"), "parties", _changed("parties")),
        Call("accounts", L("科目（增量）", "Accounts (changed)"), "accounts", _changed("accounts")),
    )  # fmt: skip

    def __init__(self) -> None:
        self._sessions = Sessions()

    def scans(self) -> Sequence[PresetScan]:
        """Give the comparison of posted invoices with those in the books, a reversal bears -R."""
        return tuple(
            PresetScan(
                "invoices", L("发票核对", "invoices compared"), f"finance.{side}_invoiced", f"{side}_invoice",
                f"finance.{side}_invoice", "state:in=posted,paid,reversed", ("number", "description"),
                ("invoiced_on", "invoice_date"), ("gross_amount", "total_amount"), operation="invoices",
                holds=f'type = "{way}" and (state = "posted" or state = "paid") and description != null and '
                      'part(description, length(description) - 1) != "-R"',
            )
            for side, way in (("customer", "out"), ("supplier", "in"))
        )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Bring one record in, or read a page of what changed."""
        books = Books(self._sessions, connection)
        if call.poll is not None:
            return books.page(call.name, parameters)
        match call.key:
            case "party":
                return {"id": books.party(parameters)["id"]}
            case "move":
                return books.entry(parameters)
            case _:
                return books.invoice(call.name, parameters)


class Books:
    """The books of one company, for the length of a call."""

    def __init__(self, sessions: Sessions, connection: Connection) -> None:
        self._sessions, self._connection = sessions, connection
        self.settings: TrytonSettings = connection.settings
        self._company = self.settings.company

    def call(self, model: str, method: str, *params: Any) -> Any:
        """Call a method of a model for our company."""
        return self._sessions.call(self._connection, f"model.{model}.{method}", *params, {"company": self.company})

    @property
    def company(self) -> int:
        """Give the company's number, the user's own where none is set."""
        if not self._company:
            said = self._sessions.call(self._connection, "model.res.user.get_preferences", True, {})
            self._company = int((said or {}).get("company") or 0)
            if not self._company:
                raise Failed("refused", L("Tryton 用户没有公司", "The user in Tryton has no company"))
        return self._company

    # Read

    def rows(self, model: str, domain: Sequence[Any], names: Sequence[str], most: int | None = None) -> list[Any]:
        """Give records of a model, the oldest first."""
        return self.call(model, "search_read", list(domain), 0, most, [["id", "ASC"]], list(names))

    def page(self, kind: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Give a page of what was made or changed within a window."""
        model, names, only = READ[kind]
        made, written = ([[name, ">=", asked["begin"]], [name, "<", asked["end"]]] for name in _STAMPS)
        domain = [*only, ["OR", written, [["write_date", "=", None], *made]]]
        if model.startswith("account."):
            domain = [["company", "=", self.company], *domain]
        total = self.call(model, "search_count", domain)
        size = asked["size"]
        found = self.call(model, "search_read", domain, asked["page"] * size, size, [["id", "ASC"]], [*names, *_STAMPS])
        for row in found:
            row["changed_at"] = row.pop("write_date") or row.pop("create_date")
            row.pop("create_date", None)
        if model == "account.move" and found:
            lines = self.rows("account.move.line", [["move", "in", [row["id"] for row in found]]], _LINE)
            for row in found:
                row["lines"] = [line for line in lines if line["move"] == row["id"]]
        return {"rows": found, "total": total}

    def one(self, model: str, domain: Sequence[Any], missing: L, facts: Mapping[str, Any]) -> int:
        """Give the number of the one record that is meant. Raises: Failed("refused") for none, or several."""
        found = self.rows(model, domain, ("rec_name",), 2)
        if len(found) != 1:
            raise Failed("refused", missing.filled({**facts, "count": len(found)}))
        return found[0]["id"]

    def account(self, code: str) -> int:
        """Give the account of a code. Raises: Failed."""
        words = L("Tryton 中编码为 {code} 的科目有 {count} 个", "Tryton has {count} accounts with the code {code}")
        domain = [["company", "=", self.company], ["code", "=", code], ["closed", "=", False]]
        return self.one("account.account", domain, words, {"code": code})

    def tax(self, code: str) -> int:
        """Give the tax that stands for one of our tax codes. Raises: Failed."""
        name = self.settings.taxes.get(code)
        if name is None:
            words = L("税码 {code} 未在对照中填写", "The tax code {code} is not among the settings' taxes")
            raise Failed("refused", words.filled({"code": code}))
        words = L("Tryton 中名为 {name} 的税有 {count} 个", "Tryton has {count} taxes named {name}")
        return self.one("account.tax", [["company", "=", self.company], ["name", "=", name]], words, {"name": name})

    # Write

    def party(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Give the party of a code, made where the settings allow it; its name follows ours. Raises: Failed."""
        code, name = text(asked, "code"), str(asked.get("name") or "")
        found = self.rows("party.party", [["code", "=", code]], _PARTY, 1)
        if not found:
            if not self.settings.makes_parties:
                words = L("Tryton 没有往来单位 {code}", "Tryton has no party {code}")
                raise Failed("refused", words.filled({"code": code}))
            address = [["create", [{"street": str(asked.get("address") or "")}]]]
            made = self.call("party.party", "create", [{"code": code, "name": name or code, "addresses": address}])
            found = self.call("party.party", "read", made, list(_PARTY))
        elif name and found[0]["name"] != name:
            self.call("party.party", "write", [found[0]["id"]], {"name": name})
        return found[0]

    def invoice(self, way: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Bring an invoice into the books, posted; one that is there by its number is not made again.

        Raises: Failed: refused where Tryton refuses or comes to other amounts: then nothing of it is left there
        """
        number = text(asked, "number")
        wanted = {name: amount(asked, name) for name in ("net_amount", "tax_amount", "gross_amount")}
        known = self.rows("account.invoice", [
            ["company", "=", self.company], ["type", "=", way], ["description", "=", number],
            ["state", "!=", "cancelled"],
        ], _INVOICE)  # fmt: skip
        # Of two that a broken call left, the one that is posted is it, else the older.
        known.sort(key=lambda one: (one["state"] == "draft", one["id"]))
        is_new = not known
        key = known[0]["id"] if known else self._make(way, number, asked)
        there = self.call("account.invoice", "read", [key], list(_INVOICE))[0]
        amounts = {"net_amount": there["untaxed_amount"], "tax_amount": there["tax_amount"],
                   "gross_amount": there["total_amount"]}  # fmt: skip
        if any(Decimal(str(amounts[name])) != wanted[name] for name in wanted):
            if is_new:
                self.call("account.invoice", "delete", [key])
            words = L("{number}：Tryton 算得 {theirs}，我方为 {ours}（未税/税额/合计）",
                      "{number}: Tryton comes to {theirs}, ours is {ours} (net/tax/total)")  # fmt: skip
            raise Failed("refused", words.filled({
                "number": number, "theirs": "/".join(str(amounts[name]) for name in wanted),
                "ours": "/".join(str(wanted[name]) for name in wanted)}), code="amounts")  # fmt: skip
        if there["state"] in ("draft", "validated"):
            try:
                self.call("account.invoice", "post", [key])
            except Failed as fault:
                if not fault.is_passing and there["state"] == "draft":
                    self.call("account.invoice", "delete", [key])
                raise
            there = self.call("account.invoice", "read", [key], list(_INVOICE))[0]
        lines = self.rows("account.move.line", [["move", "=", there["move"]]], SIDES)
        sums = {side: str(sum((Decimal(str(line[side])) for line in lines), Decimal(0))) for side in SIDES}
        return {"id": key, "number": there["number"], "state": there["state"], "move": there["move"], **sums,
                **{name: str(value) for name, value in amounts.items()}}  # fmt: skip

    def _make(self, way: str, number: str, asked: Mapping[str, Any]) -> int:
        settings, is_sale = self.settings, way == "out"
        party = self.party(asked.get("party") if isinstance(asked.get("party"), Mapping) else {})
        code, kind = text(asked, "currency"), "revenue" if is_sale else "expense"
        words = L("Tryton 没有货币 {code}", "Tryton has no currency {code}")
        currency = self.one("currency.currency", [["code", "=", code]], words, {"code": code})
        words = L("Tryton 有 {count} 个 {kind} 日记账，应为 1 个", "Tryton has {count} journals of {kind}, not 1")
        journal = self.one("account.journal", [["type", "=", kind]], words, {"kind": kind})
        usual = settings.revenue_account if is_sale else settings.expense_account
        given = asked.get("lines")
        if not isinstance(given, list) or not given:
            raise Failed("validation", L("{number} 没有明细行", "{number} has no lines").filled({"number": number}))
        taxes = {code: self.tax(code) for code in sorted({str(one.get("tax_code") or "") for one in given} - {""})}
        accounts = {code: self.account(code) for code in {str(one.get("account") or usual) for one in given}}
        lines = []
        for one in given:
            quantity, price, label = in_prices(one)
            tax = taxes.get(str(one.get("tax_code") or ""))
            lines.append({
                "type": "line", "company": self.company, "currency": currency, "invoice_type": way,
                "account": accounts[str(one.get("account") or usual)], "quantity": float(quantity), "unit_price": price,
                "description": label, "taxes": [["add", [tax]]] if tax else [],
            })  # fmt: skip
        day = on(asked, "date")
        address = party["addresses"][0] if party["addresses"] else self.call(
            "party.address", "create", [{"party": party["id"]}])[0]  # fmt: skip
        return self.call("account.invoice", "create", [{
            "company": self.company, "type": way, "party": party["id"], "invoice_address": address,
            "journal": journal, "currency": currency, "invoice_date": day, "accounting_date": day,
            "account": self._owed(party, "account_receivable" if is_sale else "account_payable"),
            "description": number, "reference": str(asked.get("reference") or "") or None,
            "lines": [["create", lines]],
        }])[0]  # fmt: skip

    def _owed(self, party: Mapping[str, Any], side: str) -> int:
        """Give the party's own account of what is owed, else the one of all. Raises: Failed."""
        if party.get(side):
            return party[side]
        usual = self.call("account.configuration", "read", [1], [f"default_{side}"])[0][f"default_{side}"]
        if not usual:
            words = L("Tryton 未设默认应收/应付科目", "Tryton has no usual account for what is owed")
            raise Failed("refused", words)
        return usual

    def entry(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Bring a general entry into the books, posted; one that is there by its number is not made again."""
        number, day = text(asked, "number"), on(asked, "date")
        debit, credit = (sum((amount(one, side) for one in asked.get("lines") or ()), Decimal(0)) for side in SIDES)
        if debit != credit or not debit:  # on SQLite, Tryton itself would post it
            words = L("{number} 借贷不平：{debit} / {credit}", "{number} does not balance: {debit} / {credit}")
            raise Failed("validation", words.filled({"number": number, "debit": str(debit), "credit": str(credit)}))
        mine = [["company", "=", self.company], ["description", "=", number]]
        known = self.rows("account.move", mine, ("state",), 1)
        if known:
            key = known[0]["id"]
        else:
            words = L("Tryton 中 {day} 没有会计期间", "Tryton has no period for {day}")
            period = self.one("account.period", [
                ["start_date", "<=", day], ["end_date", ">=", day], ["type", "=", "standard"],
                ["fiscalyear.company", "=", self.company],
            ], words, {"day": day.isoformat()})  # fmt: skip
            code = str(asked.get("journal") or "MISC")
            words = L("Tryton 没有日记账 {code}", "Tryton has no journal {code}")
            journal = self.one("account.journal", [["code", "=", code]], words, {"code": code})
            lines = []
            for one in asked.get("lines") or ():
                party = one.get("party")
                lines.append({
                    "account": self.account(text(one, "account")), "debit": amount(one, "debit"),
                    "credit": amount(one, "credit"), "description": str(one.get("text") or ""),
                    **({"party": self.party(party)["id"]} if isinstance(party, Mapping) else {}),
                })  # fmt: skip
            key = self.call("account.move", "create", [{
                "company": self.company, "journal": journal, "period": period, "date": day, "description": number,
                "lines": [["create", lines]],
            }])[0]  # fmt: skip
        if not known or known[0]["state"] == "draft":
            try:
                self.call("account.move", "post", [key])
            except Failed as fault:
                if not fault.is_passing:
                    self.call("account.move", "delete", [key])
                raise
        there = self.call("account.move", "read", [key], ["number", "state"])[0]
        return {"id": key, "number": there["number"], "state": there["state"]}


def in_prices(line: Mapping[str, Any]) -> tuple[Decimal, Decimal, str]:
    """Give quantity, price and text of a line so that quantity × price, rounded, is its amount.

    Where four places of a price do not give the amount, it is one piece of the whole amount, its quantity in the text.
    """
    quantity, net = amount(line, "quantity"), amount(line, "net_amount")
    label = " ".join(str(line[name]) for name in ("item", "text") if line.get(name))
    price = amount(line, "price").quantize(PRICE)
    if (quantity * price).quantize(CENT) == net:
        return quantity, price, label
    sign = Decimal(-1 if net < 0 else 1)
    return sign, abs(net), f"{label} × {abs(quantity).normalize():f}".strip()


def text(asked: Mapping[str, Any], name: str) -> str:
    """Give a text that must be there. Raises: Failed("validation")."""
    value = str(at(asked, name) or "").strip()
    if not value:
        raise Failed("validation", L("缺少 {name}", "{name} is missing").filled({"name": name}))
    return value


def amount(asked: Mapping[str, Any], name: str) -> Decimal:
    """Give a number; what is not there is nought. Raises: Failed("validation")."""
    try:
        value = Decimal(str(asked.get(name) or 0))
        if value.is_finite():
            return value
    except InvalidOperation:
        pass
    raise Failed("validation", L("{name} 不是数字", "{name} is no number").filled({"name": name}))


def on(asked: Mapping[str, Any], name: str) -> date:
    """Give a day. Raises: Failed("validation")."""
    try:
        return datetime.fromisoformat(text(asked, name)).date()
    except ValueError:
        raise Failed("validation", L("{name} 不是日期", "{name} is no day").filled({"name": name})) from None
