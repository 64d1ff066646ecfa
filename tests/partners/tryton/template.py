"""Make the database that tests copy: a company with a chart of accounts, taxes, fiscal years and an account for us.

`python template.py CONFIG` in Tryton's own environment, on an empty database with the modules installed.
"""

import datetime
import sys
from decimal import Decimal

from proteus import Model, config
from trytond.modules.account.tests.tools import create_chart, get_accounts
from trytond.modules.company.tests.tools import create_company

PASSWORD = "Banyan-2026"
#: Rates of our tax codes, in Tryton by these names.
TAXES = {"VAT13": "0.13", "VAT6": "0.06"}

config.set_trytond("sqlite:///tryton", config_file=sys.argv[1])
Currency = Model.get("currency.currency")
yuan = Currency(name="人民币", code="CNY", symbol="¥", rounding=Decimal("0.01"))
yuan.save()
create_company(currency=yuan)
(company,) = Model.get("company.company").find()
company.party.name = "榕树机械"
company.party.save()
create_chart(company)
accounts = get_accounts(company)

for name, rate in TAXES.items():
    tax = Model.get("account.tax")(
        name=name, description=name, type="percentage", rate=Decimal(rate), company=company,
        invoice_account=accounts["tax"], credit_note_account=accounts["tax"],
    )  # fmt: skip
    tax.save()

kinds = {kind.name: kind for kind in Model.get("ir.sequence.type").find([("name", "in", ["Account Move", "Invoice"])])}
Sequence = Model.get("ir.sequence.strict")
today = datetime.date.today()
for year in range(today.year - 1, today.year + 4):
    moves = Sequence(name=f"moves {year}", sequence_type=kinds["Account Move"], company=company)
    invoices = Sequence(name=f"invoices {year}", sequence_type=kinds["Invoice"], company=company, prefix=f"T{year}-")
    moves.save()
    invoices.save()
    fiscal = Model.get("account.fiscalyear")(
        name=str(year), start_date=datetime.date(year, 1, 1), end_date=datetime.date(year, 12, 31), company=company,
        move_sequence=moves,
    )  # fmt: skip
    (row,) = fiscal.invoice_sequences
    row.out_invoice_sequence = row.in_invoice_sequence = invoices
    row.out_credit_note_sequence = row.in_credit_note_sequence = invoices
    fiscal.save()
    fiscal.click("create_period")

Configuration = Model.get("account.configuration")
settings = Configuration(1)
settings.tax_rounding = "line"
settings.save()

groups = Model.get("res.group").find([("name", "in", ["Accounting", "Party Administration"])])
for login, allowed in (("banyan", groups), ("guest", [])):
    user = Model.get("res.user")(name=login, login=login, password=PASSWORD)
    user.companies.append(Model.get("company.company")(company.id))
    user.company = Model.get("company.company")(company.id)
    user.groups.extend(Model.get("res.group")(group.id) for group in allowed)
    user.save()
