"""The bicycle maker of AdventureWorks: its records brought in, its books opened, ready for its story."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.contrib.auth.hashers import make_password

from banyan.demo.acting import Teller, key_of
from banyan.demo.load import Loader
from banyan.demo.plot import PASSWORD, ROLES, Plot, Wanted
from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.models import User
from banyan.lib.labels import L
from banyan.modules.finance.queries import account_balance
from banyan.ops import roles
from banyan.ops.migration import engine, mapping

SYSTEM = "adventureworks"
#: Beside the checkout, unless BANYAN_ADVENTUREWORKS says where.
RECORDS = Path(
    os.environ.get("BANYAN_ADVENTUREWORKS") or Path(__file__).parents[4] / "shared" / "data" / SYSTEM
)
CUSTOMER, CREDIT_LIMIT = "AW-C00292", Decimal(12_000_000)
#: A shop's order for the season: more mountain bikes of four levels than there are parts for, and helmets.
PLOT = Plot(
    customer=CUSTOMER, finished="BK-M68S-38", scrap_reason="AW-03", whole_plan=False,
    lines=(
        Wanted("BK-M68S-38", Decimal(2400), 30, is_urgent=True), Wanted("BK-M68B-42", Decimal(800), 40),
        Wanted("HL-U509-R", Decimal(300), 40),
    ),
)  # fmt: skip


def require_records() -> None:
    """Refuse where the records are missing, before anything is written. Raises: NoSource"""
    mapping.load(SYSTEM).require(RECORDS)


def set_up(ctx: Context, teller: Teller) -> tuple[Plot, dict[str, UUID]]:
    """Bring the records in and open the books; give the plot and the users by role. Raises: NoSource."""
    loader = Loader(ctx)
    teller.chapter(
        L("账套；导入 AdventureWorks 的全部记录", "Books; all records of AdventureWorks are brought in")
    )
    loader.do("finance.account.install", chart="cas_small")
    for year in (ctx.now.year, ctx.now.year + 1):
        loader.do("finance.period.open_year", year=year)
    report = engine.migrate(ctx, mapping.load(SYSTEM), RECORDS)
    agrees = L("一致", "reconciled") if report.is_reconciled else L("不一致", "NOT reconciled")
    text = L("导入 {n} 条，{s} 秒，与来源勾稽{agrees}", "{n} records in {s} s, {agrees} with the source")
    teller.fact(text.filled({"n": f"{report.made:,}", "s": f"{report.seconds:.1f}", "agrees": agrees}))
    for count, note in report.notes:
        teller.fact(L("　{note}", "  {note}").filled({"note": note.filled({"n": f"{count:,}"})}))
    for zh, en in () if report.is_reconciled else zip(report.lines("zh"), report.lines("en"), strict=True):
        teller.fact(L(zh or "　", en or " "))
    _open_balance(loader, teller)
    loader.do("parties.party.change", [key_of("parties.party", CUSTOMER)], credit_limit=str(CREDIT_LIMIT))
    if not db.one("SELECT EXISTS (SELECT 1 FROM company_taxcode WHERE rate = %s)", [PLOT.tax])[0]:
        loader.make("company.tax_code", [dict(code="VAT13", name="VAT 13 %", rate="13", kind="vat")])
    people = make_users(loader)
    loader.do("exceptions.category.add_usual")
    return PLOT, people


def _open_balance(loader: Loader, teller: Teller) -> None:
    """Set the opening stock, which stands on the clearing account, against paid-in capital."""
    worth = -account_balance("1999")
    if not worth:
        return
    (entry,) = loader.make("finance.manual_entry", [dict(
        on=loader.ctx.now.date().isoformat(), text="Opening", is_opening=True, lines=[
            dict(account=loader.key("finance.account", "1999"), side="debit", amount=str(worth)),
            dict(account=loader.key("finance.account", "3001"), side="credit", amount=str(worth)),
        ])])  # fmt: skip
    loader.do("finance.manual_entry.post", [entry])
    teller.fact(
        L("期初库存 {worth} 已入账", "Opening stock of {worth} is in the books").filled(
            {"worth": f"{worth:,.2f}"}
        )
    )


def make_users(loader: Loader) -> dict[str, UUID]:
    """Make a login for each role; give them by role."""
    roles.write_defaults(loader.ctx)
    plants = [row[0] for row in db.rows("SELECT id FROM company_plant")]
    names = (*ROLES, "checker")
    made = loader.make("kernel.user", [
        dict(login=name, name=name.capitalize(), language="en",
             roles=[dict(role=loader.key("kernel.role", "accountant" if name == "checker" else name))])
        for name in names
    ])  # fmt: skip
    User.objects.filter(pk__in=made).update(password=make_password(PASSWORD), plants=plants)
    return dict(zip(names, made, strict=True))
