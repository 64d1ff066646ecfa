"""A small factory for tests, built on demand with the commands a user has.

    def test_something(world):
        order = world.make("sales.order", party=world.customer, lines=[{"item": world.product, ...}])

An attribute is made when it is first asked for, with all it stands on; asking twice gives the same record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Model

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from tests.plugins.standing import stands

WEEK = [
    {"weekday": day, "starts_at": start, "ends_at": end}
    for day in range(5)
    for start, end in (("08:00", "12:00"), ("13:00", "17:00"))
]


class World:
    """Makes records by the generic commands; `make` for anything, attributes for what most tests need."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._count = 0

    # anything

    def make(self, noun: str, **values: Any) -> Any:
        """Create one record of a noun and give it; records among the values become their keys."""
        return self.make_many(noun, [values])[0]

    def make_many(self, noun: str, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
        """Create records of a noun in one command and give them in order."""
        data = {"records": [plain(row) for row in rows]}
        return execute(self.ctx, registry.command(f"{noun}.create"), data=data).value

    def do(self, command: str, records: Any = (), **data: Any) -> Any:
        """Run a command on records (or on the noun, with none) and give what it returns."""
        several = (records,) if isinstance(records, (Model, UUID)) else tuple(records)
        ids = [getattr(one, "pk", one) for one in several]
        outcome = execute(self.ctx, registry.command(command), ids=ids, data=plain(data) or None)
        for one in several:
            if isinstance(one, Model):
                one.refresh_from_db()
        return outcome.value

    def change(self, record: Model, **values: Any) -> Any:
        """Change a record by its noun's generic command and give it, read again."""
        noun = next(n for n in registry.nouns() if n.model is type(record))
        self.do(f"{noun.spec.key}.change", record, **values)
        return record

    def next_code(self, prefix: str) -> str:
        """Give a code that this world has not used."""
        self._count += 1
        return f"{prefix}-{self._count:03}"

    # company

    @cached_property
    def currency(self) -> Any:
        return self.make("company.currency", code="CNY", name="人民币", symbol="¥")

    @cached_property
    def dollar(self) -> Any:
        rates = [{"valid_from": "2026-01-01", "rate": "7.00"}, {"valid_from": "2026-03-01", "rate": "7.10"}]
        return self.make("company.currency", code="USD", name="美元", symbol="$", rates=rates)

    @cached_property
    def company(self) -> Any:
        return self.make(
            "company.company",
            code="C1",
            name="测试公司",
            tax_number="91000000TEST000001",
            currency=self.currency,
        )

    @cached_property
    def calendar(self) -> Any:
        return self.make("company.calendar", code="DAY", name="常白班", shifts=WEEK)

    @cached_property
    def plant(self) -> Any:
        return self.make(
            "company.plant", code="P1", name="一厂", company=self.company, calendar=self.calendar
        )

    @cached_property
    def second_plant(self) -> Any:
        return self.make(
            "company.plant", code="P2", name="二厂", company=self.company, calendar=self.calendar
        )

    @cached_property
    def department(self) -> Any:
        return self.make("company.department", code="MACH", name="机加工车间", plant=self.plant)

    @cached_property
    def pieces(self) -> Any:
        return self.make("company.unit", code="pcs", name="件", name_en="piece", places=0)

    @cached_property
    def box(self) -> Any:
        return self.make("company.unit", code="box", name="箱", name_en="box", places=0, dimension="package")

    @cached_property
    def kilogram(self) -> Any:
        return self.make(
            "company.unit", code="kg", name="千克", name_en="kilogram", places=3, dimension="mass", factor="1"
        )

    @cached_property
    def gram(self) -> Any:
        return self.make(
            "company.unit", code="g", name="克", name_en="gram", places=0, dimension="mass", factor="0.001"
        )

    @cached_property
    def vat13(self) -> Any:
        return self.make("company.tax_code", code="VAT13", name="增值税13%", rate="13", kind="vat")

    # parties

    def party(self, **more: Any) -> Any:
        """Make one more party; a customer unless told."""
        values = {"code": self.next_code("PA"), "name": f"往来单位{self._count}", "is_customer": True}
        return self.make("parties.party", **(values | more))

    @cached_property
    def customer(self) -> Any:
        return self.party(code="CU-1", name="远山机械", payment_days=30, tax_code=self.vat13)

    @cached_property
    def supplier(self) -> Any:
        return self.party(
            code="SU-1", name="泽川特钢", is_customer=False, is_supplier=True, tax_code=self.vat13
        )

    @cached_property
    def carrier(self) -> Any:
        return self.party(code="CA-1", name="快运", is_customer=False, is_carrier=True)

    # items

    def item(self, **more: Any) -> Any:
        """Make one more item; made, counted in pieces and without tracking unless told."""
        values = {
            "code": self.next_code("IT"),
            "name": f"物料{self._count}",
            "unit": self.pieces,
            "kind": "made",
        }
        return self.make("items.item", **(values | more))

    def planned(self, item: Any, **more: Any) -> Any:
        """Give an item planning data at the plant."""
        return self.make("items.item_plant", item=item, plant=more.pop("plant", self.plant), **more)

    @cached_property
    def category(self) -> Any:
        return self.make("items.category", code="PART", name="零件", name_en="Parts")

    @cached_property
    def product(self) -> Any:
        """A finished product, tracked by lot."""
        return self.item(
            code="FG-1", name="减速机", tracking="lot", is_sold=True, is_critical=True, category=self.category
        )

    @cached_property
    def part(self) -> Any:
        """A made part without tracking."""
        return self.item(code="MP-1", name="齿轮", category=self.category)

    @cached_property
    def screw(self) -> Any:
        """A bought part without tracking; a box holds 100."""
        return self.item(
            code="BP-1", name="螺钉", kind="bought", category=self.category,
            units=[{"unit": self.box, "numerator": "100", "denominator": "1"}],
        )  # fmt: skip

    @cached_property
    def steel(self) -> Any:
        """Bought steel, in kilograms, tracked by lot."""
        return self.item(code="RM-1", name="圆钢", kind="bought", unit=self.kilogram, tracking="lot")

    @cached_property
    def motor(self) -> Any:
        """A bought part with serial numbers."""
        return self.item(code="BP-2", name="电机", kind="bought", tracking="serial")

    @cached_property
    def grease(self) -> Any:
        """A bought material with a shelf life."""
        return self.item(
            code="RM-2", name="润滑脂", kind="bought", unit=self.kilogram, tracking="lot", shelf_life_days=365
        )

    # people

    def employee(self, **more: Any) -> Any:
        """Make one more employee of the plant."""
        values = {"code": self.next_code("E"), "name": f"员工{self._count}", "plant": self.plant}
        return self.make("people.employee", **(values | more))

    @cached_property
    def skill(self) -> Any:
        return self.make("people.skill", code="TURN", name="数控车削")

    @cached_property
    def shift(self) -> Any:
        return self.make(
            "people.shift", code="EARLY", name="早班", starts_at="07:00", ends_at="15:00", break_minutes=30
        )

    @cached_property
    def team(self) -> Any:
        return self.make("people.team", code="T1", name="车铣班", plant=self.plant)

    @cached_property
    def worker(self) -> Any:
        """An employee of the team who can turn."""
        return self.employee(
            code="E-WORK", name="赵师傅", department=self.department, team=self.team, hourly_pay="36",
            skills=[{"skill": self.skill, "level": 2}],
        )  # fmt: skip

    @cached_property
    def second_worker(self) -> Any:
        return self.employee(code="E-TWO", name="钱师傅", department=self.department, team=self.team)

    # equipment

    def work_centre_of(self, **more: Any) -> Any:
        """Make one more work centre of the plant."""
        values = {
            "code": self.next_code("WC"), "name": f"工作中心{self._count}", "plant": self.plant,
            "department": self.department, "labour_rate": "36", "machine_rate": "48", "overhead_rate": "12",
        }  # fmt: skip
        return self.make("equipment.work_centre", **(values | more))

    @cached_property
    def turning(self) -> Any:
        """The work centre for turning: 36 labour, 48 machine, 12 overhead an hour, two stations."""
        return self.work_centre_of(code="TURN", name="车削", stations=2)

    @cached_property
    def milling(self) -> Any:
        return self.work_centre_of(code="MILL", name="铣削")

    @cached_property
    def lathe(self) -> Any:
        return self.make("equipment.machine", code="M-1", name="数控车床1号", work_centre=self.turning)


def plain(value: Any) -> Any:
    """Give values as an input takes them: records by their key, nested ones too."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


@pytest.fixture
@stands
def world(ctx: Context, db: None) -> World:
    """Give a small factory that builds itself as it is asked."""
    return World(ctx)
