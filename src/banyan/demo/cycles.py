"""The bicycle maker of the AdventureWorks records: brought in by the migration, opened, and ready for its story."""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.contrib.auth.hashers import make_password

from banyan.demo.load import Loader
from banyan.demo.story import PASSWORD, ROLES, Plot, Teller, Wanted
from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.models import User
from banyan.modules.finance.queries import account_balance
from banyan.ops import roles
from banyan.ops.migration import engine, mapping

SYSTEM = "adventureworks"
#: Beside the checkout, unless BANYAN_ADVENTUREWORKS says where.
RECORDS = Path(os.environ.get("BANYAN_ADVENTUREWORKS") or Path(__file__).parents[4] / "shared" / "data" / SYSTEM)
#: Two mountain bikes of four levels, and a helmet: pieces beyond what is in stock, and days.
LINES = (("BK-M68S-38", 6, 30), ("BK-M68B-42", 4, 40), ("HL-U509-R", 10, 40))


def set_up(ctx: Context, teller: Teller) -> tuple[Plot, dict[str, UUID]]:
    """Bring the records in and open the books; give the plot and the users by role. Raises: SystemExit without the records."""
    loader = Loader(ctx)
    teller.chapter("账套；AdventureWorks：导入全部记录")
    loader.do("finance.account.install", chart="cas_small")
    for year in (ctx.now.year, ctx.now.year + 1):
        loader.do("finance.period.open_year", year=year)
    report = engine.migrate(ctx, mapping.load(SYSTEM), RECORDS)
    teller.fact("导入", f"{report.made:,} 条，{report.seconds:.1f} 秒，勾稽 {'一致' if report.is_reconciled else '不一致'}")
    for line in () if report.is_reconciled else report.lines("zh"):
        teller.fact("导入", line)
    _open_balance(loader)
    customer = db.one("SELECT code FROM parties_party WHERE is_customer ORDER BY code LIMIT 1")[0]
    with (RECORDS / "Product.csv").open(encoding="utf-8-sig", newline="") as file:
        prices = {row["ProductNumber"]: Decimal(row["ListPrice"]) for row in csv.DictReader(file)}
    there = dict(db.rows(
        "SELECT i.code, s.available FROM inventory_supply s JOIN items_item i ON i.id = s.item_id WHERE i.code = ANY(%s)",
        [[item for item, *_ in LINES]]))
    lines = tuple(Wanted(item, pieces + there.get(item, Decimal(0)), days, prices[item]) for item, pieces, days in LINES)
    if not db.one("SELECT EXISTS (SELECT 1 FROM company_taxcode WHERE rate = 13)")[0]:
        loader.make("company.tax_code", [dict(code="VAT13", name="VAT 13 %", rate="13", kind="vat")])
    return Plot(customer=customer, finished=LINES[0][0], lines=lines), make_users(loader)


def _open_balance(loader: Loader) -> None:
    """Set the opening stock, which stands on the clearing account, against paid-in capital."""
    worth = -account_balance("1999")
    if worth:
        (entry,) = loader.make("finance.manual_entry", [dict(on=loader.ctx.now.date().isoformat(), text="Opening", is_opening=True, lines=[
            dict(account=loader.key("finance.account", "1999"), side="debit", amount=str(worth)),
            dict(account=loader.key("finance.account", "3001"), side="credit", amount=str(worth)),
        ])])
        loader.do("finance.manual_entry.post", [entry])


def make_users(loader: Loader) -> dict[str, UUID]:
    """Make a login for each role; give them by role."""
    roles.write_defaults(loader.ctx)
    plants = [row[0] for row in db.rows("SELECT id FROM company_plant")]
    names = (*ROLES, "checker")
    made = loader.make("kernel.user", [
        dict(login=name, name=name.capitalize(), language="en",
             roles=[dict(role=loader.key("kernel.role", "accountant" if name == "checker" else name))]) for name in names
    ])
    User.objects.filter(pk__in=made).update(password=make_password(PASSWORD), plants=plants)
    return dict(zip(names, made, strict=True))
