"""The demo factory, 榕溪传动: set up from its files, opened, and ready for its story."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password

from banyan.demo import andon, floor
from banyan.demo.acting import Teller
from banyan.demo.load import Loader, filled, load_engineering, load_masters, load_prices, load_wages, rows
from banyan.demo.plot import PASSWORD, Plot, Wanted
from banyan.kernel.context import Context
from banyan.kernel.models import User
from banyan.lib.labels import L
from banyan.ops import roles

PLOT = Plot(
    customer="C001", finished="FG-R37", scrap_reason="D01",
    lines=(
        Wanted("FG-R37", Decimal(40), 20, is_urgent=True), Wanted("FG-NMRV063", Decimal(24), 40),
        Wanted("FG-PX90", Decimal(16), 40),
    ),
)  # fmt: skip


def set_up(ctx: Context, teller: Teller) -> tuple[Plot, dict[str, UUID]]:
    """Load the factory into an empty database; give its plot and the users by role."""
    loader = Loader(ctx)
    teller.chapter(L("公司、物料、人员、仓位", "Company, items, people, places"))
    load_masters(loader)
    teller.chapter(L("物料清单与工艺路线", "Bills of material and routings"))
    load_engineering(loader)
    load_prices(loader)
    load_wages(loader)
    teller.chapter(L("账套、期初库存、期初余额", "Books, opening stock, opening balances"))
    open_books(loader)
    people = make_users(loader)
    andon.set_up(loader)
    floor.set_up(loader, people, teller)
    counts = {name: len(rows(name)) for name in ("items", "boms", "routings", "stock_opening", "employees")}
    teller.fact(
        L(
            "物料 {items}，BOM {boms}，工艺 {routings}，期初库存 {stock_opening} 行，员工 {employees}",
            "{items} items, {boms} BOMs, {routings} routings, {stock_opening} rows of stock, "
            "{employees} employees",
        ).filled(counts)
    )
    return PLOT, people


def open_books(loader: Loader) -> None:
    """Install the chart and the periods, put the opening stock in place, post the opening balances."""
    (company,) = rows("company")
    loader.do("finance.account.install", chart=company["chart_code"])
    first = int(company["opening_on"][:4])
    for year in range(first, max(first, loader.ctx.now.year) + 2):
        loader.do("finance.period.open_year", year=year)
    loader.make(
        "finance.stock_account",
        [
            dict(
                category=loader.key("items.category", r["code"]),
                account=loader.key("finance.account", r["inventory_account"]),
            )
            for r in rows("item_categories")
            if r["inventory_account"]
        ],
    )
    _opening_stock(loader, company["opening_on"])
    _opening_balances(loader, company["opening_on"])


def _opening_stock(loader: Loader, on: str) -> None:
    plant = loader.key("company.plant", rows("plants")[0]["code"])
    held: list[UUID] = []
    lots = [r for r in rows("stock_opening") if r["lot_code"] or r["serial_number"]]
    seen: set[tuple[str, str]] = set()
    records: list[dict[str, Any]] = []
    for r in lots:
        number = r["lot_code"] or r["serial_number"]
        if (r["item_code"], number) not in seen:
            seen.add((r["item_code"], number))
            records.append(
                filled(
                    item=loader.key("items.item", r["item_code"]),
                    number=number,
                    supplier_lot=r["supplier_lot"],
                    heat_number=r["heat_number"],
                    made_on=r["made_on"],
                    expires_on=r["expires_on"],
                )
            )
    made = loader.make("inventory.lot", records)
    keys = {(rec["item"], rec["number"]): key for rec, key in zip(records, made, strict=True)}
    documents: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for r in rows("stock_opening"):
        item, number = loader.key("items.item", r["item_code"]), r["lot_code"] or r["serial_number"]
        lot = keys.get((item, number))
        documents[r["owner_code"]].append(
            filled(
                item=item,
                lot=str(lot) if lot else None,
                quantity=r["quantity"],
                amount=r["amount"] if not r["owner_code"] else None,
                target=loader.key("inventory.location", r["location_code"]),
            )
        )
        if r["state"] == "held" and lot:
            held.append(lot)
    ids = loader.make(
        "inventory.stock_document",
        [
            filled(
                kind="adjustment",
                plant=plant,
                source=loader.key("inventory.location", "V-ADJUSTMENT"),
                owner=loader.key("parties.party", owner),
                moved_at=f"{on}T00:00:00+08:00",
                reason="opening",
                lines=lines,
            )
            for owner, lines in documents.items()
        ],
    )
    loader.do("inventory.stock_document.post", ids)
    if held:
        loader.do("inventory.lot.hold", sorted(set(held)), reason="期初待判")


def _opening_balances(loader: Loader, on: str) -> None:
    """Post the opening balances; stock is there already, so its sums meet on the clearing account."""
    stock = {r["inventory_account"] for r in rows("item_categories") if r["inventory_account"]}
    lines, cleared = [], Decimal(0)
    for r in rows("account_opening"):
        debit, credit = Decimal(r["debit"] or 0), Decimal(r["credit"] or 0)
        account = r["account_code"]
        if account in stock:
            cleared += debit - credit
            continue
        lines.append(
            filled(
                account=loader.key("finance.account", account),
                side="debit" if debit else "credit",
                amount=str(debit or credit),
                party=loader.key("parties.party", r["party_code"]),
                employee=loader.key("people.employee", r["employee_no"]),
                department=loader.key("company.department", r["department_code"]),
                note=r["note"],
            )
        )
    lines.append(dict(account=loader.key("finance.account", "1999"), side="debit", amount=str(cleared)))
    (entry,) = loader.make(
        "finance.manual_entry", [dict(on=on, text="期初余额", is_opening=True, lines=lines)]
    )
    loader.do("finance.manual_entry.post", [entry])


def make_users(loader: Loader) -> dict[str, UUID]:
    """Make the logins of the demo factory, each with its role, plant and employee; give them by login."""
    roles.write_defaults(loader.ctx)
    made = loader.make(
        "kernel.user",
        [
            dict(
                login=r["username"],
                name=next(e["name"] for e in rows("employees") if e["employee_no"] == r["employee_no"]),
                language=r["language"],
                roles=[dict(role=loader.key("kernel.role", code)) for code in r["role_codes"].split(";")],
            )
            for r in rows("users")
        ],
    )
    password = make_password(PASSWORD)
    for key, r in zip(made, rows("users"), strict=True):
        employee = loader.key("people.employee", r["employee_no"])
        User.objects.filter(pk=key).update(
            password=password,
            employee_key=employee,
            plants=[UUID(loader.key("company.plant", r["plant_code"]))],
        )
        loader.do("people.employee.change", [UUID(employee)], user=str(key))
    return {r["username"]: key for key, r in zip(made, rows("users"), strict=True)}
